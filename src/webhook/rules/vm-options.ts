// What a VM may be made of: its options, its template, and disks that only grow.
import type { VirtualMachine } from '../../api/virtual-machine.ts';
import type { EffectivePackage } from '../../api/virtual-machine-status.ts';
import { DISK_NAMES, type DiskOption, observedSizes, shrinks, sizeBytes } from '../../domain/disk-shrink.ts';
import { configurableOptionPath, parseConfigurableOptions } from '../../domain/legacy-options.ts';
import { resolvePackage } from '../../domain/package.ts';
import { familyRefusal } from '../../domain/template-families.ts';
import type { AdmissionFacts } from '../facts.ts';
import type { Reason, Review, Rule } from '../rule.ts';
import { changesPackage, planSpecOf } from './change.ts';

type VmReview = Review<VirtualMachine>;

export const optionsValid: Rule<VirtualMachine> = {
  id: 'options-valid',
  kind: 'VirtualMachine',
  verbs: ['CREATE', 'UPDATE'],
  title:
    'Every entry of configurableOptions is one of the 18 names or a legacy name, as it is spelled, with a whole number within its bounds; no option is said twice, by two names or by the map and options; the template is one that the plan allows.',
  codes: ['OptionUnknown', 'OptionInvalid', 'OptionDuplicate', 'TemplateNotAllowed'],
  example: 'There is no option "cpu cores"; did you mean "CPU Cores"? Names are case-sensitive.',
  check(review, facts) {
    if (!changesPackage(review)) return [];
    const { spec } = review.object;
    const plan = planSpecOf(review.object, facts);
    const { problems } =
      plan === undefined ? parseConfigurableOptions(spec.configurableOptions ?? {}) : resolvePackage({ plan, spec });
    return problems.map(({ path, message, code = 'OptionInvalid' }) => ({ path, code, message }));
  },
};

export const familyKept: Rule<VirtualMachine> = {
  id: 'family-kept',
  kind: 'VirtualMachine',
  verbs: ['UPDATE'],
  title:
    'The option for the operating system stays in its family, Linux or Windows, where the plan forbids to mix them.',
  codes: ['FamilyMixed'],
  example:
    'The template 9100 is a Windows one, the VM has Linux, and the plan forbids to go from one to the other; choose a Linux template.',
  check(review, facts) {
    const plan = planSpecOf(review.object, facts);
    const built = statusOf(review)?.effective?.operatingSystem;
    const wanted = packageOf(review.object, facts)?.operatingSystem;
    if (plan === undefined || !changesPackage(review)) return [];
    const message = familyRefusal(plan, built, wanted);
    return message === undefined
      ? []
      : [{ path: optionPath(review.object, 'operatingSystem'), code: 'FamilyMixed', message }];
  },
};

export const disksGrow: Rule<VirtualMachine> = {
  id: 'disks-grow',
  kind: 'VirtualMachine',
  verbs: ['UPDATE'],
  title:
    'No disk becomes smaller than it was declared, built or seen on Proxmox VE, whether by options, configurableOptions or another plan.',
  codes: ['DiskShrink'],
  example:
    'The system disk has 40 GiB and would get 20 GiB. Proxmox VE cannot shrink a disk: ask for at least 40 GiB, or make the VM anew.',
  check(review, facts) {
    const wanted = packageOf(review.object, facts);
    if (wanted === undefined || !changesPackage(review)) return [];
    const asked = shrinks(knownSizes(review, facts), wanted).filter(({ option }) =>
      asksAnew(review, facts, { option, wanted }),
    );
    return asked.map(({ option, fromGiB, toGiB }): Reason => {
      const message = `The ${DISK_NAMES[option]} has ${fromGiB} GiB and would get ${toGiB} GiB. Proxmox VE cannot shrink a disk: ask for at least ${fromGiB} GiB, or make the VM anew.`;
      return { path: optionPath(review.object, option), code: 'DiskShrink', message };
    });
  },
};

export const additionalDiskConsent: Rule<VirtualMachine> = {
  id: 'additional-disk-consent',
  kind: 'VirtualMachine',
  verbs: ['UPDATE'],
  title: 'An additional disk goes only with a consent that names its volume.',
  codes: ['ConsentRequired'],
  example:
    'Without an additional disk in the package the volume local-lvm:vm-2000-disk-1 would be destroyed. Name it in spec.consent.destroyVolumes if that is meant.',
  check(review, facts) {
    const volume = statusOf(review)?.disks?.observed?.additionalVolume;
    if (!asksForNoDisk(review, facts)) return [];
    if (volume === undefined && sizeBytes(knownSizes(review, facts), 'additionalDiskGiB') === 0) return [];
    if (isNamed(review.object, volume)) return [];
    const which = volume === undefined ? 'the volume of the additional disk' : `the volume ${volume}`;
    const message = `Without an additional disk in the package ${which} would be destroyed. Name it in spec.consent.destroyVolumes if that is meant.`;
    return [{ path: optionPath(review.object, 'additionalDiskGiB'), code: 'ConsentRequired', message }];
  },
};

function asksForNoDisk(review: VmReview, facts: AdmissionFacts): boolean {
  const wanted = packageOf(review.object, facts);
  if (wanted?.additionalDiskGiB !== 0 || !changesPackage(review)) return false;
  return asksAnew(review, facts, { option: 'additionalDiskGiB', wanted });
}

// While the volume is not known any name will do here; the controller, which sees it, destroys only what is named.
function isNamed({ spec }: VirtualMachine, volume: string | undefined): boolean {
  const named = spec.consent?.destroyVolumes ?? [];
  return volume === undefined ? named.length > 0 : named.includes(volume);
}

/** The package as it is declared; undefined when it is wrong, which `optionsValid` says, or has no plan. */
export function packageOf(vm: VirtualMachine, facts: AdmissionFacts): EffectivePackage | undefined {
  const plan = planSpecOf(vm, facts);
  return plan && resolvePackage({ plan, spec: vm.spec }).package;
}

/** The API server takes the status of an update from the object that it has. */
export function statusOf({ old, object }: VmReview): VirtualMachine['status'] {
  return (old ?? object).status;
}

function knownSizes(review: VmReview, facts: AdmissionFacts) {
  const { old } = review;
  const status = statusOf(review);
  return {
    packages: [status?.effective, old && packageOf(old, facts)],
    observedBytes: observedSizes(status),
  };
}

// What was asked for before, and could not be done, does not stand in the way of other changes.
function asksAnew(
  { old }: VmReview,
  facts: AdmissionFacts,
  { option, wanted }: { option: DiskOption; wanted: EffectivePackage },
): boolean {
  return (old && packageOf(old, facts))?.[option] !== wanted[option];
}

/** The field that says the option: of the VM, of its map, or its plan. */
function optionPath({ spec }: VirtualMachine, option: DiskOption | 'operatingSystem'): string {
  if (spec.options?.[option] !== undefined) return `spec.options.${option}`;
  const key = parseConfigurableOptions(spec.configurableOptions ?? {}).keys.get(option);
  return key === undefined ? 'spec.planRef.name' : configurableOptionPath(key);
}
