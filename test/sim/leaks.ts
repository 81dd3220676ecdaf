// The leak check: what nobody owns or nobody finished.
import { volumeId } from './state/volumes.ts';
import type { Volume } from './state/volumes.ts';
import type { Vm } from './state/vm.ts';
import type { World } from './state/world.ts';

/** What is left behind, by kind. Empty lists mean a clean cluster. */
export interface LeakReport {
  /** Disk images whose VM does not exist, or whose VM does not name them; and those of no VM that none names. */
  orphanVolumes: string[];
  /** VMs with a lock that no running task explains. */
  lockedVms: { vmid: number; lock: string }[];
  /** VMs that are nothing but a clone's placeholder. */
  halfClones: number[];
  /** Firewall files of VMs that do not exist. */
  firewallFiles: number[];
  /** IP sets in such files, as `vmid/name`. */
  ipsets: string[];
}

/** Looks through the whole cluster. */
export function findLeaks(world: World): LeakReport {
  return { orphanVolumes: orphanVolumes(world), ...unfinishedVms(world), ...leftFirewalls(world) };
}

function orphanVolumes(world: World): string[] {
  return [...world.volumes.all()]
    .filter((volume) => volume.content === 'images' && !isOwned(world, volume))
    .map(volumeId);
}

/** An image whose name carries no VMID, as one that was only begun, may be any VM's. */
function isOwned(world: World, volume: Volume): boolean {
  const owner = volume.vmid === undefined ? undefined : world.vms.get(volume.vmid);
  const candidates = volume.vmid === undefined ? [...world.vms.values()] : owner === undefined ? [] : [owner];
  return candidates.some((vm) => names(vm, volumeId(volume)));
}

function unfinishedVms(world: World): Pick<LeakReport, 'lockedVms' | 'halfClones'> {
  const busy = new Set([...world.tasks.running()].flatMap((task) => /\d+/g.exec(task.id)?.[0] ?? []));
  const locked = [...world.vms.values()].filter((vm) => vm.lock !== undefined);
  const isPlaceholder = (vm: Vm): boolean => vm.options['description'] === ' qmclone temporary file';
  return {
    halfClones: locked.filter(isPlaceholder).map((vm) => vm.vmid),
    lockedVms: locked
      .filter((vm) => isPlaceholder(vm) || !busy.has(String(vm.vmid)))
      .map((vm) => ({ vmid: vm.vmid, lock: vm.lock ?? '' })),
  };
}

function leftFirewalls(world: World): Pick<LeakReport, 'firewallFiles' | 'ipsets'> {
  const left = [...world.firewall].filter(([vmid, file]) => !world.vms.has(vmid) && !file.isEmpty);
  return {
    firewallFiles: left.map(([vmid]) => vmid),
    ipsets: left.flatMap(([vmid, file]) => [...file.ipsets.keys()].map((name) => `${vmid}/${name}`)),
  };
}

function names(vm: Vm, volid: string): boolean {
  const sections = [
    vm.options,
    vm.pending,
    ...[...vm.snapshots.values()].map((section) => ({ ...section.options, vmstate: section.vmstate ?? '' })),
  ];
  return sections.some((options) => Object.values(options).some((value) => value.split(',')[0] === volid));
}
