// The leak check: what nobody owns or nobody finished.
import { volumeId } from './state/volumes.ts';
import type { World } from './state/world.ts';

/** What is left behind, by kind. Empty lists mean a clean cluster. */
export interface LeakReport {
  /** Disk images whose VM does not exist, or whose VM does not name them. */
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

export function findLeaks(world: World): LeakReport {
  const busy = new Set([...world.tasks.running()].flatMap((task) => /\d+/g.exec(task.id)?.[0] ?? []));
  const report: LeakReport = { orphanVolumes: [], lockedVms: [], halfClones: [], firewallFiles: [], ipsets: [] };
  for (const volume of world.volumes.all()) {
    if (volume.content !== 'images' || volume.vmid === undefined) continue;
    if (!isNamed(world, volume.vmid, volumeId(volume))) report.orphanVolumes.push(volumeId(volume));
  }
  for (const vm of world.vms.values()) {
    if (vm.lock === undefined) continue;
    const isPlaceholder = vm.options['description'] === ' qmclone temporary file';
    if (isPlaceholder) report.halfClones.push(vm.vmid);
    if (!busy.has(String(vm.vmid)) || isPlaceholder) report.lockedVms.push({ vmid: vm.vmid, lock: vm.lock });
  }
  for (const [vmid, file] of world.firewall) {
    if (world.vms.has(vmid) || file.isEmpty) continue;
    report.firewallFiles.push(vmid);
    report.ipsets.push(...[...file.ipsets.keys()].map((name) => `${vmid}/${name}`));
  }
  return report;
}

function isNamed(world: World, vmid: number, volid: string): boolean {
  const vm = world.vms.get(vmid);
  if (vm === undefined) return false;
  const sections = [
    vm.options,
    vm.pending,
    ...[...vm.snapshots.values()].map((section) => ({ ...section.options, vmstate: section.vmstate ?? '' })),
  ];
  return sections.some((options) => Object.values(options).some((value) => value.split(',')[0] === volid));
}
