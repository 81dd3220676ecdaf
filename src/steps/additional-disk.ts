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
  const system = findSystemDisk({ values: vm.config });
  if ('error' in system) return { kind: 'stall', reason: 'TemplateUnusable', message: system.error };
  const { plan: product, package: resources } = designOf(facts);
  const storage = product.additionalStorage ?? system.drive.storage ?? '';
  const storageType = imageStorageType(facts, vm.node, storage);
  if (storageType === undefined) return storageMissing(storage, vm.node);
  const value = newDiskValue({
    storage,
    sizeGiB: resources.additionalDiskGiB,
    format: additionalDiskFormat({ systemVolume: system.drive.volume, storageType }),
    limits: limitsOfPackage(resources, 'additional'),
  });
  return { kind: 'act', action: { kind: 'configure', set: { [key]: value } }, why: `${key} does not exist yet` };
}

/** The type of a storage of a node that takes disk images; undefined when there is none of that name. */
function imageStorageType({ cluster }: Facts, node: string, name: string): string | undefined {
  const found = cluster.snapshot?.storages.find(({ storage, node: where }) => storage === name && where === node);
  return found?.content.includes('images') === true ? (found.pluginType ?? '') : undefined;
}

function storageMissing(storage: string, node: string): Verdict {
  return {
    kind: 'stall',
    reason: 'StorageMissing',
    message: `Storage ${storage || '(none)'} for the additional disk does not exist on node ${node} or takes no disk images. Correct additionalDisk.storage of the plan.`,
  };
}
