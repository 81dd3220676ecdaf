// Tests of reading recordings and of adding a folder of them up, on a made-up folder; and of the command around it.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readScenarios } from './recording.ts';
import { playAll, surroundingsOf } from './run.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recording-'));
  mkdirSync(join(folder, 'scenarios'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, content: unknown): void {
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
}

const GIB = 1024 ** 3;
const volume = { format: 'raw', size: GIB, content: 'images' };

/** The smallest baseline that has everything a baseline tells. */
const baseline = {
  acl: [{ path: '/', propagate: 1, roleid: 'OpRole', ugid: 'op@pve' }],
  bridges: { pve1: [{ iface: 'vmbr0', bridge_ports: 'eth0', cidr: '10.0.0.1/24' }] },
  cluster: {
    name: 'recorded',
    nodes: [
      { name: 'pve1', ip: '10.0.0.1', port: 8006 },
      { name: 'pve2', ip: '10.0.0.2', port: 8007 },
    ],
  },
  imports: [],
  isos: [{ volid: 'local:iso/a.iso', format: 'iso', size: 512, content: 'iso' }],
  roles: { OpRole: ['VM.Audit', 'Sys.Audit'] },
  storages: [{ storage: 'local', type: 'dir', content: 'images,iso', path: '/var/lib/vz' }],
  storageStatus: { pve1: [{ storage: 'local', total: 100 * GIB, used: GIB }] },
  template: {
    config: { name: 'golden', template: 1, scsi0: 'local:9000/base-9000-disk-0.raw,size=1G', digest: 'x' },
    node: 'pve1',
    vmid: 9000,
    volumes: [{ ...volume, volid: 'local:9000/base-9000-disk-0.raw' }],
  },
  tokens: {
    full: { tokenid: 'op@pve!full', secret: 's1', privsep: 0 },
    limited: { tokenid: 'op@pve!few', secret: 's2', privsep: 1 },
    absent: {},
  },
  users: ['op@pve'],
  version: { release: '9.2', version: '9.2.11', repoid: '1' },
  raw: { '/nodes': [{ node: 'pve1', maxcpu: 4, maxmem: 8 * GIB, maxdisk: 50 * GIB }] },
};

const good = {
  steps: [
    { request: { method: 'GET', path: '/version' }, response: { status: 200, reason: 'OK' } },
    {
      request: { method: 'GET', path: '/nodes/pve1/qemu/9000/config', port: 8007 },
      response: { status: 200, reason: 'OK' },
    },
  ],
};
const bad = { steps: [{ request: { method: 'GET', path: '/version' }, response: { status: 500, reason: 'no' } }] };

describe('readScenarios', () => {
  it('reads every JSON file by name, and fills in what a step leaves out', async () => {
    write('scenarios/b.json', good);
    write('scenarios/a.json', { steps: [{ action: { kind: 'sleep', seconds: 2 } }] });
    write('scenarios/notes.txt', 'not a recording');
    const scenarios = await readScenarios(join(folder, 'scenarios'));
    expect(scenarios.map(({ name, steps }) => [name, steps.length])).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    expect(scenarios[0]?.steps[0]).toEqual({
      action: { kind: 'sleep', seconds: 2 },
      volatile: [],
      patterns: {},
      refs: [],
    });
  });

  it('takes numbers among the values to be replaced as texts', async () => {
    const refs = [{ in: '/request/path', value: 5900, from: { step: 0, pointer: '/response/body/data/port' } }];
    write('scenarios/a.json', { steps: [{ ...good.steps[0], refs }] });
    const [scenario] = await readScenarios(join(folder, 'scenarios'));
    expect(scenario?.steps[0]?.refs[0]?.value).toBe('5900');
  });

  const refused = [
    { name: 'no steps', content: {} },
    { name: 'a request without a path', content: { steps: [{ request: { method: 'GET' } }] } },
    { name: 'an answer without a status', content: { steps: [{ response: { reason: 'OK' } }] } },
    { name: 'an action without a kind', content: { steps: [{ action: { vmid: 1 } }] } },
    { name: 'no JSON', content: 'steps' },
  ];
  it.each(refused)('refuses $name', async ({ content }) => {
    write('scenarios/a.json', content);
    await expect(readScenarios(join(folder, 'scenarios'))).rejects.toThrow(/\S/);
  });

  it('reads a file of several under their own names', async () => {
    const traces = ['a', 'b'].map((name) => ({ name, steps: [] }));
    write('scenarios/z.json', { about: 'x', traces });
    const names = (await readScenarios(join(folder, 'scenarios'))).map(({ name }) => name);
    expect(names.slice(-2)).toEqual(['a', 'b']);
  });

  it('refuses a folder that is not there', async () => {
    await expect(readScenarios(join(folder, 'nowhere'))).rejects.toThrow('ENOENT');
  });
});

describe('surroundingsOf', () => {
  it('tells tokens by the recordings’ names and nodes by their ports', () => {
    const { tokens, nodeOfPort } = surroundingsOf(baseline);
    expect(tokens).toEqual({
      full: 'PVEAPIToken=op@pve!full=s1',
      limited: 'PVEAPIToken=op@pve!few=s2',
      absent: undefined,
    });
    expect(nodeOfPort).toEqual({ 8006: 'pve1', 8007: 'pve2' });
  });

  it('makes a topology of the baseline', () => {
    expect(surroundingsOf(baseline).topology).toMatchObject({
      cluster: 'recorded',
      version: { version: '9.2.11' },
      nodes: [
        { name: 'pve1', cpus: 4, memoryBytes: 8 * GIB, rootBytes: 50 * GIB, kvm: false },
        { name: 'pve2', cpus: 16 },
      ],
      bridges: [{ name: 'vmbr0', port: 'eth0' }],
      storages: [{ id: 'local', content: ['images', 'iso'], totalBytes: 100 * GIB, usedBytes: GIB, shared: false }],
      files: [{ storage: 'local', name: 'iso/a.iso', sizeBytes: 512 }],
      vms: [
        {
          vmid: 9000,
          options: { name: 'golden', template: '1', scsi0: 'local:9000/base-9000-disk-0.raw,size=1G' },
          volumes: [{ storage: 'local', name: '9000/base-9000-disk-0.raw' }],
        },
      ],
      tokens: [
        { id: 'op@pve!full', privilegeSeparation: false },
        { id: 'op@pve!few', privilegeSeparation: true },
      ],
      acl: [{ path: '/', role: 'OpRole', who: 'op@pve', propagate: true }],
    });
  });

  it('refuses a baseline that tells too little', () => {
    const { template: _, ...rest } = baseline;
    expect(() => surroundingsOf(rest)).toThrow('template');
  });
});

describe('playAll', () => {
  it('adds up steps and scenarios, telling of each as it ends', async () => {
    write('scenarios/bad.json', bad);
    write('scenarios/good.json', good);
    const told: string[] = [];
    const totals = await playAll(join(folder, 'scenarios'), baseline, ({ name, matched, steps }) =>
      told.push(`${name} ${matched}/${steps}`),
    );
    expect(totals).toEqual({ steps: 3, stepsMatched: 2, scenarios: 2, scenariosMatched: 1 });
    expect(told).toEqual(['bad 0/1', 'good 2/2']);
  });
});

describe('the command', () => {
  const run = (...args: string[]): Promise<{ code: number; lines: string[]; errors: string }> =>
    new Promise((resolve) => {
      const script = fileURLToPath(new URL('./main.ts', import.meta.url));
      const child = execFile(process.execPath, [script, ...args], (_, stdout, stderr) =>
        resolve({ code: child.exitCode ?? -1, lines: stdout.trimEnd().split('\n'), errors: stderr }),
      );
    });

  it('prints a line per scenario, the first difference of each, and the totals last', async () => {
    write('baseline.json', baseline);
    write('scenarios/bad.json', { steps: [...bad.steps, ...bad.steps] });
    write('scenarios/good.json', good);
    const { code, lines } = await run(join(folder, 'scenarios'));
    expect(code).toBe(0);
    expect(lines).toEqual([
      'DIFF bad 0/2',
      '       step 0 GET /version: /response/status: expected 500, got 200 (OK)',
      'ok   good 2/2',
      'steps matched: 2 / 4, scenarios matched: 1 / 2',
    ]);
    expect((await run(`${folder}/scenarios/`, '--all')).lines.filter((line) => line.startsWith('  '))).toHaveLength(2);
  });

  it('takes the baseline from where it is told', async () => {
    write('elsewhere.json', baseline);
    write('scenarios/good.json', good);
    const { lines } = await run(join(folder, 'scenarios'), '--baseline', join(folder, 'elsewhere.json'));
    expect(lines.at(-1)).toBe('steps matched: 2 / 2, scenarios matched: 1 / 1');
  });

  it('explains itself, and fails without a folder or a baseline', async () => {
    const helped = await run('--help');
    expect([helped.code, helped.lines.join('\n')]).toEqual([0, expect.stringContaining('--baseline FILE')]);
    expect((await run()).code).toBe(2);
    expect(await run(join(folder, 'scenarios'))).toMatchObject({
      code: 1,
      errors: expect.stringContaining('baseline.json'),
    });
  });
});
