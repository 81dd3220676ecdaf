// Creating a VM from options, and the entry point of restoring one from a backup.
import { failure, forbidden } from '../errors.ts';
import { isDriveName } from '../schema/drive-format.ts';
import { flag, formatted, integer, node, storageId, vmid } from '../schema/parameter.ts';
import type { ParameterTable } from '../schema/parameter.ts';
import { vmOptions } from '../schema/vm-options.ts';
import { isCdrom, parseDrive, parseNet, printNet } from '../state/drive.ts';
import { Vm } from '../state/vm.ts';
import type { Options } from '../state/vm.ts';
import type { Volume } from '../state/volumes.ts';
import type { World } from '../state/world.ts';
import { regenerateCloudInit } from '../state/cloud-init.ts';
import { startProcess } from '../state/power.ts';
import { durations } from '../tasks/durations.ts';
import type { Task } from '../tasks/task-registry.ts';
import { requireBridgeAccess } from './bridge-access.ts';
import { createDrive, normalizeDrives, requireStorageAccess } from './config/drive-params.ts';
import { requireDevicePrivileges, requireOptionPrivileges } from './config/option-groups.ts';
import { requireSshKeys, uniqueTags, withoutAlias } from './config/values.ts';
import { requirePool } from './pools.ts';
import { restore } from './restore.ts';
import { may, optionalText, textOf } from './route.ts';
import type { Call, Permission, Route } from './route.ts';
import { lockConfig } from './vm-lock.ts';

const permission: Permission = (call) => {
  const { pool } = call.params;
  const id = textOf(call.params['vmid']);
  const allowed =
    may(call, `/vms/${id}`, 'VM.Allocate') ||
    (pool !== undefined && may(call, `/pool/${textOf(pool)}`, 'VM.Allocate')) ||
    (call.params['archive'] !== undefined &&
      String(call.params['force']) === '1' &&
      may(call, `/vms/${id}`, 'VM.Backup'));
  if (!allowed) throw forbidden();
};

const callKeys = new Set([
  'node',
  'vmid',
  'archive',
  'storage',
  'force',
  'unique',
  'bwlimit',
  'start',
  'pool',
  'live-restore',
  'import-working-storage',
  'ha-managed',
]);

/** The options of the call, without what steers it. */
function optionsOf(call: Call): Options {
  const options: Options = {};
  for (const [key, value] of Object.entries(call.params)) {
    if (!callKeys.has(key) && value !== undefined) Object.assign(options, withoutAlias(key, String(value)));
  }
  return options;
}

async function create(call: Call): Promise<string> {
  const { world, params } = call;
  const owner = { vmid: Number(params['vmid']), node: textOf(params['node']) };
  const pool = optionalText(params['pool']);
  requirePool(world, pool);
  const options = optionsOf(call);
  if (options['sshkeys'] !== undefined) requireSshKeys(options['sshkeys']);
  if (params['archive'] !== undefined) return restore(call, options);
  requireOptionPrivileges(call, owner.vmid, Object.keys(options));
  requireDevicePrivileges(call, owner.vmid, options, 'set');
  normalizeDrives(options);
  requireStorageAccess(call, owner, options);
  requireBridgeAccess(call, options);
  world.requireQuorum();
  const existing = world.vms.get(owner.vmid);
  if (existing !== undefined)
    throw failure(`unable to create VM ${owner.vmid} - VM ${owner.vmid} already exists on node '${existing.node}'`);
  const vm = new Vm(owner.vmid, owner.node, { lock: 'create' });
  world.vms.set(owner.vmid, vm);
  const kind = { node: owner.node, type: 'qmcreate', id: String(owner.vmid), caller: call.caller };
  return world.tasks.start(kind, (task) =>
    lockConfig(world, owner, () => createInTask(call, vm, options, task), { task }),
  ).upid;
}

async function createInTask(call: Call, vm: Vm, options: Options, task: Task): Promise<void> {
  const { world, params } = call;
  const made: Volume[] = [];
  try {
    const created = await createDrives(call, vm, options, { made, task });
    vm.options = completed(world, created);
    vm.touch();
  } catch (error) {
    for (const volume of made) world.volumes.remove(volume);
    world.vms.delete(vm.vmid);
    throw failure(`unable to create VM ${vm.vmid} - ${error instanceof Error ? error.message : String(error)}`);
  }
  const pool = optionalText(params['pool']);
  if (pool !== undefined) world.pools.get(pool)?.vms.add(vm.vmid);
  regenerateCloudInit(vm);
  if (params['start'] === 1) await startProcess(world, vm, task);
}

async function createDrives(
  call: Call,
  vm: Vm,
  options: Options,
  { made, task }: { made: Volume[]; task: Task },
): Promise<Options> {
  const created: Options = { ...options };
  const context = {
    world: call.world,
    vmid: vm.vmid,
    node: vm.node,
    options: created,
    log: task,
  };
  for (const slot of Object.keys(options).filter(isDriveName)) {
    const drive = createDrive(context, slot, options[slot] ?? '');
    if (drive.made !== undefined) {
      made.push(drive.made);
      await task.wait(durations.createDisk);
    }
    created[slot] = drive.text;
  }
  return created;
}

/** What creation adds: boot order, identity, MAC addresses. */
function completed(world: World, options: Options): Options {
  const result: Options = {};
  for (const [key, value] of Object.entries(options))
    result[key] = /^net\d+$/.test(key) ? withMac(world, value) : value;
  if (result['tags'] !== undefined) result['tags'] = uniqueTags(result['tags']);
  result['boot'] ??= defaultBoot(result);
  result['vmgenid'] ??= world.random.uuid();
  if (result['vmgenid'] === '1') result['vmgenid'] = world.random.uuid();
  result['smbios1'] = result['smbios1'] === undefined ? `uuid=${world.random.uuid()}` : result['smbios1'];
  result['meta'] = `creation-qemu=11.1.3,ctime=${world.nowSeconds()}`;
  return result;
}

function withMac(world: World, text: string): string {
  const net = parseNet(text) ?? {};
  net['macaddr'] ??= world.random.mac();
  return printNet(net);
}

function defaultBoot(options: Options): string {
  const drives = Object.keys(options).filter(isDriveName);
  const isCd = (slot: string): boolean => {
    const drive = parseDrive(slot, options[slot] ?? '');
    return drive !== undefined && isCdrom(drive);
  };
  const firstDisk = drives.find((slot) => !isCd(slot));
  const cds = drives.filter((slot) => isCd(slot) && !/cloudinit/.test(options[slot] ?? ''));
  const devices = [firstDisk, ...cds, options['net0'] === undefined ? undefined : 'net0'].filter(
    (device) => device !== undefined,
  );
  return devices.length === 0 ? ' ' : `order=${devices.join(';')}`;
}

const parameters: ParameterTable = {
  ...vmOptions,
  node,
  vmid,
  archive: { type: 'string', maxLength: 255 },
  storage: storageId,
  force: { type: 'boolean', requires: 'archive' },
  unique: { type: 'boolean', requires: 'archive' },
  'live-restore': flag(),
  pool: formatted('pve-poolid'),
  bwlimit: integer(0),
  start: flag(),
  'import-working-storage': storageId,
  'ha-managed': flag(),
};

export const createRoutes: Route[] = [
  { method: 'POST', path: '/nodes/{node}/qemu', permission, proxied: true, parameters, run: create },
];
