// Change of the package over a simulated Proxmox VE: what it costs, what it compares, and what it never does.
import { describe, expect, test } from 'vitest';
import type { VirtualMachineSpec } from '../../src/api/virtual-machine.ts';
import { edit, endOf, lastRun, request, stepsOf } from '../builders/requests.ts';
import { type SimulatedOperator, simulatedOperator } from '../builders/simulated-operator.ts';

const VM = '/nodes/pve1/qemu/2000';

/** web-1, ready and settled, of a plan with 1 CPU, 1 GiB and a disk of 10 GiB. */
async function deployed(spec: Partial<VirtualMachineSpec> = {}): Promise<SimulatedOperator> {
  const operator = await simulatedOperator({ systemDisk: { sizeGiB: 10 } });
  operator.declare('web-1', spec);
  await operator.passes();
  return operator;
}

/** What was written to Proxmox VE by what `act` sets off. */
async function writesOf(operator: SimulatedOperator, act: () => Promise<unknown>): Promise<string[]> {
  const before = operator.writes().length;
  await act();
  await operator.passes();
  return operator.writes().slice(before);
}

function optionsOf({ sim }: SimulatedOperator): Record<string, string> {
  return sim.world.vms.get(2000)?.options ?? {};
}

function conditionOf(operator: SimulatedOperator, type: string) {
  return operator.vm()?.status?.conditions?.find((condition) => condition.type === type);
}

async function takeSnapshot(operator: SimulatedOperator, snapname: string): Promise<void> {
  const { sim, authorization, fake } = operator;
  await sim.handle({ method: 'POST', path: `${VM}/snapshot`, params: { snapname }, authorization });
  while (sim.world.vms.get(2000)?.options['lock'] !== undefined) await fake.clock.advance(100);
}

describe('what it costs', () => {
  test('CPU and memory: stop, one configuration call, start', async () => {
    await using operator = await deployed();
    const writes = await writesOf(operator, () => edit(operator, { options: { cpuCores: 4, memoryGiB: 2 } }));
    expect(writes).toEqual([`POST ${VM}/status/shutdown`, `POST ${VM}/config`, `POST ${VM}/status/start`]);
    expect(optionsOf(operator)).toMatchObject({ cores: '4', memory: '2048' });
    expect(operator.vm()?.status).toMatchObject({ state: 'ready', powerState: 'Running' });
  });

  test('the sizes of the disks are told to admission with the end of it', async () => {
    await using operator = await deployed();
    const GIB = 2 ** 30;
    expect(operator.vm()?.status?.disks?.observed).toEqual({ systemBytes: 10 * GIB });
    await edit(operator, { options: { systemDiskGiB: 20, additionalDiskGiB: 5 } });
    await operator.passes();
    expect(operator.vm()?.status?.disks?.observed).toEqual({
      systemBytes: 20 * GIB,
      additionalBytes: 5 * GIB,
      additionalVolume: expect.stringMatching(/vm-2000-disk-1/) as string,
    });
  });

  test('of a VM that is stopped: the configuration call alone', async () => {
    await using operator = await deployed();
    await request(operator, 'Stop');
    await operator.passes();
    const writes = await writesOf(operator, () => edit(operator, { options: { cpuCores: 4 } }));
    expect(writes).toEqual([`POST ${VM}/config`]);
    expect(operator.vm()?.status?.powerState).toBe('Stopped');
  });

  test('what a running VM takes costs no stop', async () => {
    await using operator = await deployed();
    const options = { systemDiskGiB: 20, systemDiskReadMBps: 50, networkMBps: 10, ipv4Addresses: 2 };
    const writes = await writesOf(operator, () => edit(operator, { options }));
    expect(writes.filter((write) => write.includes('/status/'))).toEqual([]);
    expect(optionsOf(operator)['scsi0']).toMatch(/mbps_rd=50.*size=20G|size=20G.*mbps_rd=50/);
    expect(stepsOf(operator)).toContain('cp_stop: Skipped (No change needs a stop.)');
  });

  test('nothing changed: nothing is written, and every step says so', async () => {
    await using operator = await deployed();
    const writes = await writesOf(operator, () => request(operator, 'ChangePackage'));
    expect(writes).toEqual([]);
    expect(lastRun(operator)?.spec.machine).toBe('change_package');
    expect(stepsOf(operator).map((step) => step.replace(/ \(.*/, ''))).toEqual([
      'cp_update_ip: Skipped',
      'cp_stop: Skipped',
      'cp_cpu_ram: Skipped',
      'cp_system_disk_size: Skipped',
      'cp_system_disk_bandwidth: Skipped',
      'cp_additional_disk: Skipped',
      'cp_additional_disk_size: Skipped',
      'cp_additional_disk_bandwidth: Skipped',
      'cp_network: Skipped',
      'cp_firewall: Skipped',
      'cp_start: Skipped',
      'ready: Skipped',
    ]);
  });

  test('an edit of something else begins nothing', async () => {
    await using operator = await deployed();
    const writes = await writesOf(operator, () => edit(operator, { deletionProtection: true }));
    expect(writes).toEqual([]);
    expect(operator.vm()?.status?.runCount).toBe(1);
  });
});

describe('a smaller disk', () => {
  test('is refused without a stop, with a reason that stays', async () => {
    await using operator = await deployed({ options: { systemDiskGiB: 20 } });
    const writes = await writesOf(operator, () => edit(operator, { options: { systemDiskGiB: 15 } }));
    expect(writes).toEqual([]);
    expect(stepsOf(operator)).toContain(
      'cp_system_disk_size: Skipped (The disk stays as it is: shrink not allowed by Proxmox.)',
    );
    expect(conditionOf(operator, 'ShrinkRefused')).toMatchObject({ status: 'True', reason: 'ShrinkRefused' });
  });

  test('the reason goes when the package asks for it no more', async () => {
    await using operator = await deployed({ options: { systemDiskGiB: 20 } });
    await edit(operator, { options: { systemDiskGiB: 15 } });
    await operator.passes();
    await edit(operator, { options: { systemDiskGiB: 20 } });
    await operator.passes();
    expect(conditionOf(operator, 'ShrinkRefused')).toBeUndefined();
  });
});

describe('snapshots that keep a disk from growing', () => {
  /** web-1 with two snapshots and a disk of qcow2 version 2. */
  async function withSnapshots(): Promise<SimulatedOperator> {
    const operator = await deployed();
    for (const snapname of ['before-upgrade', 'weekly']) await takeSnapshot(operator, snapname);
    const [volume = ''] = (optionsOf(operator)['scsi0'] ?? '').split(',');
    operator.sim.downgradeImage(volume);
    return operator;
  }

  const snapshotsOf = ({ sim }: SimulatedOperator) => [...(sim.world.vms.get(2000)?.snapshots.keys() ?? [])];

  test('stay without consent; the rest of the package is applied, and the VM runs', async () => {
    await using operator = await withSnapshots();
    await edit(operator, { options: { systemDiskGiB: 20, cpuCores: 2 } });
    await operator.passes();
    expect(operator.vm()?.status).toMatchObject({
      state: 'ready',
      powerState: 'Running',
      snapshotsInTheWay: ['before-upgrade', 'weekly'],
    });
    expect(conditionOf(operator, 'ConsentRequired')?.message).toContain('before-upgrade, weekly');
    expect(stepsOf(operator)).toContain(
      'cp_system_disk_size: Skipped (Nobody consented to deleting the snapshots before-upgrade, weekly.)',
    );
    expect(snapshotsOf(operator)).toEqual(['before-upgrade', 'weekly']);
    expect(optionsOf(operator)).toMatchObject({ cores: '2', scsi0: expect.stringContaining('size=10G') });
  });

  test('stay as long as the consent leaves one out', async () => {
    await using operator = await withSnapshots();
    await edit(operator, { options: { systemDiskGiB: 20 }, consent: { deleteSnapshots: ['weekly'] } });
    await operator.passes();
    expect(snapshotsOf(operator)).toEqual(['before-upgrade', 'weekly']);
    expect(conditionOf(operator, 'ConsentRequired')?.message).toMatch(/it lacks before-upgrade\.$/);
  });

  test('go when the consent names them all, by itself and with nothing else to change', async () => {
    await using operator = await withSnapshots();
    await edit(operator, { options: { systemDiskGiB: 20 } });
    await operator.passes();
    await edit(operator, { consent: { deleteSnapshots: ['weekly', 'before-upgrade'] } });
    await operator.passes();
    expect(snapshotsOf(operator)).toEqual([]);
    expect(optionsOf(operator)['scsi0']).toContain('size=20G');
    expect(stepsOf(operator)).toContainEqual(expect.stringMatching(/^cp_system_disk_size: Succeeded/));
    expect(conditionOf(operator, 'ConsentRequired')).toBeUndefined();
    expect(operator.vm()?.status?.snapshotsInTheWay).toBeUndefined();
  });

  test('are not touched where the disk grows all the same, whatever the consent names', async () => {
    await using operator = await deployed({ consent: { deleteSnapshots: ['weekly'] } });
    await takeSnapshot(operator, 'weekly');
    await edit(operator, { options: { systemDiskGiB: 20 } });
    await operator.passes();
    expect(snapshotsOf(operator)).toEqual(['weekly']);
    expect(optionsOf(operator)['scsi0']).toContain('size=20G');
  });

  test('a single step on demand tells of them too', async () => {
    await using operator = await withSnapshots();
    const name = await request(operator, 'SetSystemDiskSize');
    await operator.passes();
    expect(endOf(operator, name)).toMatchObject({ result: 'Succeeded' });
  });
});

describe('a start that does not last', () => {
  test('is given its time, then tried again, and said', async () => {
    await using operator = await deployed();
    await request(operator, 'Stop');
    await operator.passes();
    await request(operator, 'Start');
    const starts = () => operator.writes().filter((write) => write.endsWith('/status/start')).length;
    const before = starts();
    await operator.pass();
    operator.sim.killVm(2000);
    await operator.pass();
    expect(starts()).toBe(before + 1);
    expect(conditionOf(operator, 'Started')).toMatchObject({ status: 'False', reason: 'WaitingForTask' });
    await operator.fake.clock.advance(61_000);
    await operator.pass();
    operator.sim.killVm(2000);
    await operator.pass();
    expect(starts()).toBe(before + 2);
    expect(conditionOf(operator, 'Started')).toMatchObject({ reason: 'NotRunning' });
    await operator.fake.clock.advance(61_000);
    await operator.passes();
    expect(operator.vm()?.status).toMatchObject({ state: 'ready', powerState: 'Running' });
  });
});

describe('a package that changes again', () => {
  test('while the VM is stopped for the first change: it runs again afterwards', async () => {
    await using operator = await deployed();
    const effect = { status: 500, reason: 'hotplug problem - it says no' };
    operator.sim.faults.add({ match: { method: 'POST', path: /config$/ }, when: 'before', effect });
    await edit(operator, { options: { cpuCores: 2 } });
    await operator.passes('web-1', (vm) => vm?.status?.conditions?.some(({ type }) => type === 'Stalled') === true);
    expect(operator.vm()?.status).toMatchObject({ state: 'cp_stop', powerState: 'Stopped' });
    await edit(operator, { options: { cpuCores: 3 } });
    await operator.passes();
    expect(optionsOf(operator)['cores']).toBe('3');
    expect(operator.vm()?.status).toMatchObject({ state: 'ready', powerState: 'Running', effective: { cpuCores: 3 } });
  });

  test('back to what it was, with limits in between: they are cleared', async () => {
    await using operator = await deployed();
    await edit(operator, { options: { systemDiskReadMBps: 50 } });
    await operator.passes('web-1', () => optionsOf(operator)['scsi0']?.includes('mbps_rd') === true);
    await edit(operator, { options: {} });
    await operator.passes();
    expect(optionsOf(operator)['scsi0']).not.toContain('mbps_rd');
  });
});
