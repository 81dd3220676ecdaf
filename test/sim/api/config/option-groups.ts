// Which privilege each VM option asks for, which apply at once on a running VM, and how values are shown.
import { failure } from '../../errors.ts';
import { lookUp } from '../../schema/parameter.ts';
import { isVolumeKey } from '../../state/drive.ts';
import type { Vm } from '../../state/vm.ts';
import { vmOptions } from '../../schema/vm-options.ts';
import { requireAny } from '../route.ts';
import type { Call } from '../route.ts';

const cpu = ['cores', 'cpu', 'cpulimit', 'cpuunits', 'numa', 'smp', 'sockets', 'vcpus'];
const memory = ['allow-ksm', 'balloon', 'hugepages', 'keephugepages', 'memory', 'shares'];
const hardwareType = [
  'acpi',
  'arch',
  'audio0',
  'hotplug',
  'kvm',
  'machine',
  'rng0',
  'scsihw',
  'smbios1',
  'tablet',
  'vga',
  'vmgenid',
  'watchdog',
];
const general = [
  'agent',
  'autostart',
  'bios',
  'description',
  'keyboard',
  'localtime',
  'migrate_downtime',
  'migrate_speed',
  'name',
  'onboot',
  'ostype',
  'protection',
  'reboot',
  'startdate',
  'startup',
  'tdf',
  'template',
];
const power = ['freeze', 'vmstate'];
const disk = ['boot', 'bootdisk', 'vmstatestorage'];
const cloudInit = ['cicustom', 'cipassword', 'citype', 'ciupgrade', 'ciuser', 'nameserver', 'searchdomain', 'sshkeys'];

const privilegeOf = new Map<string, string[]>(
  [
    ...cpu.map((name) => [name, ['VM.Config.CPU']] as const),
    ...memory.map((name) => [name, ['VM.Config.Memory']] as const),
    ...hardwareType.map((name) => [name, ['VM.Config.HWType']] as const),
    ...general.map((name) => [name, ['VM.Config.Options']] as const),
    ...power.map((name) => [name, ['VM.PowerMgmt']] as const),
    ...disk.map((name) => [name, ['VM.Config.Disk']] as const),
    ...cloudInit.map((name) => [name, ['VM.Config.Cloudinit', 'VM.Config.Network']] as const),
  ].map(([name, privileges]) => [name, [...privileges]]),
);

function privilegesFor(option: string): string[] | undefined {
  if (/^net\d+$/.test(option)) return ['VM.Config.Network'];
  if (/^ipconfig\d+$/.test(option)) return ['VM.Config.Cloudinit', 'VM.Config.Network'];
  if (/^numa\d+$/.test(option)) return ['VM.Config.CPU'];
  return privilegeOf.get(option);
}

/** Options whose privilege depends on their value and is checked where the value is known. */
const checkedElsewhere = /^(?:serial|usb|hostpci|virtiofs|unused)\d+$/;

/** Throws the 403 (or `only root can set …`) for the first option the caller may not change. */
export function requireOptionPrivileges(call: Call, vmid: number, options: Iterable<string>): void {
  for (const option of options) {
    if (isVolumeKey(option) || option === 'cdrom' || option === 'tags' || checkedElsewhere.test(option)) continue;
    const privileges = privilegesFor(option);
    if (privileges === undefined) throw failure(`only root can set '${option}' config`);
    requireAny(call, `/vms/${vmid}`, privileges);
    if (option === 'startup') requireAny(call, '/', ['Sys.Modify']);
  }
}

/** Passed-through devices are for root, emulated ones need VM.Config.HWType. */
export function requireDevicePrivileges(
  call: Call,
  vmid: number,
  options: Readonly<Record<string, string>>,
  verb: 'set' | 'modify',
): void {
  for (const [option, value] of Object.entries(options)) {
    if (/^serial\d+$/.test(option)) {
      if (value !== 'socket') throw failure(`only root can ${verb} '${option}' config for real devices`);
      requireAny(call, `/vms/${vmid}`, ['VM.Config.HWType']);
    } else if (/^usb\d+$/.test(option)) {
      if (!/(?:^|=)spice/i.test(value) && !value.includes('mapping='))
        throw failure(`only root can set '${option}' config for real devices`);
      requireAny(call, `/vms/${vmid}`, ['VM.Config.HWType']);
    } else if (/^hostpci\d+$/.test(option) && !value.includes('mapping=')) {
      throw failure(`only root can set '${option}' config for non-mapped devices`);
    }
  }
}

/** Applied at once on a running VM, whatever else fails. */
const fastOptions = new Set([
  'lock',
  'name',
  'onboot',
  'shares',
  'startup',
  'description',
  'protection',
  'vmstatestorage',
  'hookscript',
  'tags',
  'migrate_speed',
  'migrate_downtime',
  ...cloudInit,
]);

export function isFastOption(option: string): boolean {
  return fastOptions.has(option) || /^ipconfig\d+$/.test(option);
}

export function isCloudInitOption(option: string): boolean {
  return cloudInit.includes(option) || /^ipconfig\d+$/.test(option);
}

/** Whether the option exists at all (for delete and revert). */
export function optionExists(option: string): boolean {
  return lookUp(vmOptions, option) !== undefined && option !== 'cdrom';
}

/** A value as GET config shows it: integers and booleans as numbers, the password hidden. */
export function shownValue(option: string, value: string): string | number {
  if (option === 'cipassword') return '**********';
  const type = option === 'snaptime' ? 'integer' : lookUp(vmOptions, option)?.type;
  return type === 'integer' || type === 'boolean' ? Number(value) : value;
}

/** Refuses a VM with a lock. */
export function requireUnlocked(vm: Vm): void {
  if (vm.lock !== undefined) throw failure(`VM is locked (${vm.lock})`);
}

/** Refuses a digest that is not the configuration's. */
export function requireDigest(vm: Vm, digest: unknown): void {
  if (typeof digest === 'string' && digest !== '' && digest !== vm.digest)
    throw failure('checksum mismatch (file change by other user?)');
}
