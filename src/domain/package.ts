// Resolves what one VM is built from: the plan's defaults, overridden by the VM's typed options and its billing map.
import type { OptionName } from '../api/options.ts';
import type { PlanSpec } from '../api/plan.ts';
import type { VirtualMachineSpec } from '../api/virtual-machine.ts';
import type { EffectivePackage } from '../api/virtual-machine-status.ts';
import { configurableOptionPath, type LegacyOptions, parseConfigurableOptions } from './legacy-options.ts';
import { type Problem, quoted } from './problems.ts';

/** The package is absent when there are problems: half a package must never be built. */
export interface ResolvedPackage {
  readonly package?: EffectivePackage;
  readonly problems: readonly Problem[];
}

/** One option in which two packages differ. */
export interface PackageDifference {
  readonly option: OptionName;
  readonly from: number;
  readonly to: number;
}

/** Plan defaults, typed options and billing map in one. 0 is a value, never "not said". */
export function resolvePackage({
  plan,
  spec,
}: {
  plan: PlanSpec;
  spec: Pick<VirtualMachineSpec, 'options' | 'configurableOptions'>;
}): ResolvedPackage {
  const legacy = parseConfigurableOptions(spec.configurableOptions ?? {});
  const typed = definedOptions(spec.options ?? {});
  const resolved: EffectivePackage = { ...planDefaults(plan), ...legacy.options, ...typed };
  const problems = [
    ...legacy.problems,
    ...saidTwice(typed, legacy),
    ...operatingSystemProblems(plan, resolved.operatingSystem, legacy),
  ];
  return problems.length === 0 ? { package: resolved, problems } : { problems };
}

/** What a package change would have to do, in the order of the package's fields. */
export function packageDifference(from: EffectivePackage, to: EffectivePackage): readonly PackageDifference[] {
  return (Object.keys(to) as OptionName[])
    .filter((option) => from[option] !== to[option])
    .map((option) => ({ option, from: from[option], to: to[option] }));
}

function planDefaults(plan: PlanSpec): EffectivePackage {
  return {
    cpuCores: plan.cpuCores ?? 1,
    memoryGiB: plan.memoryGiB ?? 1,
    backups: plan.backups ?? 0,
    snapshots: plan.snapshots ?? 0,
    ...systemDiskDefaults(plan.systemDisk ?? {}),
    ...additionalDiskDefaults(plan.additionalDisk ?? {}),
    ...networkDefaults(plan.network ?? {}),
    operatingSystem: plan.template.vmid,
  };
}

function networkDefaults(network: NonNullable<PlanSpec['network']>) {
  return {
    networkMBps: network.rateMBps ?? 0,
    ipv4Addresses: network.ipv4Addresses ?? 1,
    ipv6Addresses: network.ipv6Addresses ?? 0,
  };
}

function systemDiskDefaults(disk: NonNullable<PlanSpec['systemDisk']>) {
  return {
    systemDiskGiB: disk.sizeGiB ?? 0,
    systemDiskReadMBps: disk.readMBps ?? 0,
    systemDiskWriteMBps: disk.writeMBps ?? 0,
    systemDiskReadIOPS: disk.readIOPS ?? 0,
    systemDiskWriteIOPS: disk.writeIOPS ?? 0,
  };
}

function additionalDiskDefaults(disk: NonNullable<PlanSpec['additionalDisk']>) {
  return {
    additionalDiskGiB: disk.sizeGiB ?? 0,
    additionalDiskReadMBps: disk.readMBps ?? 0,
    additionalDiskWriteMBps: disk.writeMBps ?? 0,
    additionalDiskReadIOPS: disk.readIOPS ?? 0,
    additionalDiskWriteIOPS: disk.writeIOPS ?? 0,
  };
}

// A key that is there with the value undefined must not hide the plan's value when it is spread over it.
function definedOptions(options: NonNullable<VirtualMachineSpec['options']>): Partial<Record<OptionName, number>> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function saidTwice(typed: Partial<Record<OptionName, number>>, legacy: LegacyOptions): Problem[] {
  return (Object.keys(typed) as OptionName[]).flatMap((option) => {
    const key = legacy.keys.get(option);
    if (key === undefined) return [];
    const message = `The option ${quoted(key)} says what spec.options.${option} says too; remove one of them.`;
    return [{ path: configurableOptionPath(key), message, code: 'OptionDuplicate' }];
  });
}

function operatingSystemProblems(plan: PlanSpec, wanted: number, legacy: LegacyOptions): Problem[] {
  if (allowedTemplates(plan).includes(wanted)) return [];
  const key = legacy.keys.get('operatingSystem');
  const message =
    `The template ${wanted} is not one that the plan allows; choose ${templateChoices(plan)}` +
    ' or ask the platform team to add it to allowedTemplates.';
  const path = key === undefined ? 'spec.options.operatingSystem' : configurableOptionPath(key);
  return [{ path, message, code: 'TemplateNotAllowed' }];
}

/** VMIDs of the templates that machines of the plan may be made from. */
export function allowedTemplates(plan: PlanSpec): readonly number[] {
  return [plan.template, ...(plan.allowedTemplates ?? [])].map((template) => template.vmid);
}

/** Those VMIDs as a sentence offers them to choose from. */
export function templateChoices(plan: PlanSpec): string {
  const shown = [...new Set(allowedTemplates(plan))].sort((left, right) => left - right);
  const more = shown.length - 8;
  return shown.slice(0, 8).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
