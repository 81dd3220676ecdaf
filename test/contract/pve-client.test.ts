// The client's contract with Proxmox VE, held against the simulator: the whole life of a VM, and how it can fail.
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { findSystemDisk, parseDrive, printDrive, withLimits } from '../../src/pve/drive.ts';
import { classifyPveError, taskFailure } from '../../src/pve/errors.ts';
import { createInventory } from '../../src/pve/inventory.ts';
import { printIpConfig } from '../../src/pve/ipconfig.ts';
import { parseNic, printNic } from '../../src/pve/nic.ts';
import { missingPrivileges } from '../../src/pve/privileges.ts';
import { decodeSshKeys, encodeSshKeys } from '../../src/pve/ssh-keys.ts';
import { judgeIdentity, printStamp } from '../../src/pve/stamp.ts';
import { isUpid, type Upid } from '../../src/pve/upid.ts';
import { cloned, owner, refusal, ROLE, startCluster, template, token, vm, type Cluster } from './pve-cluster.ts';

describe("a VM's life", () => {
  it('goes from clone to running and away again', async () => {
    const { api, done, simulator } = await cloned();
    const config = await api.config(vm);
    expect(judgeIdentity(config, owner)).toBe('ours');
    expect(judgeIdentity(config, { ...owner, uid: 'another' })).toBe('foreign');

    const system = findSystemDisk(config);
    if ('error' in system) throw new Error(system.error);
    const nic = parseNic(config.values.get('net0') ?? '');
    const keys = ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHc5kz4cLCzLVJRYOEDLDhSYBFKWQ6b7IGPCzU3FNk2w user@example'];
    await done(
      await api.updateConfig(vm, {
        digest: config.digest,
        set: {
          cores: 2,
          memory: 1024,
          [system.key]: printDrive(withLimits(system.drive, { readMBps: 100, writeIops: 500 })),
          scsi1: 'shared:1,format=qcow2',
          net0: printNic({ ...nic, tag: 7, rate: 12.5 }),
          ipconfig0: printIpConfig({ ip: '192.0.2.7/24', gw: '192.0.2.1', ip6: 'auto' }),
          ciuser: 'root',
          cipassword: 'Secret123!',
          sshkeys: encodeSshKeys(keys),
          onboot: 1,
        },
      }),
    );
    await done(await api.resize(vm, { disk: system.key, sizeGiB: 5 }));

    const changed = await api.config(vm, { current: true });
    expect(changed.digest).not.toBe(config.digest);
    expect(parseDrive(changed.values.get(system.key) ?? '')).toMatchObject({ sizeBytes: 5 * 1024 ** 3 });
    expect(parseDrive(changed.values.get('scsi1') ?? '')).toMatchObject({ format: 'qcow2', sizeBytes: 1024 ** 3 });
    expect(parseNic(changed.values.get('net0') ?? '')).toMatchObject({ mac: nic.mac, tag: 7, rate: 12.5 });
    expect(decodeSshKeys(changed.values.get('sshkeys') ?? '')).toEqual(keys);
    expect(changed.values.get('cipassword')).toBe('**********');
    expect((await api.pending(vm)).filter(({ pending, deletion }) => pending !== undefined || deletion)).toEqual([]);

    await done(await api.start(vm));
    await expect(api.status(vm)).resolves.toMatchObject({ status: 'running', qmpStatus: 'running', haManaged: false });
    await done(await api.stop(vm, { overruleShutdown: true }));
    await expect(api.status(vm)).resolves.toMatchObject({ status: 'stopped' });

    await done(await api.destroy(vm, { purge: true }));
    expect(await refusal(api.config(vm))).toMatchObject({ kind: 'not-found', status: 500 });
    expect(simulator.world.vms.has(401)).toBe(false);
  });

  it('can move to another node, where it is to be looked for from then on', async () => {
    const { api, done } = await cloned();
    await done(await api.migrate(vm, { target: 'pve2' }));
    expect(await refusal(api.config(vm))).toMatchObject({ kind: 'not-found' });
    expect(judgeIdentity(await api.config({ ...vm, node: 'pve2' }), owner)).toBe('ours');
  });

  it('shows a placeholder while it is cloned', async () => {
    const { api, done } = await startCluster();
    const upid = await api.clone({
      source: template,
      newid: 401,
      full: true,
      storage: 'local',
      description: printStamp(owner),
    });
    const early = judgeIdentity(await api.config(vm), owner);
    await done(upid);
    expect(['cloning', 'ours']).toContain(early);
    expect(judgeIdentity(await api.config(vm), owner)).toBe('ours');
  });
});

describe('the firewall', () => {
  it('takes options and sets, and tells what is there', async () => {
    const { api } = await cloned();
    const before = await api.firewallOptions(vm);
    await api.setFirewallOptions(vm, {
      enable: true,
      ipfilter: true,
      dhcp: false,
      policy_in: 'DROP',
      digest: before.digest,
    });
    await expect(api.firewallOptions(vm)).resolves.toMatchObject({
      enable: true,
      ipfilter: true,
      dhcp: false,
      policy_in: 'DROP',
    });
    await api.setFirewallOptions(vm, { delete: ['ipfilter'] });
    expect((await api.firewallOptions(vm)).ipfilter).toBeUndefined();

    await expect(api.ipset(vm, 'ipfilter-net0')).resolves.toBeNull();
    await api.createIpset(vm, 'ipfilter-net0');
    await expect(api.ipset(vm, 'ipfilter-net0')).resolves.toEqual([]);
    await api.addToIpset(vm, 'ipfilter-net0', '192.0.2.7');
    await api.addToIpset(vm, 'ipfilter-net0', 'fd00::/64');
    expect((await api.ipset(vm, 'ipfilter-net0'))?.sort()).toEqual(['192.0.2.7', 'fd00::/64']);
    await api.removeFromIpset(vm, 'ipfilter-net0', 'fd00::/64');
    await expect(api.ipset(vm, 'ipfilter-net0')).resolves.toEqual(['192.0.2.7']);
    await api.deleteIpset(vm, 'ipfilter-net0');
    await expect(api.ipset(vm, 'ipfilter-net0')).resolves.toBeNull();
  });

  it('says what is there already, and who was faster', async () => {
    const { api } = await cloned();
    await api.createIpset(vm, 'ipfilter-net0');
    expect(await refusal(api.createIpset(vm, 'ipfilter-net0'))).toMatchObject({ kind: 'exists' });
    await api.addToIpset(vm, 'ipfilter-net0', '192.0.2.7');
    expect(await refusal(api.addToIpset(vm, 'ipfilter-net0', '192.0.2.7'))).toMatchObject({ kind: 'exists' });
    expect(await refusal(api.addToIpset(vm, 'nope', '192.0.2.7'))).toMatchObject({ kind: 'not-found' });
    const digest = '0'.repeat(40);
    expect(await refusal(api.setFirewallOptions(vm, { enable: true, digest }))).toMatchObject({ kind: 'conflict' });
  });
});

describe('the cluster', () => {
  it('says who and how it is', async () => {
    const { api } = await startCluster();
    await expect(api.version()).resolves.toMatchObject({ major: 9, release: '9.2' });
    await expect(api.clusterStatus()).resolves.toMatchObject({
      quorate: true,
      nodes: expect.arrayContaining([expect.objectContaining({ name: 'pve2', online: true })]),
    });
    expect(missingPrivileges(await api.permissions())).toEqual([]);
  });

  it('lists what it has, with units', async () => {
    const { api } = await startCluster();
    const { nodes, vms, storages } = await api.resources();
    expect(nodes.map(({ name, status }) => `${name} ${status}`).sort()).toEqual(['pve1 online', 'pve2 online']);
    expect(nodes[0]?.maxMemoryBytes).toBeGreaterThan(1024 ** 3);
    expect(vms).toContainEqual(
      expect.objectContaining({
        ...template,
        template: true,
        type: 'qemu',
        status: 'stopped',
        maxMemoryBytes: 512 * 1024 ** 2,
      }),
    );
    expect(storages.filter(({ storage }) => storage === 'shared')).toHaveLength(2);
  });

  it('lists tasks while they run and when they have ended', async () => {
    const { api, done } = await startCluster();
    const upid = await api.clone({ source: template, newid: 401, full: true, storage: 'local' });
    expect(isUpid(upid)).toBe(true);
    const listed = (await api.clusterTasks()).find((task) => task.upid === upid);
    expect(listed).toMatchObject({ type: 'qmclone', id: '9000', node: 'pve1' });
    await done(upid);
    await expect(api.taskStatus(upid)).resolves.toEqual({ state: 'ok', warnings: 0 });
    const log = await api.taskLog(upid, { tail: 3 });
    expect(log.at(-1)).toBe('TASK OK');
    expect(log.length).toBeLessThanOrEqual(3);
  });

  it('is seen by one inventory', async () => {
    const { api, done, simulator } = await startCluster();
    const inventory = createInventory({ api, clock: systemClock, random: () => 0 });
    await done(await api.clone({ source: template, newid: 401 }));
    const snapshot = await inventory.refresh();
    expect(new Set(snapshot.vms.keys())).toEqual(new Set([401, 9000]));
    expect(inventory.health.state).toBe('reachable');
    simulator.revokeToken(token.id);
    expect(await refusal(inventory.refresh())).toMatchObject({ kind: 'unauthorized' });
    expect(inventory.health.state).toBe('unauthorized');
    expect(inventory.snapshot()).toBe(snapshot);
  });
});

describe('refusals', () => {
  it('of a VMID that is taken', async () => {
    const { api } = await cloned();
    expect(await refusal(api.clone({ source: template, newid: 401 }))).toMatchObject({ kind: 'exists' });
  });

  it('of a change that somebody else has overtaken', async () => {
    const { api } = await cloned();
    const { digest } = await api.config(vm);
    await api.updateConfig(vm, { set: { cores: 2 }, digest });
    const error = await refusal(api.updateConfig(vm, { set: { cores: 3 }, digest }));
    expect(error).toMatchObject({ kind: 'conflict' });
    expect(classifyPveError(error)).toBe('transient');
  });

  it('of a locked VM, at once and in tasks', async () => {
    const { api, simulator, ended } = await cloned();
    simulator.setLock(401, 'backup');
    const error = await refusal(api.updateConfig(vm, { set: { cores: 2 } }));
    expect(error).toMatchObject({ kind: 'locked', detail: expect.stringContaining('VM is locked (backup)') });
    expect(classifyPveError(error)).toBe('waiting');
    const end = await ended(await api.resize(vm, { disk: 'scsi0', sizeGiB: 9 }));
    expect(end).toMatchObject({ state: 'failed', exitstatus: 'VM is locked (backup)' });
  });

  it('of a VM that is not there: at once, or only in the task', async () => {
    const { api, ended } = await startCluster();
    const missing = { node: 'pve1', vmid: 999 };
    for (const call of [
      api.config(missing),
      api.status(missing),
      api.pending(missing),
      api.destroy(missing, { purge: true }),
      api.migrate(missing, { target: 'pve2' }),
      api.updateConfig(missing, { set: { cores: 1 } }),
    ]) {
      expect(await refusal(call)).toMatchObject({ kind: 'not-found' });
    }
    const end = await ended(await api.resize(missing, { disk: 'scsi0', sizeGiB: 9 }));
    expect(end.state === 'failed' && taskFailure(end.exitstatus, end.logTail ?? []).kind).toBe('not-found');
  });

  it('of a disk that would shrink, with its reason from the task', async () => {
    const { api, ended } = await cloned();
    const end = await ended(await api.resize(vm, { disk: 'scsi0', sizeGiB: 1 }));
    expect(end).toMatchObject({
      state: 'failed',
      logTail: expect.arrayContaining([expect.stringContaining('shrinking disks is not supported')]),
    });
  });

  it('that leave a part behind, which can be reverted', async () => {
    const { api } = await cloned();
    const error = await refusal(api.updateConfig(vm, { set: { memory: 777, boot: 'order=scsi9' } }));
    expect(error).toMatchObject({ kind: 'refused' });
    expect(classifyPveError(error)).toBe('stalled');
    const left = (await api.pending(vm)).filter(({ pending }) => pending !== undefined).map(({ key }) => key);
    expect(left).toContain('memory');
    await api.updateConfig(vm, { set: {}, revert: left });
    expect((await api.pending(vm)).filter(({ pending }) => pending !== undefined)).toEqual([]);
  });

  it('of a token that was revoked', async () => {
    const { api, simulator } = await startCluster();
    simulator.revokeToken(token.id);
    expect(await refusal(api.version())).toMatchObject({ kind: 'unauthorized', maybeApplied: false });
  });

  const privileges = [
    { privilege: 'VM.Config.CPU', call: async ({ api }: Cluster) => api.updateConfig(vm, { set: { cores: 2 } }) },
    { privilege: 'VM.PowerMgmt', call: async ({ api }: Cluster) => api.start(vm) },
    { privilege: 'VM.Clone', call: async ({ api }: Cluster) => api.clone({ source: template, newid: 402 }) },
    { privilege: 'VM.Migrate', call: async ({ api }: Cluster) => api.migrate(vm, { target: 'pve2' }) },
    {
      privilege: 'SDN.Use',
      call: async ({ api }: Cluster) => api.updateConfig(vm, { set: { net1: 'virtio,bridge=vmbr0' } }),
    },
    { privilege: 'VM.Allocate', call: async ({ api }: Cluster) => api.clone({ source: template, newid: 402 }) },
  ];
  it.each(privileges)('of a token without $privilege, named', async ({ privilege, call }) => {
    const cluster = await cloned();
    cluster.simulator.revokePrivilege(ROLE, privilege);
    const error = await refusal(call(cluster));
    expect(error).toMatchObject({ kind: 'forbidden' });
    expect(error.privilege).toContainEqual(expect.objectContaining({ privilege }));
  });
});

describe('faults on the way', () => {
  it('make a read that was reset or cut come again', async () => {
    const { api, simulator } = await cloned();
    simulator.faults.add({ match: { path: /config$/ }, when: 'before', effect: 'reset' });
    simulator.faults.add({
      match: { path: /pending$/ },
      when: 'before',
      effect: { status: 596, reason: 'Connection timed out' },
    });
    await expect(api.config(vm)).resolves.toHaveProperty('digest');
    await expect(api.pending(vm)).resolves.not.toEqual([]);
  });

  const lost = [
    { name: 'its answer was lost', effect: 'reset' as const },
    { name: 'its answer never came', effect: 'timeout' as const },
    { name: 'its answer broke off', effect: 'truncate' as const },
    { name: 'the node behind the proxy went away', effect: { status: 596, reason: 'Broken pipe' } },
  ];
  it.each(lost)('leave a write in doubt when $name; it has happened once', async ({ effect }) => {
    const cluster = await startCluster();
    const api = cluster.connect({}, { writeTimeoutMs: 400 });
    cluster.simulator.faults.add({ match: { method: 'POST', path: /clone$/ }, when: 'after', effect });
    const error = await refusal(api.clone({ source: template, newid: 401, description: printStamp(owner) }));
    expect(classifyPveError(error)).toBe('unknown');
    expect(cluster.simulator.requests.filter(({ path }) => path.endsWith('/clone'))).toHaveLength(1);
    // What a reconcile does next: look.
    await expect.poll(async () => judgeIdentity(await api.config(vm), owner)).toBe('ours');
  });

  it('make reads go on through another endpoint', async () => {
    const { connect, listening, simulator } = await startCluster();
    const { pve1, pve2 } = listening.nodeUrls as { pve1: string; pve2: string };
    const api = connect({ endpoints: [pve1, pve2] });
    await api.version();
    simulator.faults.add({ match: { path: /^\/version$/ }, when: 'before', effect: 'reset', times: 2 });
    await expect(api.version()).resolves.toMatchObject({ major: 9 });
  });

  it('of the wrong certificate end before the token is sent', async () => {
    const { connect, simulator } = await startCluster();
    const api = connect({ tls: { fingerprint: 'AB'.repeat(32) } });
    expect(await refusal(api.version())).toMatchObject({ kind: 'certificate' });
    expect(simulator.requests).toHaveLength(0);
  });

  it('do not touch a client that pins the right one', async () => {
    const { connect, listening } = await startCluster();
    await expect(connect({ tls: { fingerprint: listening.fingerprint } }).version()).resolves.toMatchObject({
      major: 9,
    });
  });

  it('of a node that is down: the cluster answers, its VMs do not', async () => {
    const { api, simulator } = await startCluster();
    simulator.nodeDown('pve2');
    const error = await refusal(api.start({ node: 'pve2', vmid: 402 }));
    expect(['unreachable', 'no-quorum', 'timeout']).toContain(error.kind);
  });
});

it('a task nobody knows is not found', async () => {
  const { api } = await startCluster();
  const upid = 'UPID:pve1:00000001:00000001:60000000:qmclone:9000:operator@pve!k8s:' as Upid;
  expect(await refusal(api.taskStatus(upid))).toMatchObject({ kind: 'not-found' });
});
