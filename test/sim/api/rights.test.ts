// Tests of which privilege each call about a VM asks for: a token that lacks it alone is told path and privilege.
import { describe, expect, it } from 'vitest';
import { answers, ask, forbids, labWith } from './call-table.ts';
import type { ApiCall } from './call-table.ts';
import { operatorToken } from '../testing.ts';

const put = (params: Record<string, unknown>): ApiCall => ['PUT qemu/100/config', params];
const net = (tag = ''): string => `virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1${tag}`;
const key = 'ssh-ed25519%20AAAAC3NzaC1lZDI1NTE5AAAAIHc5kz4cLCzLVJRYOEDLDhSYBFKWQ6b7IGPCzU3FNk2w%20user%40example';
const passes = { status: 200 };
const onVm = (privilege: string): object => forbids(`/vms/100, ${privilege}`);

/** The scenarios auth-limited-without-* of the cluster, and the privileges of endpoints.md. */
const rows: { without: string; call: ApiCall; want: object }[] = [
  { without: 'VM.Allocate', call: ['POST qemu/9000/clone', { newid: 200 }], want: forbids() },
  { without: 'VM.Allocate', call: ['POST qemu', { vmid: 200 }], want: forbids() },
  { without: 'VM.Allocate', call: ['DELETE qemu/100'], want: onVm('VM.Allocate') },
  { without: 'VM.Allocate', call: ['POST qemu/100/template'], want: onVm('VM.Allocate') },
  { without: 'VM.Clone', call: ['POST qemu/9000/clone', { newid: 200 }], want: forbids('/vms/9000, VM.Clone') },
  { without: 'VM.Audit', call: ['GET qemu/100/config'], want: onVm('VM.Audit') },
  { without: 'VM.Audit', call: ['GET qemu/100/pending'], want: onVm('VM.Audit') },
  { without: 'VM.Audit', call: ['GET qemu/100/status/current'], want: onVm('VM.Audit') },
  { without: 'VM.Audit', call: ['GET qemu/100/snapshot'], want: onVm('VM.Audit') },
  { without: 'VM.Audit', call: ['GET qemu/100/feature', { feature: 'copy' }], want: onVm('VM.Audit') },
  { without: 'VM.Audit', call: ['GET qemu/100/cloudinit'], want: onVm('VM.Audit') },
  { without: 'VM.Audit', call: ['GET qemu/100/cloudinit/dump', { type: 'user' }], want: onVm('VM.Audit') },
  { without: 'VM.Audit', call: ['GET qemu/100/firewall/options'], want: onVm('VM.Audit') },
  { without: 'VM.Audit', call: ['GET qemu/100/firewall/rules'], want: onVm('VM.Audit') },
  { without: 'VM.Audit', call: ['GET qemu/100/firewall/ipset'], want: onVm('VM.Audit') },
  { without: 'VM.Audit', call: ['GET qemu/100/rrddata', { timeframe: 'hour' }], want: onVm('VM.Audit') },
  { without: 'VM.Audit', call: ['GET /cluster/resources', { type: 'vm' }], want: answers([]) },
  { without: 'VM.Console', call: ['POST qemu/100/vncproxy', { websocket: 1 }], want: onVm('VM.Console') },
  { without: 'VM.Console', call: ['POST qemu/100/termproxy'], want: onVm('VM.Console') },
  {
    without: 'VM.Console',
    call: ['GET qemu/100/vncwebsocket', { port: '5900', vncticket: 'x' }],
    want: onVm('VM.Console'),
  },
  ...['start', 'stop', 'shutdown', 'reboot', 'reset', 'suspend', 'resume'].map((action) => ({
    without: 'VM.PowerMgmt',
    call: [`POST qemu/100/status/${action}`] as ApiCall,
    want: onVm('VM.PowerMgmt'),
  })),
  { without: 'VM.Migrate', call: ['POST qemu/100/migrate', { target: 'pve2' }], want: onVm('VM.Migrate') },
  { without: 'VM.Migrate', call: ['GET qemu/100/migrate'], want: onVm('VM.Migrate') },
  { without: 'VM.Snapshot', call: ['POST qemu/100/snapshot', { snapname: 'a2' }], want: onVm('VM.Snapshot') },
  { without: 'VM.Snapshot', call: ['DELETE qemu/100/snapshot/a1'], want: onVm('VM.Snapshot') },
  {
    without: 'VM.Snapshot',
    call: ['PUT qemu/100/snapshot/a1/config', { description: 'x' }],
    want: onVm('VM.Snapshot'),
  },
  { without: 'VM.Snapshot', call: ['POST qemu/100/snapshot/a1/rollback'], want: passes },
  { without: 'VM.Snapshot', call: ['GET qemu/100/snapshot'], want: passes },
  { without: 'VM.Snapshot.Rollback', call: ['POST qemu/100/snapshot/a1/rollback'], want: passes },
  { without: 'VM.Config.Disk', call: put({ scsi1: 'shared:1' }), want: onVm('VM.Config.Disk') },
  { without: 'VM.Config.Disk', call: put({ delete: 'scsi0' }), want: onVm('VM.Config.Disk') },
  { without: 'VM.Config.Disk', call: put({ boot: 'order=scsi0' }), want: onVm('VM.Config.Disk') },
  { without: 'VM.Config.Disk', call: put({ scsihw: 'virtio-scsi-pci' }), want: passes },
  {
    without: 'VM.Config.Disk',
    call: ['PUT qemu/100/resize', { disk: 'scsi0', size: '+1M' }],
    want: onVm('VM.Config.Disk'),
  },
  { without: 'VM.Config.Disk', call: ['PUT qemu/100/unlink', { idlist: 'scsi0' }], want: onVm('VM.Config.Disk') },
  {
    without: 'VM.Config.Disk',
    call: ['POST qemu/100/move_disk', { disk: 'scsi0', storage: 'local' }],
    want: onVm('VM.Config.Disk'),
  },
  {
    without: 'VM.Config.Disk',
    call: ['POST qemu/100/migrate', { target: 'pve2', targetstorage: 'shared' }],
    want: onVm('VM.Config.Disk'),
  },
  { without: 'VM.Config.CDROM', call: put({ ide3: 'none,media=cdrom' }), want: onVm('VM.Config.CDROM') },
  { without: 'VM.Config.CDROM', call: put({ ide2: 'none,media=cdrom' }), want: onVm('VM.Config.CDROM') },
  { without: 'VM.Config.CPU', call: put({ cores: 2 }), want: onVm('VM.Config.CPU') },
  { without: 'VM.Config.CPU', call: put({ cpu: 'host' }), want: onVm('VM.Config.CPU') },
  { without: 'VM.Config.CPU', call: put({ delete: 'cpulimit' }), want: onVm('VM.Config.CPU') },
  { without: 'VM.Config.Memory', call: put({ memory: 512 }), want: onVm('VM.Config.Memory') },
  { without: 'VM.Config.Memory', call: put({ balloon: 0 }), want: onVm('VM.Config.Memory') },
  { without: 'VM.Config.HWType', call: put({ vga: 'std' }), want: onVm('VM.Config.HWType') },
  { without: 'VM.Config.HWType', call: put({ machine: 'q35' }), want: onVm('VM.Config.HWType') },
  { without: 'VM.Config.HWType', call: put({ scsihw: 'virtio-scsi-pci' }), want: onVm('VM.Config.HWType') },
  { without: 'VM.Config.HWType', call: put({ serial0: 'socket' }), want: onVm('VM.Config.HWType') },
  { without: 'VM.Config.HWType', call: put({ rng0: 'source=/dev/urandom' }), want: onVm('VM.Config.HWType') },
  { without: 'VM.Config.HWType', call: put({ cpu: 'host' }), want: passes },
  { without: 'VM.Config.Network', call: put({ net0: net() }), want: onVm('VM.Config.Network') },
  { without: 'VM.Config.Network', call: put({ ipconfig0: 'ip=dhcp' }), want: passes },
  { without: 'VM.Config.Network', call: put({ nameserver: '1.1.1.1' }), want: passes },
  {
    without: 'VM.Config.Network',
    call: ['POST qemu/100/firewall/rules', { type: 'in', action: 'ACCEPT' }],
    want: onVm('VM.Config.Network'),
  },
  {
    without: 'VM.Config.Network',
    call: ['PUT qemu/100/firewall/options', { enable: 1 }],
    want: onVm('VM.Config.Network'),
  },
  {
    without: 'VM.Config.Network',
    call: ['POST qemu/100/firewall/ipset', { name: 'ok_1' }],
    want: onVm('VM.Config.Network'),
  },
  {
    without: 'VM.Config.Network',
    call: ['POST qemu/100/firewall/aliases', { name: 'a1', cidr: '10.0.0.1' }],
    want: onVm('VM.Config.Network'),
  },
  { without: 'VM.Config.Cloudinit', call: put({ ciuser: 'a' }), want: passes },
  { without: 'VM.Config.Cloudinit', call: put({ cipassword: 'abcdefgh' }), want: passes },
  { without: 'VM.Config.Cloudinit', call: put({ sshkeys: key }), want: passes },
  { without: 'VM.Config.Cloudinit', call: ['PUT qemu/100/cloudinit'], want: onVm('VM.Config.Cloudinit') },
  { without: 'VM.Config.Options', call: put({ name: 'b' }), want: onVm('VM.Config.Options') },
  { without: 'VM.Config.Options', call: put({ description: 'x' }), want: onVm('VM.Config.Options') },
  { without: 'VM.Config.Options', call: put({ onboot: 1 }), want: onVm('VM.Config.Options') },
  { without: 'VM.Config.Options', call: put({ tags: 'a' }), want: onVm('VM.Config.Options') },
  { without: 'VM.Config.Options', call: put({ agent: '1' }), want: onVm('VM.Config.Options') },
  { without: 'VM.Config.Options', call: put({ protection: 1 }), want: onVm('VM.Config.Options') },
  {
    without: 'SDN.Use',
    call: ['POST qemu/9000/clone', { newid: 200 }],
    want: forbids('/sdn/zones/localnetwork/vmbr0, SDN.Use'),
  },
  { without: 'SDN.Use', call: put({ net0: net() }), want: forbids('/sdn/zones/localnetwork/vmbr0, SDN.Use') },
  { without: 'SDN.Use', call: put({ net0: net(',tag=7') }), want: forbids('/sdn/zones/localnetwork/vmbr0/7, SDN.Use') },
  { without: 'SDN.Use', call: put({ delete: 'net0' }), want: forbids('/sdn/zones/localnetwork/vmbr0, SDN.Use') },
  {
    without: 'SDN.Use',
    call: ['POST qemu', { vmid: 200, net0: 'virtio,bridge=vmbr0' }],
    want: forbids('/sdn/zones/localnetwork/vmbr0, SDN.Use'),
  },
  {
    without: 'Datastore.AllocateSpace',
    call: ['POST qemu/9000/clone', { newid: 200 }],
    want: forbids('/storage/shared, Datastore.AllocateSpace'),
  },
  {
    without: 'Datastore.AllocateSpace',
    call: put({ scsi1: 'local:1' }),
    want: forbids('/storage/local, Datastore.AllocateSpace'),
  },
  {
    without: 'Datastore.AllocateSpace',
    call: ['POST qemu', { vmid: 200, scsi0: 'local:1' }],
    want: forbids('/storage/local, Datastore.AllocateSpace'),
  },
  {
    without: 'Datastore.AllocateSpace',
    call: ['POST qemu/100/move_disk', { disk: 'scsi0', storage: 'local' }],
    want: forbids('/storage/local, Datastore.AllocateSpace'),
  },
  { without: 'Sys.Audit', call: ['GET status'], want: forbids('/nodes/pve1, Sys.Audit') },
  { without: 'Sys.Audit', call: ['GET rrddata', { timeframe: 'hour' }], want: forbids('/nodes/pve1, Sys.Audit') },
  { without: 'Sys.Audit', call: ['GET /cluster/status'], want: forbids('/, Sys.Audit') },
  { without: 'Sys.Audit', call: ['GET /cluster/backup'], want: forbids('/, Sys.Audit') },
  { without: 'Sys.Audit', call: ['GET /cluster/firewall/options'], want: forbids('/, Sys.Audit') },
  {
    without: 'nothing',
    call: ['POST /cluster/backup', { schedule: 'sun 02:00', all: 1 }],
    want: forbids('/, Sys.Modify'),
  },
  { without: 'nothing', call: ['PUT /cluster/firewall/options', { enable: 1 }], want: forbids('/, Sys.Modify') },
];

describe('without', () => {
  it.each(rows)('$without: $call', async ({ without, call, want }) => {
    const lab = await labWith(['POST qemu/100/snapshot', { snapname: 'a1' }]);
    lab.simulator.revokePrivilege('PveOperator', without);
    expect(await ask(lab, call, operatorToken)).toMatchObject(want);
  });

  it('Datastore.AllocateSpace, a resize is told in its task (surprise 3)', async () => {
    const lab = await labWith();
    lab.simulator.revokePrivilege('PveOperator', 'Datastore.AllocateSpace');
    const task = lab.taskOf(await ask(lab, ['PUT qemu/100/resize', { disk: 'scsi0', size: '+1G' }], operatorToken));
    await lab.clock.runUntil(task.done);
    expect(task.status).toBe('403 Permission check failed (/storage/shared, Datastore.AllocateSpace)');
  });

  it('any rights, a VM that is not there is forbidden, not missing (surprise 6)', async () => {
    const lab = await labWith();
    lab.simulator.setRole('PveOperator', []);
    expect(await ask(lab, ['GET qemu/999/config'], operatorToken)).toMatchObject(forbids('/vms/999, VM.Audit'));
    expect(await ask(lab, ['GET /cluster/nextid'], operatorToken)).toMatchObject(answers('101'));
  });

  it('rights on VMs, those on a pool are enough for a clone into it', async () => {
    const lab = await labWith(['POST /pools', { poolid: 'team' }]);
    const { access } = lab.simulator.world;
    access.setRole('Maker', ['VM.Allocate']);
    lab.simulator.revokePrivilege('PveOperator', 'VM.Allocate');
    for (const who of ['operator@pve', 'operator@pve!k8s'])
      access.acl.push({ path: '/pool/team', role: 'Maker', who, propagate: true });
    expect(await ask(lab, ['POST qemu/9000/clone', { newid: 200, pool: 'team' }], operatorToken)).toMatchObject(passes);
    expect(await ask(lab, ['POST qemu/9000/clone', { newid: 201 }], operatorToken)).toMatchObject(forbids());
  });
});
