// Power of a VM: start, stop, shutdown, reboot, reset, suspend and resume, and its current status.
import { failure, parameterError } from '../errors.ts';
import { callerOf, rootUser } from '../state/access.ts';
import { isHaManaged } from '../state/ha-services.ts';
import { flag, formatted, integer, node, oneOf, storageId, text, vmid } from '../schema/parameter.ts';
import type { ParameterTable } from '../schema/parameter.ts';
import { machineFormat } from '../schema/vm-options.ts';
import { bootTime, endProcess, startProcess } from '../state/power.ts';
import { liveStatus } from '../state/vm-status.ts';
import type { Vm } from '../state/vm.ts';
import { missingConfig } from '../state/world.ts';
import type { World } from '../state/world.ts';
import { durations } from '../tasks/durations.ts';
import type { Task } from '../tasks/task-registry.ts';
import { applyPending } from './config/apply.ts';
import { requireUnlocked } from './config/option-groups.ts';
import { requestStart, requestStop } from './ha-requests.ts';
import { suspendToDisk, resumeFromDisk } from './suspend.ts';
import { needs, textOf } from './route.ts';
import type { Call, Route } from './route.ts';
import { statusItem } from './status-item.ts';
import { lockConfig } from './vm-lock.ts';

interface Owner {
  vmid: number;
  node: string;
}

/** The VM a call is about; it may be missing. */
function ownerOf(call: Call): Owner {
  return { vmid: Number(call.params['vmid']), node: textOf(call.params['node']) };
}

function refuseRootOnly(call: Call, ...names: string[]): void {
  for (const name of names) {
    if (call.params[name] !== undefined) throw parameterError({ [name]: 'Only root may use this option.' });
  }
}

function startTask(call: Call, type: string, worker: (task: Task) => Promise<void>): string {
  const owner = ownerOf(call);
  return call.world.tasks.start({ node: owner.node, type, id: String(owner.vmid), caller: call.caller }, worker).upid;
}

function start(call: Call): string {
  const owner = ownerOf(call);
  refuseRootOnly(
    call,
    'skiplock',
    'stateuri',
    'migratedfrom',
    'migration_type',
    'migration_network',
    'targetstorage',
    'force-cpu',
    'nets-host-mtu',
    'with-conntrack-state',
  );
  call.world.requireQuorum();
  if (isHaManaged(call.world, owner.vmid)) return requestStart(call, owner.vmid);
  return startTask(call, 'qmstart', (task) =>
    lockConfig(call.world, owner, () => startLocked(call.world, owner, task), { task }),
  );
}

async function startLocked(world: World, owner: Owner, task: Task): Promise<void> {
  const vm = world.vm(owner.vmid, owner.node);
  if (vm.lock !== 'suspended' && !(vm.running !== undefined && vm.lock === 'backup')) requireUnlocked(vm);
  if (vm.isTemplate) throw failure("you can't start a vm if it's a template");
  if (vm.running !== undefined) {
    if (vm.lock === 'backup') return;
    throw failure(`VM ${vm.vmid} already running`);
  }
  const resumed = vm.lock === 'suspended';
  if (!resumed) applyPending(world, vm);
  if (resumed) task.print('Resuming suspended VM');
  await startProcess(world, vm, task);
  if (resumed) resumeFromDisk(world, vm);
}

function findVm(world: World, owner: Owner): Vm {
  const vm = world.vms.get(owner.vmid);
  if (vm === undefined || vm.node !== owner.node)
    throw failure(`unable to find configuration file for VM ${owner.vmid} on node '${owner.node}'`);
  return vm;
}

/** After the process is gone, what was pending becomes the configuration. */
function finishStop(world: World, vm: Vm): void {
  endProcess(world, vm);
  if (vm.hasPending) applyPending(world, vm);
}

function stop(call: Call): string {
  const { world } = call;
  const owner = ownerOf(call);
  refuseRootOnly(call, 'skiplock', 'keepActive', 'migratedfrom');
  if (isHaManaged(world, owner.vmid)) return requestStop(call, owner.vmid, 0);
  return startTask(call, 'qmstop', async (task) => {
    if (call.params['overrule-shutdown'] === 1) endShutdowns(world, owner.vmid);
    await stopVm(world, owner, task);
  });
}

function endShutdowns(world: World, id: number): void {
  for (const other of world.tasks.running()) {
    if (other.type !== 'qmshutdown' || other.id !== String(id)) continue;
    other.stop();
  }
}

/** Kills the process; used by stop and by whatever stops a VM on its way. */
async function stopVm(world: World, owner: Owner, task: Task): Promise<void> {
  findVm(world, owner);
  await lockConfig(
    world,
    owner,
    async () => {
      const vm = world.vms.get(owner.vmid);
      if (vm === undefined) throw missingConfig(owner.vmid, owner.node);
      if (vm.running === undefined) return;
      requireUnlocked(vm);
      await task.wait(durations.stop);
      finishStop(world, vm);
    },
    { task },
  );
}

function shutdown(call: Call): string {
  const { world } = call;
  const owner = ownerOf(call);
  refuseRootOnly(call, 'skiplock', 'keepActive');
  const isPaused = world.vms.get(owner.vmid)?.running?.qmpStatus === 'paused';
  const forced = call.params['forceStop'] === 1;
  if (isPaused && !forced) throw failure('VM is paused - cannot shutdown');
  const timeoutMs = timeoutOf(call);
  if (isHaManaged(world, owner.vmid)) return requestStop(call, owner.vmid, timeoutMs / 1000);
  return startTask(call, 'qmshutdown', (task) =>
    isPaused ? stopVm(world, owner, task) : shutdownVm(world, owner, task, { timeoutMs, forced }),
  );
}

function timeoutOf(call: Call): number {
  return call.params['timeout'] === undefined ? durations.powerdownDefault : Number(call.params['timeout']) * 1000;
}

interface Patience {
  /** How long the guest has. */
  timeoutMs: number;
  /** It is ended when it does not end by itself. */
  forced: boolean;
}

function shutdownVm(world: World, owner: Owner, task: Task, patience: Patience): Promise<void> {
  return lockConfig(world, owner, () => shutdownLocked(world, owner, task, patience), { task });
}

async function shutdownLocked(world: World, owner: Owner, task: Task, patience: Patience): Promise<void> {
  const vm = findVm(world, owner);
  if (vm.running === undefined) return;
  requireUnlocked(vm);
  if (await powerDown(world, vm, task, patience.timeoutMs)) return finishStop(world, vm);
  if (!patience.forced) throw failure('VM quit/powerdown failed - got timeout');
  task.print('VM quit/powerdown failed - terminating now with SIGTERM');
  await task.wait(1000);
  finishStop(world, vm);
}

/** Asks the guest to end; false when it does not within the time. */
async function powerDown(world: World, vm: Vm, task: Task, timeoutMs: number): Promise<boolean> {
  const readyIn = (vm.running?.agentReadyAt ?? Infinity) - world.clock.now();
  const needed = Math.max(0, readyIn) + durations.shutdownGuest;
  await task.wait(Math.min(needed, timeoutMs));
  return needed <= timeoutMs;
}

function requireRunning(call: Call): Vm {
  const owner = ownerOf(call);
  const vm = call.world.vms.get(owner.vmid);
  if (vm === undefined || vm.node !== owner.node || vm.running === undefined)
    throw failure(`VM ${owner.vmid} not running`);
  return vm;
}

function reboot(call: Call): string {
  const { world } = call;
  const owner = ownerOf(call);
  const rebooted = requireRunning(call);
  if (rebooted.running?.qmpStatus === 'paused') throw failure('VM is paused - cannot shutdown');
  return startTask(call, 'qmreboot', async (task) => {
    const vm = await lockConfig(
      world,
      owner,
      async () => {
        const locked = findVm(world, owner);
        requireUnlocked(locked);
        if (!(await powerDown(world, locked, task, timeoutOf(call))))
          throw failure('VM quit/powerdown failed - got timeout');
        finishStop(world, locked);
        return locked;
      },
      { task },
    );
    startAgainSoon(world, vm);
  });
}

/** The event daemon starts the VM about a second after the reboot task has ended. */
function startAgainSoon(world: World, vm: Vm): void {
  world.clock.after(durations.rebootRestart, () => {
    const again = world.vms.get(vm.vmid);
    if (again === undefined || again.running !== undefined || again.node !== vm.node) return;
    startByHost(world, again);
  });
}

/** A start that a daemon of the node asks for, not a client. */
export function startByHost(world: World, vm: Vm): Task {
  const kind = { node: vm.node, type: 'qmstart', id: String(vm.vmid), caller: callerOf(rootUser) };
  return world.tasks.start(kind, (task) => lockConfig(world, vm, () => startLocked(world, vm, task), { task }));
}

/** A stop that a daemon of the node asks for: the guest has that many seconds, none at all with 0. */
export function stopByHost(world: World, { vmid: id, node: home }: Vm, timeoutS: number): Task {
  const owner = { vmid: id, node: home };
  const kind = { node: home, id: String(id), caller: callerOf(rootUser) };
  if (timeoutS === 0) return world.tasks.start({ ...kind, type: 'qmstop' }, (task) => stopVm(world, owner, task));
  return world.tasks.start({ ...kind, type: 'qmshutdown' }, (task) =>
    shutdownVm(world, owner, task, { timeoutMs: timeoutS * 1000, forced: true }),
  );
}

function reset(call: Call): string {
  refuseRootOnly(call, 'skiplock');
  requireRunning(call);
  const owner = ownerOf(call);
  return startTask(call, 'qmreset', (task) =>
    lockConfig(
      call.world,
      owner,
      async () => {
        const vm = findVm(call.world, owner);
        requireUnlocked(vm);
        await task.wait(durations.reset);
        const boot = bootTime(call.world, vm);
        if (vm.running !== undefined)
          vm.running.agentReadyAt = boot === undefined ? undefined : call.world.clock.now() + boot;
      },
      { task },
    ),
  );
}

function suspend(call: Call): string {
  refuseRootOnly(call, 'skiplock');
  const vm = requireRunning(call);
  if (call.params['todisk'] === 1) {
    if (isHaManaged(call.world, vm.vmid)) throw failure('Cannot suspend HA managed VM to disk');
    const storage = call.params['statestorage'] as string | undefined;
    return startTask(call, 'qmsuspend', (task) => suspendToDisk(call.world, vm, { task, storage }));
  }
  return startTask(call, 'qmpause', async (task) => {
    if (vm.lock !== 'backup') requireUnlocked(vm);
    await task.wait(durations.pause);
    if (vm.running !== undefined) vm.running.qmpStatus = 'paused';
  });
}

function resume(call: Call): string {
  refuseRootOnly(call, 'skiplock', 'nocheck');
  const owner = ownerOf(call);
  const stored = call.world.vms.get(owner.vmid);
  if (stored?.lock === 'suspended' && stored.node === owner.node) {
    return startTask(call, 'qmresume', (task) =>
      lockConfig(call.world, owner, () => startLocked(call.world, owner, task), { task }),
    );
  }
  const vm = requireRunning(call);
  return startTask(call, 'qmresume', async (task) => {
    if (vm.lock !== 'backup') requireUnlocked(vm);
    await task.wait(durations.pause);
    if (vm.running !== undefined) vm.running.qmpStatus = 'running';
  });
}

function current(call: Call): unknown {
  const owner = ownerOf(call);
  const vm = call.world.vm(owner.vmid, owner.node);
  return statusItem(call.world, vm, liveStatus(call.world, vm), 'current');
}

const permission = needs('/vms/{vmid}', 'VM.PowerMgmt');

function powerRoute(action: string, parameters: ParameterTable, run: (call: Call) => string): Route {
  return {
    method: 'POST',
    path: `/nodes/{node}/qemu/{vmid}/status/${action}`,
    permission,
    proxied: true,
    parameters: { node, vmid, ...parameters },
    run,
  };
}

const migration: ParameterTable = {
  migratedfrom: formatted('pve-node'),
  migration_network: formatted('CIDR'),
  migration_type: oneOf('secure', 'insecure'),
  targetstorage: formatted('storage-pair-list'),
  'with-conntrack-state': flag(),
  'nets-host-mtu': text({ pattern: /net\d+=\d+(,net\d+=\d+)*/ }),
  stateuri: text({ maxLength: 128 }),
  'force-cpu': text(),
  machine: formatted(machineFormat),
};

export const powerRoutes: Route[] = [
  powerRoute('start', { skiplock: flag(), timeout: integer(0), ...migration }, start),
  powerRoute(
    'stop',
    {
      skiplock: flag(),
      timeout: integer(0),
      keepActive: flag(),
      migratedfrom: formatted('pve-node'),
      'overrule-shutdown': flag(),
    },
    stop,
  ),
  powerRoute('shutdown', { skiplock: flag(), timeout: integer(0), keepActive: flag(), forceStop: flag() }, shutdown),
  powerRoute('reboot', { timeout: integer(0) }, reboot),
  powerRoute('reset', { skiplock: flag() }, reset),
  powerRoute(
    'suspend',
    { skiplock: flag(), todisk: flag(), statestorage: { ...storageId, requires: 'todisk' } },
    suspend,
  ),
  powerRoute('resume', { skiplock: flag(), nocheck: flag() }, resume),
  {
    method: 'GET',
    path: '/nodes/{node}/qemu/{vmid}/status/current',
    permission: needs('/vms/{vmid}', 'VM.Audit'),
    proxied: true,
    parameters: { node, vmid },
    run: current,
  },
];
