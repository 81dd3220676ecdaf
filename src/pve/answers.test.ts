// Tests for reading answers, by what a real cluster has answered.
import { describe, expect, it } from 'vitest';
import { answers, readAnswer, readTotal, taskEnd } from './answers.ts';
import { PveError } from './errors.ts';
import { recordedBody, recordedSteps, recordingsMissing, type RecordedStep } from './testing/recorded.ts';

const call = 'GET /x';
const data = (value: unknown): string => JSON.stringify({ data: value });

describe('readAnswer', () => {
  const bad = [
    { name: 'no JSON', body: '<html>' },
    { name: 'nothing', body: '' },
    { name: 'a list', body: '[]' },
    { name: 'no data', body: '{}' },
    { name: 'data of another shape', body: data({ version: 9 }) },
  ];
  it.each(bad)('refuses $name', ({ body }) => {
    expect(() => readAnswer(answers.version, call, body)).toThrow(PveError);
    expect(() => readAnswer(answers.version, call, body)).toThrow(
      expect.objectContaining({ kind: 'unreadable', maybeApplied: false }),
    );
  });

  it('says that a write behind an unreadable answer has probably happened', () => {
    expect(() => readAnswer(answers.upid, 'POST /x', data('OK'))).toThrow(
      expect.objectContaining({ maybeApplied: true }),
    );
  });

  it('reads the number of lines beside the data', () => {
    expect(readTotal('{"data":[],"total":19}')).toBe(19);
    expect(readTotal('{"data":[]}')).toBe(0);
    expect(readTotal('no')).toBe(0);
  });
});

describe('resources', () => {
  it('reads what is known of a VM nobody has looked at yet', () => {
    const entry = { id: 'qemu/511', node: 'pve1', status: 'unknown', type: 'qemu', vmid: 511 };
    expect(readAnswer(answers.resources, call, data([entry])).vms).toEqual([
      { vmid: 511, node: 'pve1', type: 'qemu', status: 'unknown', tags: [] },
    ]);
  });

  it('reads numbers that come as text, and text that comes as numbers', () => {
    const entry = {
      id: 'qemu/511',
      node: 'pve1',
      status: 'running',
      type: 'qemu',
      vmid: '511',
      name: 42,
      maxmem: '268435456',
      template: '0',
      cpu: '1e-05',
    };
    expect(readAnswer(answers.resources, call, data([entry])).vms[0]).toMatchObject({
      vmid: 511,
      name: '42',
      maxMemoryBytes: 268_435_456,
      template: false,
      cpuLoad: 0.00001,
    });
  });

  it('splits tags and sorts contents', () => {
    const vm = { node: 'pve1', status: 'stopped', type: 'qemu', vmid: 1, tags: 'b;a', lock: 'backup', pool: 'team' };
    const storage = {
      node: 'pve1',
      type: 'storage',
      storage: 's',
      status: 'available',
      shared: 1,
      content: 'iso,backup',
    };
    const found = readAnswer(answers.resources, call, data([vm, storage]));
    expect(found.vms[0]).toMatchObject({ tags: ['a', 'b'], lock: 'backup', pool: 'team' });
    expect(found.storages).toEqual([
      { node: 'pve1', storage: 's', status: 'available', shared: true, content: ['backup', 'iso'] },
    ]);
  });

  it('passes over kinds that it does not know', () => {
    const found = readAnswer(answers.resources, call, data([{ type: 'network', id: 'x' }, { type: 'sdn' }]));
    expect(found).toEqual({ nodes: [], vms: [], storages: [] });
  });

  it('refuses a VM without an id', () => {
    expect(() => readAnswer(answers.resources, call, data([{ type: 'qemu', node: 'pve1' }]))).toThrow('vmid');
  });

  it('takes an odd node status for unknown', () => {
    const found = readAnswer(
      answers.resources,
      call,
      data([
        { type: 'node', node: 'pve1', status: 'new' },
        { type: 'node', node: 'pve2' },
      ]),
    );
    expect(found.nodes.map(({ status }) => status)).toEqual(['unknown', 'unknown']);
  });
});

describe('clusterStatus', () => {
  const node = { type: 'node', name: 'pve1', online: 1, ip: '10.0.0.1' };
  const rows = [
    {
      name: 'a quorate cluster',
      entries: [{ type: 'cluster', name: 'lab', quorate: 1 }, node],
      want: { quorate: true, name: 'lab' },
    },
    {
      name: 'a cluster without quorum',
      entries: [{ type: 'cluster', name: 'lab', quorate: 0 }, node],
      want: { quorate: false },
    },
    {
      name: 'a cluster that does not say',
      entries: [{ type: 'cluster', name: 'lab' }, node],
      want: { quorate: false },
    },
    { name: 'a single node', entries: [node], want: { quorate: true } },
  ];
  it.each(rows)('$name', ({ entries, want }) => {
    expect(readAnswer(answers.clusterStatus, call, data(entries))).toMatchObject({
      ...want,
      nodes: [{ name: 'pve1', online: true, ip: '10.0.0.1' }],
    });
  });
});

describe('tasks', () => {
  const upid = 'UPID:pve1:00007215:0009D87A:6B02853F:qmclone:9000:op@pve!k8s:';
  it.each([
    { exitstatus: 'OK', want: { state: 'ok', warnings: 0 } },
    { exitstatus: 'WARNINGS: 2', want: { state: 'ok', warnings: 2 } },
    { exitstatus: 'migration aborted', want: { state: 'failed', exitstatus: 'migration aborted' } },
    { exitstatus: '', want: { state: 'failed', exitstatus: '' } },
  ])('the end $exitstatus', ({ exitstatus, want }) => {
    expect(taskEnd(exitstatus)).toEqual(want);
  });

  it('is running in the list as long as it has no end', () => {
    const list = [
      { upid },
      { upid, endtime: 1_795_327_213, status: 'OK' },
      { upid, endtime: 1, status: 'x' },
      { upid: 'odd' },
    ];
    const states = readAnswer(answers.clusterTasks, call, data(list)).map(({ state }) => state.state);
    expect(states).toEqual(['running', 'ok', 'failed']);
  });

  it('reads the status of one', () => {
    expect(readAnswer(answers.taskStatus, call, data({ status: 'running' }))).toEqual({ state: 'running' });
    expect(readAnswer(answers.taskStatus, call, data({ status: 'stopped', exitstatus: 'OK' }))).toEqual({
      state: 'ok',
      warnings: 0,
    });
    expect(readAnswer(answers.taskStatus, call, data({ status: 'stopped' }))).toMatchObject({ state: 'failed' });
  });
});

describe('config', () => {
  it('gives every option as text', () => {
    const config = readAnswer(
      answers.config,
      call,
      data({ digest: 'abc', cores: 2, memory: '512', kvm: 0, onboot: true }),
    );
    expect(config.digest).toBe('abc');
    expect([...config.values]).toEqual([
      ['cores', '2'],
      ['memory', '512'],
      ['kvm', '0'],
      ['onboot', '1'],
    ]);
  });

  it('refuses one without a digest, because no change could be guarded', () => {
    expect(() => readAnswer(answers.config, call, data({ cores: 2 }))).toThrow('digest');
  });

  it('tells pending changes and deletions apart', () => {
    const entries = [
      { key: 'cores', value: 2, pending: 4 },
      { key: 'net0', value: 'x', delete: 1 },
      { key: 'digest', value: 'abc' },
      { key: 'memory', value: '512', delete: 2 },
    ];
    expect(readAnswer(answers.pending, call, data(entries))).toEqual([
      { key: 'cores', value: '2', pending: '4', deletion: false },
      { key: 'net0', value: 'x', deletion: true },
      { key: 'memory', value: '512', deletion: true },
    ]);
  });
});

describe('snapshots', () => {
  it('are told without the entry for now', () => {
    const list = [
      { name: 's2', description: '', parent: 's1', snaptime: 1_795_326_675, vmstate: 1 },
      { name: 's1', description: 'first \u00e9\nline', snaptime: '1795326600', vmstate: 0 },
      { name: 'current', description: 'You are here!', digest: 'd', parent: 's2', running: 1 },
    ];
    expect(readAnswer(answers.snapshots, call, data(list))).toEqual([
      { name: 's2', description: '', parent: 's1', snaptime: 1_795_326_675, vmstate: true },
      { name: 's1', description: 'first \u00e9\nline', snaptime: 1_795_326_600, vmstate: false },
    ]);
  });

  it('need a name and nothing else', () => {
    expect(readAnswer(answers.snapshots, call, data([{ name: 's1' }]))).toEqual([{ name: 's1' }]);
    expect(() => readAnswer(answers.snapshots, call, data([{ snaptime: 1 }]))).toThrow('name');
  });
});

describe('backups', () => {
  const volid = 'backup:backup/vzdump-qemu-401-2026_11_22-05_58_42.vma.zst';
  const rows: { name: string; entry: object; want: object[] }[] = [
    {
      name: 'with everything',
      entry: {
        volid,
        ctime: 1_795_327_122,
        vmid: '401',
        notes: 'h\u00e9',
        size: '16426621',
        protected: 1,
        subtype: 'qemu',
      },
      want: [{ volid, ctime: 1_795_327_122, vmid: 401, notes: 'h\u00e9', sizeBytes: 16_426_621, protected: true }],
    },
    { name: 'with the least', entry: { volid, ctime: 1 }, want: [{ volid, ctime: 1 }] },
    {
      name: 'of about a size',
      entry: { volid, ctime: 1, 'approximate-size': 5 },
      want: [{ volid, ctime: 1, sizeBytes: 5 }],
    },
    { name: 'of a container', entry: { volid, ctime: 1, subtype: 'lxc' }, want: [] },
  ];
  it.each(rows)('$name', ({ entry, want }) => {
    expect(readAnswer(answers.backups, call, data([entry]))).toEqual(want);
  });

  it('need to be told apart', () => {
    expect(() => readAnswer(answers.backups, call, data([{ ctime: 1 }]))).toThrow('volid');
  });
});

it('reads privileges and version', () => {
  const permissions = readAnswer(
    answers.permissions,
    call,
    data({ '/': { 'VM.Audit': 1, 'VM.Clone': 0 }, '/vms': {} }),
  );
  expect(permissions).toEqual(
    new Map([
      ['/', new Set(['VM.Audit', 'VM.Clone'])],
      ['/vms', new Set()],
    ]),
  );
  expect(readAnswer(answers.version, call, data({ version: '8.4.21', release: '8.4' }))).toEqual({
    version: '8.4.21',
    release: '8.4',
    major: 8,
  });
});

describe.skipIf(recordingsMissing)(`recorded answers (${recordingsMissing ?? 'recordings present'})`, () => {
  const steps = recordedSteps();
  const answered = (path: RegExp): RecordedStep[] =>
    steps.filter(
      ({ request, response }) => request.method === 'GET' && path.test(request.path) && response.status === 200,
    );

  const rows = [
    { name: 'version', path: /^\/version$/, parser: answers.version, least: 1 },
    { name: 'permissions', path: /^\/access\/permissions$/, parser: answers.permissions, least: 0 },
    { name: 'resources', path: /^\/cluster\/resources$/, parser: answers.resources, least: 10 },
    { name: 'cluster status', path: /^\/cluster\/status$/, parser: answers.clusterStatus, least: 5 },
    { name: 'tasks', path: /^\/cluster\/tasks$/, parser: answers.clusterTasks, least: 2 },
    { name: 'task status', path: /\/tasks\/[^/]+\/status$/, parser: answers.taskStatus, least: 3 },
    { name: 'task log', path: /\/tasks\/[^/]+\/log$/, parser: answers.taskLog, least: 3 },
    { name: 'configs', path: /\/qemu\/\d+\/config$/, parser: answers.config, least: 50 },
    { name: 'pending', path: /\/qemu\/\d+\/pending$/, parser: answers.pending, least: 10 },
    { name: 'power', path: /\/qemu\/\d+\/status\/current$/, parser: answers.status, least: 10 },
    { name: 'firewall options', path: /\/qemu\/\d+\/firewall\/options$/, parser: answers.firewallOptions, least: 5 },
    { name: 'snapshots', path: /\/qemu\/\d+\/snapshot$/, parser: answers.snapshots, least: 10 },
    { name: 'backups', path: /\/storage\/backup\/content$/, parser: answers.backups, least: 8 },
    { name: 'sets', path: /\/qemu\/\d+\/firewall\/ipset\/[^/]+$/, parser: answers.ipset, least: 1 },
  ];
  it.each(rows)('$name', ({ path, parser, least }) => {
    const found = answered(path);
    expect(found.length).toBeGreaterThanOrEqual(least);
    for (const step of found)
      expect(() => readAnswer<unknown>(parser, call, recordedBody(step)), step.scenario).not.toThrow();
  });
});
