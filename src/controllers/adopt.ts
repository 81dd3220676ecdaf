// Adopt: a VM that is there becomes that of an object. It is looked at first; the one thing written to it is the stamp.
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineOperation } from '../api/virtual-machine-operation.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import {
  addressRefusal,
  type Adoption,
  claimRefusal,
  observationRefusal,
  withoutOldObservations,
} from '../domain/adoption.ts';
import type { Refusal } from '../domain/operations-refusals.ts';
import { DefectError, WaitingError } from '../errors.ts';
import { setCondition } from '../kube/conditions.ts';
import type { ReconcileResult } from '../kube/controller.ts';
import { keyOf } from '../kube/types.ts';
import type { Facts } from '../machine/facts.ts';
import { type Trouble, troubleOf } from '../machine/outcome.ts';
import { openOperation } from '../machine/progress.ts';
import { changePackage } from '../machines.ts';
import { judgeIdentity, printStamp, readStamp, restamp } from '../pve/stamp.ts';
import { ADOPTION_NEEDS, adoptionChanges } from '../steps/adoption-changes.ts';
import { type Prospect, prospectiveReservations, prospectOf, type Sight, sightOf } from './adopt-sight.ts';
import type { ClusterConnection } from './clusters.ts';
import type { Context } from './context.ts';
import { withoutAbnormal } from './deletion.ts';
import { allowedPlan } from './design.ts';
import { type OperationEnd, withEndedOperation, withInterruptedRequest } from './executed-operations.ts';
import { Gatherer } from './gather.ts';
import { kubeTrouble } from './kube-trouble.ts';
import { pveTrouble } from './pve-trouble.ts';
import type { VirtualMachineParts } from './run-pipeline.ts';
import { writeStatus } from './vm-status.ts';

const TASK_RECHECK_MS = 1_000;
const STOPPING_MS = 1_000;
const LONGEST_SENTENCE = 300;
const MOST_SENTENCES = 64;

/** One adoption that is being carried out. */
interface Case {
  vm: VirtualMachine;
  operation: VirtualMachineOperation;
  wanted: Adoption;
  parts: VirtualMachineParts;
  signal: AbortSignal;
}

/** How an adoption ended: what the VM remembers of it, and what its status says from then on. */
interface Ending {
  vm: VirtualMachine;
  status: VirtualMachineStatus;
  end: OperationEnd;
}

/** Carries out an operation of type Adopt. May be repeated after a crash at any point: everything is looked at again. */
export async function adopt(
  vm: VirtualMachine,
  operation: VirtualMachineOperation,
  parts: VirtualMachineParts,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { context } = parts;
  const wanted = operation.spec.adopt;
  if (wanted === undefined)
    throw new DefectError(`Operation ${operation.metadata.name} says nothing of what to adopt.`);
  try {
    const ending = await attempt({ vm, operation, wanted, parts, signal });
    await conclude(ending, operation, context);
    return { kind: 'after', ms: 0 };
  } catch (error) {
    const trouble = troubleOf(kubeTrouble(pveTrouble(error, 'of the plan')));
    if (trouble.class === 'defect') context.log.error({ err: error, VirtualMachine: keyOf(vm) }, 'Meeting a defect');
    // What was written before the trouble came is in the store.
    const latest = context.stores.virtualMachines.get(keyOf(vm)) ?? vm;
    if (trouble.class !== 'stalled') return tell(latest, trouble, context);
    await conclude(failed(latest, wanted, trouble), operation, context);
    return { kind: 'after', ms: 0 };
  }
}

async function attempt(one: Case): Promise<Ending> {
  const { vm, wanted, parts } = one;
  const { context, allocations } = parts;
  const clusterName = allowedPlan(vm, context).spec.clusterRef.name;
  const refusal =
    claimRefusal(vm, wanted, {
      clusterName,
      adopters: context.stores.clusters.get(clusterName)?.spec.adoption?.allowedNamespaces.names ?? [],
      virtualMachines: context.stores.virtualMachines.list(),
      reservation: allocations.reservationsOf(clusterName, { vmid: wanted.vmid, choices: [] }).vmid,
      ownVmids: allocations.heldBy(vm).vmids.map(({ spec }) => spec.vmid),
    }) ?? observationRefusal(vm, wanted);
  if (refusal !== undefined) return failed(vm, wanted, refusal);
  const connection = context.clusters.connection(clusterName);
  const sight = await sightOf(connection, vm.metadata.uid ?? '', wanted);
  if ('refusal' in sight) return failed(vm, wanted, sight.refusal);
  const prospect = await prospectOf(vm, wanted, sight, { connection, parts });
  const taken = allocations.reservationsOf(clusterName, { vmid: wanted.vmid, choices: prospect.addresses }).addresses;
  const addressed = addressRefusal(vm, wanted, taken);
  if (addressed !== undefined) return failed(vm, wanted, addressed);
  return wanted.mode === 'Observe' ? observe(one, prospect) : takeOver(one, prospect, connection);
}

function failed(vm: VirtualMachine, { vmid }: Adoption, { reason, message }: Refusal): Ending {
  const end: OperationEnd = { result: 'Failed', reason, message: message.slice(0, LONGEST_SENTENCE), vmid };
  return { vm, status: vm.status ?? {}, end };
}

async function observe({ vm, wanted, parts }: Case, prospect: Prospect): Promise<Ending> {
  const facts = await prospectiveFacts(vm, prospect, parts);
  const changes = adoptionChanges(facts);
  const sentences = [...introduction(vm, prospect), ...(changes.length === 0 ? [AS_DECLARED] : changes)];
  const observations = sentences.slice(0, MOST_SENTENCES).map((sentence) => sentence.slice(0, LONGEST_SENTENCE));
  const { vmid } = wanted;
  const message = `VM ${vmid} can be taken over; status.observations tell what would change.`;
  const end: OperationEnd = { result: 'Succeeded', reason: 'Succeeded', message, vmid, observations };
  return { vm, status: vm.status ?? {}, end };
}

const AS_DECLARED = 'Nothing of the VM would change: it is as declared.';

/** The facts as they are after a take-over: what is read is real, whose it is and what is reserved is not yet. */
async function prospectiveFacts(
  vm: VirtualMachine,
  { sight, addresses, status, power }: Prospect,
  { context, allocations, enqueue }: VirtualMachineParts,
): Promise<Facts> {
  const gatherer = new Gatherer({ context, allocations, vm, deleting: false, wake: () => enqueue(keyOf(vm)) });
  const { node, config, digest } = sight;
  gatherer.learn({ observed: { kind: 'ours', node, config, digest }, power });
  const facts = await gatherer.facts(status, ADOPTION_NEEDS);
  const held = prospectiveReservations(vm, facts.cluster.name, addresses);
  return { ...facts, held: { ...facts.held, addresses: held } };
}

function introduction(vm: VirtualMachine, { sight, parts, addresses, power }: Prospect): string[] {
  const { vmid, node, config } = sight;
  const uses = addresses.map(({ address, poolName }) => `${address} (pool ${poolName})`).join(', ');
  const disks = parts.otherDisks.join(', ');
  return [
    `VM ${vmid} (${parts.name ?? 'without a name'}) on node ${node} is ${power} and ${stampText(vm, config)}.`,
    'TakeOver writes the stamp of this object into its description and reserves VMID and addresses; what follows is done by the pipeline change_package afterwards.',
    addresses.length === 0 ? 'No address of the VM is known.' : `The VM keeps ${uses}.`,
    ...(disks === '' ? [] : [`The disks ${disks} are left as they are.`]),
    'User, password, SSH keys and DNS records stay as they are; operations of type ResetPassword, SetCloudInit and SetDNSRecords set them.',
    ...(vm.spec.deletionPolicy === 'Retain' ? [] : [DESTROYED_LATER]),
  ];
}

const DESTROYED_LATER =
  'From then on, deleting the VirtualMachine destroys the VM, unless spec.deletionPolicy is Retain.';

function stampText({ metadata }: VirtualMachine, config: ReadonlyMap<string, string>): string {
  const stamp = readStamp(config.get('description'));
  if (stamp === undefined) return 'carries no stamp';
  return stamp.uid === metadata.uid
    ? 'carries the stamp of this object'
    : `carries the stamp of the object ${stamp.uid}, which is gone`;
}

async function takeOver(one: Case, prospect: Prospect, connection: ClusterConnection): Promise<Ending> {
  const { wanted, parts, operation } = one;
  const { context, allocations } = parts;
  const { vmid } = wanted;
  const { addresses, sight, status } = prospect;
  demandRunning(one);
  // A reservation is deleted before it is made anew: which there were must outlive a crash in between.
  const vm = await remember(one.vm, status, context);
  const lost = await allocations.takeOver(vm, connection.name, {
    vmid,
    choices: addresses,
    previousUID: wanted.previousUID,
  });
  if (lost.length > 0) {
    const message = `Reserved for another object meanwhile: ${lost.join(', ')}. The VM was not touched.`;
    return failed(vm, wanted, { reason: 'IdentityMismatch', message });
  }
  demandRunning(one);
  await renewStamp(vm, sight, connection);
  const trigger = `VirtualMachineOperation ${operation.metadata.name} (Adopt)`.slice(0, 128);
  const owner = { name: vm.metadata.name, uid: vm.metadata.uid ?? '' };
  const replaced = withInterruptedRequest({ ...status, operation: vm.status?.operation }, trigger, context.now());
  const opened = openOperation(changePackage, replaced, { vm: owner, nowMs: context.now(), trigger, anew: true });
  const message = `VM ${vmid} on node ${sight.node} belongs to this object now; change_package compares it with what is declared.${withoutSecret(status)}`;
  const runName = opened.operation?.runName;
  context.events.emit(vm, { type: 'Normal', reason: 'Adopted', message });
  context.log.info({ VirtualMachine: keyOf(vm), vmid, node: sight.node, previousUID: wanted.previousUID }, 'Adopted');
  return {
    vm,
    status: withClonedCondition(withoutAbnormal(opened, 'IdentityMismatch'), vm, context.now()),
    end: { result: 'Succeeded', reason: 'Succeeded', message, vmid, runName },
  };
}

// Who adopts a machine looks for its Secret, as a deploy makes one.
function withoutSecret({ credentialsSecret }: VirtualMachineStatus): string {
  return credentialsSecret === undefined
    ? ' It has no Secret with its credentials; an operation of type ResetPassword makes one.'
    : '';
}

function demandRunning({ signal, parts: { context } }: Case): void {
  if (signal.aborted || !context.leads())
    throw new WaitingError('InProgress', 'The operator is being restarted; it goes on in a moment.', STOPPING_MS);
}

async function remember(
  vm: VirtualMachine,
  { addresses, network, clusterName }: VirtualMachineStatus,
  context: Context,
): Promise<VirtualMachine> {
  const noted = { ...vm.status, addresses, network, clusterName };
  const { object } = await writeStatus(context, vm, noted);
  // What is held back from the status of the pass, above all the pause, stays so.
  return { ...object, status: noted };
}

async function renewStamp(
  { metadata: { uid = '' } }: VirtualMachine,
  { vmid, node, config, digest }: Sight,
  { api }: ClusterConnection,
): Promise<void> {
  const identity = { uid, vmid };
  if (judgeIdentity({ values: config }, identity) === 'ours') return;
  const set = { description: restamp(config.get('description'), identity) };
  const upid = await api.updateConfig({ node, vmid }, { set, digest });
  if (upid === null) return;
  const message = `${printStamp(identity)} is being written into the description of VM ${vmid}.`;
  throw new WaitingError('WaitingForTask', message, TASK_RECHECK_MS);
}

function withClonedCondition(status: VirtualMachineStatus, vm: VirtualMachine, now: number): VirtualMachineStatus {
  const message = 'The VM was adopted and carries the stamp of this object.';
  const cloned = { type: 'Cloned', status: 'True' as const, reason: 'Succeeded', message };
  const observedGeneration = vm.metadata.generation ?? 0;
  return { ...status, conditions: [...setCondition(status.conditions, { ...cloned, observedGeneration }, now)] };
}

async function conclude(
  { vm, status, end }: Ending,
  operation: VirtualMachineOperation,
  context: Context,
): Promise<void> {
  const ended = withEndedOperation(withoutAbnormal(status, 'Locked'), operation, end, context.now());
  const memory = withoutOldObservations(ended.executedOperations ?? []);
  const next = { ...ended, executedOperations: memory };
  await writeStatus(context, vm, next);
}

/** What an adoption waits for, on a VM that has nothing else to tell. */
async function tell(vm: VirtualMachine, trouble: Trouble, context: Context): Promise<ReconcileResult> {
  const { reason, requeue } = trouble;
  const observedGeneration = vm.metadata.generation ?? 0;
  const message = `Adoption: ${trouble.message}`.slice(0, LONGEST_SENTENCE);
  const shown = { reason, message, observedGeneration };
  const locked = { ...shown, type: 'Locked', status: 'True' as const };
  const ready = { ...shown, type: 'Ready', status: 'False' as const };
  const now = context.now();
  const marked = reason === 'WaitingForLock' ? setCondition(vm.status?.conditions, locked, now) : vm.status?.conditions;
  const conditions = vm.status?.state === 'ready' ? marked : setCondition(marked, ready, now);
  const status = { ...vm.status, ...(conditions === undefined ? {} : { conditions: [...conditions] }) };
  await writeStatus(context, vm, status);
  return requeue;
}
