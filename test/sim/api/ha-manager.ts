// The high-availability managers at work: every ten seconds they bring their VMs to the state that is wanted of them.
import { resourceOf, wantedState } from '../state/ha-services.ts';
import type { HaService } from '../state/ha-services.ts';
import type { Vm } from '../state/vm.ts';
import type { ClusterNode, World } from '../state/world.ts';
import type { Task } from '../tasks/task-registry.ts';
import { afterFailedStart, nextStep } from './ha-decision.ts';
import type { HaStep } from './ha-decision.ts';
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
  for (const [sid, resource] of world.haResources) {
    const vm = world.vms.get(Number(sid.split(':')[1]));
    if (vm === undefined || world.haBusy.has(sid) || !isHeard(world, vm.node)) continue;
    takeCommand(world, sid);
    if (wantedState(resource) === 'ignored') world.haServices.delete(sid);
    else proceed(world, vm, sid);
  }
}

function isHeard(world: World, node: string): boolean {
  const state = world.nodes.get(node)?.state;
  return state === 'up' || state === 'paused';
}

function takeCommand(world: World, sid: string): void {
  const command = world.haCommands.get(sid);
  if (command === undefined) return;
  world.haCommands.delete(sid);
  const service = world.haServices.get(sid);
  if (service?.state === 'error') return;
  if ('stopTimeoutS' in command) world.haResources.set(sid, { ...world.haResources.get(sid), state: 'stopped' });
  world.haServices.set(sid, { ...(service ?? unseen()), ...command });
}

function unseen(): HaService {
  return { state: 'stopped', failedStarts: 0, relocations: 0, stopTimeoutS: undefined, target: undefined };
}

function proceed(world: World, vm: Vm, sid: string): void {
  const service = world.haServices.get(sid) ?? unseen();
  const resource = world.haResources.get(sid) ?? {};
  const { state, step } = nextStep(wantedState(resource), service, vm.running !== undefined);
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
  else if (failed) world.haServices.set(sid, afterFailedStart(service, limitsOf(world, sid), elsewhere(world, vm)));
  else world.haServices.set(sid, { ...unseen(), state: 'started' });
}

function limitsOf(world: World, sid: string): { maxRestart: number; maxRelocate: number } {
  const resource = world.haResources.get(sid) ?? {};
  return { maxRestart: Number(resource['max_restart'] ?? 1), maxRelocate: Number(resource['max_relocate'] ?? 1) };
}

function elsewhere(world: World, vm: Vm): string | undefined {
  return emptiestNode(world, (node) => node.name !== vm.node)?.name;
}

/** The reachable node with the fewest VMs, of those that pass. */
export function emptiestNode(world: World, passes: (node: ClusterNode) => boolean): ClusterNode | undefined {
  const load = (node: ClusterNode): number => [...world.vms.values()].filter((vm) => vm.node === node.name).length;
  const up = [...world.nodes.values()].filter((node) => node.state === 'up' && passes(node));
  return up.toSorted((one, other) => load(one) - load(other))[0];
}
