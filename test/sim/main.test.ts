// Tests of the command: its help, what it announces, its end by a signal, its state file, its record, its refusals.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { demoTopology } from './testing.ts';
import { TlsClient } from './tls-client.ts';

interface Announcement {
  url: string;
  nodeUrls: Record<string, string>;
  caPem: string;
  fingerprint: string;
  controlUrl: string;
  tokens: { id: string; secret: string }[];
  clusters: Announcement[];
}

let folder: string;
const children: Run[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'simulator-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) await child.end('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** The command as a process of its own. */
class Run {
  output = '';
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;

  constructor(...args: string[]) {
    this.#child = spawn(process.execPath, [fileURLToPath(new URL('./main.ts', import.meta.url)), ...args]);
    const collect = (chunk: Buffer): void => void (this.output += chunk.toString());
    this.#child.stdout?.on('data', collect);
    this.#child.stderr?.on('data', collect);
    this.#ended = new Promise((resolve) => this.#child.once('close', resolve));
    children.push(this);
  }

  get ended(): Promise<number | null> {
    return this.#ended;
  }

  end(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal);
    return this.#ended;
  }
}

/** Starts the command on free ports; resolves when it has announced itself. */
async function start(...args: string[]): Promise<{ run: Run; announced: Announcement }> {
  const file = join(folder, 'announcement.json');
  rmSync(file, { force: true });
  const written = new Promise<void>((resolve) => {
    const watcher = watch(folder, () => {
      if (!existsSync(file) || !readFileSync(file, 'utf8').endsWith('}\n')) return;
      watcher.close();
      resolve();
    });
  });
  const run = new Run('--announce', file, ...args);
  const failed = run.ended.then((code) => {
    throw new Error(`ended with ${code}: ${run.output}`);
  });
  await Promise.race([written, failed]);
  failed.catch(() => undefined);
  return { run, announced: JSON.parse(readFileSync(file, 'utf8')) as Announcement };
}

async function version(announced: Announcement): Promise<number> {
  const client = new TlsClient(announced);
  try {
    return (await client.send({ path: '/version' })).status;
  } finally {
    client.close();
  }
}

describe('the command', () => {
  it('explains every option', async () => {
    const run = new Run('--help');
    expect(await run.ended).toBe(0);
    for (const option of ['port', 'control-port', 'topology', 'speed', 'seed', 'state', 'record', 'announce'])
      expect(run.output).toContain(`--${option} `);
  });

  it('prints the schema of topology files', async () => {
    const run = new Run('--topology-schema');
    expect(await run.ended).toBe(0);
    expect(JSON.parse(run.output)).toMatchObject({ type: 'object', required: ['nodes', 'storages'] });
  });

  it('announces where it listens, prints it, and ends on SIGTERM', async () => {
    const { run, announced } = await start('--port', '0', '--speed', 'instant');
    expect(announced).toEqual({
      cluster: 'demo',
      url: announced.nodeUrls['pve1'],
      nodeUrls: { pve1: expect.any(String), pve2: expect.any(String), pve3: expect.any(String) },
      caPem: expect.stringContaining('BEGIN CERTIFICATE'),
      fingerprint: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
      controlUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      tokens: demoTopology().tokens.map(({ id, secret }) => ({ id, secret })),
      clusters: [expect.objectContaining({ url: announced.url })],
    });
    expect(await version(announced)).toBe(200);
    expect((await fetch(`${announced.controlUrl}/`)).status).toBe(200);
    expect(await run.end('SIGTERM')).toBe(0);
    for (const text of [announced.url, announced.controlUrl, announced.fingerprint]) expect(run.output).toContain(text);
  });

  it('goes on from its state file under the same address', async () => {
    const state = join(folder, 'state.json');
    const first = await start('--port', '0', '--speed', 'instant', '--state', state);
    const act = { method: 'POST', body: JSON.stringify({ action: 'stealVmid', vmid: 123 }) };
    await fetch(`${first.announced.controlUrl}/sim/actions`, act);
    expect(await first.run.end('SIGTERM')).toBe(0);
    const second = await start('--speed', 'instant', '--state', state);
    expect(second.announced).toMatchObject({ url: first.announced.url, fingerprint: first.announced.fingerprint });
    const client = new TlsClient(first.announced);
    const answer = await client.send({ path: '/nodes/pve1/qemu/123/config' });
    client.close();
    expect(answer).toMatchObject({ status: 200, body: expect.stringContaining('stranger') });
  });

  it('writes its state when told to, and its record as it goes', async () => {
    const state = join(folder, 'state.json');
    const record = join(folder, 'record.jsonl');
    const { run, announced } = await start('--port', '0', '--state', state, '--record', record);
    await version(announced);
    expect((await fetch(`${announced.controlUrl}/sim/state`, { method: 'POST' })).status).toBe(200);
    expect(readFileSync(state, 'utf8')).toContain('"format":1');
    await run.end('SIGTERM');
    const lines = readFileSync(record, 'utf8').trimEnd().split('\n');
    expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
      { cluster: 'demo', id: 1, endpoint: 'GET /version', status: 200, caller: 'operator@pve!k8s' },
    ]);
  });

  it('serves several clusters, each with its own port and control port', async () => {
    const files = ['one', 'two'].map((cluster) => {
      const file = join(folder, `${cluster}.json`);
      writeFileSync(file, JSON.stringify({ ...demoTopology(), cluster }));
      return file;
    });
    const { announced } = await start('--port', '0', ...files.flatMap((file) => ['--topology', file]));
    expect(announced.clusters).toMatchObject([{ cluster: 'one' }, { cluster: 'two' }]);
    expect(new Set(announced.clusters.flatMap(({ url, controlUrl }) => [url, controlUrl])).size).toBe(4);
    for (const cluster of announced.clusters) expect(await version(cluster)).toBe(200);
  });

  it('is the release it is told to be', async () => {
    const { announced } = await start('--port', '0', '--speed', 'instant', '--pve', '8');
    const client = new TlsClient(announced);
    const { body } = await client.send({ path: '/version' });
    client.close();
    expect(JSON.parse(body)).toMatchObject({ data: { release: expect.stringMatching(/^8\./) } });
  });

  it('lets virtual time pass when told', async () => {
    const { announced } = await start('--port', '0', '--speed', 'virtual');
    const body = JSON.stringify({ action: 'advance', ms: 86_400_000 });
    expect((await fetch(`${announced.controlUrl}/sim/actions`, { method: 'POST', body })).status).toBe(200);
    await version(announced);
    const [record] = (await (await fetch(`${announced.controlUrl}/sim/requests`)).json()) as { at: number }[];
    expect(record?.at).toBe(Date.UTC(2026, 10, 23, 5));
  });

  const refused = [
    { name: 'an unknown option', args: ['--nope'], want: "Unknown option '--nope'" },
    { name: 'a speed that is none', args: ['--speed', 'fast'], want: '--speed must be a positive number, got fast' },
    { name: 'a port that is none', args: ['--port', '99999'], want: '--port must be a port, got 99999' },
    { name: 'a release that is none', args: ['--pve', '7'], want: '--pve must be 8 or 9, got 7' },
    { name: 'a topology that is missing', args: ['--topology', '/nowhere.json'], want: 'no such file' },
  ];
  it.each(refused)('refuses $name', async ({ args, want }) => {
    const run = new Run(...args);
    expect(await run.ended).toBe(1);
    expect(run.output).toContain(want);
  });
});
