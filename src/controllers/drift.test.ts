// Comparing a VM that was looked at with what is declared: the steps of the change of package say what differs.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aDesign, aFacts, anOwnVm, anOwner, aPackage, VMID } from '../../test/builders/facts.ts';
import { aPlan, aProxmoxCluster, CLUSTER } from '../../test/builders/objects.ts';
import { createFakeContext, type FakeContext } from '../../test/fakes/context.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { Difference } from '../domain/drift.ts';
import type { Facts, ObservedFirewall, OwnVm } from '../machine/facts.ts';
import { Allocations } from './allocations.ts';
import { comparison, withSighting } from './drift.ts';
import { newRevision } from './plan-revisions.ts';
import type { Sighting } from './sweep-sightings.ts';

const MAC = 'BC:24:11:00:00:01';
const STATUS: VirtualMachineStatus = {
  state: 'ready',
  clusterName: CLUSTER,
  vmid: VMID,
  name: 'web-1',
  settledAt: '2026-03-01T09:00:00Z',
  network: { bridge: 'vmbr0', vlan: 0, macAddress: MAC },
  addresses: [{ address: '192.0.2.10', prefixLength: 24, primary: true }],
};
const FIREWALL: ObservedFirewall = {
  options: {
    enable: 1,
    dhcp: 1,
    ndp: 1,
    radv: 0,
    macfilter: 1,
    ipfilter: 0,
    policy_in: 'ACCEPT',
    policy_out: 'ACCEPT',
    log_level_in: 'nolog',
    log_level_out: 'nolog',
  },
  ipset: ['192.0.2.10'],
};

interface Row {
  name: string;
  lines?: Record<string, string | null>;
  firewall?: ObservedFirewall | null;
  package?: Parameters<typeof aPackage>[0];
  status?: VirtualMachineStatus;
  want: Difference[];
}

function compare({ lines, firewall, package: wanted, status }: Row) {
  const vm: OwnVm = anOwnVm({ ipconfig0: 'ip=192.0.2.10/24', ...lines });
  const facts: Facts = aFacts({
    design: aDesign({ package: wanted ?? {} }),
    status: { ...STATUS, ...status },
    observed: vm,
    ...(firewall === null ? {} : { firewall: firewall ?? FIREWALL }),
  });
  return comparison(facts, vm);
}

const differing = (step: string, message: string, correction: Difference['correction'] = 'Automatic') => [
  { step, message, correction },
];

describe('what differs', () => {
  const disk = 'local:2000/vm-2000-disk-0.qcow2,size=10G';
  const additional: VirtualMachineStatus = { disks: { system: 'scsi0', additional: 'scsi1' } };

  test.each<Row>([
    { name: 'nothing of a VM as declared', want: [] },
    { name: 'cores', lines: { cores: '4' }, want: differing('set-cpu-and-memory', 'cores is 4 instead of 1') },
    {
      name: 'sockets that nobody declared',
      lines: { sockets: '2' },
      want: differing('set-cpu-and-memory', 'sockets is 2 instead of 1'),
    },
    {
      name: 'cores and memory in one',
      lines: { cores: null, memory: '512' },
      package: { cpuCores: 2 },
      want: differing('set-cpu-and-memory', 'cores is missing instead of 2; memory is 512 instead of 1024'),
    },
    {
      name: 'a system disk that is too small',
      lines: { scsi0: disk },
      package: { systemDiskGiB: 20 },
      want: differing('grow-system-disk', 'scsi0 is smaller than 20 GiB'),
    },
    {
      name: 'a system disk that was grown',
      lines: { scsi0: disk.replace('10G', '30G') },
      package: { systemDiskGiB: 10 },
      want: differing(
        'grow-system-disk',
        'Disk scsi0 is larger than the 10 GiB of the package. Proxmox VE cannot shrink a disk; it stays as it is',
        'None',
      ),
    },
    {
      name: 'a system disk that is gone',
      lines: { scsi0: null, boot: 'order=net0' },
      want: [
        { step: 'grow-system-disk', message: expect.any(String) as string, correction: 'None' },
        { step: 'limit-system-disk', message: expect.any(String) as string, correction: 'None' },
      ],
    },
    {
      name: 'an additional disk that is gone: made anew only on request',
      package: { additionalDiskGiB: 5 },
      status: additional,
      want: differing('change-additional-disk', 'scsi1 is missing instead of local:5,format=qcow2', 'OnRequest'),
    },
    {
      name: 'an additional disk that nobody consented to destroying is no news',
      lines: { scsi1: 'local:2000/vm-2000-disk-1.qcow2,size=5G' },
      status: additional,
      want: [],
    },
    {
      name: 'limits of a disk',
      lines: { scsi0: `${disk},mbps_rd=50` },
      package: { systemDiskReadMBps: 100 },
      want: differing('limit-system-disk', `scsi0 is ${disk},mbps_rd=50 instead of ${disk},mbps_rd=100`),
    },
    {
      name: 'the bridge of the card',
      lines: { net0: `virtio=${MAC},bridge=vmbr9,firewall=1` },
      want: differing(
        'change-network',
        `net0 is virtio=${MAC},bridge=vmbr9,firewall=1 instead of virtio=${MAC},bridge=vmbr0,firewall=1`,
      ),
    },
    {
      name: 'a card that is gone, with the MAC address that it had',
      lines: { net0: null },
      want: differing('change-network', `net0 is missing instead of virtio=${MAC},bridge=vmbr0,firewall=1`),
    },
    {
      name: 'a card that nobody can read',
      lines: { net0: 'rubbish' },
      want: [{ step: 'change-network', message: expect.stringContaining('net') as string, correction: 'None' }],
    },
    {
      name: 'the name',
      lines: { name: 'other' },
      want: differing('change-network', 'name is other instead of web-1'),
    },
    { name: 'no name where none was noted down', lines: { name: 'other' }, status: { name: undefined }, want: [] },
    {
      name: 'an option of the firewall',
      firewall: { ...FIREWALL, options: { ...FIREWALL.options, enable: 0, policy_in: 'DROP' } },
      want: differing('set-firewall', 'firewall options differ: enable is not 1, policy_in is not ACCEPT'),
    },
    {
      name: 'the address set that is gone',
      firewall: { ...FIREWALL, ipset: undefined },
      want: differing('set-firewall', 'the address set ipfilter-net0 is missing'),
    },
    {
      name: 'an address that is missing in it',
      firewall: { ...FIREWALL, ipset: [] },
      want: differing('set-firewall', '192.0.2.10 is missing in the address set ipfilter-net0'),
    },
    {
      name: 'an address that is too many',
      firewall: { ...FIREWALL, ipset: ['192.0.2.10', '192.0.2.66'] },
      want: differing('set-firewall', '192.0.2.66 is in the address set ipfilter-net0'),
    },
  ])('$name', (row) => {
    expect(compare(row).differences).toEqual(row.want);
  });

  test('a disk that the pipeline has told about already is no news', () => {
    const row: Row = {
      name: '',
      lines: { scsi0: disk.replace('10G', '30G') },
      package: { systemDiskGiB: 10 },
      want: [],
    };
    const [difference] = compare(row).differences;
    const shrink = { type: 'ShrinkRefused', status: 'True', reason: 'ShrinkRefused' } as const;
    const conditions = [{ ...shrink, message: `${difference?.message}.`, lastTransitionTime: '2026-03-01T09:00:00Z' }];
    expect(compare({ ...row, status: { conditions } }).differences).toEqual([]);
  });

  test('of what was not looked at nothing is said', () => {
    expect(compare({ name: '', firewall: null, want: [] }).steps).not.toContain('set-firewall');
    expect(compare({ name: '', want: [] }).steps).toContain('set-firewall');
  });

  test('power and reservations are looked after elsewhere', () => {
    const { steps } = compare({ name: '', want: [] });
    expect(steps).toEqual(expect.arrayContaining(['set-cpu-and-memory', 'change-network', 'set-firewall']));
    for (const step of ['recount-addresses', 'stop-if-needed', 'start-vm', 'verify-running'])
      expect(steps).not.toContain(step);
  });
});

describe('what a look makes of the status', () => {
  let fake: FakeContext;

  beforeEach(() => {
    fake = createFakeContext();
    const plan = fake.kube.seed(resources.plan, aPlan());
    fake.kube.seed(resources.planRevision, newRevision(plan, 1));
    fake.kube.seed(resources.proxmoxCluster, aProxmoxCluster({ endpoints: ['https://pve1:8006'] }));
  });
  afterEach(() => fake[Symbol.asyncDispose]());

  const take = async (sighting: Partial<Sighting> | undefined, change: VirtualMachineStatus = {}) => {
    const status = { ...STATUS, effective: aPackage(), planRevision: 'kvm-1', ...change };
    const vm = { ...anOwner(), status };
    const uid = vm.metadata.uid ?? '';
    const full = sighting && {
      seenAt: fake.clock.now(),
      observed: anOwnVm({ cores: '4', ipconfig0: 'ip=192.0.2.10/24' }),
      ...sighting,
    };
    if (full !== undefined) fake.context.sightings.put(uid, full);
    const parts = { context: fake.context, allocations: new Allocations(fake.context) };
    const taken = await withSighting(vm, status, parts);
    return { drift: taken.status.drift, taken, left: fake.context.sightings.get(uid), full };
  };

  test('what differs is in it, and the look is kept until that is written', async () => {
    const { drift, taken, left, full } = await take({ pending: ['cores'] });
    expect(drift).toMatchObject({ differences: [{ step: 'set-cpu-and-memory' }], pending: ['cores'] });
    expect(taken.sighting).toBe(full);
    expect(left).toBe(full);
  });

  test('a machine of somebody else is in it, whatever the plan is', async () => {
    const observed = { kind: 'foreign', node: 'pve1', stamped: true } as const;
    const { drift } = await take({ observed }, { planRevision: 'gone', effective: undefined });
    expect(drift).toMatchObject({ identity: 'Foreign' });
  });

  test.each<{ name: string; sighting?: Partial<Sighting>; change?: VirtualMachineStatus }>([
    { name: 'no look' },
    { name: 'a look from before the last pipeline ended', sighting: { seenAt: Date.parse('2026-03-01T08:59:00Z') } },
    { name: 'a look in the moment when it ended', sighting: { seenAt: Date.parse('2026-03-01T09:00:00Z') } },
    { name: 'a VM that Proxmox VE works on', sighting: { observed: anOwnVm({ cores: '4' }, { lock: 'backup' }) } },
    { name: 'a VM that is being cloned', sighting: { observed: { kind: 'cloning', node: 'pve1' } } },
  ])('$name: it is as it was, and the look is forgotten', async ({ sighting, change }) => {
    const before = { detectedAt: '2026-03-01T09:30:00Z', pending: ['memory'] };
    const { drift, taken, left } = await take(sighting, { drift: before, ...change });
    expect(drift).toEqual(before);
    expect(taken.sighting).toBeUndefined();
    expect(left).toBeUndefined();
  });

  test('a plan that is gone leaves nothing to compare with', async () => {
    await fake.kube.client.delete(resources.plan, 'kvm', undefined);
    const { drift, left } = await take({}, { planRevision: 'kvm-9' });
    expect(drift).toBeUndefined();
    expect(left).toBeUndefined();
  });
});
