// Tells which changes of a VM's configuration a running VM does not take, and why.
import { type Drive, type DriveKey, isCdrom, isCloudInit, isDriveKey, parseDrive } from '../pve/drive.ts';
import { type Nic, parseNic } from '../pve/nic.ts';

export interface ConfigChange {
  /**
   * The configuration that runs (GET config with `current=1`). With the one that shows pending values as if in force, a
   * value that waits for a restart looks as if it were there already.
   */
  readonly config: ReadonlyMap<string, string>;
  readonly set: Readonly<Record<string, string | number>>;
  /** Options to remove, as in the call's `delete`. */
  readonly remove: readonly string[];
}

type Running = Pick<ConfigChange, 'config'> & { readonly features: ReadonlySet<string> };

/** The reason against one change, undefined when it takes effect at once. */
type Reason = string | undefined;

/** One option that gets another value. */
interface Setting {
  readonly key: string;
  /** Undefined: the option is new. */
  readonly from: string | undefined;
  readonly to: string;
}

/**
 * Why the VM has to be stopped for the change: one sentence of at most 120 characters for each option that a running
 * VM keeps as pending, refuses, or takes only if the guest plays along; empty when everything takes effect at once.
 * An option that is not known here needs a stop.
 *
 * The rules are those of `vmconfig_hotplug_pending` in qemu-server 8.4 and 9.2 (src/PVE/QemuServer.pm), most of them
 * also seen on a 9.2 cluster. Cloud-init options count as live: Proxmox VE takes them at once, the guest reads them
 * when it starts next.
 */
export function restartReasons({ config, set, remove }: ConfigChange): readonly string[] {
  const running: Running = { config, features: hotplugFeatures(config.get('hotplug')) };
  const removals = remove.filter((key) => config.has(key)).map((key) => removalReason(key, running));
  const settings = Object.entries(set)
    .map(([key, value]): Setting => ({ key, from: config.get(key), to: String(value) }))
    .filter(({ from, to }) => from !== to)
    .map((setting) => settingReason(setting, running));
  return [...removals, ...settings].filter((reason) => reason !== undefined);
}

const DEFAULT_FEATURES = ['network', 'disk', 'usb'];

function hotplugFeatures(option = '1'): ReadonlySet<string> {
  if (option === '0') return new Set();
  return new Set(option === '1' ? DEFAULT_FEATURES : listOf(option));
}

function listOf(text: string): string[] {
  return text.split(/[,;\s]+/).filter((word) => word !== '');
}

/** Kept by the configuration or the host, not by the running QEMU. */
const ALWAYS_LIVE: ReadonlySet<string> = new Set(
  [
    ['name', 'description', 'tags', 'onboot', 'startup', 'protection', 'hookscript', 'vmstatestorage'],
    ['migrate_downtime', 'migrate_speed', 'shares', 'cpulimit', 'cpuunits'],
    ['cicustom', 'cipassword', 'citype', 'ciupgrade', 'ciuser', 'nameserver', 'searchdomain', 'sshkeys'],
  ].flat(),
);

function isAlwaysLive(key: string): boolean {
  return ALWAYS_LIVE.has(key) || /^ipconfig\d+$/.test(key);
}

function settingReason(setting: Setting, running: Running): Reason {
  const { key } = setting;
  if (isAlwaysLive(key)) return undefined;
  if (isNicKey(key)) return nicReason(setting, running);
  if (isDriveKey(key)) return driveReason({ ...setting, key }, running);
  const rule = SETTING_RULES.get(key);
  return rule === undefined ? readAtStart(key) : rule(setting, running);
}

function removalReason(key: string, running: Running): Reason {
  // A volume that no slot uses is freed at once.
  if (isAlwaysLive(key) || /^unused\d+$/.test(key)) return undefined;
  if (isNicKey(key)) return unplugReason(key, 'network card', running.features.has('network'));
  if (isDriveKey(key)) return driveRemovalReason(key, running);
  const rule = REMOVAL_RULES.get(key);
  return rule === undefined ? readAtStart(key) : rule(key, running);
}

function readAtStart(key: string): string {
  return `${shown(key)} is read only when the VM starts.`;
}

// Names that Proxmox VE knows are short, but what is not known here could be anything.
function shown(name: string): string {
  return name.length <= 20 ? name : `${name.slice(0, 19)}…`;
}

function switchedOff(key: string, feature: string): string {
  return `${key} cannot change while the VM runs: its hotplug option does not have ${feature}.`;
}

const SETTING_RULES: ReadonlyMap<string, (setting: Setting, running: Running) => Reason> = new Map([
  ['cores', ({ key }: Setting) => topologyReason(key)],
  ['sockets', ({ key }: Setting) => topologyReason(key)],
  ['vcpus', vcpusReason],
  ['memory', memoryReason],
  ['balloon', ({ from, to }: Setting) => ((from === '0') === (to === '0') ? undefined : BALLOON_DEVICE)],
  ['agent', agentReason],
  ['hotplug', ({ from, to }: Setting) => hotplugOptionReason([...listOf(from ?? ''), ...listOf(to)])],
]);

const REMOVAL_RULES: ReadonlyMap<string, (key: string, running: Running) => Reason> = new Map([
  ['cores', topologyReason],
  ['sockets', topologyReason],
  // Without the option every CPU of the topology is in use, so CPUs are added.
  ['vcpus', (key: string, { features }: Running) => (features.has('cpu') ? undefined : switchedOff(key, 'cpu'))],
  // Without the option the balloon device is there and leaves the guest all its memory.
  ['balloon', (_key: string, { config }: Running) => (config.get('balloon') === '0' ? BALLOON_DEVICE : undefined)],
  ['hotplug', (_key: string, { config }: Running) => hotplugOptionReason(listOf(config.get('hotplug') ?? ''))],
]);

const BALLOON_DEVICE = 'balloon turns the balloon device on or off, which happens only when the VM starts.';

function topologyReason(key: string): string {
  return `${key} cannot change while the VM runs: the CPU topology is fixed when it starts.`;
}

// CPUs and memory are laid out for plugging when the VM starts, or not at all.
function hotplugOptionReason(features: readonly string[]): Reason {
  const fixed = ['cpu', 'memory'].filter((feature) => features.includes(feature));
  return fixed.length === 0
    ? undefined
    : `hotplug concerns ${fixed.join(' and ')}, which is settled when the VM starts.`;
}

// CPUs are plugged up to the running topology; to give one back is up to the guest.
function vcpusReason({ key, from, to }: Setting, { config, features }: Running): Reason {
  if (!features.has('cpu')) return switchedOff(key, 'cpu');
  const most = Number(config.get('sockets') ?? '1') * Number(config.get('cores') ?? '1');
  const wanted = Number(to);
  if (!(wanted <= most)) return 'vcpus cannot exceed the CPUs that the VM was started with.';
  return wanted < Number(from ?? most) ? 'vcpus gets smaller, and a running guest may keep its CPUs.' : undefined;
}

const FIRST_MODULE_MIB = 512;
const MODULES_PER_SIZE = 32;

/** What a VM with memory hot-plug has without any module. */
const BASE_MEMORY_MIB = 1024;

/** Where plugging ends on hosts with the fewest address bits that servers have; more would be refused. */
const MOST_PLUGGED_MIB = 128 * 1024;

// Rules of src/PVE/QemuServer/Memory.pm. Memory is added in modules and taken out only if the guest lets go of them.
function memoryReason({ key, from, to }: Setting, { config, features }: Running): Reason {
  if (!features.has('memory')) return switchedOff(key, 'memory');
  const present = memoryMiB(from ?? '512');
  const wanted = memoryMiB(to);
  if (wanted < present) return 'memory gets smaller, and a running guest may keep it.';
  const pluggable = config.get('numa') === '1' && !config.has('hugepages') && wanted <= MOST_PLUGGED_MIB;
  const whole = isSumOfModules(present) && isSumOfModules(wanted);
  return pluggable && whole ? undefined : 'memory cannot grow to this size by whole modules while the VM runs.';
}

// Since 8.1 a property string: `2048` or `current=2048`.
function memoryMiB(text: string): number {
  return Number(text.replace(/^current=/, ''));
}

// The first 32 modules have 512 MiB, and every further 32 twice as much as those before. A size between two sums would
// be rounded up.
function isSumOfModules(wantedMiB: number): boolean {
  let sum = BASE_MEMORY_MIB;
  for (let modules = 0; sum < wantedMiB; modules += 1) {
    sum += FIRST_MODULE_MIB * 2 ** Math.floor(modules / MODULES_PER_SIZE);
  }
  return sum === wantedMiB;
}

/** What the agent option says beside the device, which is there or not from the start. */
const LIVE_AGENT_KEYS: ReadonlySet<string> = new Set(['fstrim_cloned_disks']);

function agentReason({ key, from, to }: Setting): Reason {
  if (from === undefined) return readAtStart(key);
  const changed = differences(agentProperties(from), agentProperties(to));
  return changed.every((name) => LIVE_AGENT_KEYS.has(name)) ? undefined : readAtStart(key);
}

function agentProperties(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(',').map((part): [string, string] => {
      const [name = '', value] = part.split('=', 2);
      return value === undefined ? ['enabled', name] : [name, value];
    }),
  );
}

// Keys whose values differ or that only one side has.
function differences(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((key) => a.get(key) !== b.get(key));
}

function isNicKey(key: string): boolean {
  return /^net\d+$/.test(key);
}

/** Properties of a card that belong to the host's end of the cable. */
const LIVE_NIC_KEYS: ReadonlySet<string> = new Set(['bridge', 'tag', 'rate', 'firewall', 'link_down', 'trunks']);

function nicReason({ key, from, to }: Setting, { features }: Running): Reason {
  if (from === undefined) return features.has('network') ? undefined : switchedOff(key, 'network');
  const present = readable(parseNic, from);
  const wanted = readable(parseNic, to);
  if (present === undefined || wanted === undefined) return unreadable(key);
  const changed = differences(nicProperties(present), nicProperties(wanted));
  // A card without a bridge is wired to a network of QEMU's own; a cable does not lead from one to the other.
  const rewired = present.bridge === undefined || wanted.bridge === undefined;
  const fixed = changed.filter((name) => !LIVE_NIC_KEYS.has(name) || (name === 'bridge' && rewired));
  if (fixed.length === 0) return undefined;
  return `${key} changes ${enumerated(fixed)}, for which the card has to be unplugged.`;
}

function nicProperties(nic: Nic): ReadonlyMap<string, string> {
  const properties = new Map(nic.options);
  const { model, mac, bridge, tag, rate, firewall } = nic;
  for (const [name, value] of Object.entries({ model, 'MAC address': mac, bridge, tag, rate, firewall })) {
    if (value !== undefined) properties.set(name, String(value));
  }
  return properties;
}

type DriveSetting = Setting & { readonly key: DriveKey };

function driveReason({ key, from, to }: DriveSetting, running: Running): Reason {
  const wanted = readable(parseDrive, to);
  if (wanted === undefined) return unreadable(key);
  if (from === undefined) return newDriveReason(key, wanted, running);
  const present = readable(parseDrive, from);
  if (present === undefined) return unreadable(key);
  if (isCdrom(present) !== isCdrom(wanted)) return `${key} cannot turn from disk to CD-ROM drive or back.`;
  if (isCdrom(present)) return changedDriveReason(key, present, wanted);
  if (present.volume !== wanted.volume) return unplugReason(key, 'disk', isPluggable(key, running));
  return changedDriveReason(key, present, wanted);
}

function newDriveReason(key: DriveKey, drive: Drive, { config, features }: Running): Reason {
  if (isCdrom(drive) && !isCloudInit(drive))
    return `${key} joins the boot order, which is read only when the VM starts.`;
  if (isFixedBus(key)) return fixedBus(key);
  if (!features.has('disk')) return switchedOff(key, 'disk');
  // QEMU takes a disk on the other controllers too, but their drivers are not told of it.
  const tells = !key.startsWith('scsi') || config.get('scsihw')?.startsWith('virtio-scsi') === true;
  return tells ? undefined : `${key} is on a SCSI controller whose guest driver finds new disks only when it starts.`;
}

/** Drive properties that QEMU changes under way, or that only Proxmox VE reads. Sizes are Proxmox VE's to write. */
const LIVE_DRIVE_KEY =
  /^(mbps|iops)(_(rd|wr))?(_max)?$|^(bps|iops)(_(rd|wr))?_max_length$|^(backup|replicate|shared|size)$/;

// For a CD-ROM drive any medium is live, so its volume is not compared. That Proxmox VE appends a drive outside of the
// boot order to it, where it waits for a start, is nothing that was asked for.
function changedDriveReason(key: DriveKey, present: Drive, wanted: Drive): Reason {
  const changed = differences(present.options, wanted.options);
  const fixed = changed.filter((name) => name !== 'media' && !LIVE_DRIVE_KEY.test(name));
  return fixed.length === 0
    ? undefined
    : `${key} changes ${enumerated(fixed)}, which stays as it is while the VM runs.`;
}

function driveRemovalReason(key: DriveKey, running: Running): string {
  return isFixedBus(key) ? fixedBus(key) : unplugReason(key, 'disk', isPluggable(key, running));
}

// The host takes these out only when the guest releases them, and fails after seconds if it does not.
function unplugReason(key: string, device: string, pluggable: boolean): string {
  const feature = device === 'disk' ? 'disk' : 'network';
  if (!pluggable) return isFixedBus(key) ? fixedBus(key) : switchedOff(key, feature);
  return `${key} has to be unplugged, and a running guest may keep its ${device} or lose data on it.`;
}

function isPluggable(key: DriveKey, { features }: Running): boolean {
  return features.has('disk') && !isFixedBus(key);
}

function isFixedBus(key: string): boolean {
  return /^(ide|sata)/.test(key);
}

function fixedBus(key: string): string {
  return `${key} is on a bus where drives are plugged and unplugged only while the VM is stopped.`;
}

function readable<T>(parse: (text: string) => T, text: string): T | undefined {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

function unreadable(key: string): string {
  return `${key} cannot be compared with what runs: one of the two values cannot be read.`;
}

function enumerated(names: readonly string[]): string {
  const few = names.slice(0, 2).map(shown);
  const rest = names.length - few.length;
  return rest === 0 ? few.join(', ') : `${few.join(', ')} and ${rest} more`;
}
