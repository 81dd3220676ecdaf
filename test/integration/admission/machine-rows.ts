// What admission refuses of a VirtualMachine for what it would be made of: plan, options, disks and names.
import type { RefusalRow } from './row.ts';
import { aTenantVm, PLANS, VMS } from './scene.ts';

const of = (vm: (typeof VMS)[keyof typeof VMS], spec: object) => ({ merge: { spec }, of: vm });
const made = (spec: Parameters<typeof aTenantVm>[1], name = 'trial') => ({ create: aTenantVm(name, spec) });
const ordinary = made({});
const pathOf = (name: string) => `spec.configurableOptions[${JSON.stringify(name)}]`;

const PLAN_ROWS: readonly RefusalRow[] = [
  {
    rule: 'plan-usable',
    name: 'a plan that there is not',
    code: 'PlanNotFound',
    field: 'spec.planRef.name',
    says: ['nothing', 'create the plan first'],
    refused: made({ planRef: { name: 'nothing' } }),
    accepted: ordinary,
  },
  {
    rule: 'plan-usable',
    name: 'a plan of somebody else',
    code: 'PlanNotAllowed',
    field: 'spec.planRef.name',
    says: ['kvm-foreign', 'customer-1', 'Use another plan'],
    refused: made({ planRef: { name: PLANS.foreign.metadata.name } }),
    accepted: ordinary,
  },
  {
    rule: 'plan-usable',
    name: 'a change to a plan of somebody else',
    code: 'PlanNotAllowed',
    field: 'spec.planRef.name',
    says: ['kvm-foreign', 'Use another plan'],
    refused: of(VMS.running, { planRef: { name: PLANS.foreign.metadata.name } }),
    accepted: of(VMS.running, { planRef: { name: PLANS.large.metadata.name } }),
  },
  {
    rule: 'plan-usable',
    name: 'a plan on a cluster of somebody else',
    code: 'ClusterNotAllowed',
    field: 'spec.planRef.name',
    says: ['kvm-of-foreign-cluster', 'customer-1', 'allowedNamespaces of the ProxmoxCluster'],
    refused: made({ planRef: { name: PLANS.ofForeignCluster.metadata.name } }),
    accepted: ordinary,
  },
  {
    rule: 'plan-of-same-cluster',
    name: 'a plan on another cluster than the VM',
    code: 'ClusterChanged',
    field: 'spec.planRef.name',
    says: ['kvm-east', 'cluster lab', 'Choose a plan of that cluster'],
    refused: of(VMS.ordinary, { planRef: { name: PLANS.east.metadata.name } }),
    accepted: of(VMS.ordinary, { planRef: { name: PLANS.small.metadata.name } }),
  },
];

const fullPlan = { planRef: { name: PLANS.full.metadata.name } };

const QUOTA_ROWS: readonly RefusalRow[] = [
  { name: 'one VM more than the quota', refused: made(fullPlan), accepted: ordinary },
  {
    name: 'a change to a plan whose quota is used up',
    refused: of(VMS.running, { ...fullPlan, options: { systemDiskGiB: 20 } }),
    accepted: of(VMS.running, { planRef: { name: PLANS.large.metadata.name } }),
  },
].map((row) => ({
  ...row,
  rule: 'quota-left',
  code: 'QuotaExceeded',
  field: 'spec.planRef.name',
  says: ['customer-1', 'kvm-full', '(1)', 'choose another plan'],
}));

const DISK_ROWS: readonly RefusalRow[] = [
  {
    rule: 'family-kept',
    name: 'Windows instead of Linux where the plan forbids it',
    code: 'FamilyMixed',
    field: 'spec.options.operatingSystem',
    says: ['9100', 'Windows', 'choose a Linux template'],
    refused: of(VMS.oneFamily, { options: { operatingSystem: 9100 } }),
    accepted: of(VMS.oneFamily, { options: { operatingSystem: 9001 } }),
  },
  {
    rule: 'disks-grow',
    name: 'a smaller system disk in the options of a panel',
    code: 'DiskShrink',
    field: 'spec.configurableOptions["System Disk"]',
    says: ['40 GiB', '39 GiB', 'ask for at least 40 GiB'],
    refused: of(VMS.mapped, { configurableOptions: { 'System Disk': '39|39 GB' } }),
    accepted: of(VMS.mapped, { configurableOptions: { 'System Disk': '41|41 GB' } }),
  },
  {
    rule: 'disks-grow',
    name: 'a smaller additional disk in the options of a panel',
    code: 'DiskShrink',
    field: 'spec.configurableOptions["Additional Disk"]',
    says: ['additional disk', '10 GiB', '9 GiB'],
    refused: of(VMS.mapped, { configurableOptions: { 'Additional Disk': '9' } }),
    accepted: of(VMS.mapped, { configurableOptions: { 'Additional Disk': '11' } }),
  },
  {
    rule: 'disks-grow',
    name: 'an entry of the panel taken away, so that the smaller size of the plan holds',
    code: 'DiskShrink',
    field: 'spec.planRef.name',
    says: ['40 GiB', '20 GiB'],
    refused: of(VMS.mapped, { configurableOptions: { 'System Disk': null } }),
    accepted: of(VMS.mapped, { configurableOptions: { 'CPU Cores': null } }),
  },
  {
    rule: 'additional-disk-consent',
    name: 'no additional disk any more, without a consent',
    code: 'ConsentRequired',
    field: 'spec.configurableOptions["Additional Disk"]',
    says: ['would be destroyed', 'spec.consent.destroyVolumes'],
    refused: of(VMS.mapped, { configurableOptions: { 'Additional Disk': '0' } }),
    accepted: of(VMS.mapped, {
      configurableOptions: { 'Additional Disk': '0' },
      consent: { destroyVolumes: ['local-lvm:vm-2000-disk-1'] },
    }),
  },
];

const seen = (name: string, value: number) => of(VMS.enlarged, { configurableOptions: { [name]: String(value) } });

const SEEN_ROWS: readonly RefusalRow[] = [
  {
    rule: 'disks-grow',
    name: 'a larger system disk than was declared, smaller than Proxmox VE shows',
    code: 'DiskShrink',
    field: pathOf('System Disk'),
    says: ['60 GiB', '59 GiB', 'ask for at least 60 GiB'],
    refused: seen('System Disk', 59),
    accepted: seen('System Disk', 60),
  },
  {
    rule: 'disks-grow',
    name: 'such an additional disk',
    code: 'DiskShrink',
    field: pathOf('Additional Disk'),
    says: ['30 GiB', '29 GiB'],
    refused: seen('Additional Disk', 29),
    accepted: seen('CPU Cores', 4),
  },
  {
    rule: 'additional-disk-consent',
    name: 'no additional disk any more, with a consent to the loss of another volume',
    code: 'ConsentRequired',
    field: pathOf('Additional Disk'),
    says: ['local-lvm:vm-2007-disk-1', 'spec.consent.destroyVolumes'],
    refused: of(VMS.enlarged, {
      configurableOptions: { 'Additional Disk': '0' },
      consent: { destroyVolumes: ['local-lvm:vm-2000-disk-1'] },
    }),
    accepted: of(VMS.enlarged, {
      configurableOptions: { 'Additional Disk': '0' },
      consent: { destroyVolumes: ['local-lvm:vm-2007-disk-1'] },
    }),
  },
];

const billing = { clientID: '142', serviceID: '5546' };

const NAME_ROWS: readonly RefusalRow[] = [
  {
    rule: 'name-valid',
    name: 'no billing ids for a name made of them',
    code: 'NameInvalid',
    field: 'spec.billing',
    says: ['{client_id}', 'set spec.billing'],
    refused: made({ planRef: { name: 'kvm-named' } }),
    accepted: made({ planRef: { name: 'kvm-named' }, billing }),
  },
  {
    rule: 'name-valid',
    name: 'ids that make too long a name',
    code: 'NameInvalid',
    field: 'spec.planRef.name',
    says: ['63 characters', 'billing ids'],
    refused: made({
      planRef: { name: 'kvm-billed' },
      billing: { clientID: 'c'.repeat(60), serviceID: 's'.repeat(60) },
    }),
    accepted: made({ planRef: { name: 'kvm-billed' }, billing }),
  },
  {
    rule: 'hostname-in-domain',
    name: 'a host name of another domain',
    code: 'HostnameNotAllowed',
    field: 'spec.hostname',
    says: ['www.example.edu', 'example.com', 'Choose a name that ends in .example.com'],
    refused: made({ hostname: 'www.example.edu' }),
    accepted: made({ hostname: 'www.example.com' }),
    right: 'bypass',
  },
  {
    rule: 'hostname-in-own-zone',
    name: 'a host name in a zone of somebody else',
    code: 'ZoneNotAllowed',
    field: 'spec.hostname',
    says: ['shop.example.net', 'customer-1', 'Choose a name in another domain'],
    refused: made({ planRef: { name: 'kvm-without-domain' }, hostname: 'shop.example.net' }),
    accepted: made({ planRef: { name: 'kvm-without-domain' }, hostname: 'shop.example.org' }),
  },
  {
    rule: 'hostname-free',
    name: 'a host name that a VM has',
    code: 'NameTaken',
    field: 'spec.hostname',
    says: ['web-1.example.com', 'Choose another name'],
    refused: made({ hostname: 'web-1.example.com' }),
    accepted: made({ hostname: 'web-2.example.com' }),
  },
];

/** Each of the 18 names and of the old ones; every one of them refuses what is no number within its bounds. */
const PANEL_NAMES = {
  'CPU Cores': 'cpuCores',
  RAM: 'memoryGiB',
  Backups: 'backups',
  Snapshots: 'snapshots',
  'System Disk': 'systemDiskGiB',
  'Additional Disk': 'additionalDiskGiB',
  'System Disk Read Bandwidth': 'systemDiskReadMBps',
  'System Disk Write Bandwidth': 'systemDiskWriteMBps',
  'System Disk Read IOPS': 'systemDiskReadIOPS',
  'System Disk Write IOPS': 'systemDiskWriteIOPS',
  'Additional Disk Read Bandwidth': 'additionalDiskReadMBps',
  'Additional Disk Write Bandwidth': 'additionalDiskWriteMBps',
  'Additional Disk Read IOPS': 'additionalDiskReadIOPS',
  'Additional Disk Write IOPS': 'additionalDiskWriteIOPS',
  'Network Bandwidth': 'networkMBps',
  'IPv4 Addresses': 'ipv4Addresses',
  'IPv6 Addresses': 'ipv6Addresses',
  'Operating System': 'operatingSystem',
  B: 'backups',
  S: 'snapshots',
  CPU: 'cpuCores',
  ipv4: 'ipv4Addresses',
  ipv6: 'ipv6Addresses',
  OS: 'operatingSystem',
} as const;

type PanelName = keyof typeof PANEL_NAMES;

/** A value that is right: 9001 is a template that the plan allows, and 2 is within all other bounds. */
function rightValue(name: PanelName): number {
  return PANEL_NAMES[name] === 'operatingSystem' ? 9001 : 2;
}

const panel = (configurableOptions: Record<string, string>) => made({ configurableOptions });
const names = Object.keys(PANEL_NAMES) as PanelName[];

const OPTION_ROWS: readonly RefusalRow[] = [
  ...names.map((name): RefusalRow => ({
    rule: 'options-valid',
    name: `${name} that is no number`,
    code: 'OptionInvalid',
    field: pathOf(name),
    says: [`"${name}"`, '"much"', 'it must be a whole number from'],
    refused: panel({ [name]: 'much|Much' }),
    accepted: panel({ [name]: `${rightValue(name)}|Shown` }),
  })),
  ...names.map((name): RefusalRow => ({
    rule: 'options-valid',
    name: `${name} said by the map and by options`,
    code: 'OptionDuplicate',
    field: pathOf(name),
    says: [`"${name}"`, `spec.options.${PANEL_NAMES[name]}`, 'remove one of them'],
    refused: made({
      configurableOptions: { [name]: String(rightValue(name)) },
      options: { [PANEL_NAMES[name]]: rightValue(name) },
    }),
    accepted: made({ options: { [PANEL_NAMES[name]]: rightValue(name) } }),
  })),
  // Short names are not corrected by their capitals alone: s is no name, and S is.
  ...names.map((name): RefusalRow => ({
    rule: 'options-valid',
    name: `${name} in other capitals`,
    code: 'OptionUnknown',
    field: pathOf(otherCapitals(name)),
    says: [`"${otherCapitals(name)}"`, `did you mean "${name}"?`, 'case-sensitive'],
    refused: panel({ [otherCapitals(name)]: String(rightValue(name)) }),
    accepted: panel({ [name]: String(rightValue(name)) }),
  })),
  ...['0', '-1', '0.5', '1e1', '129', '99999999999999999999', '', '|2', '２'].map((value): RefusalRow => ({
    rule: 'options-valid',
    name: `${JSON.stringify(value)} cores`,
    code: 'OptionInvalid',
    field: pathOf('CPU Cores'),
    says: [JSON.stringify(value.split('|')[0]), 'from 1 to 128'],
    refused: panel({ 'CPU Cores': value }),
    accepted: panel({ 'CPU Cores': '128' }),
  })),
  {
    rule: 'options-valid',
    name: 'one option by its two names',
    code: 'OptionDuplicate',
    field: pathOf('CPU Cores'),
    says: ['"CPU" and "CPU Cores"', 'remove one of them'],
    refused: panel({ 'CPU Cores': '2', CPU: '2' }),
    accepted: panel({ 'CPU Cores': '2', RAM: '2' }),
  },
  {
    rule: 'options-valid',
    name: 'a name that is far from any',
    code: 'OptionUnknown',
    field: pathOf('Licence Plate'),
    says: ['"Licence Plate"', 'use one of the 18 names'],
    refused: panel({ 'Licence Plate': '1' }),
    accepted: panel({ RAM: '1' }),
  },
  {
    rule: 'options-valid',
    name: 'a template that the plan does not allow',
    code: 'TemplateNotAllowed',
    field: 'spec.options.operatingSystem',
    says: ['9500', 'choose 9000, 9001, 9100'],
    refused: made({ options: { operatingSystem: 9500 } }),
    accepted: made({ options: { operatingSystem: 9001 } }),
  },
  {
    rule: 'options-valid',
    name: 'such a template in the options of a panel',
    code: 'TemplateNotAllowed',
    field: pathOf('OS'),
    says: ['9500', 'choose 9000, 9001, 9100'],
    refused: panel({ OS: '9500|Debian' }),
    accepted: panel({ OS: '9001|Debian' }),
  },
  {
    rule: 'options-valid',
    name: 'a change to half a core',
    code: 'OptionInvalid',
    field: pathOf('CPU Cores'),
    says: ['"0.5"'],
    refused: of(VMS.mapped, { configurableOptions: { 'CPU Cores': '0.5' } }),
    accepted: of(VMS.mapped, { configurableOptions: { 'CPU Cores': '3' } }),
  },
];

function otherCapitals(name: string): string {
  return name === name.toLowerCase() ? name.toUpperCase() : name.toLowerCase();
}

/** All of them. */
export const MACHINE_ROWS: readonly RefusalRow[] = [
  ...PLAN_ROWS,
  ...QUOTA_ROWS,
  ...OPTION_ROWS,
  ...DISK_ROWS,
  ...SEEN_ROWS,
  ...NAME_ROWS,
];
