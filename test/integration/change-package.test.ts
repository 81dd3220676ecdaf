// Changes of what a VM is: by its options, by an edit of its plan, by another plan; what is live, what needs a restart, what is refused.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import { aPlan, anIPv6Pool, aPool, aProxmoxCluster, aVirtualMachine } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { condition, startWorld, type World } from './harness-world.ts';
import { changes, done, edited, powerChanges, stepsOf, stepTo } from './requests.ts';

const SMALL = { systemDisk: { sizeGiB: 4 } };

let bed: TestBed;
let world: World;

beforeAll(async () => {
  bed = await startTestBed();
  world = await startWorld(bed);
  await world.create(
    aPool(),
    anIPv6Pool(),
    aPlan(SMALL),
    aPlan({ ...SMALL, cpuCores: 2, network: { rateMBps: 20 } }, 'larger'),
    aPlan(SMALL, 'edited'),
    aPlan({ ...SMALL, rollOut: 'Automatic' }, 'followed'),
    aProxmoxCluster({ ...world.access }, 'elsewhere'),
    aPlan({ clusterRef: { name: 'elsewhere' } }, 'of-elsewhere'),
  );
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await bed?.[Symbol.asyncDispose]();
});

/** A VM of its own for a test. */
async function deployed(name: string, spec: Parameters<typeof aVirtualMachine>[1] = {}): Promise<VirtualMachine> {
  await world.create(aVirtualMachine(name, spec));
  return world.untilReady(name, 60_000);
}

async function newestRun(name: string) {
  const run = await world.untilRunSucceeded(name);
  expect(run.spec.machine).toBe('change_package');
  return run;
}

describe('options', () => {
  test('what a running VM takes is changed without a restart', async () => {
    await deployed('live');
    const since = world.sim.requests.length;
    const vm = await edited(world, 'live', {
      options: {
        networkMBps: 30,
        systemDiskGiB: 6,
        systemDiskReadMBps: 50,
        additionalDiskGiB: 2,
        ipv4Addresses: 2,
        ipv6Addresses: 1,
      },
    });
    expect(powerChanges(world, since)).toEqual([]);
    const config = world.config(vm.status?.vmid);
    expect(config['net0']).toContain('rate=30');
    expect(config['scsi0']).toMatch(/mbps_rd=50.*size=6G/);
    expect(config['scsi1']).toContain('size=2G');
    expect(config['ipconfig0']).toContain('ip6=2001:db8::1000/64');
    const members = world.sim.world.firewallOf(vm.status?.vmid ?? 0).ipsets.get('ipfilter-net0')?.entries ?? [];
    expect(members.map(({ cidr }) => cidr).sort()).toEqual(
      (vm.status?.addresses ?? []).map(({ address }) => address).sort(),
    );
    expect(members).toHaveLength(3);
    expect(condition(vm, 'PackageUpToDate')).toMatchObject({ status: 'True' });
    const run = await newestRun('live');
    expect(run.spec.trigger).toMatch(/^package: .*networkMBps 0 → 30/);
    expect(run.spec.from).toBe('ready');
    expect(stepTo(run, 'cp_stop')).toMatchObject({ result: 'Skipped', message: 'No change needs a stop.' });
    expect(stepTo(run, 'cp_cpu_ram')).toMatchObject({ result: 'Skipped', message: 'No change.' });
  });

  test('cores and memory are stopped for: at most three changes, and every state of the pipeline', async () => {
    await deployed('restarted');
    const since = world.sim.requests.length;
    const vm = await edited(world, 'restarted', { options: { cpuCores: 2, memoryGiB: 2 } });
    expect(changes(world, since)).toEqual(['POST /status/shutdown', 'POST /config', 'POST /status/start']);
    expect(world.config(vm.status?.vmid)).toMatchObject({ cores: '2', memory: '2048' });
    const run = await newestRun('restarted');
    expect(stepsOf(run)).toEqual([
      'cp_update_ip Skipped',
      'cp_stop Succeeded',
      'cp_cpu_ram Succeeded',
      'cp_system_disk_size Skipped',
      'cp_system_disk_bandwidth Skipped',
      'cp_additional_disk Skipped',
      'cp_additional_disk_size Skipped',
      'cp_additional_disk_bandwidth Skipped',
      'cp_network Skipped',
      'cp_firewall Skipped',
      'cp_start Succeeded',
      'ready Skipped',
    ]);
    expect(stepTo(run, 'cp_stop')?.message).toMatch(/^Cores cannot change/);
  });

  test('a change that changes nothing asks Proxmox VE for nothing', async () => {
    await deployed('calm');
    const since = world.sim.requests.length;
    const { run } = await done(world, 'calm', 'calm-anew', { type: 'ChangePackage' });
    expect(changes(world, since)).toEqual([]);
    expect(stepsOf(run).filter((step) => !step.endsWith('Skipped'))).toEqual([]);
  });

  test('the plan counts again where an option is taken away', async () => {
    await deployed('again', { options: { networkMBps: 10 }, planRef: { name: 'larger' } });
    const vm = await edited(world, 'again', { options: null });
    expect(vm.status?.effective).toMatchObject({ networkMBps: 20, cpuCores: 2 });
    expect(world.config(vm.status?.vmid)['net0']).toContain('rate=20');
  });
});

describe('what is refused', () => {
  test('a smaller disk: said by the step, a condition and an event, and nothing is stopped for it', async () => {
    await deployed('shrinking');
    const since = world.sim.requests.length;
    const vm = await edited(world, 'shrinking', { configurableOptions: { 'System Disk': '3|3 GB' } });
    expect(condition(vm, 'ShrinkRefused')).toMatchObject({ status: 'True', reason: 'ShrinkRefused' });
    expect(changes(world, since)).toEqual([]);
    const run = await newestRun('shrinking');
    expect(stepTo(run, 'cp_system_disk_size')).toMatchObject({
      result: 'Skipped',
      message: 'The disk stays as it is: shrink not allowed by Proxmox.',
    });
    const warned = async () =>
      (await world.events('shrinking')).some(({ reason, type }) => reason === 'ShrinkRefused' && type === 'Warning');
    await until('an event says that a shrink was refused', warned);
    const larger = await edited(world, 'shrinking', { configurableOptions: { 'System Disk': '5|5 GB' } });
    expect(condition(larger, 'ShrinkRefused')).toBeUndefined();
    expect(world.config(larger.status?.vmid)['scsi0']).toContain('size=5G');
  });

  test('an additional disk goes only when its volume is named', async () => {
    const before = await deployed('losing', { options: { additionalDiskGiB: 2 } });
    const { vmid } = before.status ?? {};
    const volume = world.config(vmid)['scsi1']?.split(',')[0] ?? '';
    const kept = await edited(world, 'losing', { options: null });
    expect(condition(kept, 'ConsentRequired')).toMatchObject({
      status: 'True',
      message: expect.stringContaining(volume) as string,
    });
    expect(world.config(vmid)['scsi1']).toContain(volume);
    const wrong = await edited(world, 'losing', { consent: { destroyVolumes: ['shared:2999/vm-2999-disk-9.qcow2'] } });
    expect(condition(wrong, 'ConsentRequired')).toMatchObject({ status: 'True' });
    const gone = await edited(world, 'losing', { consent: { destroyVolumes: [volume] } });
    expect(condition(gone, 'ConsentRequired')).toBeUndefined();
    expect(world.config(vmid)).not.toHaveProperty('scsi1');
    expect(gone.status?.disks).not.toHaveProperty('additional');
    expect([...world.sim.world.volumes.all()].some((one) => `${one.storage}:${one.name}` === volume)).toBe(false);
    expect(world.sim.leaks().orphanVolumes).toEqual([]);
  });

  test('no additional disk any more, said outright: the API server asks for consent', async () => {
    const before = await deployed('outright', { options: { additionalDiskGiB: 2 } });
    const volume = world.config(before.status?.vmid)['scsi1']?.split(',')[0] ?? '';
    await expect(edited(world, 'outright', { options: { additionalDiskGiB: 0 } })).rejects.toThrow(/destroyVolumes/);
    await expect(edited(world, 'outright', { options: { additionalDiskGiB: 1 } })).rejects.toThrow(/can only grow/);
    const gone = await edited(world, 'outright', {
      options: { additionalDiskGiB: 0 },
      consent: { destroyVolumes: [volume] },
    });
    expect(world.config(gone.status?.vmid)).not.toHaveProperty('scsi1');
  });

  test('a plan of another cluster', async () => {
    await deployed('staying');
    const since = world.sim.requests.length;
    await world.patch(resources.virtualMachine, 'staying', { spec: { planRef: { name: 'of-elsewhere' } } });
    const said = (vm: VirtualMachine): boolean => condition(vm, 'PackageUpToDate')?.reason === 'ClusterChanged';
    const vm = await world.untilVm('staying', 'says that the cluster is another one', said);
    expect(condition(vm, 'PackageUpToDate')?.message).toMatch(/of-elsewhere.*cluster elsewhere/);
    expect(changes(world, since)).toEqual([]);
    await edited(world, 'staying', { planRef: { name: 'kvm' } });
  });
});

describe('plans', () => {
  test('an edit moves no VM: it is told, and applied when that is asked for', async () => {
    const before = await deployed('waiting', { planRef: { name: 'edited' } });
    await world.patch(resources.plan, 'edited', { spec: { cpuCores: 2, network: { rateMBps: 5 } } });
    const isPending = (vm: VirtualMachine): boolean => condition(vm, 'PackageUpToDate')?.reason === 'ChangePending';
    const pending = await world.untilVm('waiting', 'ChangePending', isPending);
    expect(condition(pending, 'PackageUpToDate')?.message).toMatch(/cpuCores 1 → 2/);
    expect(pending.status?.planRevision).toBe(before.status?.planRevision);
    expect(world.config(pending.status?.vmid)['cores']).toBe('1');
    const { run } = await done(world, 'waiting', 'apply-plan', { type: 'ChangePackage' });
    expect(run.spec.trigger).toBe('VirtualMachineOperation apply-plan (ChangePackage)');
    const vm = await world.untilReady('waiting');
    expect(vm.status?.planRevision).not.toBe(before.status?.planRevision);
    expect(vm.status?.effective).toMatchObject({ cpuCores: 2, networkMBps: 5 });
    expect(world.config(vm.status?.vmid)).toMatchObject({ cores: '2' });
    expect(condition(vm, 'PackageUpToDate')).toMatchObject({ status: 'True' });
  });

  test('a plan that rolls out by itself', async () => {
    await deployed('following', { planRef: { name: 'followed' } });
    await world.patch(resources.plan, 'followed', { spec: { network: { rateMBps: 7 } } });
    const vm = await world.untilVm(
      'following',
      'has the new rate',
      ({ status }) => status?.effective?.networkMBps === 7,
    );
    await world.untilReady('following');
    expect(world.config(vm.status?.vmid)['net0']).toContain('rate=7');
  });

  test('another plan', async () => {
    await deployed('moving');
    const vm = await edited(world, 'moving', { planRef: { name: 'larger' } });
    expect(vm.status?.planRevision).toMatch(/^larger-/);
    expect(world.config(vm.status?.vmid)).toMatchObject({ cores: '2' });
    expect(world.config(vm.status?.vmid)['net0']).toContain('rate=20');
  });
});

test('all of them go as they came', async () => {
  await world.stop();
});
