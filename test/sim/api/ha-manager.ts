// The high-availability managers at work: every ten seconds they bring their VMs to the state that is wanted of them.
import { resourceOf, wantedState } from '../state/ha-services.ts';
import type { HaService } from '../state/ha-services.ts';
import type { Vm } from '../state/vm.ts';
import { endProcess } from '../state/power.ts';
import type { World } from '../state/world.ts';
import type { Task } from '../tasks/task-registry.ts';
import { afterFailedStart, nextStep } from './ha-decision.ts';
import type { HaStep } from './ha-decision.ts';
import { isHeard, motionOf, nodeOf, placeOf } from './ha-place.ts';
import { migrateByHost } from './migrate.ts';
import { startByHost, stopByHost } from './power.ts';

/** From one look of the managers to the next. */
const passMs = 10_000;

function untilNextPass(world: World): number {
  return passMs - (world.clock.now() % passMs);
}

/** Begins the passes; the answer ends them. */
export function startHaManagers(world: World): () => void {
  world.wakeHaManagers = () => passSoon(world);
  let cancel = (): void => undefined;
  const wait = (): void => {
    cancel = world.clock.after(untilNextPass(world), () => {
      pass(world);
      wait();
    });
  };
  wait();
  return () => cancel();
}

/** Where waiting takes no time this is at once and not at the next regular pass. */
function passSoon(world: World): void {
  void world.clock.sleep(untilNextPass(world)).then(() => pass(world));
}

/** One look at everything they manage. */
export function pass(world: World): void {
  if (!world.topology.ha || !world.quorate) return;
  for (const sid of world.haServices.keys()) if (!world.haResources.has(sid)) world.haServices.delete(sid);
  for (const sid of [...world.haResources.keys()].sort()) {
    const vm = world.vms.get(Number(sid.split(':')[1]));
    if (vm !== undefined && !world.haBusy.has(sid)) look(world, vm, sid);
  }
}

function look(world: World, vm: Vm, sid: string): void {
  if (world.haServices.get(sid)?.state === 'recovery' && !recover(world, vm, sid)) return;
  if (!isHeard(world.nodes.get(vm.node))) return;
  takeCommand(world, sid);
  if (wantedState(world.haResources.get(sid) ?? {}) === 'ignored') world.haServices.delete(sid);
  else proceed(world, vm, sid);
}

/**
 * The configuration moves as soon as a node is right; until then nothing but disabling helps. A VM with local disks then
 * fails to start, as on real clusters.
 */
function recover(world: World, vm: Vm, sid: string): boolean {
  const target = placeOf(world, sid, { kind: 'best' });
  if (target === undefined) {
    const isGivenUp = wantedState(world.haResources.get(sid) ?? {}) === 'disabled';
    if (isGivenUp) world.haServices.set(sid, unseen());
    return isGivenUp;
  }
  if (target !== vm.node) endProcess(world, vm);
  vm.node = target;
  world.haServices.set(sid, { ...unseen(), state: 'started' });
  return true;
}

/** Says of a VM that its node is fenced: from the next look on it belongs on another one. */
export function markFenced(world: World, vmid: number): void {
  world.haServices.set(resourceOf(vmid), { ...unseen(), state: 'recovery' });
}

function takeCommand(world: World, sid: string): void {
  const command = world.haCommands.get(sid);
  if (command === undefined) return;
  world.haCommands.delete(sid);
  const service = world.haServices.get(sid);
  if (service?.state === 'error') return;
  if ('stopTimeoutS' in command) world.haResources.set(sid, { ...world.haResources.get(sid), state: 'stopped' });
  else if (!pullAlong(world, sid, command.target)) return;
  world.haServices.set(sid, { ...(service ?? unseen()), ...command });
}

/** Sends those along that have to be with it; false when somebody on the target must not be with it. */
function pullAlong(world: World, sid: string, target: string): boolean {
  const { along, blockedBy } = motionOf(world, Number(sid.split(':')[1]));
  if (blockedBy(target).length > 0) return false;
  for (const other of along) {
    const service = world.haServices.get(other);
    if (service !== undefined && service.state !== 'error') world.haServices.set(other, { ...service, target });
  }
  return true;
}

function unseen(): HaService {
  return { state: 'stopped', failedStarts: 0, failedNodes: [], stopTimeoutS: undefined, target: undefined };
}

function proceed(world: World, vm: Vm, sid: string): void {
  const wanted = wantedState(world.haResources.get(sid) ?? {});
  const service = withPlace(world, sid, wanted);
  const { state, step } = nextStep(wanted, service, vm.running !== undefined);
  const isSettled = step.do === 'nothing' && state !== 'error';
  world.haServices.set(sid, isSettled ? { ...unseen(), state } : { ...service, state });
  const task = begin(world, vm, step);
  if (task === undefined) return;
  world.haBusy.add(sid);
  void task.done.then(() => {
    world.haBusy.delete(sid);
    finish(world, vm, { sid, step, failed: task.status !== 'OK' });
  });
}

/** What is to run is also to be where rules and groups want it. */
function withPlace(world: World, sid: string, wanted: string): HaService {
  const service = world.haServices.get(sid) ?? unseen();
  if (wanted !== 'started' || service.state === 'error' || service.target !== undefined) return service;
  const place = service.failedNodes.length > 0 ? undefined : placeOf(world, sid, { kind: 'stay' });
  return place === undefined || place === nodeOf(world, sid) ? service : { ...service, target: place };
}

function begin(world: World, vm: Vm, step: HaStep): Task | undefined {
  if (step.do === 'start') return startByHost(world, vm);
  if (step.do === 'stop') return stopByHost(world, vm, step.timeoutS);
  if (step.do === 'migrate')
    return isReachable(world, vm, step.target) ? migrateByHost(world, vm, step.target) : skip(world, vm);
  return undefined;
}

/** A move to where the VM is already, or to a node that is not there, is left out. */
function isReachable(world: World, vm: Vm, target: string): boolean {
  return target !== vm.node && world.nodes.get(target)?.state === 'up';
}

function skip(world: World, vm: Vm): undefined {
  const sid = resourceOf(vm.vmid);
  world.haServices.set(sid, { ...(world.haServices.get(sid) ?? unseen()), target: undefined });
}

function finish(world: World, vm: Vm, { sid, step, failed }: { sid: string; step: HaStep; failed: boolean }): void {
  const service = world.haServices.get(sid);
  if (service === undefined) return;
  if (step.do === 'migrate') world.haServices.set(sid, { ...service, target: undefined });
  else if (step.do === 'stop')
    world.haServices.set(sid, { ...service, stopTimeoutS: undefined, state: failed ? 'error' : 'stopped' });
  else if (failed)
    world.haServices.set(sid, afterFailedStart(service, limitsOf(world, sid), elsewhere(world, vm.node, sid)));
  else world.haServices.set(sid, { ...unseen(), state: 'started' });
}

function limitsOf(world: World, sid: string): { maxRestart: number; maxRelocate: number } {
  const resource = world.haResources.get(sid) ?? {};
  return { maxRestart: Number(resource['max_restart'] ?? 1), maxRelocate: Number(resource['max_relocate'] ?? 1) };
}

/** Where nothing is left to try, it is tried where it is. */
function elsewhere(world: World, node: string, sid: string): { node: string; elsewhere: string | undefined } {
  const failedNodes = [...(world.haServices.get(sid)?.failedNodes ?? []), node];
  return { node, elsewhere: placeOf(world, sid, { kind: 'elsewhere', failedNodes }) };
}
