// Tests for the client: what its calls send, and what it makes of answers.
import { describe, expect, it } from 'vitest';
import type { PveApi } from './client.ts';
import { PveParameterError } from './parameters.ts';
import { fakeApi, ok, refusal, upid, vm } from './testing/fake-api.ts';
import type { PveRequest } from './transport.ts';
import type { Upid } from './upid.ts';

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
      name: 'a shutdown that ends the VM in the end',
      call: async (api) => api.shutdown(vm, { timeoutSeconds: 90, forceStop: true }),
      data: upid,
      want: { method: 'POST', path: '/nodes/pve1/qemu/401/status/shutdown', form: { timeout: '90', forceStop: '1' } },
    },
    {
      name: 'a shutdown that only asks',
      call: async (api) => api.shutdown(vm, { timeoutSeconds: 0 }),
      data: upid,
      want: { form: { timeout: '0' } },
    },
    {
      name: 'a reboot',
      call: async (api) => api.reboot(vm),
      data: upid,
      want: { method: 'POST', path: '/nodes/pve1/qemu/401/status/reboot', form: {} },
    },
    {
      name: 'a reboot with a time of its own',
      call: async (api) => api.reboot(vm, { timeoutSeconds: 30 }),
      data: upid,
      want: { form: { timeout: '30' } },
    },
    {
      name: 'a reset',
      call: async (api) => api.reset(vm),
      data: upid,
      want: { method: 'POST', path: '/nodes/pve1/qemu/401/status/reset', form: {} },
    },
    {
      name: 'a deletion of drives with their volumes, guarded',
      call: async (api) => api.updateConfig(vm, { set: {}, delete: ['scsi1'], destroyVolumes: true, digest: 'abc' }),
      data: null,
      want: {
        path: '/nodes/pve1/qemu/401/config',
        form: { delete: 'scsi1', force: '1', digest: 'abc', background_delay: '10' },
      },
    },
    {
      name: 'unlinked disks',
      call: async (api) =>
        api.unlinkDisks(vm, { disks: ['scsi1', 'unused0', 'ide3', 'sata5', 'virtio2'], force: true }),
      data: null,
      want: {
        method: 'PUT',
        path: '/nodes/pve1/qemu/401/unlink',
        form: { idlist: 'scsi1,unused0,ide3,sata5,virtio2', force: '1' },
        timeoutMs: 60_000,
      },
    },
    {
      name: 'a look at the snapshots',
      call: async (api) => api.snapshots(vm),
      data: [],
      want: { method: 'GET', path: '/nodes/pve1/qemu/401/snapshot', query: {} },
    },
    {
      name: "a snapshot's end",
      call: async (api) => api.deleteSnapshot(vm, 'before-update'),
      data: upid,
      want: { method: 'DELETE', path: '/nodes/pve1/qemu/401/snapshot/before-update', query: {} },
    },
    {
      name: "a question for the agent, with a read's time",
      call: async (api) => api.agentPing(vm),
      data: { result: {} },
      want: { method: 'POST', path: '/nodes/pve1/qemu/401/agent/ping', form: {}, timeoutMs: 10_000 },
    },
    {
      name: 'a password',
      call: async (api) => api.setUserPassword(vm, { username: 'root', password: 'pä ss&w=örd' }),
      data: { result: {} },
      want: {
        method: 'POST',
        path: '/nodes/pve1/qemu/401/agent/set-user-password',
        form: { username: 'root', password: 'pä ss&w=örd' },
        timeoutMs: 60_000,
      },
    },
    {
      name: 'a look at the backups',
      call: async (api) => api.backups('pve1', 'backup', 401),
      data: [],
      want: { method: 'GET', path: '/nodes/pve1/storage/backup/content', query: { content: 'backup', vmid: '401' } },
    },
    {
      name: "a volume's end",
      call: async (api) => api.deleteVolume('pve1', 'backup', 'backup:backup/vzdump-qemu-401.vma.zst'),
      data: null,
      want: {
        method: 'DELETE',
        path: '/nodes/pve1/storage/backup/content/backup:backup%2Fvzdump-qemu-401.vma.zst',
        query: { delay: '10' },
      },
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
    {
      name: 'volumes destroyed of nothing',
      call: async (api) => api.updateConfig(vm, { set: {}, destroyVolumes: true }),
    },
    {
      name: 'volumes destroyed of nothing deleted',
      call: async (api) => api.updateConfig(vm, { set: { cores: 2 }, delete: [], destroyVolumes: true }),
    },
    { name: 'unlinking nothing', call: async (api) => api.unlinkDisks(vm, { disks: [], force: true }) },
    { name: 'unlinking a card', call: async (api) => api.unlinkDisks(vm, { disks: ['scsi1', 'net0'], force: true }) },
    { name: 'unlinking an option', call: async (api) => api.unlinkDisks(vm, { disks: ['cores'], force: true }) },
    { name: 'unlinking two in one', call: async (api) => api.unlinkDisks(vm, { disks: ['scsi1,scsi0'], force: true }) },
    { name: 'waiting less than no time', call: async (api) => api.shutdown(vm, { timeoutSeconds: -1 }) },
    { name: 'waiting for half a second', call: async (api) => api.reboot(vm, { timeoutSeconds: 0.5 }) },
    { name: 'a snapshot without a name', call: async (api) => api.deleteSnapshot(vm, '') },
    { name: 'all snapshots at once', call: async (api) => api.deleteSnapshot(vm, '..') },
    {
      name: 'a password too short for Proxmox',
      call: async (api) => api.setUserPassword(vm, { username: 'root', password: '1234' }),
    },
    {
      name: 'a password with a line break',
      call: async (api) => api.setUserPassword(vm, { username: 'root', password: 'secret\nroot:other' }),
    },
    {
      name: 'a user with a password in its name',
      call: async (api) => api.setUserPassword(vm, { username: 'root:x', password: 'secret' }),
    },
    { name: 'backups of no VM', call: async (api) => api.backups('pve1', 'backup', 0) },
    { name: 'a volume without a name', call: async (api) => api.deleteVolume('pve1', 'backup', '') },
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
