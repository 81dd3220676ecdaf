// The options of a virtual machine: their types, bounds and property strings (facts of Proxmox VE 9.2's schema).
import { driveFormats } from './drive-format.ts';
import { hostPciFormat, rngFormat, sevFormat, tdxFormat, watchdogFormat } from './device-formats.ts';
import { complaintAbout } from './formats.ts';
import {
  configIdList,
  decimal,
  digest,
  flag,
  formatted,
  integer,
  oneOf,
  required,
  storageId,
  text,
} from './parameter.ts';
import type { Parameter, ParameterTable, PropertyFormat } from './parameter.ts';

/** Numbers and ranges of them. */
const range = /(?:\d+(?:-\d+)?(?:;\d+(?:-\d+)?)*)/;

const nicModels = [
  'e1000',
  'e1000-82540em',
  'e1000-82544gc',
  'e1000-82545em',
  'e1000e',
  'i82551',
  'i82557b',
  'i82559er',
  'ne2k_isa',
  'ne2k_pci',
  'pcnet',
  'rtl8139',
  'virtio',
  'vmxnet3',
];

/** Keys of a network card string. */
export const netFormat: PropertyFormat = {
  model: required({ type: 'string', enum: nicModels, defaultKey: true }),
  ...Object.fromEntries(
    nicModels.map((model): [string, Parameter] => [model, { type: 'string', alias: 'macaddr', keyAlias: 'model' }]),
  ),
  macaddr: formatted('mac-addr'),
  bridge: formatted('pve-bridge-id'),
  queues: integer(0, 64),
  rate: decimal(0),
  tag: integer(1, 4094),
  trunks: text({ pattern: range }),
  firewall: flag(),
  link_down: flag(),
  mtu: integer(1, 65520),
};

const ipConfigFormat: PropertyFormat = {
  ip: formatted('pve-ipv4-config'),
  gw: formatted('ipv4', { requires: 'ip' }),
  ip6: formatted('pve-ipv6-config'),
  gw6: formatted('ipv6', { requires: 'ip6' }),
};

const agentFormat: PropertyFormat = {
  enabled: { type: 'boolean', required: true, defaultKey: true },
  fstrim_cloned_disks: flag(),
  'freeze-fs': flag(),
  'freeze-fs-on-backup': { type: 'boolean', alias: 'freeze-fs' },
  'guest-fsfreeze': { type: 'boolean', alias: 'freeze-fs' },
  type: oneOf('virtio', 'isa'),
};

const cpuFormat: PropertyFormat = {
  cputype: { type: 'string', defaultKey: true },
  'reported-model': text(),
  hidden: flag(),
  'hv-vendor-id': text({ pattern: /[a-zA-Z0-9]{1,12}/ }),
  flags: text({ pattern: /[+-][a-zA-Z0-9\-_.]+(;[+-][a-zA-Z0-9\-_.]+)*/ }),
  'phys-bits': text({ pattern: /host|\d{1,2}/ }),
  'guest-phys-bits': integer(32, 64),
};

const bootFormat: PropertyFormat = {
  legacy: { type: 'string', defaultKey: true, pattern: /[acdn]{1,4}/ },
  order: formatted('pve-boot-device-list'),
};

const smbiosFormat: PropertyFormat = Object.fromEntries([
  ['uuid', text({ pattern: /[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}/ })] as const,
  ...['version', 'serial', 'manufacturer', 'product', 'sku', 'family'].map(
    (key) => [key, text({ pattern: /[A-Za-z0-9+/]+={0,2}/ })] as const,
  ),
  ['base64', flag()] as const,
]);

const vgaTypes = [
  'cirrus',
  'qxl',
  'qxl2',
  'qxl3',
  'qxl4',
  'none',
  'serial0',
  'serial1',
  'serial2',
  'serial3',
  'std',
  'virtio',
  'virtio-gl',
  'vmware',
];
/** Keyboard layouts that a VM and the datacenter may name. */
export const keyboards = [
  'de',
  'de-ch',
  'da',
  'en-gb',
  'en-us',
  'es',
  'fi',
  'fr',
  'fr-be',
  'fr-ca',
  'fr-ch',
  'hu',
  'is',
  'it',
  'ja',
  'lt',
  'mk',
  'nl',
  'no',
  'pl',
  'pt',
  'pt-br',
  'sv',
  'sl',
  'tr',
];
const machinePattern =
  /(pc|pc(-i440fx)?-\d+(\.\d+)+(\+pve\d+)?(\.pxe)?|q35|pc-q35-\d+(\.\d+)+(\+pve\d+)?(\.pxe)?|virt(?:-\d+(\.\d+)+)?(\+pve\d+)?)/;

/** Keys of a machine type string. */
export const machineFormat: PropertyFormat = {
  type: { type: 'string', maxLength: 40, pattern: machinePattern, defaultKey: true },
  viommu: oneOf('intel', 'virtio'),
  'enable-s3': flag(),
  'enable-s4': flag(),
  'aw-bits': decimal(32, 64),
};

const processorAndMemory: ParameterTable = {
  sockets: integer(1),
  cores: integer(1),
  smp: integer(1),
  vcpus: integer(1),
  cpulimit: decimal(0, 128),
  cpuunits: integer(1, 262144),
  cpu: formatted(cpuFormat, {
    check: (value) => complaintAbout('pve-cpu-type', /(?:^|,)(?:cputype=)?([^=,]+)(?:,|$)/.exec(value)?.[1] ?? 'kvm64'),
  }),
  affinity: formatted('pve-cpuset'),
  numa: flag(),
  'numa[n]': formatted({
    cpus: required(text({ pattern: range })),
    hostnodes: text({ pattern: range }),
    memory: decimal(),
    policy: oneOf('preferred', 'bind', 'interleave'),
  }),
  memory: formatted({ current: { type: 'integer', min: 16, required: true, defaultKey: true } }),
  balloon: integer(0),
  shares: integer(0, 50000),
  hugepages: oneOf('any', '2', '1024'),
  keephugepages: flag(),
  'allow-ksm': flag(),
};

const general: ParameterTable = {
  name: formatted('dns-name'),
  description: text({ maxLength: 8192 }),
  tags: formatted('pve-tag-list'),
  onboot: flag(),
  autostart: flag(),
  reboot: flag(),
  lock: oneOf(
    'backup',
    'clone',
    'create',
    'migrate',
    'rollback',
    'snapshot',
    'snapshot-delete',
    'suspending',
    'suspended',
  ),
  protection: flag(),
  template: flag(),
  startup: formatted('pve-startup-order'),
  hookscript: formatted('pve-volume-id'),
  hotplug: formatted('pve-hotplug-features'),
  agent: formatted(agentFormat),
  args: text(),
  boot: formatted(bootFormat),
  bootdisk: formatted('pve-qm-bootdisk', { pattern: /(ide|sata|scsi|virtio)\d+/ }),
  vmstatestorage: storageId,
  migrate_downtime: decimal(0),
  migrate_speed: integer(0),
};

const hardware: ParameterTable = {
  acpi: flag(),
  kvm: flag(),
  tdf: flag(),
  tablet: flag(),
  freeze: flag(),
  localtime: flag(),
  startdate: text({ pattern: /(now|\d{4}-\d{1,2}-\d{1,2}(T\d{1,2}:\d{1,2}:\d{1,2})?)/ }),
  ostype: oneOf(
    'other',
    'wxp',
    'w2k',
    'w2k3',
    'w2k8',
    'wvista',
    'win7',
    'win8',
    'win10',
    'win11',
    'l24',
    'l26',
    'solaris',
  ),
  bios: oneOf('seabios', 'ovmf'),
  arch: oneOf('x86_64', 'aarch64'),
  machine: formatted(machineFormat),
  scsihw: oneOf('lsi', 'lsi53c810', 'virtio-scsi-pci', 'virtio-scsi-single', 'megasas', 'pvscsi'),
  vga: formatted({
    type: { type: 'string', enum: vgaTypes, defaultKey: true },
    memory: integer(4, 512),
    clipboard: oneOf('vnc'),
  }),
  keyboard: oneOf(...keyboards),
  watchdog: formatted(watchdogFormat),
  smbios1: formatted(smbiosFormat, { maxLength: 512 }),
  vmgenid: text({ pattern: /(?:[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}|[01])/ }),
  'serial[n]': text({ pattern: /(\/dev\/[^,]+|socket)/ }),
  'parallel[n]': text({ pattern: /\/dev\/parport\d+|\/dev\/usb\/lp\d+/ }),
  'usb[n]': formatted({
    host: {
      type: 'string',
      defaultKey: true,
      pattern:
        /(?:(?:(?:(?:(0x)?([0-9A-Fa-f]{4}):(0x)?([0-9A-Fa-f]{4})))|(?:(?:(\d+)-(\d+(\.\d+)*)))|[Ss][Pp][Ii][Cc][Ee]))/,
    },
    mapping: formatted('pve-configid'),
    usb3: flag(),
  }),
  'hostpci[n]': formatted(hostPciFormat),
  'virtiofs[n]': formatted({
    dirid: required(formatted('pve-configid', { defaultKey: true })),
    cache: oneOf('auto', 'always', 'metadata', 'never'),
    'direct-io': flag(),
    'expose-acl': flag(),
    'expose-xattr': flag(),
  }),
  audio0: formatted({ device: required(oneOf('ich9-intel-hda', 'intel-hda', 'AC97')), driver: oneOf('spice', 'none') }),
  rng0: formatted(rngFormat),
  ivshmem: formatted({ size: required(integer(1)), name: text({ pattern: /[a-zA-Z0-9-]+/ }) }),
  spice_enhancements: formatted({ foldersharing: flag(), videostreaming: oneOf('off', 'all', 'filter') }),
  'amd-sev': formatted(sevFormat),
  'intel-tdx': formatted(tdxFormat),
};

/** Cloud-init options other than the drive. */
const cloudInitOptions: ParameterTable = {
  citype: oneOf('configdrive2', 'nocloud', 'opennebula'),
  ciuser: text(),
  cipassword: text(),
  ciupgrade: flag(),
  cicustom: formatted({
    meta: formatted('pve-volume-id'),
    network: formatted('pve-volume-id'),
    user: formatted('pve-volume-id'),
    vendor: formatted('pve-volume-id'),
  }),
  searchdomain: text(),
  nameserver: formatted('address-list'),
  sshkeys: formatted('urlencoded'),
  'ipconfig[n]': formatted(ipConfigFormat),
};

const drives: ParameterTable = {
  'ide[n]': formatted(driveFormats['ide'] ?? {}),
  'sata[n]': formatted(driveFormats['sata'] ?? {}),
  'scsi[n]': formatted(driveFormats['scsi'] ?? {}),
  'virtio[n]': formatted(driveFormats['virtio'] ?? {}),
  efidisk0: formatted(driveFormats['efidisk'] ?? {}),
  tpmstate0: formatted(driveFormats['tpmstate'] ?? {}),
  'unused[n]': formatted(driveFormats['unused'] ?? {}),
  cdrom: formatted(driveFormats['ide'] ?? {}),
};

/** Every option a VM's configuration may hold. */
export const vmOptions: ParameterTable = {
  ...general,
  ...processorAndMemory,
  ...hardware,
  ...cloudInitOptions,
  ...drives,
  'net[n]': formatted(netFormat),
};

/** What PUT and POST config take besides the options. */
export const configCallOptions: ParameterTable = {
  ...vmOptions,
  digest,
  skiplock: flag(),
  delete: configIdList,
  revert: configIdList,
  force: { type: 'boolean', requires: 'delete' },
};
