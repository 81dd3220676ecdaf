import { aBuiltVm, aNewVm, created, holdRule, updated } from '../../../test/builders/admission.ts';
import { aPackage } from '../../../test/builders/facts.ts';
import { aPlan } from '../../../test/builders/objects.ts';
import type { Options } from '../../api/options.ts';
import type { VirtualMachineSpec } from '../../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../../api/virtual-machine-status.ts';
import { additionalDiskConsent, disksGrow, familyKept, optionsValid } from './vm-options.ts';

const GIB = 1024 ** 3;

const ordered = (configurableOptions: Record<string, string>, spec: Partial<VirtualMachineSpec> = {}) =>
  created(aNewVm({ configurableOptions, ...spec }));

const at = (key: string) => `spec.configurableOptions[${JSON.stringify(key)}]`;

const NAMES = {
  'CPU Cores': '2',
  RAM: '2',
  Backups: '0',
  Snapshots: '0',
  'System Disk': '0',
  'Additional Disk': '0',
  'System Disk Read Bandwidth': '0',
  'System Disk Write Bandwidth': '0',
  'System Disk Read IOPS': '0',
  'System Disk Write IOPS': '0',
  'Additional Disk Read Bandwidth': '0',
  'Additional Disk Write Bandwidth': '0',
  'Additional Disk Read IOPS': '0',
  'Additional Disk Write IOPS': '0',
  'Network Bandwidth': '0',
  'IPv4 Addresses': '0',
  'IPv6 Addresses': '0',
  'Operating System': '9000',
};

const LEGACY = { B: '0', S: '0', CPU: '2', RAM: '2', ipv4: '0', ipv6: '0', OS: '9000' };

const invalid = (key: string, value: string, bound: string) => ({
  name: `${key} = ${JSON.stringify(value)}`,
  review: ordered({ [key]: value }),
  want: [{ path: at(key), code: 'OptionInvalid', says: bound }] as const,
});

const unknown = (key: string, says: string) => ({
  name: `the name ${JSON.stringify(key)}`,
  review: ordered({ [key]: '2' }),
  want: [{ path: at(key), code: 'OptionUnknown', says }] as const,
});

holdRule(optionsValid, [
  { name: 'no options', review: created(aNewVm()) },
  { name: 'all 18 names, with 0 wherever it means something', review: ordered(NAMES) },
  {
    name: 'all legacy names, with and without what follows the bar',
    review: ordered(Object.fromEntries(Object.entries(LEGACY).map(([key, value]) => [`${key}|x`, `${value}|y|z`]))),
  },
  { name: 'typed options', review: created(aNewVm({ options: { cpuCores: 4, additionalDiskGiB: 0 } })) },
  { name: 'values at their bounds', review: ordered({ 'CPU Cores': '128', RAM: '4096', 'IPv4 Addresses': '64' }) },
  unknown('cpu cores', 'did you mean "CPU Cores"?'),
  unknown('cpu', 'did you mean "CPU"?'),
  unknown('b', 'did you mean "B"?'),
  unknown('ram|Memory', 'did you mean "RAM"?'),
  unknown('Sytem Disk', 'did you mean "System Disk"?'),
  unknown('Colour', 'use one of the 18 names'),
  unknown('RAM,cores=64', 'There is no option'),
  unknown('RAM=2', 'There is no option'),
  unknown('../RAM', 'did you mean "RAM"?'),
  unknown('RAM\nCPU', 'There is no option'),
  unknown('__proto__x', 'There is no option'),
  unknown('constructor', 'There is no option'),
  invalid('CPU Cores', '0', 'from 1 to 128'),
  invalid('CPU Cores', '129', 'from 1 to 128'),
  invalid('RAM', '-1', 'from 1 to 4096'),
  invalid('RAM', '1.5', 'a whole number'),
  invalid('RAM', '', 'a whole number'),
  invalid('RAM', '|2', 'a whole number'),
  invalid('RAM', '2GB', 'a whole number'),
  invalid('RAM', '1e3', 'a whole number'),
  invalid('RAM', '0x10', 'a whole number'),
  invalid('RAM', '٢', 'a whole number'),
  invalid('System Disk', '131073', 'from 0 to 131072'),
  invalid('System Disk', '10,size=1T', 'a whole number'),
  invalid('System Disk', '10\n20', 'a whole number'),
  invalid('Network Bandwidth', '9'.repeat(40), 'from 0 to 1000000'),
  invalid('Operating System', '99', 'from 100'),
  invalid('Operating System', '../9000', 'a whole number'),
  {
    name: 'two names of one option',
    review: ordered({ CPU: '2', 'CPU Cores': '2' }),
    want: [{ path: at('CPU Cores'), code: 'OptionDuplicate', says: 'mean the same' }],
  },
  {
    name: 'one option typed and in the map, also with equal values',
    review: ordered({ RAM: '2' }, { options: { memoryGiB: 2 } }),
    want: [{ path: at('RAM'), code: 'OptionDuplicate', says: 'spec.options.memoryGiB' }],
  },
  {
    name: 'a template that the plan does not have, typed',
    review: created(aNewVm({ options: { operatingSystem: 9001 } })),
    want: [{ path: 'spec.options.operatingSystem', code: 'TemplateNotAllowed', says: 'choose 9000' }],
  },
  {
    name: 'a template that the plan does not have, in the map',
    review: ordered({ OS: '9001' }),
    want: [{ path: at('OS'), code: 'TemplateNotAllowed' }],
  },
  {
    name: 'a template that the plan allows beside its own',
    review: ordered({ OS: '9001' }),
    world: { plans: [aPlan({ allowedTemplates: [{ vmid: 9001 }] })] },
  },
  {
    name: 'several mistakes at once, each with its field',
    review: ordered({ OS: '9001', RAM: 'x', ram: '2' }),
    want: [
      { path: at('RAM'), code: 'OptionInvalid' },
      { path: at('ram'), code: 'OptionUnknown' },
      { path: at('OS'), code: 'TemplateNotAllowed' },
    ],
  },
  {
    name: 'wrong names with a plan that does not exist',
    review: ordered({ ram: '2' }, { planRef: { name: 'none' } }),
    want: [{ path: at('ram'), code: 'OptionUnknown' }],
  },
  {
    name: 'an edit that makes a value wrong',
    review: updated(aBuiltVm({ configurableOptions: { RAM: '2' } }), aBuiltVm({ configurableOptions: { RAM: 'two' } })),
    want: [{ path: at('RAM'), code: 'OptionInvalid' }],
  },
  {
    name: 'a wrong value that was there, and something else that changes',
    review: updated(
      aBuiltVm({ configurableOptions: { RAM: 'two' } }),
      aBuiltVm({ configurableOptions: { RAM: 'two' }, runStrategy: 'Always' }),
    ),
  },
  {
    name: 'another plan, which does not have the template',
    review: updated(
      aBuiltVm({ options: { operatingSystem: 9000 } }),
      aBuiltVm({ options: { operatingSystem: 9000 }, planRef: { name: 'other' } }),
    ),
    world: { plans: [aPlan(), aPlan({ template: { vmid: 9500 } }, 'other')] },
    want: [{ path: 'spec.options.operatingSystem', code: 'TemplateNotAllowed' }],
  },
  {
    name: 'an edit of a VM whose plan has changed since: the revision that it keeps counts',
    review: updated(aBuiltVm(), aBuiltVm({ options: { operatingSystem: 9000, cpuCores: 2 } })),
    world: {
      plans: [aPlan({ template: { vmid: 9500 } })],
      planRevisions: [
        {
          apiVersion: '',
          kind: 'PlanRevision',
          metadata: { name: 'kvm-1' },
          spec: { planName: 'kvm', revision: 1, plan: aPlan().spec },
        },
      ],
    },
  },
]);

const plans = [
  aPlan(),
  aPlan({ systemDisk: { sizeGiB: 20 } }, 'small'),
  aPlan({ systemDisk: { sizeGiB: 40 } }, 'same'),
];
const sized = (systemDiskGiB: number) => aBuiltVm({ options: { systemDiskGiB } });
/** A VM whose disks Proxmox VE shows so. */
const shown = (observed: NonNullable<VirtualMachineStatus['disks']>['observed'], options: Options = {}) =>
  aBuiltVm({ options }, { disks: { system: 'scsi0', observed } });
const additional = (sizeGiB: number) => aBuiltVm({}, { effective: aPackage({ additionalDiskGiB: sizeGiB }) });

holdRule(disksGrow, [
  {
    name: 'the size that it has',
    review: updated(sized(40), aBuiltVm({ options: { systemDiskGiB: 40, cpuCores: 2 } })),
  },
  { name: 'one GiB more', review: updated(sized(40), sized(41)) },
  {
    name: 'one GiB less',
    review: updated(sized(40), sized(39)),
    want: [{ path: 'spec.options.systemDiskGiB', code: 'DiskShrink', says: 'at least 40 GiB' }],
  },
  {
    name: 'half of it',
    review: updated(aBuiltVm(), sized(20)),
    want: [{ path: 'spec.options.systemDiskGiB', code: 'DiskShrink' }],
  },
  {
    name: 'less by the map of billing',
    review: updated(aBuiltVm(), aBuiltVm({ configurableOptions: { 'System Disk': '39|small' } })),
    want: [{ path: at('System Disk'), code: 'DiskShrink' }],
  },
  {
    name: 'less by another plan',
    review: updated(aBuiltVm(), aBuiltVm({ planRef: { name: 'small' } })),
    world: { plans },
    want: [{ path: 'spec.planRef.name', code: 'DiskShrink', says: 'would get 20 GiB' }],
  },
  {
    name: 'less by another plan, kept by an option',
    review: updated(aBuiltVm(), aBuiltVm({ planRef: { name: 'small' }, options: { systemDiskGiB: 40 } })),
    world: { plans },
  },
  {
    name: 'the same size by another plan',
    review: updated(aBuiltVm(), aBuiltVm({ planRef: { name: 'same' } })),
    world: { plans },
  },
  {
    name: 'another plan that says nothing of it',
    review: updated(aBuiltVm(), aBuiltVm({ planRef: { name: 'kvm2' } })),
    world: { plans: [aPlan(), aPlan({}, 'kvm2')] },
  },
  {
    name: 'an option that is taken away, with a smaller plan below it',
    review: updated(
      aBuiltVm({ planRef: { name: 'small' }, options: { systemDiskGiB: 40 } }, { planRevision: 'small-1' }),
      aBuiltVm({ planRef: { name: 'small' } }, { planRevision: 'small-1' }),
    ),
    world: { plans },
    want: [{ path: 'spec.planRef.name', code: 'DiskShrink' }],
  },
  {
    name: 'less than was declared, though it is not built yet',
    review: updated(sized(60), sized(50)),
    want: [{ path: 'spec.options.systemDiskGiB', code: 'DiskShrink', says: 'has 60 GiB' }],
  },
  {
    name: 'less than was declared before anything is built',
    review: updated(
      aNewVm({ configurableOptions: { 'System Disk': '40' } }),
      aNewVm({ configurableOptions: { 'System Disk': '39' } }),
    ),
    want: [{ path: at('System Disk'), code: 'DiskShrink' }],
  },
  {
    name: 'less than Proxmox VE shows',
    review: updated(shown({ systemBytes: 50 * GIB }), sized(49)),
    want: [{ path: 'spec.options.systemDiskGiB', code: 'DiskShrink', says: 'has 50 GiB' }],
  },
  {
    name: 'a disk that is larger than is asked for, as before, and another package',
    review: updated(
      shown({ systemBytes: 50 * GIB }, { systemDiskGiB: 40 }),
      aBuiltVm({ options: { systemDiskGiB: 40, cpuCores: 2 } }),
    ),
  },
  {
    name: 'the whole GiB of a disk that is a little larger',
    review: updated(shown({ systemBytes: 50 * GIB + 4096 }), sized(50)),
  },
  {
    name: 'a smaller additional disk',
    review: updated(
      additional(20),
      aBuiltVm({ options: { additionalDiskGiB: 19 } }, { effective: aPackage({ additionalDiskGiB: 20 }) }),
    ),
    want: [{ path: 'spec.options.additionalDiskGiB', code: 'DiskShrink', says: 'additional disk has 20 GiB' }],
  },
  {
    name: 'an additional disk smaller than Proxmox VE shows',
    review: updated(
      shown({ additionalBytes: 10 * GIB }),
      aBuiltVm({ options: { additionalDiskGiB: 9, systemDiskGiB: 40 } }),
    ),
    want: [{ path: 'spec.options.additionalDiskGiB', code: 'DiskShrink', says: 'has 10 GiB' }],
  },
  { name: 'a new additional disk', review: updated(aBuiltVm(), aBuiltVm({ options: { additionalDiskGiB: 1 } })) },
  {
    name: 'an additional disk that goes, which is a matter of consent',
    review: updated(
      additional(20),
      aBuiltVm({ options: { additionalDiskGiB: 0 } }, { effective: aPackage({ additionalDiskGiB: 20 }) }),
    ),
  },
  {
    name: 'a shrink that was there, and something else that changes',
    review: updated(sized(20), aBuiltVm({ options: { systemDiskGiB: 20 }, runStrategy: 'Always' })),
  },
  {
    name: 'a plan that does not exist, which is said elsewhere',
    review: updated(aBuiltVm(), aBuiltVm({ planRef: { name: 'none' } })),
  },
]);

const VOLUME = 'local-lvm:vm-2000-disk-1';
const built = { effective: aPackage({ additionalDiskGiB: 20 }) };
const seen = { disks: { additional: 'scsi1', observed: { additionalVolume: VOLUME, additionalBytes: 20 * GIB } } };
const withDisk = aBuiltVm({ options: { additionalDiskGiB: 20 } }, built);
const refused = (path = 'spec.options.additionalDiskGiB') => [{ path, code: 'ConsentRequired' }] as const;
const without = (consent?: VirtualMachineSpec['consent'], status: VirtualMachineStatus = { ...built, ...seen }) =>
  updated(
    aBuiltVm({ options: { additionalDiskGiB: 20 } }, status),
    aBuiltVm({ options: { additionalDiskGiB: 0 }, ...(consent === undefined ? {} : { consent }) }, status),
  );

holdRule(additionalDiskConsent, [
  { name: 'the volume that is seen', review: without({ destroyVolumes: [VOLUME] }) },
  { name: 'no consent', review: without(), want: refused() },
  { name: 'an empty consent', review: without({ destroyVolumes: [] }), want: refused() },
  { name: 'a consent to snapshots only', review: without({ deleteSnapshots: ['a1'] }), want: refused() },
  { name: 'another volume', review: without({ destroyVolumes: [`${VOLUME}0`] }), want: refused() },
  { name: 'no consent, and a volume that nobody has seen', review: without(undefined, built), want: refused() },
  { name: 'any volume while nobody has seen which it is', review: without({ destroyVolumes: ['a:b'] }, built) },
  {
    name: 'an option that is taken away',
    review: updated(withDisk, aBuiltVm({}, built)),
    want: refused('spec.planRef.name'),
  },
  {
    name: 'the map of billing',
    review: updated(withDisk, aBuiltVm({ configurableOptions: { 'Additional Disk': '0' } }, built)),
    want: refused(at('Additional Disk')),
  },
  {
    name: 'a disk that only Proxmox VE shows',
    review: updated(aBuiltVm({ planRef: { name: 'large' } }, seen), aBuiltVm({ planRef: { name: 'kvm' } }, seen)),
    world: { plans: [aPlan(), aPlan({ additionalDisk: { sizeGiB: 20 } }, 'large')] },
    want: refused('spec.planRef.name'),
  },
  {
    name: 'a disk that was kept for want of consent, and another package',
    review: updated(aBuiltVm({ options: { cpuCores: 1 } }, seen), aBuiltVm({ options: { cpuCores: 2 } }, seen)),
  },
  {
    name: 'a disk of one GiB that goes',
    review: updated(aBuiltVm({ options: { additionalDiskGiB: 1 } }), aBuiltVm({ options: { additionalDiskGiB: 0 } })),
    want: refused(),
  },
  {
    name: 'no disk that could go, after options that were wrong',
    review: updated(aBuiltVm({ configurableOptions: { x: '1' } }), aBuiltVm({ options: { cpuCores: 2 } })),
  },
  { name: 'no disk that could go', review: updated(aBuiltVm(), aBuiltVm({ options: { additionalDiskGiB: 0 } })) },
  {
    name: 'a disk of one GiB stays',
    review: updated(
      aBuiltVm({ options: { additionalDiskGiB: 20 } }, { ...built, ...seen }),
      aBuiltVm({ options: { additionalDiskGiB: 1 } }, built),
    ),
  },
  {
    name: 'something else that changes',
    review: updated(withDisk, aBuiltVm({ options: { additionalDiskGiB: 20 }, runStrategy: 'Always' }, built)),
  },
]);

const mixed = (familyChange?: 'Allowed' | 'Forbidden') => ({
  plans: [
    aPlan({
      ...(familyChange === undefined ? {} : { familyChange }),
      allowedTemplates: [
        { vmid: 9001, family: 'Linux' as const },
        { vmid: 9100, family: 'Windows' as const },
      ],
    }),
  ],
});
const choosing = (operatingSystem: number) => updated(aBuiltVm(), aBuiltVm({ options: { operatingSystem } }));

holdRule(familyKept, [
  { name: 'Linux stays Linux', review: choosing(9001), world: mixed('Forbidden') },
  {
    name: 'Linux to Windows',
    review: choosing(9100),
    world: mixed('Forbidden'),
    want: [{ path: 'spec.options.operatingSystem', code: 'FamilyMixed' }],
  },
  {
    name: 'Windows to Linux, by the map',
    review: updated(
      aBuiltVm({}, { effective: aPackage({ operatingSystem: 9100 }) }),
      aBuiltVm({ configurableOptions: { OS: '9001' } }),
    ),
    world: mixed('Forbidden'),
    want: [{ path: at('OS'), code: 'FamilyMixed', says: 'choose a Windows template' }],
  },
  { name: 'Linux to Windows where it is allowed', review: choosing(9100), world: mixed('Allowed') },
  { name: 'Linux to Windows where nothing is said', review: choosing(9100), world: mixed() },
  {
    name: 'before anything is built',
    review: updated(aNewVm(), aNewVm({ options: { operatingSystem: 9100 } })),
    world: mixed('Forbidden'),
  },
  {
    name: 'a mixture that was there, and something else that changes',
    review: updated(
      aBuiltVm({ options: { operatingSystem: 9100 } }),
      aBuiltVm({ options: { operatingSystem: 9100 }, runStrategy: 'Always' }),
    ),
    world: mixed('Forbidden'),
  },
  { name: 'a template that is not allowed, which is said elsewhere', review: choosing(666), world: mixed('Forbidden') },
]);
