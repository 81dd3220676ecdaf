// Every type of operation once on a real API server: what is asked for is done, recorded, linked and shown.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import { OPERATION_TYPES, type OperationType } from '../../src/api/virtual-machine-operation.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import { aPlan, aPool, aVirtualMachine } from '../builders/objects.ts';
import { aTopology } from '../builders/topology.ts';
import { until } from '../kube/until.ts';
import { EVERY_CALL } from './end-state.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { condition, startWorld, type World } from './harness-world.ts';
import { changes, done, powerChanges, request, runOf, untilDone, untilSaid } from './requests.ts';

const OTHER_TEMPLATE = 9011;
const REDEPLOY = { type: 'Redeploy', redeploy: { confirmation: 'REDEPLOY' } } as const;

let bed: TestBed;
let world: World;
const tested = new Set<OperationType>();

beforeAll(async () => {
  bed = await startTestBed();
  world = await startWorld(bed, { topology: aTopology([{ vmid: OTHER_TEMPLATE, sizeGiB: 3 }]) });
  await world.create(aPool(), aPlan({ ...EVERY_CALL, allowedTemplates: [{ vmid: OTHER_TEMPLATE }] }));
  await world.create(aVirtualMachine('web'));
  await world.untilReady('web', 60_000);
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await bed?.[Symbol.asyncDispose]();
});

async function vmid(name = 'web'): Promise<number> {
  return (await world.vm(name)).status?.vmid ?? 0;
}

interface Row {
  type: OperationType;
  /** What is in Proxmox VE before, so that the operation has something to do. */
  before?: (options: Record<string, string>) => void;
  spec?: object;
  machine: string;
  /** The last change that Proxmox VE is asked for. */
  change?: string;
  /** What is in Proxmox VE afterwards. */
  after?: Record<string, unknown>;
}

const drive = (key: string) => ({ [key]: expect.stringMatching(/^shared:/) as string });

/** In this order: each finds the VM as the one before has left it. */
const ROWS: readonly Row[] = [
  { type: 'Stop', machine: 'stop', change: 'POST /status/shutdown', spec: { stop: { gracePeriodSeconds: 5 } } },
  { type: 'Start', machine: 'start', change: 'POST /status/start' },
  { type: 'Reboot', machine: 'reboot', change: 'POST /status/reboot' },
  { type: 'Reset', machine: 'reset', change: 'POST /status/reset' },
  { type: 'SetDNSRecords', machine: 'set_dns_records' },
  { type: 'ResetPassword', machine: 'reset_password' },
  { type: 'SetAddresses', machine: 'set_addresses' },
  {
    type: 'SetSystemDiskLimits',
    machine: 'set_system_disk_bandwidth',
    before: (options) => (options['scsi0'] = (options['scsi0'] ?? '').replace(',mbps_rd=50', '')),
    change: 'POST /config',
    after: { scsi0: expect.stringContaining('mbps_rd=50') as string },
  },
  { type: 'SetSystemDiskSize', machine: 'set_system_disk_size', after: drive('scsi0') },
  { type: 'CreateAdditionalDisk', machine: 'set_created_additional_disk', after: drive('scsi1') },
  { type: 'SetAdditionalDiskSize', machine: 'set_additional_disk_size', after: drive('scsi1') },
  {
    type: 'SetAdditionalDiskLimits',
    machine: 'set_additional_disk_bandwidth',
    before: (options) => (options['scsi1'] = (options['scsi1'] ?? '').replace(',mbps_wr=20', '')),
    change: 'POST /config',
    after: { scsi1: expect.stringContaining('mbps_wr=20') as string },
  },
  {
    type: 'SetNetwork',
    machine: 'set_network',
    before: (options) => (options['net0'] = (options['net0'] ?? '').replace(',rate=10', '')),
    change: 'POST /config',
    after: { net0: expect.stringContaining('rate=10') as string },
  },
  { type: 'SetFirewall', machine: 'set_firewall' },
  {
    type: 'SetCloudInit',
    machine: 'set_cloudinit',
    before: (options) => (options['nameserver'] = '192.0.2.99'),
    change: 'POST /config',
    after: { nameserver: '192.0.2.2 192.0.2.3' },
  },
  { type: 'ChangePackage', machine: 'change_package' },
];

describe('a VM that is ready', () => {
  test.each(ROWS)('$type', async ({ type, before, spec, machine, change, after }) => {
    tested.add(type);
    if (before !== undefined) world.sim.changeByHand(await vmid(), before);
    const since = world.sim.requests.length;
    const name = type.toLowerCase();
    const { operation, run } = await done(world, 'web', name, { type, ...spec });
    await expectLinked(name, operation.status?.runName);
    expect(run.spec).toMatchObject({ virtualMachineName: 'web', machine });
    expect(run.spec.trigger).toBe(`VirtualMachineOperation ${name} (${type})`);
    expect(run.status).toMatchObject({ result: 'Succeeded' });
    if (change !== undefined) expect(changes(world, since)).toContain(change);
    if (after !== undefined) expect(world.config(await vmid())).toMatchObject(after);
    await world.untilReady('web');
  });

  test('SetCPUAndMemory, while the VM is stopped', async () => {
    tested.add('SetCPUAndMemory');
    await done(world, 'web', 'halt', { type: 'Stop' });
    world.sim.changeByHand(await vmid(), (options) => (options['cores'] = '7'));
    const { run } = await done(world, 'web', 'cpu', { type: 'SetCPUAndMemory' });
    expect(run.spec.machine).toBe('set_cpu_ram');
    expect(world.config(await vmid())).toMatchObject({ cores: '2' });
    await done(world, 'web', 'go', { type: 'Start' });
  });

  test('Reinstall: another template; addresses, MAC address and VMID stay, the password does not', async () => {
    tested.add('Reinstall');
    const before = await world.vm('web');
    const [mac, { password }] = [before.status?.network?.macAddress, await world.credentials(before)];
    const reinstall = { confirmation: 'REINSTALL' as const, template: OTHER_TEMPLATE };
    const { run } = await done(world, 'web', 'reinstall', { type: 'Reinstall', reinstall });
    expect(run.spec.machine).toBe('reinstall');
    const vm = await world.untilReady('web');
    expect(vm.status).toMatchObject({
      vmid: before.status?.vmid,
      addresses: before.status?.addresses,
      effective: { operatingSystem: OTHER_TEMPLATE },
    });
    expect(world.config(vm.status?.vmid)['net0']).toContain(mac);
    expect((await world.credentials(vm))['password']).not.toBe(password);
    expect(world.madeVmids).toEqual([vm.status?.vmid]);
  });

  test('ResetStatus: the pipeline starts again, and finds its work done', async () => {
    tested.add('ResetStatus');
    const since = world.sim.requests.length;
    await request(world, 'web', 'again', { type: 'ResetStatus', resetStatus: { state: 'creation' } });
    await untilDone(world, 'again');
    const isDeploy = async () => (await world.runs('web')).at(-1)?.spec.machine === 'deploy';
    await until('the deploy runs again', isDeploy);
    const run = await world.untilRunSucceeded('web');
    expect(run.spec).toMatchObject({ machine: 'deploy', from: 'creation' });
    await world.untilReady('web');
    expect(powerChanges(world, since)).toEqual([]);
    expect(world.madeVmids).toHaveLength(1);
  });

  test('Redeploy is refused: there is Reinstall', async () => {
    await request(world, 'web', 'not-needed', REDEPLOY);
    await untilSaid(world, 'not-needed', { status: 'False', reason: 'VirtualMachineReady' });
  });
});

test('Redeploy: a machine that was lost in its deploy is made anew', async () => {
  tested.add('Redeploy');
  world.sim.faults.add({
    match: { method: 'POST', path: /\/qemu\/2001\/config$/ },
    when: 'after',
    effect: { meanwhile: () => destroyByHand(2001) },
  });
  await world.create(aVirtualMachine('lost'));
  await world.untilStalled('lost', 'VirtualMachineMissing');
  const { run } = await done(world, 'lost', 'redeploy', REDEPLOY);
  expect(run.spec.machine).toBe('redeploy');
  const vm = await world.untilReady('lost');
  expect(world.madeVmids).toContain(vm.status?.vmid);
});

function destroyByHand(id: number): void {
  for (const volume of world.sim.world.volumes.all()) if (volume.vmid === id) world.sim.world.volumes.remove(volume);
  world.sim.world.vms.delete(id);
  world.sim.world.firewall.delete(id);
}

test('RetryTerminate: only for a VM that is being deleted, and then at once', async () => {
  tested.add('RetryTerminate');
  await request(world, 'web', 'too-early', { type: 'RetryTerminate' });
  await untilSaid(world, 'too-early', { status: 'False', reason: 'NotBeingDeleted' });
  await world.create(aVirtualMachine('going'));
  const { status } = await world.untilReady('going');
  const description = world.config(status?.vmid)['description'] ?? '';
  world.sim.changeByHand(status?.vmid ?? 0, (options) => delete options['description']);
  await bed.client.delete(resources.virtualMachine, 'going', world.namespace);
  const isKept = (vm: VirtualMachine): boolean => vm.status?.state === 'error_terminate';
  await world.untilVm('going', 'error_terminate', isKept);
  world.sim.changeByHand(status?.vmid ?? 0, (options) => (options['description'] = description));
  await request(world, 'going', 'retry', { type: 'RetryTerminate' });
  await world.untilVmGone('going');
});

test('Adopt: observing changes nothing, and tells what taking over would', async () => {
  tested.add('Adopt');
  const stranger = { name: 'by-hand', memory: '4096', cores: '1', sockets: '1' };
  world.sim.stealVmid(3000, { ...stranger, scsihw: 'virtio-scsi-pci', boot: 'order=net0' });
  const paused = aVirtualMachine('adopted');
  paused.metadata.annotations = { 'pve-operator.io/pause': 'true' };
  await world.create(paused);
  await request(world, 'adopted', 'look', { type: 'Adopt', adopt: { vmid: 3000, mode: 'Observe' } });
  const wanted = (object: { status?: { completedAt?: string } }): boolean => object.status?.completedAt !== undefined;
  const operation = await world.untilObject(resources.virtualMachineOperation, 'look', 'has ended', { wanted });
  expect(condition(operation, 'Succeeded')?.status).toMatch(/True|False/);
  expect(world.config(3000)).toMatchObject(stranger);
  expect(world.requests({ path: /\/qemu\/3000\// }).filter(({ method }) => method !== 'GET')).toEqual([]);
  await bed.client.delete(resources.virtualMachine, 'adopted', world.namespace);
  await world.patch(resources.virtualMachine, 'adopted', { metadata: { annotations: null } });
  await world.untilVmGone('adopted');
});

test('every type was asked for', () => {
  expect(OPERATION_TYPES.filter((type) => !tested.has(type))).toEqual([]);
});

test('columns show what became of each', async () => {
  const table = await bed.kubectl(['get', 'pvmop', '-n', world.namespace]);
  const row = table.split('\n').find((line) => line.startsWith('reinstall '));
  const { status } = await bed.client.get(resources.virtualMachineOperation, 'reinstall', world.namespace);
  expect(row?.trim().split(/\s+/).slice(0, 6)).toEqual([
    'reinstall',
    'web',
    'Reinstall',
    'True',
    'Succeeded',
    status?.runName,
  ]);
});

test('operations go with their VM', async () => {
  await world.stop({ vmids: [3000], leaks: true });
});

async function expectLinked(name: string, runName: string | undefined): Promise<void> {
  const operation = await bed.client.get(resources.virtualMachineOperation, name, world.namespace);
  const { metadata } = await world.vm('web');
  expect(operation.metadata.ownerReferences).toEqual([
    expect.objectContaining({ kind: 'VirtualMachine', name: 'web', uid: metadata.uid }),
  ]);
  expect(operation.status?.startedAt).toBeDefined();
  expect(operation.status?.completedAt).toBeDefined();
  expect((await runOf(world, operation)).metadata.name).toBe(runName);
}
