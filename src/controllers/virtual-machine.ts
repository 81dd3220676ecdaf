// The reconcile of a VirtualMachine: finalizer first, then the pipeline that its state asks for, then one status write.
import type { State } from '../api/states.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine, VirtualMachineStatus } from '../api/virtual-machine.ts';
import type { ReconcileResult } from '../kube/controller.ts';
import { addFinalizer, hasFinalizer, removeFinalizer } from '../kube/finalizers.ts';
import { type Advance, advance } from '../machine/advance.ts';
import { closeOperation, isoTime, openOperation } from '../machine/progress.ts';
import type { Machine, MachineEntry } from '../machine/vocabulary.ts';
import { deploy, terminate } from '../machines.ts';
import type { Trouble } from '../machine/outcome.ts';
import type { Allocations } from './allocations.ts';
import type { Context } from './context.ts';
import type { CredentialSource } from './credentials.ts';
import { keepReady } from './keep-ready.ts';
import { recordRun } from './runs.ts';
import { VirtualMachineVisit } from './visit.ts';

export const FINALIZER = 'pve-operator.io/virtual-machine';

export interface VirtualMachineParts {
  context: Context;
  allocations: Allocations;
  credentials: CredentialSource;
  /** Makes a VM due at once. */
  enqueue(key: string): void;
}

export async function reconcileVirtualMachine(
  key: string,
  parts: VirtualMachineParts,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { context } = parts;
  const found = context.stores.virtualMachines.get(key);
  if (found === undefined) return { kind: 'done' };
  if (found.metadata.deletionTimestamp !== undefined) {
    if (!hasFinalizer(found, FINALIZER)) return { kind: 'done' };
    return runMachine(terminate, found, parts, signal);
  }
  const vm = await addFinalizer(context.client, resources.virtualMachine, found, FINALIZER);
  if (vm !== found) context.stores.virtualMachines.observe(vm);
  if (vm.status?.state === 'ready' && vm.status.operation === undefined) return keepReady(vm, context);
  return runMachine(deploy, vm, parts, signal);
}

async function runMachine(
  machine: Machine,
  vm: VirtualMachine,
  parts: VirtualMachineParts,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { context, allocations, credentials } = parts;
  const key = `${vm.metadata.namespace}/${vm.metadata.name}`;
  const visit = new VirtualMachineVisit({
    context,
    allocations,
    credentials,
    machine,
    vm,
    signal,
    wake: () => parts.enqueue(key),
  });
  const owner = { name: vm.metadata.name, uid: vm.metadata.uid ?? '' };
  const status = withCluster(openOperation(machine, vm.status ?? {}, owner, context.now()), vm, context);
  const result = await advance(machine, status, {
    facts: (current, needs) => visit.facts(current, needs),
    perform: (action, facts) => visit.perform(action, facts),
    task: (upid, current) => visit.task(upid, current),
    save: (current) => visit.save(current),
    now: () => visit.now(),
    onStep: ({ entry, status: after }) => reportStep(context, machine, vm, entry, after),
  });
  releaseCloneSlot(context, vm, result);
  return result.complete ? finish(machine, vm, visit, result, context) : pause(machine, vm, visit, result, context);
}

// The cluster is written down before anything is made there: a plan that is gone later must not hide where the VM is.
function withCluster(status: VirtualMachineStatus, vm: VirtualMachine, { stores }: Context): VirtualMachineStatus {
  if (status.clusterName !== undefined) return status;
  const clusterName = stores.plans.get(vm.spec.planRef.name)?.spec.clusterRef.name;
  return clusterName === undefined ? status : { ...status, clusterName };
}

async function finish(
  machine: Machine,
  vm: VirtualMachine,
  visit: VirtualMachineVisit,
  result: Advance,
  context: Context,
): Promise<ReconcileResult> {
  if (machine === terminate) {
    await recordRun(context, vm, { status: result.status, result: 'Succeeded' });
    await removeFinalizer(context.client, resources.virtualMachine, visit.object, FINALIZER);
    context.log.info({ VirtualMachine: `${vm.metadata.namespace}/${vm.metadata.name}` }, 'Terminated virtual machine');
    return { kind: 'done' };
  }
  const generation = vm.metadata.generation ?? 0;
  await visit.write({ ...result.status, observedGeneration: generation }, { notes: result.notes });
  const settled = closeOperation(visit.object.status ?? result.status);
  await visit.write(settled, { notes: result.notes });
  await recordRun(context, vm, { status: result.status, result: 'Succeeded' });
  const address = settled.addresses?.[0]?.address;
  const message = `Virtual machine ${settled.vmid} is ready on node ${settled.node}${address === undefined ? '' : ` with address ${address}`}.`;
  context.events.emit(vm, { type: 'Normal', reason: 'Ready', message });
  return { kind: 'done' };
}

async function pause(
  machine: Machine,
  vm: VirtualMachine,
  visit: VirtualMachineVisit,
  result: Advance,
  context: Context,
): Promise<ReconcileResult> {
  const { trouble } = result;
  if (trouble === undefined) return { kind: 'done' };
  const status = withFailure(machine, result, trouble, context.now());
  await visit.write(status, {
    ...(result.current === undefined ? {} : { current: result.current }),
    trouble,
    notes: result.notes,
  });
  context.metrics.troubles.inc({ reason: trouble.reason, class: trouble.class });
  if (isFailure(trouble)) await reportFailure(vm, visit, { ...result, status }, trouble, context);
  return trouble.requeue;
}

function isFailure(trouble: Trouble): boolean {
  return trouble.class === 'stalled' || trouble.class === 'defect' || trouble.reason === 'TaskFailed';
}

// The last failure stays visible after the pipeline went on; the same one keeps the time when it was first seen.
function withFailure(
  machine: Machine,
  { status, current }: Advance,
  trouble: Trouble,
  nowMs: number,
): VirtualMachineStatus {
  const state: State | undefined = isFailure(trouble) ? (machine.failedState ?? status.state) : status.state;
  if (!isFailure(trouble)) return { ...status, state };
  const step = current?.step.id ?? machine.name;
  const before = status.lastFailure;
  const same = before?.step === step && before.reason === trouble.reason && before.message === trouble.message;
  const lastFailure = same ? before : { step, reason: trouble.reason, message: trouble.message, time: isoTime(nowMs) };
  return { ...status, state, lastFailure };
}

async function reportFailure(
  vm: VirtualMachine,
  visit: VirtualMachineVisit,
  result: Advance,
  trouble: Trouble,
  context: Context,
): Promise<void> {
  const { current } = result;
  const title = current?.step.title ?? 'Pipeline';
  context.events.emit(vm, { type: 'Warning', reason: trouble.reason, message: `${title}: ${trouble.message}` });
  const fields = {
    VirtualMachine: `${vm.metadata.namespace}/${vm.metadata.name}`,
    step: current?.step.id,
    reason: trouble.reason,
  };
  if (trouble.class === 'defect') context.log.error({ ...fields, err: result.cause }, 'Meeting a defect');
  else context.log.warn({ ...fields, problem: trouble.message }, 'Waiting for help');
  await recordRun(context, vm, { status: visit.object.status ?? result.status, result: 'Failed', trouble });
}

function reportStep(
  context: Context,
  machine: Machine,
  vm: VirtualMachine,
  entry: MachineEntry,
  status: VirtualMachineStatus,
): void {
  const record = status.operation?.steps?.find((step) => step.name === entry.step.title && step.to === entry.state);
  if (record === undefined) return;
  const { number, name, result, message, from, to, durationMs } = record;
  context.metrics.stepSeconds.observe({ machine: machine.name, step: entry.step.id, result }, durationMs / 1000);
  context.log.info(
    {
      VirtualMachine: `${vm.metadata.namespace}/${vm.metadata.name}`,
      vmid: status.vmid,
      machine: machine.name,
      number,
      result,
      from,
      to,
      durationMs,
      why: message,
    },
    name,
  );
}

// A slot is held while a clone of this VM may be running, not longer.
function releaseCloneSlot(context: Context, vm: VirtualMachine, { status, trouble }: Advance): void {
  const isCloning =
    status.operation?.intent?.action === 'clone' && (trouble?.class === 'waiting' || trouble?.class === 'unknown');
  if (isCloning) return;
  for (const { cloneSlots } of context.clusters.open()) cloneSlots.release(vm.metadata.uid ?? '');
}
