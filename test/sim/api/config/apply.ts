// Applies pending changes: on a stopped VM all of them, on a running one those QEMU takes while it runs.
import { failure, messageOf } from '../../errors.ts';
import { isDriveName } from '../../schema/drive-format.ts';
import { bootOrder, isCdrom, isCloudInit, parseDrive, parseNet } from '../../state/drive.ts';
import type { Drive } from '../../state/drive.ts';
import { freeVolume, isOwnedBy } from '../../state/disk-work.ts';
import { regenerateCloudInit } from '../../state/cloud-init.ts';
import type { Vm } from '../../state/vm.ts';
import { isInSnapshot } from '../../state/volume-features.ts';
import type { World } from '../../state/world.ts';
import { durations } from '../../tasks/durations.ts';
import { isFastOption } from './option-groups.ts';
import { cleanUpPending, dropReattached, registerUnused } from './pending-section.ts';

/** Texts of changes that could not be applied, by option. */
export type ApplyErrors = Record<string, string>;

/** Detaches a drive, or frees its volume when forced. */
function releaseDrive(world: World, vm: Vm, slot: string, force: boolean): void {
  const drive = parseDrive(slot, vm.options[slot] ?? '');
  if (drive === undefined) return;
  if (force && !isCdrom(drive)) deallocate(world, vm, drive);
  else registerUnused(world, vm, drive);
}

/** Frees the drive's volume when the VM owns it. */
export function deallocate(world: World, vm: Vm, drive: Drive): void {
  const volume = world.volumes.find(drive.file, vm.node);
  if (volume === undefined || !isOwnedBy(world, drive.file, vm)) return;
  if (isInSnapshot(vm, drive.file))
    throw failure(`unable to delete '${drive.file}' - volume is still in use (snapshot?)`);
  freeVolume(world, volume);
}

/** Applies everything to a stopped VM, as a stop or a start does too. */
export function applyPending(world: World, vm: Vm): ApplyErrors {
  const errors: ApplyErrors = {};
  for (const [key, force] of [...vm.pendingDelete].sort(([left], [right]) => (left < right ? -1 : 1))) {
    attempt(errors, key, 'unable to apply pending change - ', () => {
      if (isDriveName(key) && vm.options[key] !== undefined) releaseDrive(world, vm, key, force);
      delete vm.options[key];
      vm.pendingDelete.delete(key);
    });
  }
  cleanUpPending(vm);
  let newCloudInitDrive = false;
  for (const [key, value] of Object.entries(vm.pending)) {
    attempt(errors, key, 'unable to apply pending change - ', () => {
      const old = vm.options[key];
      if (old !== undefined && isDriveName(key)) replaceDrive(world, vm, key, value);
      const drive = isDriveName(key) ? parseDrive(key, value) : undefined;
      newCloudInitDrive ||= drive !== undefined && isCloudInit(drive);
      vm.options[key] = value;
      delete vm.pending[key];
    });
  }
  dropReattached(vm);
  if (newCloudInitDrive) regenerateCloudInit(vm);
  return errors;
}

function replaceDrive(world: World, vm: Vm, slot: string, value: string): void {
  const old = parseDrive(slot, vm.options[slot] ?? '');
  if (old !== undefined && old.file !== parseDrive(slot, value)?.file) registerUnused(world, vm, old);
}

function attempt(errors: ApplyErrors, key: string, prefix: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    errors[key] = `${prefix}${messageOf(error)}`;
  }
}

/** Applies what a running VM can take; options outside `modified` stay untouched. */
export async function hotplugPending(world: World, vm: Vm, modified: ReadonlySet<string>): Promise<ApplyErrors> {
  const errors: ApplyErrors = {};
  for (const key of Object.keys(vm.pending).filter(isFastOption)) takeOver(vm, key);
  dropReattached(vm);
  const features = hotplugFeatures(vm);
  for (const [key, force] of [...vm.pendingDelete].sort(([left], [right]) => (left < right ? -1 : 1))) {
    if (!modified.has(key)) continue;
    await attemptHotplug(errors, key, () => unplug(world, vm, { key, force, features }));
  }
  for (const key of Object.keys(vm.pending)) {
    if (modified.has(key)) await attemptHotplug(errors, key, () => plug(world, vm, key, features));
  }
  dropReattached(vm);
  return errors;
}

async function attemptHotplug(errors: ApplyErrors, key: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    errors[key] = `hotplug problem - ${messageOf(error)}\n`;
  }
}

function takeOver(vm: Vm, key: string): void {
  vm.options[key] = vm.pending[key] ?? '';
  delete vm.pending[key];
  if (vm.running !== undefined) vm.running.options[key] = vm.options[key] ?? '';
}

function hotplugFeatures(vm: Vm): Set<string> {
  const text = vm.options['hotplug'] ?? '1';
  if (text === '0') return new Set();
  return new Set(text === '1' ? ['network', 'disk', 'usb'] : text.split(/[,;\s]+/));
}

interface Unplug {
  key: string;
  force: boolean;
  features: Set<string>;
}

async function unplug(world: World, vm: Vm, { key, force, features }: Unplug): Promise<void> {
  if (isTakenAtOnce(key, features)) return dropOption(vm, key);
  if (/^net\d+$/.test(key)) {
    if (!features.has('network')) return;
    await unplugDevice(world, vm, key);
    return dropOption(vm, key);
  }
  if (!isDriveName(key) || !features.has('disk') || /^(?:ide|sata|efidisk|tpmstate)/.test(key)) return;
  await unplugDevice(world, vm, key);
  releaseDrive(world, vm, key, force);
  dropOption(vm, key);
}

/** Options no device of the guest hangs on, and the pointer, which is plugged like any USB device. */
function isTakenAtOnce(key: string, features: ReadonlySet<string>): boolean {
  return isFastOption(key) || key === 'cpulimit' || key === 'cpuunits' || (key === 'tablet' && features.has('usb'));
}

function dropOption(vm: Vm, key: string): void {
  delete vm.options[key];
  if (vm.running !== undefined) delete vm.running.options[key];
  vm.pendingDelete.delete(key);
}

/** Takes a device out of the guest; a guest whose system does not run never lets go of it. */
async function unplugDevice(world: World, vm: Vm, key: string): Promise<void> {
  if (isDriveName(key) && bootOrder(vm.options['boot']).includes(key)) throw failure(`can't unplug bootdisk '${key}'`);
  const ready = vm.running?.agentReadyAt;
  if (ready === undefined || ready > world.clock.now()) {
    await world.clock.sleep(durations.hotUnplugRefused);
    throw failure(`error on hot-unplugging device '${key}' - still busy in guest?`);
  }
  await world.clock.sleep(durations.hotUnplug);
}

async function plug(world: World, vm: Vm, key: string, features: Set<string>): Promise<void> {
  if (isTakenAtOnce(key, features)) return takeOver(vm, key);
  if (key === 'balloon' && balloonStaysOn(vm)) return takeOver(vm, key);
  if (key === 'hotplug') return takeOver(vm, key);
  if (/^net\d+$/.test(key)) return plugNet(world, vm, key, features);
  if (isDriveName(key)) return plugDrive(world, vm, key, features);
}

function balloonStaysOn(vm: Vm): boolean {
  return (vm.options['balloon'] !== '0') === (vm.pending['balloon'] !== '0');
}

async function plugNet(world: World, vm: Vm, key: string, features: Set<string>): Promise<void> {
  const old = parseNet(vm.options[key] ?? '');
  const wanted = parseNet(vm.pending[key] ?? '') ?? {};
  if (old !== undefined && vm.options[key] !== undefined) {
    const sameDevice = ['model', 'macaddr', 'queues', 'mtu'].every((field) => old[field] === wanted[field]);
    if (sameDevice) return takeOver(vm, key);
    if (!features.has('network')) return;
    await unplugDevice(world, vm, key);
  }
  if (!features.has('network')) return;
  await world.clock.sleep(durations.hotPlug);
  takeOver(vm, key);
}

/** Drive settings that QEMU changes without taking the disk out. */
const liveDriveKeys = /^(?:mbps|iops|bps)|^(?:size|backup|replicate)$/;

async function plugDrive(world: World, vm: Vm, key: string, features: Set<string>): Promise<void> {
  const wanted = parseDrive(key, vm.pending[key] ?? '');
  if (wanted === undefined || /^(?:efidisk|tpmstate)/.test(key)) return;
  const old = parseDrive(key, vm.options[key] ?? '');
  if (old === undefined) return plugNewDrive(world, vm, key, features);
  if (isCdrom(old) && isCdrom(wanted)) return changeMedium(world, vm, key, { old, wanted });
  if (old.file !== wanted.file) return swapDrive(world, vm, key, features);
  if (differsOnlyLive(old, wanted)) takeOver(vm, key);
}

function changeMedium(world: World, vm: Vm, key: string, { old, wanted }: Record<'old' | 'wanted', Drive>): void {
  if (old.file !== wanted.file) registerUnused(world, vm, old);
  takeOver(vm, key);
}

function differsOnlyLive(old: Drive, wanted: Drive): boolean {
  const fields = new Set([...Object.keys(old), ...Object.keys(wanted)]);
  return [...fields].every((field) => liveDriveKeys.test(field) || old[field] === wanted[field]);
}

async function plugNewDrive(world: World, vm: Vm, key: string, features: Set<string>): Promise<void> {
  if (!features.has('disk') || /^(?:ide|sata)/.test(key)) return;
  await world.clock.sleep(durations.hotPlug);
  takeOver(vm, key);
}

async function swapDrive(world: World, vm: Vm, key: string, features: Set<string>): Promise<void> {
  if (!features.has('disk') || /^(?:ide|sata)/.test(key)) return;
  const old = parseDrive(key, vm.options[key] ?? '');
  await unplugDevice(world, vm, key);
  registerUnused(world, vm, old);
  await world.clock.sleep(durations.hotPlug);
  takeOver(vm, key);
}
