// Tests of the administrator's actions as JSON: what each takes, what it is told when a field is wrong, and what clients then see.
import { describe, expect, it } from 'vitest';
import { RealClock } from './clock.ts';
import { act } from './control-actions.ts';
import { Simulator } from './simulator.ts';
import { demoTopology, Lab, operatorToken } from './testing.ts';

/** The text of the refusal; empty when it was carried out. */
async function refusal(lab: Lab, json: unknown): Promise<string> {
  try {
    await act(lab.simulator, json);
    return '';
  } catch (error) {
    return String(error);
  }
}

describe('a wrong field', () => {
  const rows: { json: unknown; names: string }[] = [
    { json: {}, names: 'action' },
    { json: null, names: 'expected object' },
    { json: [], names: 'expected object' },
    { json: { action: 'restart' }, names: 'action' },
    { json: { action: 'changeByHand', vmid: 9000 }, names: 'options' },
    { json: { action: 'changeByHand', vmid: 9000, options: { cores: 2 } }, names: 'cores' },
    { json: { action: 'changeByHand', options: {} }, names: 'vmid' },
    { json: { action: 'stealVmid' }, names: 'vmid' },
    { json: { action: 'stealVmid', vmid: 100.5 }, names: 'vmid' },
    { json: { action: 'stealVmid', vmid: '100' }, names: 'vmid' },
    { json: { action: 'stealVmid', vmid: 100, node: 1 }, names: 'node' },
    { json: { action: 'setLock', vmid: 9000 }, names: 'lock' },
    { json: { action: 'setLock', vmid: 9000, lock: 1 }, names: 'lock' },
    { json: { action: 'holdLock', vmid: 9000 }, names: 'forMs' },
    { json: { action: 'holdLock', vmid: 9000, forMs: 0 }, names: 'forMs' },
    { json: { action: 'holdStorageLock', storage: 'shared', forMs: -1 }, names: 'forMs' },
    { json: { action: 'holdStorageLock', forMs: 1 }, names: 'storage' },
    { json: { action: 'setAgent', vmid: 9000, agent: 'asleep' }, names: 'agent' },
    { json: { action: 'fillStorage', storage: 'shared', freeBytes: -1 }, names: 'freeBytes' },
    { json: { action: 'hideVolume' }, names: 'volid' },
    { json: { action: 'hideVolume', volid: 'a:b', hidden: 1 }, names: 'hidden' },
    { json: { action: 'nodeDown' }, names: 'node' },
    { json: { action: 'nodeUp', node: 1 }, names: 'node' },
    { json: { action: 'cutNode', nodes: ['pve1'] }, names: 'node' },
    { json: { action: 'pauseNode', node: 'pve1', forMs: 5 }, names: 'forMs' },
    { json: { action: 'moveVm', vmid: 9000 }, names: 'node' },
    { json: { action: 'killVm' }, names: 'vmid' },
    { json: { action: 'revokeToken' }, names: 'id' },
    { json: { action: 'revokePrivilege', role: 'PveOperator' }, names: 'privilege' },
    { json: { action: 'setRole', role: 'PveOperator', privileges: 'VM.Audit' }, names: 'privileges' },
    { json: { action: 'advance', ms: -1 }, names: 'ms' },
    { json: { action: 'advance' }, names: 'ms' },
  ];
  it.each(rows)('$names of $json', async ({ json, names }) => {
    const lab = new Lab();
    const before = JSON.stringify(lab.simulator.save().world.vms);
    const text = await refusal(lab, json);
    expect(text).toContain(names);
    expect(JSON.stringify(lab.simulator.save().world.vms)).toBe(before);
  });
});

describe('what is not there', () => {
  const rows: { json: Record<string, unknown>; want: string }[] = [
    { json: { action: 'changeByHand', vmid: 1, options: {} }, want: 'VM 1 does not exist' },
    { json: { action: 'setLock', vmid: 1, lock: null }, want: 'VM 1 does not exist' },
    { json: { action: 'holdLock', vmid: 1, forMs: 1 }, want: 'VM 1 does not exist' },
    { json: { action: 'setAgent', vmid: 1, agent: 'absent' }, want: 'VM 1 does not exist' },
    { json: { action: 'killVm', vmid: 1 }, want: 'VM 1 does not exist' },
    { json: { action: 'moveVm', vmid: 1, node: 'pve2' }, want: 'VM 1 does not exist' },
    { json: { action: 'moveVm', vmid: 9000, node: 'pve9' }, want: "no such cluster node 'pve9'" },
    { json: { action: 'nodeDown', node: 'pve9' }, want: "no such cluster node 'pve9'" },
    { json: { action: 'nodeUp', node: 'pve9' }, want: "no such cluster node 'pve9'" },
    { json: { action: 'cutNode', node: 'pve9' }, want: "no such cluster node 'pve9'" },
    { json: { action: 'pauseNode', node: 'pve9' }, want: "no such cluster node 'pve9'" },
    { json: { action: 'fillStorage', storage: 'tape' }, want: "storage 'tape' does not exist" },
    { json: { action: 'holdStorageLock', storage: 'tape', forMs: 1 }, want: "storage 'tape' does not exist" },
    { json: { action: 'stealVmid', vmid: 9000 }, want: 'VM 9000 already exists' },
  ];
  it.each(rows)('$json', async ({ json, want }) => {
    expect(await refusal(new Lab(), json)).toContain(want);
  });
});

describe('an action answers with its name, and a client sees', () => {
  const config = '/nodes/pve1/qemu/9000/config';
  const clone = '/nodes/pve1/qemu/9000/clone';
  const rows: {
    name: string;
    json: Record<string, unknown>;
    call: [method: string, path: string, params?: Record<string, unknown>];
    want: object;
  }[] = [
    {
      name: 'another value',
      json: { action: 'changeByHand', vmid: 9000, options: { cores: '7' } },
      call: ['GET', config],
      want: { data: expect.objectContaining({ cores: 7 }) },
    },
    {
      name: 'no value any more',
      json: { action: 'changeByHand', vmid: 9000, options: { name: null } },
      call: ['GET', config],
      want: { data: expect.not.objectContaining({ name: expect.anything() }) },
    },
    {
      name: 'another digest',
      json: { action: 'changeByHand', vmid: 9000, options: { cores: '7' } },
      call: ['PUT', config, { cores: 2, digest: 'a'.repeat(40) }],
      want: { status: 500, reason: 'checksum mismatch (file change by other user?)' },
    },
    {
      name: 'an id that is taken',
      json: { action: 'stealVmid', vmid: 100 },
      call: ['POST', clone, { newid: 100 }],
      want: { status: 500, reason: 'unable to create VM 100: config file already exists' },
    },
    {
      name: 'a lock',
      json: { action: 'setLock', vmid: 9000, lock: 'rollback' },
      call: ['PUT', config, { cores: 2 }],
      want: { status: 500, reason: 'VM is locked (rollback)' },
    },
    {
      name: 'a time-out of the configuration’s lock',
      json: { action: 'holdLock', vmid: 9000, forMs: 60_000 },
      call: ['PUT', config, { cores: 2 }],
      want: { status: 500, reason: "can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout" },
    },
    {
      name: 'no room',
      json: { action: 'fillStorage', storage: 'shared' },
      call: ['GET', '/nodes/pve1/storage/shared/status'],
      want: { data: expect.objectContaining({ avail: 0 }) },
    },
    {
      name: 'a node that is gone',
      json: { action: 'nodeDown', node: 'pve2' },
      call: ['GET', '/nodes/pve2/status'],
      want: { status: 596 },
    },
    {
      name: 'a node that does not answer',
      json: { action: 'pauseNode', node: 'pve2' },
      call: ['GET', '/nodes/pve2/status'],
      want: { status: 596, reason: 'Connection timed out' },
    },
    {
      name: 'a VM elsewhere',
      json: { action: 'moveVm', vmid: 9000, node: 'pve3' },
      call: ['GET', config],
      want: { status: 500, reason: "Configuration file 'nodes/pve1/qemu-server/9000.conf' does not exist" },
    },
    {
      name: 'a token that is none any more',
      json: { action: 'revokeToken', id: 'operator@pve!k8s' },
      call: ['GET', '/version'],
      want: { status: 401, reason: 'Authentication failed!' },
    },
    {
      name: 'a privilege it lacks',
      json: { action: 'revokePrivilege', role: 'PveOperator', privilege: 'VM.Clone' },
      call: ['POST', clone, { newid: 100 }],
      want: { status: 403, reason: 'Permission check failed (/vms/9000, VM.Clone)' },
    },
    {
      name: 'all it lacks',
      json: { action: 'setRole', role: 'PveOperator', privileges: [] },
      call: ['GET', config],
      want: { status: 403 },
    },
    {
      name: 'a later time',
      json: { action: 'advance', ms: 5000 },
      call: ['GET', '/nodes/pve1/status'],
      want: { data: expect.objectContaining({ uptime: 6555 }) },
    },
  ];
  it.each(rows)('$name ($json.action)', async ({ json, call, want }) => {
    const lab = new Lab();
    expect(await act(lab.simulator, json)).toEqual({ done: json['action'] });
    expect(await lab.call(...call)).toMatchObject(want);
  });

  it('that a volume is gone, and back', async () => {
    const lab = new Lab();
    const volid = 'shared:9000/base-9000-disk-0.qcow2';
    await act(lab.simulator, { action: 'hideVolume', volid });
    expect(await lab.clone(100)).toBe(`clone failed: volume '${volid}' does not exist`);
    await act(lab.simulator, { action: 'hideVolume', volid, hidden: false });
    expect(await lab.clone(100)).toBe('OK');
  });

  it('that a shared storage is busy', async () => {
    const lab = new Lab();
    await act(lab.simulator, { action: 'holdStorageLock', storage: 'shared', forMs: 60_000 });
    expect(await lab.clone(100)).toBe("clone failed: cfs-lock 'storage-shared' error: got lock request timeout");
  });

  it('that a guest’s agent is gone, and its process too', async () => {
    const lab = new Lab();
    await lab.clone(100);
    await lab.task('POST', '/nodes/pve1/qemu/100/status/start');
    await lab.clock.advance(20_000);
    const ping = (): Promise<unknown> => lab.call('POST', '/nodes/pve1/qemu/100/agent/ping');
    expect(await ping()).toMatchObject({ status: 200 });
    await act(lab.simulator, { action: 'setAgent', vmid: 100, agent: 'absent' });
    expect(await ping()).toMatchObject({ status: 500, reason: 'QEMU guest agent is not running' });
    await act(lab.simulator, { action: 'killVm', vmid: 100 });
    expect(await ping()).toMatchObject({ status: 500, reason: 'VM 100 is not running' });
  });

  it('that a node that was cut off from the cluster still answers itself', async () => {
    const lab = new Lab();
    await act(lab.simulator, { action: 'cutNode', node: 'pve2' });
    const request = { node: 'pve2', method: 'GET', path: '/version', authorization: operatorToken };
    expect(await lab.simulator.handle(request)).toMatchObject({ status: 200 });
    await act(lab.simulator, { action: 'nodeUp', node: 'pve2' });
    expect(await lab.call('GET', '/nodes/pve2/status')).toMatchObject({ status: 200 });
  });

  it('nothing of an advance where time goes by itself', async () => {
    const simulator = new Simulator({ topology: demoTopology(), clock: new RealClock(1) });
    await expect(act(simulator, { action: 'advance', ms: 1 })).rejects.toThrow('--speed virtual');
    await simulator.close();
  });
});
