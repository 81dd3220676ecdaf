// What an edit of a plan would do to the VMs of it.
import type { Plan, PlanSpec } from '../../api/plan.ts';
import type { VirtualMachine } from '../../api/virtual-machine.ts';
import { DISK_NAMES, DISK_OPTIONS, shrinks } from '../../domain/disk-shrink.ts';
import { resolvePackage } from '../../domain/package.ts';
import type { EffectivePackage } from '../../api/virtual-machine-status.ts';
import { keyOf } from '../../kube/types.ts';
import type { AdmissionFacts } from '../facts.ts';
import type { Reason, Rule } from '../rule.ts';
import { changes } from './change.ts';
import { counted } from './in-use.ts';

const PATHS = { systemDiskGiB: 'spec.systemDisk.sizeGiB', additionalDiskGiB: 'spec.additionalDisk.sizeGiB' } as const;

export const planShrinksNothing: Rule<Plan> = {
  id: 'plan-shrinks-nothing',
  kind: 'Plan',
  verbs: ['UPDATE'],
  title:
    'An edit that rolls out by itself shrinks and removes no disk of a VM. One that is rolled out on request is allowed and warned of: those VMs keep their disks.',
  codes: ['DiskShrink'],
  example:
    'spec.systemDisk.sizeGiB is too small for 1 VirtualMachine (customer-1/web-1), whose system disk is larger, and the plan rolls out by itself. Keep the size, or set rollOut to OnRequest.',
  check(review, facts) {
    if (review.object.spec.rollOut !== 'Automatic' || !changes(review, sizes)) return [];
    return tooSmall(review.object, facts).map(({ option, names }): Reason => {
      const message = `${PATHS[option]} is too small for ${counted('VirtualMachine', names)}, whose ${DISK_NAMES[option]} is larger, and the plan rolls out by itself. Keep the size, or set rollOut to OnRequest.`;
      return { path: PATHS[option], code: 'DiskShrink', message };
    });
  },
  warn(review, facts) {
    if (!changes(review, sizes)) return [];
    return tooSmall(review.object, facts).map(
      ({ option, names }) =>
        `The ${DISK_NAMES[option]} of ${counted('VirtualMachine', names)} is larger than ${PATHS[option]} says; disks do not shrink.`,
    );
  },
};

export const planOptionsStay: Rule<Plan> = {
  id: 'plan-options-stay',
  kind: 'Plan',
  verbs: ['UPDATE'],
  title: 'Warns when VMs have options, above all a template, that the plan would not allow any more.',
  codes: [],
  example:
    'The options of 1 VirtualMachine (customer-1/web-1) are not allowed any more by this edit; each stays as it is until its options or the plan are corrected.',
  warn(review, facts) {
    if (!changes(review, ({ spec }) => [spec.template, spec.allowedTemplates])) return [];
    const isAllowed = (plan: PlanSpec, { spec }: VirtualMachine): boolean =>
      resolvePackage({ plan, spec }).problems.length === 0;
    const { object, old = object } = review;
    const names = facts
      .virtualMachinesOfPlan(object.metadata.name)
      .filter((vm) => isAllowed(old.spec, vm) && !isAllowed(object.spec, vm))
      .map(keyOf);
    if (names.length === 0) return [];
    return [
      `The options of ${counted('VirtualMachine', names)} are not allowed any more by this edit; each stays as it is until its options or the plan are corrected.`,
    ];
  },
};

function sizes({ spec }: Plan): readonly unknown[] {
  return [spec.systemDisk?.sizeGiB, spec.additionalDisk?.sizeGiB, spec.rollOut];
}

interface TooSmall {
  readonly option: (typeof DISK_OPTIONS)[number];
  readonly names: readonly string[];
}

/** The VMs that the plan would give a smaller disk than they were built with, for each disk. */
function tooSmall({ metadata, spec: plan }: Plan, facts: AdmissionFacts): readonly TooSmall[] {
  const built = facts.virtualMachinesOfPlan(metadata.name).flatMap((vm) => {
    const wanted = resolvePackage({ plan, spec: vm.spec }).package;
    const effective = vm.status?.effective;
    return wanted === undefined || effective === undefined
      ? []
      : [{ name: keyOf(vm), lost: lostSizes(effective, wanted) }];
  });
  return DISK_OPTIONS.map((option) => ({
    option,
    names: built.filter(({ lost }) => lost.includes(option)).map(({ name }) => name),
  })).filter(({ names }) => names.length > 0);
}

// A plan gives no consent, so that an additional disk which goes is as wrong as one that gets smaller.
function lostSizes(effective: EffectivePackage, wanted: EffectivePackage): readonly string[] {
  const smaller = shrinks({ packages: [effective] }, wanted).map(({ option }) => option);
  const goes = effective.additionalDiskGiB > 0 && wanted.additionalDiskGiB === 0;
  return goes ? [...smaller, 'additionalDiskGiB'] : smaller;
}
