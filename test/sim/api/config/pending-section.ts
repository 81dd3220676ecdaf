// The pending section of a configuration: adding, reverting, cleaning up, and unused volumes.
import { isDriveName } from '../../schema/drive-format.ts';
import { isCdrom, isCloudInit, parseDrive } from '../../state/drive.ts';
import type { Drive } from '../../state/drive.ts';
import { isOwnedBy } from '../../state/disk-work.ts';
import type { Options, Vm } from '../../state/vm.ts';
import type { World } from '../../state/world.ts';

/** Notes a volume as `unusedN`, unless it is one already. */
export function addUnused(options: Options, volid: string): string | undefined {
  const used = Object.keys(options).filter((key) => /^unused\d+$/.test(key));
  if (used.some((key) => options[key] === volid)) return undefined;
  for (let number = 0; number < 256; number += 1) {
    const key = `unused${number}`;
    if (options[key] !== undefined) continue;
    options[key] = volid;
    return key;
  }
  return undefined;
}

/** What happens to a drive that leaves its slot: cloud-init is freed, an own disk becomes unused. */
export function registerUnused(world: World, vm: Vm, drive: Drive | undefined): void {
  if (drive === undefined) return;
  if (isCloudInit(drive)) {
    const volume = world.volumes.find(drive.file, vm.node);
    if (volume !== undefined) world.volumes.remove(volume);
    vm.cloudInit = undefined;
    return;
  }
  if (isCdrom(drive)) return;
  if (isOwnedBy(world, drive.file, vm)) addUnused(vm.options, drive.file);
}

/** Drops `unusedN` entries whose volume is attached again; part of every write of the file. */
export function dropReattached(vm: Vm): void {
  const attached = new Set<string>();
  for (const options of [vm.options, vm.pending]) {
    for (const [key, value] of Object.entries(options)) {
      if (isDriveName(key)) attached.add(parseDrive(key, value)?.file ?? '');
    }
  }
  for (const [key, value] of Object.entries(vm.options)) {
    if (/^unused\d+$/.test(key) && attached.has(value)) delete vm.options[key];
  }
  vm.touch();
}

/** Forgets pending entries that change nothing. */
export function cleanUpPending(vm: Vm): void {
  for (const [key, value] of Object.entries(vm.pending)) {
    if (vm.options[key] === value) delete vm.pending[key];
  }
  for (const key of vm.pendingDelete.keys()) {
    if (vm.options[key] === undefined) vm.pendingDelete.delete(key);
  }
  dropReattached(vm);
}

export function addPendingDelete(vm: Vm, key: string, force: boolean): void {
  delete vm.pending[key];
  vm.pendingDelete.set(key, force);
  vm.touch();
}
