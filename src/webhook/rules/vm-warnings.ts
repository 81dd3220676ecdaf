// What a person should know about a change of a VM that is allowed: restarts and losses.
import type { VirtualMachine } from '../../api/virtual-machine.ts';
import { restartReasons } from '../../domain/hotplug.ts';
import { snapshotsBeforeResize } from '../../domain/snapshots-and-resize.ts';
import type { Rule } from '../rule.ts';
import { changes, changesPackage } from './change.ts';
import { packageOf, statusOf } from './vm-options.ts';

export const restartNeeded: Rule<VirtualMachine> = {
  id: 'restart-needed',
  kind: 'VirtualMachine',
  verbs: ['UPDATE'],
  title: 'Warns when a running VM has to be stopped and started again for other cores or memory.',
  codes: [],
  example:
    'The VM is stopped and started again for this change. cores cannot change while the VM runs: the CPU topology is fixed when it starts.',
  warn(review, facts) {
    const status = statusOf(review);
    const wanted = packageOf(review.object, facts);
    const { effective, powerState } = status ?? {};
    if (powerState !== 'Running' || effective === undefined || wanted === undefined || !changesPackage(review))
      return [];
    const config = new Map(Object.entries(compute(effective)));
    const reasons = restartReasons({ config, set: compute(wanted), remove: [] });
    return reasons.length === 0 ? [] : [`The VM is stopped and started again for this change. ${reasons.join(' ')}`];
  },
};

function compute({ cpuCores, memoryGiB }: { cpuCores: number; memoryGiB: number }): Record<'cores' | 'memory', string> {
  return { cores: String(cpuCores), memory: String(memoryGiB * 1024) };
}

export const snapshotsGo: Rule<VirtualMachine> = {
  id: 'snapshots-go',
  kind: 'VirtualMachine',
  verbs: ['UPDATE'],
  title: 'Warns when a consent lets the snapshots go that keep a disk from growing.',
  codes: [],
  example: 'The snapshots before-upgrade will be deleted, so that the disk can grow.',
  warn(review) {
    const consent = ({ spec }: VirtualMachine) => spec.consent?.deleteSnapshots ?? [];
    if (!changes(review, consent)) return [];
    const snapshots = statusOf(review)?.snapshotsInTheWay ?? [];
    const verdict = snapshotsBeforeResize({ refused: true, snapshots, consent: consent(review.object) });
    if (verdict.kind !== 'delete') return [];
    return [`The snapshots ${verdict.snapshots.join(', ')} will be deleted, so that the disk can grow.`];
  },
};

export const systemStays: Rule<VirtualMachine> = {
  id: 'system-stays',
  kind: 'VirtualMachine',
  verbs: ['UPDATE'],
  title: 'Warns that another operating system is installed by a reinstallation only.',
  codes: [],
  example:
    'The operating system stays template 9000 until the VM is reinstalled: make a VirtualMachineOperation of type Reinstall.',
  warn(review, facts) {
    const built = statusOf(review)?.effective?.operatingSystem;
    const wanted = packageOf(review.object, facts)?.operatingSystem;
    if (built === undefined || wanted === undefined || wanted === built || !changesPackage(review)) return [];
    return [
      `The operating system stays template ${built} until the VM is reinstalled: make a VirtualMachineOperation of type Reinstall.`,
    ];
  },
};
