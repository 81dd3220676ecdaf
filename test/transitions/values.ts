// The values that every option is tried with, taken from its schema, and the ways in which a declaration can say them.
import { type OptionName, type Options, optionSchemas } from '../../src/api/options.ts';
import type { PlanSpec } from '../../src/api/plan.ts';
import type { VirtualMachineSpec } from '../../src/api/virtual-machine.ts';

export const OPTION_NAMES = Object.keys(optionSchemas) as OptionName[];

/** One value for every option; undefined: nothing is said, and the plan's value counts. */
export type Choice = Readonly<Record<OptionName, number | undefined>>;

/** Templates of the demo's cluster with disks of 2 and 4 GiB. */
const TEMPLATES = [9000, 9001] as const;

/** Steps that are large enough to be told apart in Proxmox VE's units, and small enough for the simulated nodes. */
const STEPS: Readonly<Record<string, number>> = { GiB: 3, MBps: 40, IOPS: 500 };

/** Absence, the least value (0 wherever the schema has it), and two larger ones; of the operating system, every template. */
export function valuesOf(option: OptionName): readonly (number | undefined)[] {
  if (option === 'operatingSystem') return [undefined, ...TEMPLATES];
  const least = optionSchemas[option].minValue ?? 0;
  const unit = Object.keys(STEPS).find((suffix) => option.endsWith(suffix)) ?? '';
  const step = STEPS[unit] ?? 1;
  return [undefined, least, least + step, least + 3 * step];
}

/** What the plan says of every option; no other value is tried beside it, so that absence shows. */
export const PLAN_VALUES: Readonly<Record<OptionName, number>> = Object.fromEntries(
  OPTION_NAMES.map((option): [OptionName, number] => {
    const [, least = 0, next = least] = valuesOf(option);
    return [option, option === 'operatingSystem' ? least : planValue(option, least, next)];
  }),
) as Record<OptionName, number>;

// Two steps above the least: between the values that the options have.
function planValue(option: OptionName, least: number, next: number): number {
  return option === 'ipv6Addresses' ? least : least + 2 * (next - least);
}

/** The plan that says those values. */
export function planOf(values: Readonly<Record<OptionName, number>>): Partial<PlanSpec> {
  return {
    template: { vmid: values.operatingSystem },
    allowedTemplates: TEMPLATES.filter((vmid) => vmid !== values.operatingSystem).map((vmid) => ({ vmid })),
    cpuCores: values.cpuCores,
    memoryGiB: values.memoryGiB,
    backups: values.backups,
    snapshots: values.snapshots,
    systemDisk: {
      sizeGiB: values.systemDiskGiB,
      readMBps: values.systemDiskReadMBps,
      writeMBps: values.systemDiskWriteMBps,
      readIOPS: values.systemDiskReadIOPS,
      writeIOPS: values.systemDiskWriteIOPS,
    },
    additionalDisk: {
      sizeGiB: values.additionalDiskGiB,
      readMBps: values.additionalDiskReadMBps,
      writeMBps: values.additionalDiskWriteMBps,
      readIOPS: values.additionalDiskReadIOPS,
      writeIOPS: values.additionalDiskWriteIOPS,
    },
    network: {
      rateMBps: values.networkMBps,
      ipv4Addresses: values.ipv4Addresses,
      ipv6Addresses: values.ipv6Addresses,
    },
  };
}

/** Names that a billing panel has for the options, with what it may write behind the bar. */
const PANEL_NAMES: Readonly<Record<OptionName, string>> = {
  cpuCores: 'CPU|vCPU',
  memoryGiB: 'RAM',
  backups: 'B|Backups',
  snapshots: 'Snapshots',
  systemDiskGiB: 'System Disk|SSD',
  systemDiskReadMBps: 'System Disk Read Bandwidth',
  systemDiskWriteMBps: 'System Disk Write Bandwidth',
  systemDiskReadIOPS: 'System Disk Read IOPS',
  systemDiskWriteIOPS: 'System Disk Write IOPS',
  additionalDiskGiB: 'Additional Disk',
  additionalDiskReadMBps: 'Additional Disk Read Bandwidth',
  additionalDiskWriteMBps: 'Additional Disk Write Bandwidth',
  additionalDiskReadIOPS: 'Additional Disk Read IOPS',
  additionalDiskWriteIOPS: 'Additional Disk Write IOPS',
  networkMBps: 'Network Bandwidth',
  ipv4Addresses: 'ipv4',
  ipv6Addresses: 'IPv6 Addresses',
  operatingSystem: 'OS|Operating system',
};

/** Which of the two ways says an option. */
export type Form = (option: OptionName) => 'typed' | 'billing';

/** A choice as the object declares it. */
export function declarationOf(choice: Choice, form: Form): Pick<VirtualMachineSpec, 'options' | 'configurableOptions'> {
  const options: Options = {};
  const configurableOptions: Record<string, string> = {};
  for (const option of OPTION_NAMES) {
    const value = choice[option];
    if (value === undefined) continue;
    if (form(option) === 'typed') options[option] = value;
    else configurableOptions[PANEL_NAMES[option]] = `${value}|${value} of it`;
  }
  return { options, configurableOptions };
}

/** The package that a choice comes to over the plan. */
export function packageOf(choice: Choice): Record<OptionName, number> {
  const entries = OPTION_NAMES.map((option): [OptionName, number] => [option, choice[option] ?? PLAN_VALUES[option]]);
  return Object.fromEntries(entries) as Record<OptionName, number>;
}
