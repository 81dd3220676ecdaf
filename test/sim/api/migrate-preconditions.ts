// What stands against a migration: allowed nodes, local disks and resources.
import { isDriveName } from '../schema/drive-format.ts';
import { isCdrom, isCloudInit, parseDrive } from '../state/drive.ts';
import type { Drive } from '../state/drive.ts';
import { isHaManaged } from '../state/ha-services.ts';
import type { Vm } from '../state/vm.ts';
import { splitVolumeId } from '../state/volumes.ts';
import type { World } from '../state/world.ts';
import { requireUnlocked } from './config/option-groups.ts';
import { motionOf } from './ha-place.ts';
import { textOf } from './route.ts';
import type { Call } from './route.ts';

/** The answer of GET migrate. */
export function preconditions(call: Call): unknown {
  const { world, params } = call;
  const vm = world.vm(Number(params['vmid']), textOf(params['node']));
  requireUnlocked(vm);
  const motion = isHaManaged(world, vm.vmid) ? motionOf(world, vm.vmid) : undefined;
  const allowed: string[] = [];
  const notAllowed: Record<string, unknown> = {};
  for (const node of world.nodes.keys()) {
    if (node === vm.node) continue;
    const against = { ...missingStorages(world, vm, node), ...blockingResources(motion, node) };
    notAllowed[node] = against;
    if (Object.keys(against).length === 0) allowed.push(node);
  }
  const data: Record<string, unknown> = {
    running: vm.running === undefined ? 0 : 1,
    'has-dbus-vmstate': 1,
    local_disks: localDisks(world, vm),
    local_resources: [],
    'mapped-resources': [],
    'mapped-resource-info': {},
    ...(motion === undefined ? {} : { 'dependent-ha-resources': motion.along }),
  };
  if (vm.running === undefined) Object.assign(data, { allowed_nodes: allowed, not_allowed_nodes: notAllowed });
  return data;
}

function missingStorages(world: World, vm: Vm, node: string): Record<string, unknown> {
  const missing = [...storagesOf(vm)].filter((id) => {
    const storage = world.volumes.storages.get(id);
    return storage !== undefined && !world.volumes.isOn(storage, node);
  });
  return missing.length === 0 ? {} : { unavailable_storages: missing };
}

function blockingResources(motion: ReturnType<typeof motionOf> | undefined, node: string): Record<string, unknown> {
  const rivals = motion?.blockedBy(node) ?? [];
  if (rivals.length === 0) return {};
  return { 'blocking-ha-resources': rivals.map((sid) => ({ sid, cause: 'resource-affinity' })) };
}

function storagesOf(vm: Vm): Set<string> {
  const found = new Set<string>();
  for (const [slot, value] of Object.entries(vm.options)) {
    const drive = isDriveName(slot) ? parseDrive(slot, value) : undefined;
    const storage = drive === undefined ? undefined : splitVolumeId(drive.file)?.storage;
    if (storage !== undefined) found.add(storage);
  }
  return found;
}

function localDisks(world: World, vm: Vm): Record<string, unknown>[] {
  return Object.entries(vm.options).flatMap(([slot, value]) => {
    const drive = isDriveName(slot) ? parseDrive(slot, value) : undefined;
    const storage = world.volumes.storages.get(splitVolumeId(drive?.file ?? '')?.storage ?? '');
    return drive === undefined || storage === undefined || storage.shared ? [] : [localDisk(world, vm, slot, drive)];
  });
}

function localDisk(world: World, vm: Vm, slot: string, drive: Drive): Record<string, unknown> {
  const cloudInit = isCloudInit(drive);
  return {
    volid: drive.file,
    drivename: slot,
    size: world.volumes.find(drive.file, vm.node)?.sizeBytes ?? 0,
    cdrom: isCdrom(drive) && !cloudInit ? 1 : 0,
    is_attached: 1,
    is_cloudinit: cloudInit ? 1 : 0,
    is_tpmstate: slot === 'tpmstate0' ? 1 : 0,
    is_unused: 0,
    is_vmstate: 0,
    replicate: 1,
    shared: 0,
  };
}
