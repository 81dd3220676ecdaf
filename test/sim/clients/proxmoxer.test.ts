// An unrelated client works against the simulator: proxmoxer, the usual Python library, in a virtual environment of its own.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Simulator } from '../simulator.ts';
import { demoTopology } from '../testing.ts';

const run = promisify(execFile);
const version = '2.3.0';
const environment = join(homedir(), '.cache', 'pve-operator', `proxmoxer-${version}`);

/** The Python with proxmoxer, made once and kept; or why there is none. */
async function preparePython(): Promise<{ python: string } | { missing: string }> {
  const python = join(environment, 'bin', 'python3');
  if (existsSync(join(environment, 'complete'))) return { python };
  try {
    rmSync(environment, { recursive: true, force: true });
    await run('python3', ['-m', 'venv', environment], { timeout: 60_000 });
    const packages = [`proxmoxer==${version}`, 'requests'];
    await run(python, ['-m', 'pip', 'install', '--quiet', '--retries', '1', '--timeout', '10', ...packages], {
      timeout: 90_000,
    });
    const mark = join(environment, 'installing');
    writeFileSync(mark, '');
    renameSync(mark, join(environment, 'complete'));
    return { python };
  } catch (error) {
    return { missing: `Python with pip and its package index is needed: ${String(error).split('\n')[0]}` };
  }
}

describe('proxmoxer', () => {
  it('lists, clones, configures, starts, snapshots and deletes', { timeout: 240_000 }, async ({ skip }) => {
    const prepared = await preparePython();
    if ('missing' in prepared) {
      skip(prepared.missing);
      return;
    }
    const topology = demoTopology();
    const [token] = topology.tokens;
    if (token === undefined) throw new Error('the demo has a token');
    const simulator = new Simulator({ topology, speed: 20 });
    const folder = mkdtempSync(join(tmpdir(), 'proxmoxer-'));
    try {
      const listening = await simulator.listen();
      const caFile = join(folder, 'ca.pem');
      writeFileSync(caFile, listening.caPem);
      const [user = '', tokenName = ''] = token.id.split('!');
      const { hostname, port } = new URL(listening.url);
      const script = fileURLToPath(new URL('./proxmoxer-flow.py', import.meta.url));
      const { stdout } = await run(prepared.python, [script, hostname, port, caFile, user, tokenName, token.secret]);
      expect(JSON.parse(stdout)).toEqual({
        nodes: ['pve1', 'pve2', 'pve3'],
        templates: [9000],
        vmid: 100,
        clone: 'OK',
        config: {
          name: 'from-python',
          cores: 2,
          memory: '2048',
          description: 'made with proxmoxer',
          tags: 'python;test',
        },
        resize: 'OK',
        start: 'OK',
        status: 'running',
        stop: 'OK',
        snapshot: 'OK',
        snapshots: ['before', 'current'],
        rollback: 'OK',
        delete: 'OK',
        missing: expect.stringContaining("Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist"),
      });
      expect(simulator.leaks().orphanVolumes).toEqual([]);
    } finally {
      await simulator.close();
      rmSync(folder, { recursive: true });
    }
  });
});
