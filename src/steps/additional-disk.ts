// set_created_additional_disk, set_additional_disk_size, set_additional_disk_bandwidth: the second disk, if the package has one.
import { additionalDiskFormat, additionalDiskKey, newDiskValue } from '../domain/disks.ts';
import type { Facts, OwnVm } from '../machine/facts.ts';
import type { ConditionNote, Step, Verdict } from '../machine/vocabulary.ts';
import { type Drive, findSystemDisk, isDriveKey } from '../pve/drive.ts';
import { driveIn, growthNeeds, limitsOfPackage, planDiskLimits, planDiskSize, previousLimits } from './disk-steps.ts';
import { designOf, withOwnVm } from './own-vm.ts';

const NO_DISK = 'the package has no additional disk';

export const createAdditionalDisk: Step = {
  id: 'create-additional-disk',
  title: 'Create additional disk',
  condition: 'AdditionalDiskCreated',
  needs: () => ['observed'],
  batchable: true,
  plan: (facts) =>
    withOwnVm(facts, (vm) =>
      designOf(facts).package.additionalDiskGiB === 0 ? { kind: 'skip', why: NO_DISK } : planCreation(facts, vm),
    ),
};

export const growAdditionalDisk: Step = {
  id: 'grow-additional-disk',
  title: 'Resize additional disk',
  condition: 'AdditionalDiskSized',
  needs: growthNeeds,
  plan: (facts) =>
    withDisk(facts, (key, drive) => planDiskSize(facts, key, drive, designOf(facts).package.additionalDiskGiB)),
};

export const limitAdditionalDisk: Step = {
  id: 'limit-additional-disk',
  title: 'Set additional disk I/O',
  condition: 'AdditionalDiskLimited',
  needs: () => ['observed'],
  batchable: true,
  plan: (facts) => withDisk(facts, (key, drive) => planLimits(facts, key, drive)),
};

/** The additional disk as the package has it: made, or destroyed where that was consented to. */
export const changeAdditionalDisk: Step = {
  ...createAdditionalDisk,
  id: 'change-additional-disk',
  title: 'Change additional disk',
  plan: (facts) =>
    withOwnVm(facts, (vm) => {
      if (designOf(facts).package.additionalDiskGiB === 0) return planRemoval(facts, vm);
      if (isTakenOut(facts, vm)) return { kind: 'skip', why: takenOut(facts.status.disks?.additional) };
      return planCreation(facts, vm);
    }),
};

function planLimits(facts: Facts, key: string, drive: Drive): Verdict {
  const limits = limitsOfPackage(designOf(facts).package, 'additional');
  return planDiskLimits(key, drive, limits, previousLimits(facts, 'additional'));
}

function withDisk(facts: Facts, plan: (key: string, drive: Drive) => Verdict): Verdict {
  return withOwnVm(facts, (vm) => {
    if (designOf(facts).package.additionalDiskGiB === 0) return { kind: 'skip', why: NO_DISK };
    const key = facts.status.disks?.additional;
    const drive = driveIn(vm, key);
    if (key !== undefined && drive !== undefined) return plan(key, drive);
    if (isTakenOut(facts, vm)) return { kind: 'skip', why: takenOut(key) };
    return { kind: 'wait', reason: 'InProgress', message: 'The additional disk is not there yet.', afterMs: 1_000 };
  });
}

/**
 * Whether the disk was there before the change and somebody has taken it out: an empty one in its place, which nobody
 * asked for, would hide that.
 */
function isTakenOut({ status }: Facts, vm: OwnVm): boolean {
  const { previous, request } = status.operation ?? {};
  const isAskedFor = request?.type === 'ChangePackage';
  const key = status.disks?.additional;
  return !isAskedFor && key !== undefined && driveIn(vm, key) === undefined && (previous?.additionalDiskGiB ?? 0) > 0;
}

function takenOut(key: string | undefined): string {
  return `${key} was taken out in Proxmox VE; an operation of type ChangePackage or CreateAdditionalDisk makes a new one`;
}

function planCreation(facts: Facts, vm: OwnVm): Verdict {
  const system = findSystemDisk({ values: vm.config });
  if ('error' in system) return { kind: 'stall', reason: 'TemplateUnusable', message: system.error };
  const kept = facts.status.disks?.additional;
  if (driveIn(vm, kept) !== undefined) return { kind: 'done' };
  const key = kept ?? freeSlot(vm, system.key);
  if (key === undefined) return { kind: 'stall', reason: 'Refused', message: 'Every disk slot of the VM is taken.' };
  const change = planNewDisk(facts, vm, { key, system: system.drive });
  if (change.kind !== 'act' || kept !== undefined) return change;
  return { ...change, note: { status: { disks: { system: system.key, additional: key } } } };
}

function freeSlot({ config }: OwnVm, systemKey: string): string | undefined {
  const scsihw = config.get('scsihw');
  const usedKeys = [...config.keys()].filter(isDriveKey);
  return additionalDiskKey({ systemKey, usedKeys, ...(scsihw === undefined ? {} : { scsihw }) });
}

function planNewDisk(facts: Facts, vm: OwnVm, { key, system }: { key: string; system: Drive }): Verdict {
  const { plan: product, package: resources } = designOf(facts);
  const storage = product.additionalStorage ?? system.storage ?? '';
  const storageType = imageStorageType(facts, vm.node, storage);
  if (storageType === undefined) return storageMissing(storage, vm.node);
  const value = newDiskValue({
    storage,
    sizeGiB: resources.additionalDiskGiB,
    format: additionalDiskFormat({ systemVolume: system.volume, storageType }),
    limits: limitsOfPackage(resources, 'additional'),
  });
  return { kind: 'act', action: { kind: 'configure', set: { [key]: value } }, why: `${key} does not exist yet` };
}

// Nothing is destroyed that was not named: a standing "yes" would also destroy the next disk.
function planRemoval({ status, vm: { spec } }: Facts, vm: OwnVm): Verdict {
  const key = status.disks?.additional;
  const drive = driveIn(vm, key);
  if (key === undefined) return { kind: 'skip', why: NO_DISK };
  const forgotten = { status: { disks: { ...status.disks, additional: undefined, kept: undefined } } };
  if (drive === undefined) return { kind: 'done', note: forgotten };
  if (spec.consent?.destroyVolumes?.includes(drive.volume) === true) {
    const why = `the package has no additional disk, and ${drive.volume} may be destroyed`;
    return { kind: 'act', action: { kind: 'destroyDisk', disk: key, volume: drive.volume }, why };
  }
  const message = `The package has no additional disk any more. ${drive.volume} is kept until spec.consent.destroyVolumes names it.`;
  const condition: ConditionNote = { type: 'ConsentRequired', reason: 'ConsentRequired', message };
  return {
    kind: 'skip',
    why: `${drive.volume} is kept: nobody consented to destroying it`,
    note: { status: { disks: { ...status.disks, kept: drive.volume } }, conditions: [condition] },
  };
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
