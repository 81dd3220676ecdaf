// What a call does to the cluster of the search, at once or when its task ends, and whose VM it was done to.
import { PveError, type PveErrorKind } from '../../src/pve/errors.ts';
import { type Call, type CallKind, type ModelTask, type ModelVm, note, withVm, type World } from './model-world.ts';

/** Cores of the template, and what the machines of the search want. */
const TEMPLATE_CORES = 1;
export const WANTED_CORES = 2;

/**
 * The cluster takes the call in: a task begins, a configuration is changed, or the call is refused. Answers the task's id.
 *
 * @throws PveError as Proxmox VE refuses it.
 */
export function takeIn(world: World, call: Call): string | null {
  TAKE_IN[call.kind](world, call);
  return call.kind === 'configure' ? null : beginTask(world, call);
}

const TAKE_IN: { readonly [K in CallKind]: (world: World, call: Call) => void } = {
  clone: (world, { vmid }) => {
    if (world.vms[vmid] !== undefined) throw refusal('exists', 'clone', 'config file already exists');
    withVm(world, vmid, { stamp: 'placeholder', running: false, cores: TEMPLATE_CORES });
  },
  configure: (world, call) => {
    const vm = targetOf(world, call);
    if (vm === undefined) throw missing(call);
    if (vm.stamp === 'placeholder') throw refusal('locked', 'configure', 'VM is locked (clone)');
    if (call.digest !== undefined && call.digest !== digestOf(vm))
      throw refusal('conflict', 'configure', 'detected modified configuration');
    withVm(world, call.vmid, { ...vm, cores: WANTED_CORES });
  },
  // Start and stop answer with a task also when there is no VM.
  start: (world, call) => void targetOf(world, call),
  shutdown: (world, call) => void targetOf(world, call),
  stop: (world, call) => void targetOf(world, call),
  destroy: (world, call) => {
    const vm = targetOf(world, call);
    if (vm === undefined) throw missing(call);
    if (vm.running) throw refusal('conflict', 'destroy', `VM ${call.vmid} is running - destroy failed`);
  },
};

/** Changes with every change of the configuration. */
export function digestOf({ stamp, cores }: ModelVm): string {
  return `${stamp} ${cores}`;
}

/** The VM that a call is about to be done to. A stranger's must never be met here. */
function targetOf(world: World, { kind, vmid }: Call): ModelVm | undefined {
  const vm = world.vms[vmid];
  if (vm?.stamp === 'stranger') note(world, `${kind} is carried out on VM ${vmid}, which is a stranger's`);
  return vm;
}

function beginTask(world: World, call: Call): string {
  const used = new Set([
    ...world.tasks.map(({ id }) => id),
    ...world.views.map(({ status }) => status.operation?.taskID),
  ]);
  let number = 1;
  while (used.has(taskId(call, number))) number += 1;
  const id = taskId(call, number);
  // One that finds no VM waits for nobody's lock, and fails at once.
  const end = world.vms[call.vmid] === undefined ? ('failed' as const) : undefined;
  world.tasks = [...world.tasks, { id, call, end }];
  return id;
}

function taskId({ kind, vmid }: Call, number: number): string {
  return `task ${number}: ${kind} ${vmid}`;
}

/** `cut-off`: a clone whose worker was killed in its first moments; the lock stays for good. */
export type TaskEnd = 'ok' | 'failed' | 'cut-off';

/** A task comes to its end. */
export function endTask(world: World, task: ModelTask, end: TaskEnd): void {
  const vm = task.call.kind === 'clone' ? world.vms[task.call.vmid] : targetOf(world, task.call);
  // A VM that was started since is refused once more.
  const refused = task.call.kind === 'destroy' && vm?.running === true;
  const done = vm !== undefined && !refused && end === 'ok';
  if (done) withVm(world, task.call.vmid, AFTER[task.call.kind](vm));
  else if (task.call.kind === 'clone' && end === 'failed') withVm(world, task.call.vmid, undefined);
  const gone = world.vms[task.call.vmid] === undefined;
  world.tasks = world.tasks.map((other): ModelTask => {
    if (other.id === task.id) return { ...task, end: done ? 'ok' : 'failed' };
    // Whoever waited for the lock of a VM that is gone now finds nothing under it.
    const isOver = gone && other.end === undefined && other.call.vmid === task.call.vmid;
    return isOver ? { ...other, end: 'failed' } : other;
  });
}

const AFTER: { readonly [K in CallKind]: (vm: ModelVm) => ModelVm | undefined } = {
  clone: (vm) => ({ ...vm, stamp: 'ours' }),
  configure: (vm) => vm,
  start: (vm) => ({ ...vm, running: true }),
  shutdown: (vm) => ({ ...vm, running: false }),
  stop: (vm) => ({ ...vm, running: false }),
  destroy: () => undefined,
};

function missing({ kind, vmid }: Call): PveError {
  return refusal('not-found', kind, `Configuration file of VM ${vmid} does not exist`);
}

function refusal(kind: PveErrorKind, call: string, detail: string): PveError {
  return new PveError({ kind, call: `POST ${call}`, status: 500, detail });
}
