// Tests of the control port: every call over HTTP, what it refuses, and the page for people.
import type { Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listenControl } from './control.ts';
import type { LeakReport, RequestRecord } from './simulator.ts';
import type { Summary } from './request-log.ts';
import { Lab } from './testing.ts';

let lab: Lab;
let control: { server: Server; url: string };

beforeEach(async () => {
  lab = new Lab();
  control = await listenControl(lab.simulator, 0);
});

afterEach(() => {
  control.server.closeAllConnections();
  control.server.close();
});

async function get<T>(path: string): Promise<T> {
  return (await (await fetch(`${control.url}${path}`)).json()) as T;
}

async function post(path: string, body: unknown): Promise<{ status: number; json: Record<string, unknown> }> {
  const response = await fetch(`${control.url}${path}`, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

const act = async (body: Record<string, unknown>): Promise<number> => (await post('/sim/actions', body)).status;

describe('the request log', () => {
  beforeEach(async () => {
    await lab.clone(100);
    await lab.config(100);
    await lab.config(100);
    await lab.config(9000);
    await lab.call('GET', '/nodes/pve1/qemu/999/config');
    lab.simulator.faults.add({ match: {}, when: 'before', effect: 'reset' });
    await lab.simulator.handle({ method: 'GET', path: '/nope' }).catch(() => undefined);
  });

  const rows: { name: string; query: string; ids: number[] }[] = [
    { name: 'all', query: '', ids: [1, 2, 3, 4, 5, 6] },
    { name: 'those after an id', query: '?since=4', ids: [5, 6] },
    { name: 'those with a text in the path', query: '?path=/config', ids: [2, 3, 4, 5] },
    { name: 'those of a method', query: '?method=POST', ids: [1] },
    { name: 'those about a VM, its clone included', query: '?vmid=100', ids: [1, 2, 3] },
    { name: 'those that failed or broke', query: '?failed=1', ids: [5, 6] },
    { name: 'what passes every condition', query: '?vmid=100&method=GET&since=2', ids: [3] },
  ];
  it.each(rows)('lists $name', async ({ query, ids }) => {
    expect((await get<RequestRecord[]>(`/sim/requests${query}`)).map(({ id }) => id)).toEqual(ids);
  });

  it('tells who, what, when, how it ended and how long it took', async () => {
    expect((await get<RequestRecord[]>('/sim/requests?method=POST'))[0]).toEqual({
      id: 1,
      at: Date.UTC(2026, 10, 22, 5, 0, 0),
      node: 'pve1',
      method: 'POST',
      path: '/nodes/pve1/qemu/9000/clone',
      endpoint: 'POST /nodes/{node}/qemu/{vmid}/clone',
      vmid: 100,
      params: { newid: 100, name: 'vm100' },
      caller: 'operator@pve!k8s',
      status: 200,
      reason: 'OK',
      durationMs: 0,
    });
  });

  it('counts per endpoint', async () => {
    expect(await get<Summary>('/sim/requests?summary=endpoint')).toEqual({
      'POST /nodes/{node}/qemu/{vmid}/clone': { calls: 1, failed: 0, broken: 0, totalMs: 0 },
      'GET /nodes/{node}/qemu/{vmid}/config': { calls: 4, failed: 1, broken: 0, totalMs: 0 },
      unknown: { calls: 1, failed: 0, broken: 1, totalMs: 0 },
    });
  });

  it('counts per VM, also of a part', async () => {
    const calls = (summary: Summary): Record<string, number> =>
      Object.fromEntries(Object.entries(summary).map(([key, value]) => [key, value.calls]));
    expect(calls(await get('/sim/requests?summary=vm'))).toEqual({ 100: 3, 999: 1, 9000: 1 });
    expect(calls(await get('/sim/requests?summary=vm&method=GET&since=2'))).toEqual({ 100: 1, 999: 1, 9000: 1 });
  });

  it('comes as JSON lines', async () => {
    const response = await fetch(`${control.url}/sim/requests?format=lines&vmid=100`);
    expect(response.headers.get('content-type')).toBe('application/jsonl');
    const lines = (await response.text()).trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as RequestRecord).id)).toEqual([1, 2, 3]);
  });

  it('refuses conditions it does not know', async () => {
    expect((await fetch(`${control.url}/sim/requests?verb=GET`)).status).toBe(400);
  });
});

describe('leaks', () => {
  const rows: { name: string; leak: () => void | Promise<unknown>; want: Partial<LeakReport> }[] = [
    { name: 'nothing in a fresh cluster', leak: () => undefined, want: {} },
    {
      name: 'volumes whose VM is gone',
      leak: async () => {
        await lab.clone(100);
        lab.simulator.world.vms.delete(100);
      },
      want: {
        orphanVolumes: [
          'shared:100/vm-100-cloudinit.qcow2',
          'shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2',
        ],
      },
    },
    {
      name: 'volumes their VM does not name',
      leak: async () => {
        await lab.clone(100);
        lab.simulator.changeByHand(100, (options) => delete options['ide2']);
      },
      want: { orphanVolumes: ['shared:100/vm-100-cloudinit.qcow2'] },
    },
    {
      name: 'locks without a task',
      leak: () => lab.simulator.setLock(9000, 'backup'),
      want: { lockedVms: [{ vmid: 9000, lock: 'backup' }] },
    },
    {
      name: 'half clones',
      leak: () => lab.simulator.stealVmid(100, { lock: 'clone', description: ' qmclone temporary file' }),
      want: { halfClones: [100], lockedVms: [{ vmid: 100, lock: 'clone' }] },
    },
    {
      name: 'firewall files and IP sets of VMs that are gone',
      leak: () => lab.call('POST', '/nodes/pve1/qemu/555/firewall/ipset', { name: 'left' }),
      want: { firewallFiles: [555], ipsets: ['555/left'] },
    },
  ];
  it.each(rows)('$name', async ({ leak, want }) => {
    await leak();
    const clean: LeakReport = { orphanVolumes: [], lockedVms: [], halfClones: [], firewallFiles: [], ipsets: [] };
    const found = await get<LeakReport>('/sim/leaks');
    expect({ ...found, orphanVolumes: found.orphanVolumes.sort() }).toEqual({ ...clean, ...want });
  });

  it('do not name the lock of a VM that a task works on', async () => {
    await lab.clone(100);
    await lab.call('POST', '/nodes/pve1/qemu/100/migrate', { target: 'pve2' });
    await lab.clock.advance(100);
    expect(lab.simulator.world.vms.get(100)?.lock).toBe('migrate');
    expect((await get<LeakReport>('/sim/leaks')).lockedVms).toEqual([]);
  });
});

describe('faults', () => {
  it('are armed, listed, strike and are cleared', async () => {
    const fault = {
      match: { method: 'GET', path: '^/version$' },
      when: 'before',
      effect: { status: 599, reason: 'x' },
    };
    expect(await post('/sim/faults', fault)).toEqual({ status: 200, json: { armed: 1 } });
    await post('/sim/faults', { ...fault, effect: 'reset', times: 5 });
    expect(await get('/sim/faults')).toEqual([fault, { ...fault, effect: 'reset', times: 5 }]);
    expect(await lab.call('GET', '/version')).toMatchObject({ status: 599 });
    expect(await get('/sim/faults')).toHaveLength(1);
    await fetch(`${control.url}/sim/faults`, { method: 'DELETE' });
    expect(await lab.call('GET', '/version')).toMatchObject({ status: 200 });
  });

  const refused: { name: string; fault: unknown }[] = [
    { name: 'without a moment', fault: { match: {}, effect: 'reset' } },
    { name: 'with an effect nobody knows', fault: { match: {}, when: 'before', effect: 'explode' } },
    { name: 'with a broken pattern', fault: { match: { path: '(' }, when: 'before', effect: 'reset' } },
    { name: 'that would kill everything', fault: { match: {}, when: 'before', effect: { kill: -1 } } },
    { name: 'that is no object', fault: [] },
  ];
  it.each(refused)('are refused $name', async ({ fault }) => {
    const { status, json } = await post('/sim/faults', fault);
    expect({ status, armed: lab.simulator.faults.list() }).toEqual({ status: 400, armed: [] });
    expect(json['error']).toEqual(expect.any(String));
  });
});

describe('an action', () => {
  const rows: { name: string; action: Record<string, unknown>; seen: () => unknown; want: unknown }[] = [
    {
      name: 'changes a VM by hand',
      action: { action: 'changeByHand', vmid: 9000, options: { cores: '3', vga: null } },
      seen: () => [vmOptions(9000)['cores'], vmOptions(9000)['vga']],
      want: ['3', undefined],
    },
    {
      name: 'steals a VMID',
      action: { action: 'stealVmid', vmid: 100, node: 'pve3' },
      seen: () => lab.simulator.world.vms.get(100)?.node,
      want: 'pve3',
    },
    {
      name: 'writes a lock',
      action: { action: 'setLock', vmid: 9000, lock: 'backup' },
      seen: () => vmOptions(9000)['lock'],
      want: 'backup',
    },
    {
      name: 'holds the file lock',
      action: { action: 'holdLock', vmid: 9000, forMs: 1000 },
      seen: () => lab.simulator.world.locks.isHeld('pve1/9000'),
      want: true,
    },
    {
      name: 'silences an agent',
      action: { action: 'setAgent', vmid: 9000, agent: 'hanging' },
      seen: () => lab.simulator.world.agentModes.get(9000),
      want: 'hanging',
    },
    {
      name: 'fills a storage',
      action: { action: 'fillStorage', storage: 'shared', freeBytes: 5 },
      seen: () => {
        const storage = lab.simulator.world.volumes.storage('shared');
        return storage.totalBytes - lab.simulator.world.volumes.usedBytes(storage, 'pve1');
      },
      want: 5,
    },
    {
      name: 'hides a volume',
      action: { action: 'hideVolume', volid: 'shared:9000/base-9000-disk-0.qcow2' },
      seen: () => lab.simulator.world.volumes.find('shared:9000/base-9000-disk-0.qcow2', 'pve1'),
      want: undefined,
    },
    {
      name: 'powers a node off',
      action: { action: 'nodeDown', node: 'pve2' },
      seen: () => nodeState('pve2'),
      want: 'down',
    },
    {
      name: 'cuts a node off',
      action: { action: 'cutNode', node: 'pve2' },
      seen: () => nodeState('pve2'),
      want: 'cut',
    },
    {
      name: 'pauses a node',
      action: { action: 'pauseNode', node: 'pve2' },
      seen: () => nodeState('pve2'),
      want: 'paused',
    },
    {
      name: 'brings a node back',
      action: { action: 'nodeUp', node: 'pve2' },
      seen: () => nodeState('pve2'),
      want: 'up',
    },
    {
      name: 'moves a VM',
      action: { action: 'moveVm', vmid: 9000, node: 'pve2' },
      seen: () => lab.simulator.world.vms.get(9000)?.node,
      want: 'pve2',
    },
    {
      name: 'kills a process',
      action: { action: 'killVm', vmid: 9000 },
      seen: () => lab.simulator.world.vms.get(9000)?.running,
      want: undefined,
    },
    {
      name: 'revokes a token',
      action: { action: 'revokeToken', id: 'operator@pve!k8s' },
      seen: () => lab.simulator.world.access.tokens.has('operator@pve!k8s'),
      want: false,
    },
    {
      name: 'revokes a privilege',
      action: { action: 'revokePrivilege', role: 'PveOperator', privilege: 'VM.Clone' },
      seen: () => lab.simulator.world.access.roles.get('PveOperator')?.has('VM.Clone'),
      want: false,
    },
    {
      name: 'sets a role',
      action: { action: 'setRole', role: 'PveOperator', privileges: ['VM.Audit'] },
      seen: () => [...(lab.simulator.world.access.roles.get('PveOperator') ?? [])],
      want: ['VM.Audit'],
    },
    {
      name: 'moves virtual time',
      action: { action: 'advance', ms: 86_400_000 },
      seen: () => lab.clock.now(),
      want: Date.UTC(2026, 10, 23, 5, 0, 0),
    },
  ];
  it.each(rows)('$name', async ({ action, seen, want }) => {
    expect(await act(action)).toBe(200);
    expect(seen()).toEqual(want);
  });

  const refused: { name: string; action: Record<string, unknown> }[] = [
    { name: 'an unknown one', action: { action: 'explode' } },
    { name: 'an unknown VM', action: { action: 'setLock', vmid: 1, lock: 'backup' } },
    { name: 'an unknown node', action: { action: 'nodeDown', node: 'pve9' } },
    { name: 'an unknown storage', action: { action: 'fillStorage', storage: 'tape' } },
    { name: 'a VMID that is taken', action: { action: 'stealVmid', vmid: 9000 } },
    { name: 'a misspelt field', action: { action: 'stealVmid', vmid: 100, nodes: 'pve1' } },
  ];
  it.each(refused)('is refused for $name', async ({ action }) => {
    expect(await act(action)).toBe(400);
  });
});

describe('for people', () => {
  it('there is a page with nodes, VMs and tasks', async () => {
    await lab.clone(100, { description: 'x' });
    lab.simulator.changeByHand(100, (options) => (options['name'] = '<b>bold</b>'));
    const response = await fetch(`${control.url}/`);
    const page = await response.text();
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    for (const text of ['pve2', '9000', 'debian-12', 'qmclone', 'OK', '&#60;b&#62;bold']) expect(page).toContain(text);
    expect(page).not.toContain('<b>');
  });

  it('nothing is anywhere else', async () => {
    const response = await fetch(`${control.url}/sim/nope`);
    expect([response.status, await response.json()]).toEqual([404, { error: 'nothing at GET /sim/nope' }]);
  });

  it('a body that is no JSON is refused', async () => {
    expect((await fetch(`${control.url}/sim/faults`, { method: 'POST', body: '{' })).status).toBe(400);
  });
});

function vmOptions(vmid: number): Record<string, string> {
  return lab.simulator.world.vms.get(vmid)?.options ?? {};
}

function nodeState(name: string): string | undefined {
  return lab.simulator.world.nodes.get(name)?.state;
}
