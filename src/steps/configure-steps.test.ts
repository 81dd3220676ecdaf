// The steps that change the configuration of a stopped VM: what each sends, and when it sends nothing.
import { describe, expect, test } from 'vitest';
import { aDesign, aFacts, anOwnVm, aSnapshot, aStatus, aStorage } from '../../test/builders/facts.ts';
import type { EffectivePackage, VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { sshKeysDigest } from '../domain/cloud-init.ts';
import type { ResolvedPlan } from '../domain/plan-defaults.ts';
import type { StorageResource } from '../pve/answer-types.ts';
import { PASSWORD_FROM_SECRET, type Verdict } from '../machine/vocabulary.ts';
import { createAdditionalDisk, growAdditionalDisk, limitAdditionalDisk } from './additional-disk.ts';
import { setCloudInit } from './set-cloud-init.ts';
import { setCpuAndMemory } from './set-cpu-and-memory.ts';
import { setNetwork } from './set-network.ts';
import { growSystemDisk, limitSystemDisk } from './system-disk.ts';

type Lines = Readonly<Record<string, string | null>>;

interface Row {
  name: string;
  lines?: Lines;
  resources?: Partial<EffectivePackage>;
  plan?: Partial<ResolvedPlan>;
  status?: VirtualMachineStatus;
  storages?: readonly StorageResource[];
  want: Record<string, unknown>;
}

function facts({ lines, resources, plan, status, storages = [aStorage('pve1', 'local')] }: Omit<Row, 'name' | 'want'>) {
  return aFacts({
    observed: anOwnVm(lines),
    design: aDesign({ package: resources, plan }),
    status: status ?? aStatus(),
    credentials: { kind: 'present', user: 'debian', secretName: 'web-1-credentials' },
    cluster: { snapshot: aSnapshot({ storages }) },
  });
}

const DONE = { kind: 'done' };
const configure = (set: Record<string, string | number>) => ({ kind: 'act', action: { kind: 'configure', set } });

describe('CPU and memory', () => {
  const rows: Row[] = [
    { name: 'as in the package', want: DONE },
    { name: 'nothing said means one core and 512 MiB', lines: { cores: null, sockets: null }, want: DONE },
    { name: 'more of both', resources: { cpuCores: 4, memoryGiB: 8 }, want: configure({ cores: 4, memory: 8192 }) },
    { name: 'less of both: a stopped VM has no say', lines: { cores: '8' }, want: configure({ cores: 1 }) },
    { name: 'no memory said', lines: { memory: null }, want: configure({ memory: 1024 }) },
    { name: 'memory as a property string', lines: { memory: 'current=1024' }, want: DONE },
    { name: 'two sockets would double the cores', lines: { sockets: '2' }, want: configure({ sockets: 1 }) },
    { name: 'a balloon above the memory', lines: { balloon: '2048' }, want: configure({ balloon: 1024 }) },
    { name: 'a balloon below it is left alone', lines: { balloon: '512' }, want: DONE },
    { name: 'no balloon at all is left alone', lines: { balloon: '0' }, want: DONE },
  ];
  test.each(rows)('$name', (row) => expect(setCpuAndMemory.plan(facts(row))).toMatchObject(row.want));

  test('names what differs and sends nothing else', () => {
    const verdict = setCpuAndMemory.plan(facts({ resources: { cpuCores: 2 } }));
    expect(verdict).toEqual({
      kind: 'act',
      action: { kind: 'configure', set: { cores: 2 } },
      why: 'cores differ from the package',
    });
  });
});

describe('size of the system disk', () => {
  const rows: Row[] = [
    { name: 'the size of the template', want: { kind: 'skip', why: 'the package keeps the size of the template' } },
    {
      name: 'smaller than the package',
      resources: { systemDiskGiB: 40 },
      want: { kind: 'act', action: { kind: 'resizeDisk', disk: 'scsi0', sizeGiB: 40 } },
    },
    { name: 'as large', resources: { systemDiskGiB: 10 }, want: DONE },
    {
      name: 'larger',
      resources: { systemDiskGiB: 9 },
      want: { kind: 'skip', why: 'the disk stays as it is: shrink not allowed by Proxmox' },
    },
    {
      name: 'without a size it counts as empty',
      lines: { scsi0: 'local:2000/vm-2000-disk-0.qcow2' },
      resources: { systemDiskGiB: 1 },
      want: { kind: 'act', action: { disk: 'scsi0', sizeGiB: 1 } },
    },
    ...(['virtio0', 'sata3', 'ide0', 'scsi5'] as const).map((key) => ({
      name: `on ${key}, found by the boot order`,
      lines: { scsi0: null, [key]: 'lvm:vm-2000-disk-0,size=10G', boot: `order=${key};net0` },
      resources: { systemDiskGiB: 20 },
      want: { kind: 'act', action: { disk: key } },
    })),
    {
      name: 'found by bootdisk',
      lines: { boot: null, bootdisk: 'scsi1', scsi1: 'local:2000/b.raw,size=3G' },
      resources: { systemDiskGiB: 20 },
      want: { kind: 'act', action: { disk: 'scsi1' } },
    },
    {
      name: 'not to be told from another disk',
      lines: { boot: null, scsi1: 'local:2000/b.raw,size=3G' },
      resources: { systemDiskGiB: 20 },
      want: { kind: 'stall', reason: 'TemplateUnusable' },
    },
    { name: 'no disk', lines: { scsi0: null }, want: { kind: 'stall', reason: 'TemplateUnusable' } },
  ];
  test.each(rows)('$name', (row) => expect(growSystemDisk.plan(facts(row))).toMatchObject(row.want));
});

describe('limits of the system disk', () => {
  const limited = 'local:2000/d.qcow2,iops_rd=100,mbps_rd=10,size=10G';
  const rows: Row[] = [
    { name: 'all four 0: no call', want: { kind: 'skip', why: 'the package has no limits' } },
    {
      name: 'one limit',
      lines: { scsi0: 'local:2000/d.qcow2,size=10G' },
      resources: { systemDiskReadMBps: 10 },
      want: configure({
        scsi0: expect.stringMatching(/^local:2000\/d\.qcow2,(?=.*mbps_rd=10)(?=.*size=10G)/) as never,
      }),
    },
    {
      name: 'as wanted',
      lines: { scsi0: limited },
      resources: { systemDiskReadMBps: 10, systemDiskReadIOPS: 100 },
      want: DONE,
    },
    {
      name: 'one of two goes',
      lines: { scsi0: limited },
      resources: { systemDiskReadMBps: 10 },
      want: configure({ scsi0: expect.not.stringContaining('iops_rd') as never }),
    },
    { name: 'no disk', lines: { scsi0: null }, want: { kind: 'stall', reason: 'TemplateUnusable' } },
  ];
  test.each(rows)('$name', (row) => expect(limitSystemDisk.plan(facts(row))).toMatchObject(row.want));
});

const SLOT = aStatus({ disks: { system: 'scsi0', additional: 'scsi1' } });
const NO_DISK = { kind: 'skip', why: 'the package has no additional disk' };
const SECOND = { scsi1: 'local:2000/vm-2000-disk-1.qcow2,size=5G' };

describe('the additional disk', () => {
  test.each([createAdditionalDisk, growAdditionalDisk, limitAdditionalDisk])(
    '$id without one in the package',
    (step) => {
      expect(step.plan(facts({}))).toMatchObject(NO_DISK);
    },
  );

  test('without a decided slot takes the next free one, and remembers it', () => {
    expect(createAdditionalDisk.plan(facts({ resources: { additionalDiskGiB: 5 } }))).toMatchObject({
      kind: 'act',
      action: { kind: 'configure', set: { scsi1: 'local:5,format=qcow2' } },
      note: { status: { disks: { system: 'scsi0', additional: 'scsi1' } } },
    });
  });

  test.each([growAdditionalDisk, limitAdditionalDisk])('$id waits for a disk that is not there yet', (step) => {
    expect(step.plan(facts({ resources: { additionalDiskGiB: 5 } }))).toMatchObject({ kind: 'wait' });
  });

  const created = (value: string) => configure({ scsi1: value });
  const rows: Row[] = [
    { name: 'takes storage and format of the system disk', want: created('local:5,format=qcow2') },
    { name: 'is there', lines: SECOND, want: DONE },
    {
      name: 'is raw on block storage',
      plan: { additionalStorage: 'lvm' },
      storages: [aStorage('pve1', 'lvm', { pluginType: 'lvmthin' })],
      want: created('lvm:5,format=raw'),
    },
    {
      name: 'is raw beside a volume without a known extension',
      lines: { scsi0: 'lvm:vm-2000-disk-0,size=10G' },
      plan: { additionalStorage: 'local' },
      want: created('local:5,format=raw'),
    },
    {
      name: 'has its limits from the start',
      resources: { additionalDiskWriteIOPS: 200 },
      want: created('local:5,format=qcow2,iops_wr=200'),
    },
    {
      name: 'has no storage of that name on the node',
      plan: { additionalStorage: 'fast' },
      storages: [aStorage('pve2', 'fast')],
      want: { kind: 'stall', reason: 'StorageMissing', message: expect.stringContaining('fast') },
    },
    {
      name: 'has a storage that takes no images',
      storages: [aStorage('pve1', 'local', { content: ['iso'] })],
      want: { kind: 'stall', reason: 'StorageMissing' },
    },
    {
      name: 'stands beside a system disk that cannot be told',
      lines: { boot: null, scsi2: 'local:2000/b.raw,size=3G' },
      want: { kind: 'stall', reason: 'TemplateUnusable' },
    },
  ];
  test.each(rows)('$name', ({ resources, ...row }) => {
    const given = facts({ status: SLOT, ...row, resources: { additionalDiskGiB: 5, ...resources } });
    expect(createAdditionalDisk.plan(given)).toMatchObject(row.want);
  });

  const later: (Row & { step: typeof growAdditionalDisk })[] = [
    {
      name: 'grows',
      step: growAdditionalDisk,
      lines: SECOND,
      resources: { additionalDiskGiB: 8 },
      want: { kind: 'act', action: { disk: 'scsi1', sizeGiB: 8 } },
    },
    { name: 'is large enough', step: growAdditionalDisk, lines: SECOND, want: DONE },
    {
      name: 'is never made smaller',
      step: growAdditionalDisk,
      lines: SECOND,
      resources: { additionalDiskGiB: 4 },
      want: { kind: 'skip', why: 'the disk stays as it is: shrink not allowed by Proxmox' },
    },
    { name: 'is not there yet to grow', step: growAdditionalDisk, want: { kind: 'wait', reason: 'InProgress' } },
    { name: 'has no limits', step: limitAdditionalDisk, lines: SECOND, want: { kind: 'skip' } },
    {
      name: 'gets limits',
      step: limitAdditionalDisk,
      lines: SECOND,
      resources: { additionalDiskReadIOPS: 300 },
      want: configure({ scsi1: expect.stringContaining('iops_rd=300') as never }),
    },
    {
      name: 'is not there yet to limit',
      step: limitAdditionalDisk,
      resources: { additionalDiskReadIOPS: 300 },
      want: { kind: 'wait' },
    },
  ];
  test.each(later)('$name', ({ step, resources, ...row }) => {
    const given = facts({ status: SLOT, ...row, resources: { additionalDiskGiB: 5, ...resources } });
    expect(step.plan(given)).toMatchObject(row.want);
  });
});

describe('the network card', () => {
  const network = (change: Partial<ResolvedPlan['network']>) => ({ network: { ...aDesign().plan.network, ...change } });
  const rows: Row[] = [
    { name: 'as declared', want: DONE },
    {
      name: 'the addresses decide on the network',
      status: aStatus({ network: { bridge: 'vmbr1', vlan: 12 } }),
      want: configure({ net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr1,firewall=1,tag=12' }),
    },
    {
      name: 'without addresses the plan does',
      plan: network({ bridge: 'vmbr7', vlan: 3 }),
      want: configure({ net0: expect.stringContaining('bridge=vmbr7') as never }),
    },
    {
      name: 'a rate',
      resources: { networkMBps: 50 },
      want: configure({ net0: expect.stringContaining('rate=50') as never }),
    },
    {
      name: 'no rate any more',
      lines: { net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1,rate=50' },
      want: configure({ net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1' }),
    },
    {
      name: 'another model keeps the MAC address',
      plan: network({ model: 'e1000' }),
      want: configure({ net0: 'e1000=BC:24:11:00:00:01,bridge=vmbr0,firewall=1' }),
    },
    {
      name: 'the firewall of the plan is off',
      plan: { firewallEnabled: false },
      want: configure({ net0: expect.not.stringContaining('firewall=1') as never }),
    },
    {
      name: 'no card in the template',
      lines: { net0: null },
      want: configure({ net0: expect.stringContaining('bridge=vmbr0') as never }),
    },
  ];
  test.each(rows)('$name', (row) => expect(setNetwork.plan(facts(row))).toMatchObject(row.want));
});

describe('cloud-init', () => {
  const address = {
    address: '192.0.2.10',
    prefixLength: 24,
    gateway: '192.0.2.1',
    nameservers: ['192.0.2.2'],
    pool: 'ipv4',
    primary: true,
  };
  const handedOver = aStatus({ osUser: 'debian', addresses: [address], operation: { passwordHandedOver: true } });
  const inForce = {
    ciuser: 'debian',
    ipconfig0: 'ip=192.0.2.10/24,gw=192.0.2.1',
    nameserver: '192.0.2.2',
    searchdomain: 'example.com',
  };

  const rows: Row[] = [
    {
      name: 'everything, with a stand-in for the password',
      status: aStatus({ osUser: 'debian', addresses: [address] }),
      want: configure({ ...inForce, cipassword: PASSWORD_FROM_SECRET }),
    },
    {
      name: 'in force, except that the password was not handed over',
      lines: inForce,
      status: aStatus({ osUser: 'debian', addresses: [address] }),
      want: configure({ cipassword: PASSWORD_FROM_SECRET }),
    },
    {
      name: 'in force: the name and the host name are kept',
      lines: inForce,
      status: handedOver,
      want: {
        kind: 'done',
        note: { status: { fqdn: 'web-1.example.com', name: 'web-1', sshKeysDigest: sshKeysDigest([]) } },
      },
    },
    {
      name: 'only what differs',
      lines: { ...inForce, ciuser: 'root' },
      status: handedOver,
      want: configure({ ciuser: 'debian' }),
    },
    {
      name: 'the name that somebody changed, back to what it was',
      lines: { ...inForce, name: 'mine' },
      status: { ...handedOver, name: 'web-1' },
      want: configure({ name: 'web-1' }),
    },
    {
      name: 'the name that the host name asks for, whatever it was',
      lines: { ...inForce, name: 'mine' },
      status: { ...handedOver, name: 'old' },
      want: configure({ name: 'web-1.example.com' }),
    },
    {
      name: 'an address line of the template goes when the VM has no address',
      lines: { ...inForce, nameserver: null },
      status: aStatus({ osUser: 'debian', operation: { passwordHandedOver: true } }),
      want: { kind: 'act', action: { set: {}, remove: ['ipconfig0'] } },
    },
    {
      name: 'DHCP',
      lines: inForce,
      plan: { network: { ...aDesign().plan.network, dhcpIPv4: true } },
      status: handedOver,
      want: configure({ ipconfig0: 'ip=dhcp' }),
    },
  ];
  test.each(rows)('$name', (row) => {
    const verdict: Verdict = setCloudInit.plan(facts(row));
    expect(verdict).toMatchObject(row.want);
    if (verdict.kind === 'act' && verdict.action.kind === 'configure' && 'set' in Object(row.want['action'])) {
      const wanted = (row.want['action'] as { set: object }).set;
      expect(Object.keys(verdict.action.set).toSorted()).toEqual(Object.keys(wanted).toSorted());
    }
  });

  test('never made credentials', () => {
    const given = { ...facts({}), credentials: { kind: 'absent' } as const };
    expect(setCloudInit.plan(given)).toMatchObject({ kind: 'stall', reason: 'SecretMissing' });
  });
});

test('what may be sent together is only configuration; growing a disk is a call of its own', () => {
  const batchable = [
    setCpuAndMemory,
    limitSystemDisk,
    createAdditionalDisk,
    limitAdditionalDisk,
    setNetwork,
    setCloudInit,
  ];
  expect(batchable.map((step) => step.batchable)).toEqual(batchable.map(() => true));
  expect([growSystemDisk, growAdditionalDisk].map((step) => step.batchable)).toEqual([undefined, undefined]);
});
