// Turning a VM into a template, and asking what its disks can do.
import { failure } from '../errors.ts';
import { driveNames } from '../schema/drive-format.ts';
import { node, oneOf, required, snapshotName, vmid } from '../schema/parameter.ts';
import { requireVolume } from '../state/disk-work.ts';
import { drivesOf, isCdrom, printDrive } from '../state/drive.ts';
import { linkedClonesAvailable, snapshotsAvailable } from '../state/volume-features.ts';
import type { Vm } from '../state/vm.ts';
import { splitVolumeId, volumeId } from '../state/volumes.ts';
import type { Volume } from '../state/volumes.ts';
import type { World } from '../state/world.ts';
import { durations } from '../tasks/durations.ts';
import type { Task } from '../tasks/task-registry.ts';
import { requireUnlocked } from './config/option-groups.ts';
import { needs, optionalText, textOf } from './route.ts';
import type { Call, Route } from './route.ts';
import { lockConfig } from './vm-lock.ts';

async function toTemplate(call: Call): Promise<string> {
  const { world, params } = call;
  const vm = world.vm(Number(params['vmid']), textOf(params['node']));
  return lockConfig(world, vm, () => {
    requireUnlocked(vm);
    if (vm.snapshots.size > 0) throw failure('unable to create template, because VM contains snapshots');
    if (vm.isTemplate && params['disk'] === undefined) throw failure("you can't convert a template to a template");
    if (vm.running !== undefined) throw failure("you can't convert a VM to template if VM is running");
    const kind = { node: vm.node, type: 'qmtemplate', id: String(vm.vmid), caller: call.caller };
    return world.tasks.start(kind, (task) =>
      lockConfig(world, vm, () => convert(world, vm, optionalText(params['disk']), task)),
    ).upid;
  });
}

async function convert(world: World, vm: Vm, only: string | undefined, task: Task): Promise<void> {
  await task.wait(durations.template);
  vm.options['template'] = '1';
  for (const [slot, drive] of drivesOf(vm.options)) {
    if (isCdrom(drive) || (only !== undefined && slot !== only)) continue;
    vm.options[slot] = printDrive({ ...drive, file: volumeId(makeBase(world, drive.file, vm.node)) });
  }
  vm.touch();
}

/** Makes the volume one that clones can link to; the answer is the volume under its new name. */
export function makeBase(world: World, volid: string, onNode: string): Volume {
  const volume = requireVolume(world, volid, onNode);
  world.volumes.move(volume, { name: volume.name.replace(/vm-(\d+-disk-\d+)/, 'base-$1') });
  return volume;
}

function feature(call: Call): unknown {
  const { world, params } = call;
  const owner = { vmid: Number(params['vmid']), node: textOf(params['node']) };
  const vm = world.vms.get(owner.vmid);
  if (vm === undefined || vm.node !== owner.node)
    throw failure(`unable to find configuration file for VM ${owner.vmid} on node '${owner.node}'`);
  const able = { snapshot: snapshotsAvailable(world, vm), clone: linkedClonesAvailable(world, vm), copy: true };
  const shared = drivesOf(vm.options).every(
    ([, drive]) => world.volumes.storages.get(splitVolumeId(drive.file)?.storage ?? '')?.shared !== false,
  );
  return {
    hasFeature: able[textOf(params['feature']) as keyof typeof able] ? 1 : 0,
    nodes: shared ? [...world.nodes.keys()] : [vm.node],
  };
}

const drive = oneOf(...driveNames);

export const templateRoutes: Route[] = [
  {
    method: 'POST',
    path: '/nodes/{node}/qemu/{vmid}/template',
    permission: needs('/vms/{vmid}', 'VM.Allocate'),
    proxied: true,
    parameters: { node, vmid, disk: drive },
    run: toTemplate,
  },
  {
    method: 'GET',
    path: '/nodes/{node}/qemu/{vmid}/feature',
    permission: needs('/vms/{vmid}', 'VM.Audit'),
    proxied: true,
    parameters: { node, vmid, feature: required(oneOf('snapshot', 'clone', 'copy')), snapname: snapshotName },
    run: feature,
  },
];
