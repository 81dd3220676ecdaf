// set_system_disk_size and set_system_disk_bandwidth: the disk that the VM boots from, on whatever bus it is.
import type { Facts } from '../machine/facts.ts';
import type { Step, Verdict } from '../machine/vocabulary.ts';
import { type Drive, findSystemDisk } from '../pve/drive.ts';
import { growthNeeds, limitsOfPackage, planDiskLimits, planDiskSize, previousLimits } from './disk-steps.ts';
import { designOf, withOwnVm } from './own-vm.ts';

export const growSystemDisk: Step = {
  id: 'grow-system-disk',
  title: 'Resize system disk',
  condition: 'SystemDiskSized',
  needs: growthNeeds,
  plan: (facts) =>
    withSystemDisk(facts, (key, drive) => planDiskSize(facts, key, drive, designOf(facts).package.systemDiskGiB)),
};

export const limitSystemDisk: Step = {
  id: 'limit-system-disk',
  title: 'Set system disk I/O',
  condition: 'SystemDiskLimited',
  needs: () => ['observed'],
  batchable: true,
  plan: (facts) =>
    withSystemDisk(facts, (key, drive) =>
      planDiskLimits(key, drive, limitsOfPackage(designOf(facts).package, 'system'), previousLimits(facts, 'system')),
    ),
};

function withSystemDisk(facts: Facts, plan: (key: string, drive: Drive) => Verdict): Verdict {
  return withOwnVm(facts, (vm) => {
    const found = findSystemDisk({ values: vm.config });
    return 'error' in found
      ? { kind: 'stall', reason: 'TemplateUnusable', message: found.error }
      : plan(found.key, found.drive);
  });
}
