// Changing a VM's configuration: PUT config (at once) and POST config (as a task).
import { failure, parameterError } from '../../errors.ts';
import { isDriveName } from '../../schema/drive-format.ts';
import { splitList } from '../../schema/formats.ts';
import { flag, integer, node, vmid } from '../../schema/parameter.ts';
import type { Parameters } from '../../schema/parameter.ts';
import { configCallOptions } from '../../schema/vm-options.ts';
import { bootOrder, isCdrom, isCloudInit, parseDrive, parseNet, printBootOrder, printNet } from '../../state/drive.ts';
import type { Drive } from '../../state/drive.ts';
import { silent } from '../../state/disk-work.ts';
import type { Log } from '../../state/disk-work.ts';
import type { Options, Vm } from '../../state/vm.ts';
import { durations } from '../../tasks/durations.ts';
import { doneWithin } from '../../tasks/task-registry.ts';
import type { Task } from '../../tasks/task-registry.ts';
import { requireBridgeAccess } from '../bridge-access.ts';
import { needs, requireAny, textOf } from '../route.ts';
import type { Call, Route } from '../route.ts';
import { lockConfig } from '../vm-lock.ts';
import { applyPending, deallocate, hotplugPending } from './apply.ts';
import { createDrive, normalizeDrives, requireStorageAccess } from './drive-params.ts';
import {
  optionExists,
  requireDevicePrivileges,
  requireDigest,
  requireOptionPrivileges,
  requireUnlocked,
} from './option-groups.ts';
import { addPendingDelete, cleanUpPending, registerUnused, dropReattached } from './pending-section.ts';
import { acceptsBlank, hashPassword, requireSshKeys, uniqueTags, withoutAlias } from './values.ts';

/** What a config call asks for. */
interface Request {
  set: Options;
  deletions: string[];
  reverts: string[];
  force: boolean;
  digest: string | undefined;
  /** `-key value …` of the task's first line. */
  summary: string;
}

const callKeys = new Set(['node', 'vmid', 'digest', 'background_delay', 'skiplock', 'delete', 'revert', 'force']);

function requestedOptions(params: Parameters): Options {
  const set: Options = {};
  for (const [key, value] of Object.entries(params)) {
    if (!callKeys.has(key) && value !== undefined) Object.assign(set, withoutAlias(key, String(value)));
  }
  return set;
}

function readRequest(call: Call): Request {
  const { params } = call;
  const set = requestedOptions(params);
  if (set['cipassword'] !== undefined) set['cipassword'] = hashPassword(set['cipassword']);
  const summary = summaryOf(params);
  if (params['skiplock'] !== undefined) throw parameterError({ skiplock: 'Only root may use this option.' });
  if (set['sshkeys'] !== undefined) requireSshKeys(set['sshkeys']);
  const deletions = splitList(textOf(params['delete']));
  const reverts = splitList(textOf(params['revert']));
  if (deletions.length === 0 && reverts.length === 0 && Object.keys(set).length === 0)
    throw failure('no options specified');
  requireKnown(set, deletions, reverts);
  return {
    set,
    deletions,
    reverts,
    force: params['force'] === 1,
    digest: params['digest'] as string | undefined,
    summary,
  };
}

function summaryOf(params: Parameters): string {
  return Object.keys(params)
    .filter((key) => !['node', 'vmid', 'digest', 'background_delay'].includes(key))
    .sort()
    .map((key) => `-${key} ${key === 'cipassword' ? '<hidden>' : textOf(params[key])}`)
    .join(' ');
}

function requireKnown(set: Options, deletions: readonly string[], reverts: readonly string[]): void {
  for (const option of reverts) {
    if (!optionExists(option)) throw parameterError({ revert: `unknown option '${option}'` });
    if (set[option] !== undefined)
      throw parameterError({ delete: `you can't use '-${option}' and -revert ${option}' at the same time` });
  }
  for (const option of deletions) {
    if (set[option] !== undefined)
      throw parameterError({ delete: `you can't use '-${option}' and -delete ${option}' at the same time` });
    if (reverts.includes(option))
      throw parameterError({ revert: `you can't use '-revert ${option}' and '-delete ${option}' at the same time` });
    if (!optionExists(option) && option !== 'cdrom') throw parameterError({ delete: `unknown option '${option}'` });
  }
}

function normalize(call: Call, set: Options): void {
  normalizeDrives(set);
  for (const [key, value] of Object.entries(set)) {
    if (/^net\d+$/.test(key)) {
      const net = parseNet(value) ?? {};
      net['macaddr'] ??= call.world.random.mac();
      set[key] = printNet(net);
    }
    if (key === 'vmgenid' && value === '1') set[key] = call.world.random.uuid();
    if (key === 'hookscript' && call.world.volumes.find(value, textOf(call.params['node'])) === undefined) {
      throw parameterError({ hookscript: `script '${value}' does not exist\n` });
    }
  }
}

/** The whole change, sync or as a task. */
async function update(call: Call, sync: boolean): Promise<unknown> {
  const { world } = call;
  const id = Number(call.params['vmid']);
  const owner = { vmid: id, node: textOf(call.params['node']) };
  const request = readRequest(call);
  normalize(call, request.set);
  requireOptionPrivileges(call, id, request.deletions);
  requireOptionPrivileges(call, id, Object.keys(request.set));
  requireDevicePrivileges(call, id, request.set, 'modify');
  requireStorageAccess(call, owner, request.set);
  requireBridgeAccess(call, request.set);
  // A clone holds the file's lock to its end; a config call is told of the config lock at once instead of waiting.
  requireUnlocked(world.vm(id, owner.node));
  return lockConfig<unknown>(world, owner, () => {
    const vm = world.vm(id, owner.node);
    requireDigest(vm, request.digest);
    requireUnlocked(vm);
    takeReverts(vm, request);
    requireBalloonFits(vm, request.set);
    if (sync) return writeWhenAgreed(call, vm, request, silent);
    const kind = { node: vm.node, type: 'qmconfig', id: String(id), caller: call.caller };
    const task = world.tasks.start(kind, async (worker) => {
      worker.print(`update VM ${id}: ${request.summary}`);
      await writeWhenAgreed(call, vm, request, worker);
    });
    return answerInBackground(call, id, task);
  });
}

/** Right after the loss of a node the write stands still; it fails when there is no quorum left. */
async function writeWhenAgreed(call: Call, vm: Vm, request: Request, log: Log): Promise<null> {
  const { world } = call;
  if (world.agreeingMs > 0) await world.clock.sleep(world.agreeingMs);
  if (world.quorate) return work(call, vm, request, log);
  const pid = 1000 + world.random.below(9000);
  throw failure(
    `unable to open file '/etc/pve/nodes/${vm.node}/qemu-server/${vm.vmid}.conf.tmp.${pid}' - Permission denied`,
  );
}

/** Sets options of a VM whose lock is held already, as a config call inside another call's task does. */
export async function setOptions(call: Call, vm: Vm, set: Options, log: Log): Promise<void> {
  const summary = summaryOf(set);
  log.print(`update VM ${vm.vmid}: ${summary}`);
  await work(call, vm, { set, deletions: [], reverts: [], force: false, digest: undefined, summary }, log);
}

/** With `background_delay` the answer waits for the task that long. */
async function answerInBackground(call: Call, id: number, task: Task): Promise<string | null> {
  const delay = Number(call.params['background_delay'] ?? 0);
  if (delay === 0) return task.upid;
  await doneWithin(call.world.clock, task, delay * 1000);
  if (task.status === undefined) return task.upid;
  if (task.status === 'OK' || task.status.startsWith('WARNINGS')) return null;
  throw failure(`failed to update VM ${id}: ${task.status}`);
}

function takeReverts(vm: Vm, request: Request): void {
  for (const option of request.reverts) {
    const current = vm.options[option];
    if (current !== undefined) request.set[option] = current;
    else if (vm.pending[option] !== undefined) request.deletions.push(option);
  }
}

function requireBalloonFits(vm: Vm, set: Options): void {
  if (set['memory'] === undefined && set['balloon'] === undefined) return;
  const memory = Number(
    (set['memory'] ?? vm.pending['memory'] ?? vm.options['memory'] ?? '512').replace('current=', ''),
  );
  const balloon = Number(set['balloon'] ?? vm.pending['balloon'] ?? vm.options['balloon'] ?? 0);
  if (balloon > memory) throw failure('balloon value too large (must be smaller than assigned memory)');
}

/** State of one run over the options. */
interface Run {
  call: Call;
  vm: Vm;
  request: Request;
  log: Log;
  modified: Set<string>;
  bootDevices: string[];
}

async function work(call: Call, vm: Vm, request: Request, log: Log): Promise<null> {
  const boot = vm.pending['boot'] ?? vm.options['boot'];
  const run: Run = { call, vm, request, log, modified: new Set(), bootDevices: bootOrder(boot) };
  for (const option of request.deletions) deleteOption(run, option === 'cdrom' ? 'ide2' : option);
  for (const [option, value] of Object.entries(request.set)) await setOption(run, option, value);
  cleanUpPending(vm);
  if (!vm.hasPending) return null;
  const errors =
    vm.running === undefined ? applyPending(call.world, vm) : await hotplugPending(call.world, vm, run.modified);
  if (Object.keys(errors).length > 0) throw parameterError(errors);
  return null;
}

function deleteOption(run: Run, option: string): void {
  const { vm, call, request } = run;
  run.modified.add(option);
  const value = vm.options[option] ?? vm.pending[option];
  if (value === undefined) {
    run.log.print(`cannot delete '${option}' - not set in current configuration!`);
    run.modified.delete(option);
    return;
  }
  const pending = vm.pending[option];
  delete vm.pending[option];
  if (!request.deletions.includes('boot') && run.bootDevices.includes(option)) {
    const rest = run.bootDevices.filter((device) => device !== option);
    setBoot(run, rest);
  }
  if (/^unused\d+$/.test(option)) return freeUnused(run, option, value);
  if (isDriveName(option)) releaseDrive(run, option, { value, pending });
  else if (/^net\d+$/.test(option)) requireBridgeAccess(call, { [option]: value });
  addPendingDelete(vm, option, request.force);
}

function freeUnused({ call, vm }: Run, option: string, value: string): void {
  const drive = parseDrive(option, value);
  requireUnprotected(vm, `can't remove unused disk '${drive?.file}'`);
  requireDrivePrivilege(call, vm, false);
  if (drive !== undefined) deallocate(call.world, vm, drive);
  delete vm.options[option];
  vm.touch();
}

function releaseDrive(
  { call, vm }: Run,
  option: string,
  { value, pending }: { value: string; pending: string | undefined },
): void {
  const drive = parseDrive(option, value);
  requireUnprotected(vm, `can't remove drive '${option}'`);
  requireDrivePrivilege(call, vm, drive !== undefined && isCdrom(drive));
  if (pending !== undefined) registerUnused(call.world, vm, parseDrive(option, pending));
}

function setBoot(run: Run, devices: string[]): void {
  run.bootDevices = devices;
  run.vm.pending['boot'] = printBootOrder(devices);
  run.modified.add('boot');
  run.vm.touch();
}

function requireUnprotected(vm: Vm, text: string): void {
  if (vm.options['protection'] === '1') throw failure(`${text} - protection mode enabled`);
}

function requireDrivePrivilege(call: Call, vm: Vm, cdrom: boolean): void {
  requireAny(call, `/vms/${vm.vmid}`, [cdrom ? 'VM.Config.CDROM' : 'VM.Config.Disk']);
}

async function setOption(run: Run, option: string, value: string): Promise<void> {
  const { vm, call } = run;
  run.modified.add(option);
  if (vm.pending[option] === value) return;
  if (isDriveName(option)) await setDrive(run, option, value);
  else if (/^net\d+$/.test(option)) {
    const old = vm.options[option];
    if (old !== undefined) requireBridgeAccess(call, { [option]: old });
    vm.pending[option] = value;
  } else if (option === 'tags') {
    requireAny(call, `/vms/${vm.vmid}`, ['VM.Config.Options']);
    vm.pending[option] = storedText(option, uniqueTags(value));
  } else if (option === 'boot') setBootOption(run, value);
  else setPlainOption(vm, option, value);
  vm.pendingDelete.delete(option);
  dropReattached(vm);
}

/** A blank that the option's own format refuses is lost when the file is read again; a blank description means none. */
function setPlainOption(vm: Vm, option: string, value: string): void {
  const stored = storedText(option, value);
  if (option === 'description' && stored.trim() === '') {
    delete vm.options['description'];
    delete vm.pending['description'];
    return;
  }
  if (stored === ' ' && !acceptsBlank(option)) return;
  vm.pending[option] = stored;
}

/** An empty value is written as one blank; a description loses its last newlines. */
function storedText(option: string, value: string): string {
  if (option === 'description') return value.replace(/\n+$/, '');
  return value === '' ? ' ' : value;
}

async function setDrive(run: Run, slot: string, value: string): Promise<void> {
  const { vm, call } = run;
  requireReplaceable(run, slot, parseDrive(slot, value));
  if (vm.pending[slot] !== undefined) registerUnused(call.world, vm, parseDrive(slot, vm.pending[slot] ?? ''));
  const options = { ...vm.options, ...vm.pending };
  const context = { world: call.world, vmid: vm.vmid, node: vm.node, options, log: run.log };
  const { text, made } = createDrive(context, slot, value);
  if (made !== undefined) await call.world.clock.sleep(durations.createDisk);
  vm.pending[slot] = text;
  const created = parseDrive(slot, text);
  const isNewCd = created !== undefined && isCdrom(created) && !isCloudInit(created) && !run.bootDevices.includes(slot);
  if (isNewCd && run.bootDevices.length > 0) setBoot(run, [...run.bootDevices, slot]);
}

function requireReplaceable({ vm, call }: Run, slot: string, drive: Drive | undefined): void {
  requireDrivePrivilege(call, vm, drive !== undefined && isCdrom(drive));
  const old = vm.options[slot] === undefined ? undefined : parseDrive(slot, vm.options[slot] ?? '');
  if (old === undefined || drive?.file === old.file) return;
  requireUnprotected(vm, `can't remove drive '${slot}'`);
  requireDrivePrivilege(call, vm, isCdrom(old));
}

function setBootOption(run: Run, value: string): void {
  const { vm, request } = run;
  const devices = bootOrder(value);
  if (devices.length === 0) {
    vm.pending['boot'] = storedText('boot', value);
    return;
  }
  for (const device of devices) {
    const exists = [vm.options, vm.pending, request.set].some((options) => options[device] !== undefined);
    if (!exists || request.deletions.includes(device))
      throw failure(`invalid bootorder: device '${device}' does not exist'`);
  }
  vm.pending['boot'] = printBootOrder(devices);
  if (vm.options['bootdisk'] !== undefined) addPendingDelete(vm, 'bootdisk', false);
}

const permission = needs(
  '/vms/{vmid}',
  'VM.Config.Disk',
  'VM.Config.CDROM',
  'VM.Config.CPU',
  'VM.Config.Memory',
  'VM.Config.Network',
  'VM.Config.HWType',
  'VM.Config.Options',
  'VM.Config.Cloudinit',
);

export const configUpdateRoutes: Route[] = [
  {
    method: 'PUT',
    path: '/nodes/{node}/qemu/{vmid}/config',
    permission,
    proxied: true,
    parameters: { ...configCallOptions, node, vmid },
    run: (call) => update(call, true),
  },
  {
    method: 'POST',
    path: '/nodes/{node}/qemu/{vmid}/config',
    permission,
    proxied: true,
    parameters: {
      ...configCallOptions,
      node,
      vmid,
      background_delay: integer(1, 30),
      'import-working-storage': { type: 'string', format: 'pve-storage-id' },
    },
    run: (call) => update(call, false),
  },
  {
    method: 'PUT',
    path: '/nodes/{node}/qemu/{vmid}/unlink',
    permission: needs('/vms/{vmid}', 'VM.Config.Disk'),
    proxied: true,
    parameters: { node, vmid, idlist: { type: 'string', format: 'pve-configid-list', required: true }, force: flag() },
    run: (call) => {
      const { idlist, force, ...rest } = call.params;
      return update({ ...call, params: { ...rest, delete: idlist, ...(force === undefined ? {} : { force }) } }, true);
    },
  },
];
