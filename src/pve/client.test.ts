// Tests for the client: what it sends, what it repeats and what it makes of answers.
import { describe, expect, it } from 'vitest';
import { createPveApi, type PveApi } from './client.ts';
import { PveError, type PveAnswer } from './errors.ts';
import { PveParameterError } from './parameters.ts';
import { virtualClock } from './testing/virtual-clock.ts';
import type { PveRequest } from './transport.ts';
import type { Upid } from './upid.ts';

const upid = 'UPID:pve1:00007215:0009D87A:6B02853F:qmclone:9000:op@pve!k8s:' as Upid;
const vm = { node: 'pve1', vmid: 401 };

type Reply = PveAnswer | Error;

const ok = (data: unknown, total?: number): PveAnswer => ({
  status: 200,
  reason: 'OK',
  body: JSON.stringify({ data, total }),
});
const refusal = (status: number, reason: string): PveAnswer => ({
  status,
  reason,
  body: JSON.stringify({ data: null, message: reason }),
});
const unreachable = (maybeApplied = false): PveError =>
  new PveError({ kind: 'unreachable', call: 'x', detail: 'gone', maybeApplied });

function fakeApi(...replies: Reply[]) {
  const clock = virtualClock();
  const requests: PveRequest[] = [];
  const api = createPveApi({
    clock,
    random: () => 0.5,
    transport: async (request) => {
      requests.push(request);
      const reply = replies.shift();
      if (reply === undefined) throw new TypeError('no reply is left');
      if (reply instanceof Error) throw reply;
      return reply;
    },
  });
  return { api, clock, requests };
}

describe('what is sent', () => {
  const rows: { name: string; call: (api: PveApi) => Promise<unknown>; data: unknown; want: Partial<PveRequest> }[] = [
    {
      name: 'resources',
      call: async (api) => api.resources(),
      data: [],
      want: { method: 'GET', path: '/cluster/resources', query: {}, timeoutMs: 10_000 },
    },
    {
      name: 'the running config',
      call: async (api) => api.config(vm, { current: true }),
      data: { digest: 'd' },
      want: { path: '/nodes/pve1/qemu/401/config', query: { current: '1' } },
    },
    {
      name: 'a clone',
      call: async (api) =>
        api.clone({
          source: { node: 'pve1', vmid: 9000 },
          newid: 401,
          name: 'web-1',
          full: true,
          storage: 'shared',
          description: 'a\nb',
        }),
      data: upid,
      want: {
        method: 'POST',
        path: '/nodes/pve1/qemu/9000/clone',
        form: { newid: '401', name: 'web-1', full: '1', storage: 'shared', description: 'a\nb' },
        timeoutMs: 60_000,
      },
    },
    {
      name: 'a config change',
      call: async (api) =>
        api.updateConfig(vm, {
          set: { cores: 2, scsi0: 'l:1,iops_rd=5' },
          delete: ['net1', 'ide2'],
          digest: 'abc',
          revert: ['memory'],
        }),
      data: null,
      want: {
        method: 'POST',
        path: '/nodes/pve1/qemu/401/config',
        form: {
          cores: '2',
          scsi0: 'l:1,iops_rd=5',
          delete: 'net1,ide2',
          digest: 'abc',
          revert: 'memory',
          background_delay: '10',
        },
      },
    },
    {
      name: 'growing to GiB',
      call: async (api) => api.resize(vm, { disk: 'scsi0', sizeGiB: 40 }),
      data: upid,
      want: { method: 'PUT', path: '/nodes/pve1/qemu/401/resize', form: { disk: 'scsi0', size: '40G' } },
    },
    {
      name: 'growing to bytes',
      call: async (api) => api.resize(vm, { disk: 'scsi0', sizeBytes: 1025 }),
      data: upid,
      want: { form: { disk: 'scsi0', size: '1025' } },
    },
    {
      name: 'a migration',
      call: async (api) => api.migrate(vm, { target: 'pve2', targetStorage: 'fast' }),
      data: upid,
      want: { method: 'POST', path: '/nodes/pve1/qemu/401/migrate', form: { target: 'pve2', targetstorage: 'fast' } },
    },
    {
      name: 'a start',
      call: async (api) => api.start(vm),
      data: upid,
      want: { method: 'POST', path: '/nodes/pve1/qemu/401/status/start', form: {} },
    },
    {
      name: 'a stop over a shutdown',
      call: async (api) => api.stop(vm, { overruleShutdown: true }),
      data: upid,
      want: { path: '/nodes/pve1/qemu/401/status/stop', form: { 'overrule-shutdown': '1' } },
    },
    {
      name: 'a destroy, with its parameters in the query',
      call: async (api) => api.destroy(vm, { purge: true }),
      data: upid,
      want: { method: 'DELETE', path: '/nodes/pve1/qemu/401', query: { purge: '1' } },
    },
    {
      name: 'firewall options',
      call: async (api) =>
        api.setFirewallOptions(vm, { enable: true, dhcp: false, policy_in: 'DROP', delete: ['radv'], digest: 'd' }),
      data: null,
      want: { method: 'PUT', form: { enable: '1', dhcp: '0', policy_in: 'DROP', delete: 'radv', digest: 'd' } },
    },
    {
      name: 'a new set',
      call: async (api) => api.createIpset(vm, 'ipfilter-net0'),
      data: null,
      want: { method: 'POST', path: '/nodes/pve1/qemu/401/firewall/ipset', form: { name: 'ipfilter-net0' } },
    },
    {
      name: "a set's end, with its members",
      call: async (api) => api.deleteIpset(vm, 'ipfilter-net0'),
      data: null,
      want: { method: 'DELETE', path: '/nodes/pve1/qemu/401/firewall/ipset/ipfilter-net0', query: { force: '1' } },
    },
    {
      name: 'a new member',
      call: async (api) => api.addToIpset(vm, 'ipfilter-net0', 'fd00::50'),
      data: null,
      want: { path: '/nodes/pve1/qemu/401/firewall/ipset/ipfilter-net0', form: { cidr: 'fd00::50' } },
    },
    {
      name: "a member's end, its slash encoded",
      call: async (api) => api.removeFromIpset(vm, 'ipfilter-net0', 'fd00::/64'),
      data: null,
      want: { method: 'DELETE', path: '/nodes/pve1/qemu/401/firewall/ipset/ipfilter-net0/fd00::%2F64' },
    },
    {
      name: "a task's status, asked on its node",
      call: async (api) => api.taskStatus(upid),
      data: { status: 'running' },
      want: { path: `/nodes/pve1/tasks/${upid}/status` },
    },
  ];
  it.each(rows)('$name', async ({ call, data, want }) => {
    const { api, requests } = fakeApi(ok(data));
    await call(api);
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject(want);
    // GET and DELETE with a body are answered with 501.
    const { method, form, query } = requests[0] as PveRequest;
    expect(method === 'GET' || method === 'DELETE' ? form : query).toBeUndefined();
  });

  const refused: { name: string; call: (api: PveApi) => Promise<unknown> }[] = [
    { name: 'an empty change', call: async (api) => api.updateConfig(vm, { set: {} }) },
    {
      name: 'an option set and deleted',
      call: async (api) => api.updateConfig(vm, { set: { net1: 'x' }, delete: ['net1'] }),
    },
    { name: 'deleting what does not exist', call: async (api) => api.updateConfig(vm, { set: {}, delete: ['args'] }) },
    { name: 'deleting with a comma', call: async (api) => api.updateConfig(vm, { set: {}, delete: ['net1,scsi0'] }) },
    { name: 'a node without a name', call: async (api) => api.config({ node: '', vmid: 401 }) },
    { name: 'a node that climbs', call: async (api) => api.config({ node: '..', vmid: 401 }) },
    { name: 'a task without a node', call: async (api) => api.taskStatus('UPID:x' as Upid) },
    { name: 'a set with an odd name', call: async (api) => api.createIpset(vm, '1 set') },
  ];
  it.each(refused)('refuses $name before sending', async ({ call }) => {
    const { api, requests } = fakeApi();
    await expect(call(api)).rejects.toThrow(PveParameterError);
    expect(requests).toHaveLength(0);
  });

  it('encodes what stands in a path', async () => {
    const { api, requests } = fakeApi(ok([]));
    await api.pending({ node: 'a/../b?c', vmid: 401 });
    expect(requests[0]?.path).toBe('/nodes/a%2F..%2Fb%3Fc/qemu/401/pending');
  });
});

describe('repeating', () => {
  const broken: { name: string; reply: Reply }[] = [
    { name: 'an unreachable server', reply: unreachable() },
    { name: 'a node that is away', reply: refusal(595, 'No route to host') },
    { name: 'a cut call', reply: refusal(596, 'Connection timed out') },
    { name: 'a proxy without a backend', reply: refusal(503, 'Service Unavailable') },
  ];
  it.each(broken)('repeats a read after $name', async ({ reply }) => {
    const { api, clock, requests } = fakeApi(reply, reply, ok({ digest: 'd' }));
    const config = api.config(vm);
    await clock.advance(1_000);
    await expect(config).resolves.toMatchObject({ digest: 'd' });
    expect(requests).toHaveLength(3);
  });

  it('gives up after two repetitions', async () => {
    const { api, clock, requests } = fakeApi(unreachable(), unreachable(), unreachable(), ok([]));
    const found = expect(api.resources()).rejects.toMatchObject({ kind: 'unreachable' });
    await clock.advance(10_000);
    await found;
    expect(requests).toHaveLength(3);
  });

  it('waits longer each time', async () => {
    const { api, clock, requests } = fakeApi(unreachable(), unreachable(), ok([]));
    const found = api.resources();
    await clock.advance(199);
    expect(requests).toHaveLength(1);
    await clock.advance(1);
    expect(requests).toHaveLength(2);
    await clock.advance(399);
    expect(requests).toHaveLength(2);
    await clock.advance(1);
    await found;
  });

  const lasting: Reply[] = [
    refusal(401, 'Authentication failed!'),
    refusal(403, 'Permission check failed'),
    refusal(500, "Configuration file 'x' does not exist"),
    refusal(500, 'VM is locked (backup)'),
  ];
  it.each(lasting)('does not repeat a read after $reason', async (reply) => {
    const { api, requests } = fakeApi(reply, ok({ digest: 'd' }));
    await expect(api.config(vm)).rejects.toThrow(PveError);
    expect(requests).toHaveLength(1);
  });

  it.each(broken)('never repeats a write after $name', async ({ reply }) => {
    const { api, clock, requests } = fakeApi(reply, ok(upid));
    const started = expect(api.start(vm)).rejects.toThrow(PveError);
    await clock.advance(10_000);
    await started;
    expect(requests).toHaveLength(1);
  });
});

describe('errors', () => {
  it('name the call, not the path', async () => {
    const { api } = fakeApi(refusal(500, 'VM is locked (backup)'));
    await expect(api.start(vm)).rejects.toMatchObject({
      kind: 'locked',
      call: 'POST /nodes/{node}/qemu/{vmid}/status/start',
    });
  });

  it('take a transport that breaks for a write that may have happened', async () => {
    const { api } = fakeApi(new TypeError('broken'));
    await expect(api.start(vm)).rejects.toMatchObject({ kind: 'unreachable', maybeApplied: true, detail: 'broken' });
  });

  it('take a wrong answer to a write for one that has happened', async () => {
    const { api } = fakeApi(ok('OK'));
    await expect(api.start(vm)).rejects.toMatchObject({ kind: 'unreadable', maybeApplied: true });
  });
});

describe('answers', () => {
  it('give null for a config change that is done, and its task for one that lasts', async () => {
    const { api } = fakeApi(ok(null), ok(upid));
    await expect(api.updateConfig(vm, { set: { cores: 2 } })).resolves.toBeNull();
    await expect(api.updateConfig(vm, { set: { cores: 2 } })).resolves.toBe(upid);
  });

  it('give null for a set that is missing, and nothing else', async () => {
    const { api } = fakeApi(
      refusal(500, "no such IPSet 'x'"),
      refusal(500, 'VM is locked (x)'),
      ok([{ cidr: '10.0.0.1' }]),
    );
    await expect(api.ipset(vm, 'x')).resolves.toBeNull();
    await expect(api.ipset(vm, 'x')).rejects.toMatchObject({ kind: 'locked' });
    await expect(api.ipset(vm, 'x')).resolves.toEqual(['10.0.0.1']);
  });

  const lines = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => ({ n: from + index + 1, t: `line ${from + index + 1}` }));

  it("give a short log's end with one call", async () => {
    const { api, requests } = fakeApi(ok(lines(0, 12), 12));
    await expect(api.taskLog(upid, { tail: 2 })).resolves.toEqual(['line 11', 'line 12']);
    expect(requests).toHaveLength(1);
  });

  it("give a long log's end with two", async () => {
    const { api, requests } = fakeApi(ok(lines(0, 500), 700), ok(lines(690, 700), 700));
    await expect(api.taskLog(upid, { tail: 10 })).resolves.toHaveLength(10);
    expect(requests[1]?.query).toMatchObject({ start: '690' });
  });
});
