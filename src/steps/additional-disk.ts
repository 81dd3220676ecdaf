// set_created_additional_disk, set_additional_disk_size, set_additional_disk_bandwidth: the second disk, if the package has one.
import { additionalDiskFormat, newDiskValue } from '../domain/disks.ts';
import type { Facts, OwnVm } from '../machine/facts.ts';
import type { Step, Verdict } from '../machine/vocabulary.ts';
import { type Drive, findSystemDisk } from '../pve/drive.ts';
import { driveIn, limitsOfPackage, planDiskLimits, planDiskSize } from './disk-steps.ts';
import { designOf, withOwnVm } from './own-vm.ts';

const NO_DISK = 'the package has no additional disk';

export const createAdditionalDisk: Step = {
  id: 'create-additional-disk',
  title: 'Create additional disk',
  condition: 'AdditionalDiskCreated',
  needs: () => ['observed'],
  batchable: true,
  plan: (facts) => withSlot(facts, (vm, key) => planCreation(facts, vm, key)),
};

export const growAdditionalDisk: Step = {
  id: 'grow-additional-disk',
  title: 'Resize additional disk',
  condition: 'AdditionalDiskSized',
  needs: () => ['observed'],
  plan: (facts) => withDisk(facts, (key, drive) => planDiskSize(key, drive, designOf(facts).package.additionalDiskGiB)),
};

export const limitAdditionalDisk: Step = {
  id: 'limit-additional-disk',
  title: 'Set additional disk I/O',
  condition: 'AdditionalDiskLimited',
  needs: () => ['observed'],
  batchable: true,
  plan: (facts) =>
    withDisk(facts, (key, drive) => planDiskLimits(key, drive, limitsOfPackage(designOf(facts).package, 'additional'))),
};

function withSlot(facts: Facts, plan: (vm: OwnVm, key: string) => Verdict): Verdict {
  return withOwnVm(facts, (vm) => {
    if (designOf(facts).package.additionalDiskGiB === 0) return { kind: 'skip', why: NO_DISK };
    const key = facts.status.disks?.additional;
    if (key === undefined) throw new TypeError('The slot of the additional disk is decided before the clone.');
    return plan(vm, key);
  });
}

function withDisk(facts: Facts, plan: (key: string, drive: Drive) => Verdict): Verdict {
  return withSlot(facts, (vm, key) => {
    const drive = driveIn(vm, key);
    if (drive !== undefined) return plan(key, drive);
    return { kind: 'wait', reason: 'InProgress', message: `Disk ${key} is not there yet.`, afterMs: 1_000 };
  });
}

function planCreation(facts: Facts, vm: OwnVm, key: string): Verdict {
  if (driveIn(vm, key) !== undefined) return { kind: 'done' };
  const { plan: product, package: resources } = designOf(facts);
  const system = findSystemDisk({ values: vm.config });
  if ('error' in system) return { kind: 'stall', reason: 'TemplateUnusable', message: system.error };
  const storage = product.additionalDisk?.storage ?? system.drive.storage;
  const found = facts.cluster.snapshot?.storages.find(
    (candidate) => candidate.storage === storage && candidate.node === vm.node,
  );
  if (storage === undefined || found === undefined || !found.content.includes('images')) {
    return {
      kind: 'stall',
      reason: 'StorageMissing',
      message: `Storage ${storage ?? '(none)'} for the additional disk does not exist on node ${vm.node} or takes no disk images. Correct additionalDisk.storage of the plan.`,
    };
  }
  const format = additionalDiskFormat({ systemVolume: system.drive.volume, storageType: found.pluginType ?? '' });
  const value = newDiskValue({
    storage,
    sizeGiB: resources.additionalDiskGiB,
    format,
    limits: limitsOfPackage(resources, 'additional'),
  });
  return { kind: 'act', action: { kind: 'configure', set: { [key]: value } }, why: `${key} does not exist yet` };
}
