// What a VM that is ready shows of itself, from the list alone; DNS that failed is tried again.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  aListedVm,
  aNode,
  anOwner,
  anOwnVm,
  aPackage,
  aSnapshot,
  type SnapshotShape,
  VMID,
} from '../../test/builders/facts.ts';
import { aPlan, aZone, DNS_SECRET } from '../../test/builders/objects.ts';
import { createFakeContext, type FakeContext, OPERATOR_NAMESPACE } from '../../test/fakes/context.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { DnsError } from '../dns/provider.ts';
import { findCondition, timestamp } from '../kube/conditions.ts';
import type { ClusterConnection } from './clusters.ts';
import { keepReady, withSightings } from './keep-ready.ts';
import type { Sighting } from './sweep-sightings.ts';

const HOUR_MS = 3_600_000;

let fake: FakeContext;
let snapshot: SnapshotShape | undefined;
let dnsAnswers: boolean;

beforeEach(() => {
  dnsAnswers = true;
  snapshot = { vms: [aListedVm(VMID, { status: 'running' })] };
  fake = createFakeContext({
    openDnsZone: () => ({
      read: async () => [],
      apply: async () => {
        if (!dnsAnswers) throw new DnsError('unreachable', 'It does not answer.');
      },
      test: async () => undefined,
    }),
  });
  const inventory = {
    snapshot: () => (snapshot === undefined ? undefined : aSnapshot({ takenAt: fake.clock.now(), ...snapshot })),
  };
  fake.context.clusters.open = () => [{ name: 'lab', inventory } as unknown as ClusterConnection];
});
afterEach(() => fake[Symbol.asyncDispose]());

/** Ready for an hour, so that the list is trusted. */
function aReadyVm(change: VirtualMachineStatus = {}): VirtualMachine {
  const lastTransitionTime = timestamp(fake.clock.now() - HOUR_MS);
  const ready = { type: 'Ready', status: 'True' as const, reason: 'Ready', message: 'Up.', lastTransitionTime };
  const status = {
    state: 'ready' as const,
    clusterName: 'lab',
    vmid: VMID,
    node: 'pve1',
    conditions: [ready],
    ...change,
  };
  return fake.kube.seed(resources.virtualMachine, { ...anOwner({ generation: 4 }), status });
}

const stored = () => fake.kube.objects(resources.virtualMachine)[0]!;
const condition = (type: string) => findCondition(stored().status?.conditions, type);
const keep = (vm = stored(), sighting?: Sighting) => keepReady(vm, vm, fake.context, sighting);
const statusWrites = () => fake.kube.writes.filter(({ type }) => type === 'virtualmachines/status').length;

describe('what the list shows', () => {
  test.each<{ name: string; shape: SnapshotShape | undefined; want: VirtualMachineStatus }>([
    {
      name: 'it runs',
      shape: { vms: [aListedVm(VMID, { status: 'running' })] },
      want: { node: 'pve1', powerState: 'Running' },
    },
    { name: 'it was stopped', shape: { vms: [aListedVm(VMID)] }, want: { node: 'pve1', powerState: 'Stopped' } },
    {
      name: 'it moved',
      shape: { vms: [aListedVm(VMID, { node: 'pve2', status: 'running' })] },
      want: { node: 'pve2', powerState: 'Running' },
    },
    {
      name: 'its node does not report',
      shape: { vms: [aListedVm(VMID, { node: 'pve2', status: 'unknown' })] },
      want: { node: 'pve2', powerState: 'Unknown' },
    },
    {
      name: 'its node is off',
      shape: { vms: [aListedVm(VMID, { status: 'running' })], nodes: [aNode('pve1', { status: 'offline' })] },
      want: { node: 'pve1', powerState: 'Unknown' },
    },
    {
      name: 'a container has its number',
      shape: { vms: [aListedVm(VMID, { type: 'lxc', node: 'pve2', status: 'running' })] },
      want: { node: 'pve1' },
    },
    { name: 'it is not listed', shape: {}, want: { node: 'pve1' } },
    { name: 'there is no list', shape: undefined, want: { node: 'pve1' } },
  ])('$name', ({ shape, want }) => {
    expect(withSightings({ vmid: VMID, node: 'pve1' }, shape === undefined ? undefined : aSnapshot(shape))).toEqual({
      vmid: VMID,
      ...want,
    });
  });

  test('is written, and written once', async () => {
    aReadyVm();
    expect(await keep()).toEqual({ kind: 'done' });
    expect(stored().status).toMatchObject({ powerState: 'Running', observedGeneration: 4 });
    await keep();
    expect(statusWrites()).toBe(1);
  });

  test('tells the size of the disk that admission asks for, and of both when the sweep has looked', async () => {
    const GIB = 2 ** 30;
    const disks = { system: 'scsi0', additional: 'scsi1' };
    aReadyVm({ disks });
    snapshot = { vms: [aListedVm(VMID, { status: 'running', maxDiskBytes: 40 * GIB })] };
    await keep();
    expect(stored().status?.disks).toEqual({ ...disks, observed: { systemBytes: 40 * GIB } });
    await keep();
    expect(statusWrites()).toBe(1);
    const observed = anOwnVm({ scsi0: 'local-lvm:vm-2000-disk-0,size=40G', scsi1: 'local-lvm:vm-2000-disk-1,size=5G' });
    await keep(stored(), { seenAt: fake.clock.now(), observed });
    const additional = { additionalBytes: 5 * GIB, additionalVolume: 'local-lvm:vm-2000-disk-1' };
    expect(stored().status?.disks?.observed).toEqual({ systemBytes: 40 * GIB, ...additional });
    await keep(stored(), { seenAt: fake.clock.now(), observed: { kind: 'foreign', node: 'pve1', stamped: true } });
    expect(statusWrites()).toBe(2);
  });

  const online: SnapshotShape = { vms: [aListedVm(VMID)] };
  test.each<{ name: string; shape: SnapshotShape; want: object }>([
    {
      name: 'a VM that people stopped is as declared, and said to be stopped',
      shape: online,
      want: { status: 'True', reason: 'StoppedByHand', message: expect.stringContaining('it is stopped') },
    },
    {
      name: 'a VM of which nothing is reported is as declared',
      shape: { vms: [aListedVm(VMID, { status: 'unknown' })] },
      want: { status: 'True', reason: 'Ready', message: expect.stringContaining('not known') },
    },
    {
      name: 'of a VM on a node that is off nothing can be told',
      shape: { ...online, nodes: [aNode('pve1', { status: 'offline' })] },
      want: { status: 'Unknown', reason: 'WaitingForNode', message: expect.stringContaining('Node pve1 is offline') },
    },
    {
      name: 'a container under its number is another machine',
      shape: { vms: [aListedVm(VMID, { type: 'lxc' })] },
      want: { status: 'False', reason: 'VirtualMachineMissing' },
    },
  ])('$name', async ({ shape, want }) => {
    aReadyVm();
    snapshot = shape;
    await keep();
    expect(condition('Ready')).toMatchObject(want);
    await keep();
    expect(statusWrites()).toBe(1);
  });

  test('without a list that can be trusted it stays said, also after a start', async () => {
    aReadyVm();
    snapshot = {};
    await keep();
    const missing = condition('Ready');
    snapshot = undefined;
    await keep();
    expect(condition('Ready')).toEqual(missing);
  });

  test('a VM that is listed no more is missed, and found again', async () => {
    aReadyVm();
    snapshot = {};
    await keep();
    expect(condition('Ready')).toMatchObject({
      status: 'False',
      reason: 'VirtualMachineMissing',
      message: expect.stringContaining('VM 2000'),
    });
    snapshot = { vms: [aListedVm(VMID, { status: 'running' })] };
    await keep();
    expect(condition('Ready')).toMatchObject({ status: 'True', reason: 'Ready' });
  });

  test('a list from before the VM could be in it is not believed', async () => {
    const lastTransitionTime = timestamp(fake.clock.now() - 5_000);
    aReadyVm({
      powerState: 'Running',
      settledAt: lastTransitionTime,
      conditions: [{ type: 'Ready', status: 'True', reason: 'Ready', message: 'Up.', lastTransitionTime }],
    });
    snapshot = {};
    await keep();
    expect(condition('Ready')).toMatchObject({ status: 'True', lastTransitionTime });
    expect(stored().status?.powerState).toBe('Running');
  });

  test('without a connection nothing is said', async () => {
    fake.context.clusters.open = () => [];
    aReadyVm();
    await keep();
    expect(condition('Ready')).toMatchObject({ status: 'True' });
  });
});

describe('the package', () => {
  const shown = async (effective?: VirtualMachineStatus['effective']) => {
    aReadyVm({ effective });
    await keep();
    return condition('PackageUpToDate');
  };

  test('is up to date', async () => {
    fake.kube.seed(resources.plan, aPlan());
    expect(await shown(aPackage())).toMatchObject({ status: 'True', reason: 'Succeeded' });
  });

  test('says what a changed plan would change, and does nothing', async () => {
    fake.kube.seed(resources.plan, aPlan({ cpuCores: 4, memoryGiB: 8 }));
    expect(await shown(aPackage())).toMatchObject({
      status: 'False',
      reason: 'ChangePending',
      message: 'Not applied yet: cpuCores 1 → 4, memoryGiB 1 → 8.',
    });
  });

  test.each([
    { name: 'a plan that is gone', seed: false, effective: aPackage() },
    { name: 'a VM of which it is not known', seed: true, effective: undefined },
  ])('$name: nothing is said', async ({ seed, effective }) => {
    if (seed) fake.kube.seed(resources.plan, aPlan());
    expect(await shown(effective)).toBeUndefined();
  });
});

describe('DNS that could not be written', () => {
  const address = { address: '192.0.2.10', prefixLength: 24, pool: 'ipv4', primary: true };
  const failed = { zone: 'example.com', provider: 'PowerDNS', ok: false, message: 'It does not answer.' };
  const dns = { forward: { ok: 0, failed: 1 }, reverse: { ok: 0, failed: 0 }, zones: [failed] };

  beforeEach(() => {
    const data = { apiKey: Buffer.from('key').toString('base64') };
    fake.kube.seed(resources.secret, { metadata: { name: DNS_SECRET, namespace: OPERATOR_NAMESPACE }, data });
    fake.kube.seed(resources.dnsZone, aZone('example.com', 'http://dns'));
    aReadyVm({ dns, addresses: [address], fqdn: 'web-1.example.com' });
  });

  test('is written later', async () => {
    expect(await keep()).toEqual({ kind: 'done' });
    expect(stored().status?.dns).toMatchObject({ forward: { ok: 1, failed: 0 }, zones: [{ ok: true }] });
    expect(condition('DNSPublished')).toMatchObject({ status: 'True', reason: 'Succeeded' });
  });

  test('is tried every ten minutes, and makes the VM no less ready', async () => {
    dnsAnswers = false;
    expect(await keep()).toEqual({ kind: 'after', ms: 600_000 });
    expect(condition('DNSPublished')).toMatchObject({ status: 'False', reason: 'PartlyFailed' });
    expect(condition('Ready')).toMatchObject({ status: 'True' });
    await keep();
    expect(statusWrites()).toBe(1);
  });
});
