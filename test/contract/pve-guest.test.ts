// The client's contract with Proxmox VE for the guest's agent and for backups, and what each call says without its privilege.
import { describe, expect, it } from 'vitest';
import { missingPrivileges, neededPrivileges } from '../../src/pve/privileges.ts';
import { cloned, refusal, ROLE, running, startCluster, vm, type Cluster } from './pve-cluster.ts';

describe('the guest agent', () => {
  it('is away before the guest has booted, and there afterwards', async () => {
    const { api, done } = await cloned();
    await expect(api.agentPing(vm)).resolves.toBe(false);
    await done(await api.start(vm));
    await expect.poll(async () => api.agentPing(vm)).toBe(true);
    await expect(api.setUserPassword(vm, { username: 'root', password: 'pässwörd' })).resolves.toBeUndefined();
    const error = await refusal(api.setUserPassword(vm, { username: 'nobody-here', password: 'secret-1' }));
    expect(error).toMatchObject({
      kind: 'refused',
      detail: expect.stringContaining("user 'nobody-here' does not exist"),
    });
    expect(error.message).not.toContain('secret-1');
  });

  it.each(['absent', 'hanging'] as const)('that is %s does not answer', async (mode) => {
    const { api, simulator } = await running();
    simulator.setAgent(401, mode);
    await expect(api.agentPing(vm)).resolves.toBe(false);
    const error = await refusal(api.setUserPassword(vm, { username: 'root', password: 'secret-1' }));
    expect(error.kind).toBe(mode === 'absent' ? 'conflict' : 'timeout');
  });

  it('that is not configured does not answer', async () => {
    const { api, done, simulator } = await cloned();
    simulator.changeByHand(401, (options) => delete options['agent']);
    await done(await api.start(vm));
    await expect(api.agentPing(vm)).resolves.toBe(false);
  });

  it('of a VM that is not there is no answer but an error', async () => {
    const { api } = await startCluster();
    expect(await refusal(api.agentPing(vm))).toMatchObject({ kind: 'not-found', maybeApplied: false });
  });

  it('is asked before Proxmox VE 9 with the privilege of that release', async () => {
    const before9 = neededPrivileges.map((name) => (name.startsWith('VM.GuestAgent.') ? 'VM.Monitor' : name));
    const { api, done, simulator } = await cloned({ release: 8, roles: { [ROLE]: before9 } });
    await expect(api.version()).resolves.toMatchObject({ major: 8 });
    expect(missingPrivileges(await api.permissions())).toEqual([]);
    await done(await api.start(vm));
    await expect.poll(async () => api.agentPing(vm)).toBe(true);
    simulator.revokePrivilege(ROLE, 'VM.Monitor');
    expect(await refusal(api.agentPing(vm))).toMatchObject({ kind: 'forbidden' });
    expect(missingPrivileges(await api.permissions())).toEqual([expect.stringContaining('VM.Monitor')]);
  });
});

describe('backups', () => {
  const volid = 'backup:backup/vzdump-qemu-401-2026_11_22-05_58_42.vma.zst';

  async function withBackups(): Promise<Cluster> {
    const cluster = await cloned();
    const { volumes } = cluster.simulator.world;
    const made = { content: 'backup', format: 'vma.zst', sizeBytes: 16_426_621 } as const;
    volumes.add('backup', 'pve1', { ...made, name: volid.slice(7), vmid: 401, notes: 'web-1\nby hand' });
    volumes.add('backup', 'pve1', { ...made, name: 'backup/vzdump-qemu-9000-2026_11_22-05_58_42.vma.zst', vmid: 9000 });
    return cluster;
  }

  it('are those of the VM, and go one by one', async () => {
    const { api, done } = await withBackups();
    const found = await api.backups('pve2', 'backup', 401);
    expect(found).toEqual([
      { volid, vmid: 401, notes: 'web-1', ctime: expect.any(Number) as number, sizeBytes: 16_426_621 },
    ]);
    await done(await api.deleteVolume('pve1', 'backup', volid));
    await expect(api.backups('pve1', 'backup', 401)).resolves.toEqual([]);
    await expect(api.backups('pve1', 'backup', 9000)).resolves.toHaveLength(1);
    // Nobody can tell whether an answer that was lost came before: doing it again ends well.
    await done(await api.deleteVolume('pve1', 'backup', volid));
  });

  it('lie on the storages that say so', async () => {
    const { api } = await startCluster();
    const { storages } = await api.resources();
    const holding = storages.filter(({ content }) => content.includes('backup'));
    expect(holding.map(({ storage, node }) => `${storage} on ${node}`).sort()).toEqual([
      'backup on pve1',
      'backup on pve2',
    ]);
  });

  it('that are protected say so, and stay', async () => {
    const { api, simulator } = await withBackups();
    for (const volume of simulator.world.volumes.all()) if (volume.content === 'backup') volume.protected = true;
    await expect(api.backups('pve1', 'backup', 401)).resolves.toMatchObject([{ protected: true }]);
    const error = await refusal(api.deleteVolume('pve1', 'backup', volid));
    expect(error).toMatchObject({ kind: 'refused', detail: expect.stringContaining('cannot remove protected volume') });
    await expect(api.backups('pve1', 'backup', 401)).resolves.toHaveLength(1);
  });

  it('are hidden from a token without VM.Backup, not refused; deleting them is', async () => {
    const { api, simulator } = await withBackups();
    simulator.revokePrivilege(ROLE, 'VM.Backup');
    await expect(api.backups('pve1', 'backup', 401)).resolves.toEqual([]);
    const error = await refusal(api.deleteVolume('pve1', 'backup', volid));
    expect(error.privilege).toEqual([{ path: '/vms/401', privilege: 'VM.Backup' }]);
  });

  it('on a storage that is not there are refused', async () => {
    const { api } = await startCluster();
    expect(await refusal(api.backups('pve1', 'nope', 401))).toMatchObject({ kind: 'refused' });
    expect(await refusal(api.deleteVolume('pve1', 'backup', 'other:backup/x'))).toMatchObject({
      kind: 'schema-rejected',
    });
  });
});

describe('a privilege that is missing', () => {
  const rows: { privilege: string; name: string; call: (cluster: Cluster) => Promise<unknown> }[] = [
    { privilege: 'VM.PowerMgmt', name: 'shutdown', call: async ({ api }) => api.shutdown(vm, { timeoutSeconds: 1 }) },
    { privilege: 'VM.PowerMgmt', name: 'reboot', call: async ({ api }) => api.reboot(vm) },
    { privilege: 'VM.PowerMgmt', name: 'reset', call: async ({ api }) => api.reset(vm) },
    { privilege: 'VM.Audit', name: 'snapshots', call: async ({ api }) => api.snapshots(vm) },
    { privilege: 'VM.Snapshot', name: 'deleteSnapshot', call: async ({ api }) => api.deleteSnapshot(vm, 'a1') },
    {
      privilege: 'VM.Config.Disk',
      name: 'unlinkDisks',
      call: async ({ api }) => api.unlinkDisks(vm, { disks: ['scsi1'], force: true }),
    },
    { privilege: 'VM.GuestAgent.Unrestricted', name: 'agentPing', call: async ({ api }) => api.agentPing(vm) },
    {
      privilege: 'VM.GuestAgent.Unrestricted',
      name: 'setUserPassword',
      call: async ({ api }) => api.setUserPassword(vm, { username: 'root', password: 'secret-1' }),
    },
  ];
  it.each(rows)('has its name at $name: $privilege', async ({ privilege, call }) => {
    const cluster = await cloned();
    cluster.simulator.revokePrivilege(ROLE, privilege);
    const error = await refusal(call(cluster));
    expect(error).toMatchObject({ kind: 'forbidden', maybeApplied: false });
    expect(error.privilege).toContainEqual({ path: '/vms/401', privilege });
  });
});
