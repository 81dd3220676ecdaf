// Looks after a VM that is ready, from the cluster's snapshot alone: at rest a VM costs no call of its own.
import type { Condition } from '../api/object.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { correctionDueMs, correctionHistory, driftConditions, mismatch } from '../domain/drift.ts';
import { type DiskLook, withObservedDisks } from '../domain/observed-disks.ts';
import { restartConditions, restartDueMs, restartWaited } from '../domain/restarts.ts';
import { type PowerSpec, standing } from '../domain/standing.ts';
import { findCondition, setCondition } from '../kube/conditions.ts';
import type { ReconcileResult } from '../kube/controller.ts';
import { publishDns } from '../steps/publish-dns.ts';
import type { VmResource } from '../pve/answer-types.ts';
import type { ClusterSnapshot } from '../pve/inventory.ts';
import { tellRaised } from './condition-events.ts';
import type { Context } from './context.ts';
import { changeDns } from './dns-publication.ts';
import { withPackageCondition } from './pending-changes.ts';
import type { Sighting } from './sweep-sightings.ts';
import { writeStatus } from './vm-status.ts';

const DNS_RETRY_MS = 10 * 60_000;
/** One pass of Proxmox VE's statistics daemon is ten seconds; two for a busy node. */
const LIST_LAG_MS = 20_000;
/**
 * How long after it turned ready a VM is looked at again: by then a poll has been made whose list is trusted. What became
 * of it before has changed no later list, so nothing else would lead to a look.
 */
export const FIRST_SIGHT_MS = LIST_LAG_MS + 15_000;

/**
 * `stored` is the VM as the API server has it; `vm` may have a status that is to be written, with what `sighting` has
 * shown in it.
 */
export async function keepReady(
  vm: VirtualMachine,
  stored: VirtualMachine,
  context: Context,
  sighting?: Sighting,
): Promise<ReconcileResult> {
  const before = vm.status ?? {};
  const snapshot = snapshotOf(before, context);
  const isMissing = foundMissing(before, snapshot) !== undefined;
  const seen = withSightings(isMissing ? { ...before, drift: correctionHistory(before.drift) } : before, snapshot);
  const sized = withObservedDisks(seen, diskLook(seen, snapshot, sighting));
  const published = await withDnsRetry(vm, sized, context);
  const status = withConditions({ ...vm, status: published }, vm, context, sighting);
  const observedGeneration = vm.metadata.generation ?? 0;
  const { written, object } = await writeStatus(context, stored, { ...status, observedGeneration });
  context.sightings.done(vm.metadata.uid, sighting);
  if (written) {
    tellRaised(context, stored, object, TOLD_AT_REST);
    tellMissed(context, stored, object);
  }
  const now = context.now();
  const look = earlier(nextLook(status, now), correctionDueMs(vm.spec, status.drift, now));
  return earlier(earlier(look, powerDueMs(status, now)), restartDueMs(status, now));
}

/** No pipeline runs that would tell of it. */
const TOLD_AT_REST: ReadonlySet<string> = new Set([
  'DriftDetected',
  'ShrinkRefused',
  'IdentityMismatch',
  'StartBackOff',
  'ReservationLost',
]);

function tellMissed({ events }: Context, before: VirtualMachine, after: VirtualMachine): void {
  const [was, is] = [before, after].map(({ status }) => findCondition(status?.conditions, 'Ready'));
  if (is?.reason !== 'VirtualMachineMissing' || was?.reason === is.reason) return;
  events.emit(after, { type: 'Warning', reason: is.reason, message: is.message });
}

/** When power that was refused is tried again. While it is not known whether the VM runs, nothing is. */
function powerDueMs({ powerRetryAt, powerState }: VirtualMachineStatus, now: number): number | undefined {
  return powerRetryAt === undefined || powerState === 'Unknown'
    ? undefined
    : Math.max(0, Date.parse(powerRetryAt) - now);
}

function earlier(look: ReconcileResult, dueMs: number | undefined): ReconcileResult {
  if (dueMs === undefined) return look;
  return { kind: 'after', ms: look.kind === 'after' ? Math.min(look.ms, dueMs) : dueMs };
}

/** Whether Proxmox VE shows the VM, as far as a list that can be trusted tells: true when nothing is known. */
export function showsVm({ status = {} }: VirtualMachine, context: Context): boolean {
  const snapshot = snapshotOf(status, context);
  return snapshot === undefined || listedVm(status, snapshot) !== undefined;
}

/** Whether the VM runs, as the newest list that can be trusted shows it; as it was last seen while there is none. */
export function powerOf({ status = {} }: VirtualMachine, context: Context): VirtualMachineStatus['powerState'] {
  return withSightings(status, snapshotOf(status, context)).powerState;
}

/** When to look again without a cause. `now` is in milliseconds since the epoch. Pure. */
export function nextLook(status: VirtualMachineStatus, now: number): ReconcileResult {
  const ageMs = status.settledAt === undefined ? FIRST_SIGHT_MS : now - Date.parse(status.settledAt);
  if (ageMs < FIRST_SIGHT_MS) return { kind: 'after', ms: FIRST_SIGHT_MS - ageMs };
  return publishDns.shortfall?.(status) === undefined ? { kind: 'done' } : { kind: 'after', ms: DNS_RETRY_MS };
}

function snapshotOf(status: VirtualMachineStatus, { clusters }: Context): ClusterSnapshot | undefined {
  const connection = clusters.open().find(({ name }) => name === status.clusterName);
  const snapshot = connection?.inventory.snapshot();
  return snapshot !== undefined && showsReadyVm(status, snapshot.takenAt) ? snapshot : undefined;
}

// The list lags behind: until the statistics daemon of the node has passed, it may not show a VM that has just been made,
// or show it stopped.
function showsReadyVm({ settledAt }: VirtualMachineStatus, takenAt: number): boolean {
  return settledAt === undefined || takenAt - Date.parse(settledAt) > LIST_LAG_MS;
}

/** Node and power as the snapshot shows them; as they were when it does not show the VM. */
export function withSightings(
  status: VirtualMachineStatus,
  snapshot: ClusterSnapshot | undefined,
): VirtualMachineStatus {
  const seen = listedVm(status, snapshot);
  if (seen === undefined) return status;
  const isUnknown = seen.status === 'unknown' || isOffline(snapshot, seen.node);
  const powerState = seen.status === 'running' ? 'Running' : 'Stopped';
  return { ...status, node: seen.node, powerState: isUnknown ? 'Unknown' : powerState };
}

function diskLook(
  status: VirtualMachineStatus,
  snapshot: ClusterSnapshot | undefined,
  sighting: Sighting | undefined,
): DiskLook {
  const config = sighting?.observed.kind === 'ours' ? sighting.observed.config : undefined;
  const listedBytes = listedVm(status, snapshot)?.maxDiskBytes;
  return { ...(config === undefined ? {} : { config }), ...(listedBytes === undefined ? {} : { listedBytes }) };
}

// Moving a VM is up to people and to the cluster; where it is now is said, and nothing else comes of it.
function movedCondition(before: VirtualMachineStatus | undefined, { node }: VirtualMachineStatus): Shown[] {
  if (before?.node === undefined || node === undefined || before.node === node) return [];
  const message = `The VM is on node ${node}; it was moved there in Proxmox VE.`;
  return [{ type: 'Placed', status: 'True', reason: 'Succeeded', message }];
}

// A container under our number is not our VM.
function listedVm({ vmid }: VirtualMachineStatus, snapshot: ClusterSnapshot | undefined): VmResource | undefined {
  const listed = vmid === undefined ? undefined : snapshot?.vms.get(vmid);
  return listed?.type === 'qemu' ? listed : undefined;
}

function isOffline(snapshot: ClusterSnapshot | undefined, node: string): boolean {
  return snapshot?.nodes.get(node)?.status === 'offline';
}

// What could not be written at deploy time is tried again as long as the VM lives.
async function withDnsRetry(
  vm: VirtualMachine,
  status: VirtualMachineStatus,
  context: Context,
): Promise<VirtualMachineStatus> {
  if (publishDns.shortfall?.(status) === undefined) return status;
  const dns = await changeDns(context, { ...vm, status }, undefined, { publish: status.addresses ?? [] });
  return { ...status, dns };
}

function withConditions(
  vm: VirtualMachine,
  before: VirtualMachine,
  context: Context,
  sighting: Sighting | undefined,
): VirtualMachineStatus {
  const status = vm.status ?? {};
  const now = context.now();
  const observedGeneration = vm.metadata.generation ?? 0;
  const shortfall = publishDns.shortfall?.(status);
  let conditions = status.conditions ?? [];
  if (status.dns !== undefined) {
    const shown = shortfall ?? { reason: 'Succeeded' as const, message: 'Every matching DNS zone was written.' };
    const dnsStatus = shortfall === undefined ? 'True' : 'False';
    conditions = [
      ...setCondition(conditions, { type: 'DNSPublished', status: dnsStatus, ...shown, observedGeneration }, now),
    ];
  }
  const snapshot = snapshotOf(status, context);
  const shown = [
    readyCondition(vm, status, snapshot),
    ...movedCondition(before.status, status),
    ...abnormalConditions(vm, status),
  ];
  const over = overConditions(vm, status, sighting);
  // It told of a pipeline that was given up; Ready tells of the VM from now on.
  if (snapshot !== undefined) over.add('Stalled');
  conditions = conditions.filter(({ type }) => !over.has(type));
  for (const { type, status: value, reason, message } of shown)
    conditions = [...setCondition(conditions, { type, status: value, reason, message, observedGeneration }, now)];
  return withPackageCondition(vm, { ...status, conditions }, context);
}

/** Abnormal conditions that do not hold any more. A mismatch that a pipeline met is over only when it was looked at again. */
function overConditions(vm: VirtualMachine, status: VirtualMachineStatus, sighting: Sighting | undefined): Set<string> {
  const isOurs = sighting?.observed.kind === 'ours';
  const shown = abnormalConditions(vm, status).map(({ type }) => type);
  const mine = [
    'DriftDetected',
    'RestartRequired',
    'Suspended',
    'StartBackOff',
    ...(isOurs ? ['IdentityMismatch'] : []),
  ];
  return new Set(mine.filter((type) => !shown.includes(type)));
}

function abnormalConditions(vm: VirtualMachine, { drift, restarts, vmid }: VirtualMachineStatus): Shown[] {
  const found = [...driftConditions(drift, vmid), ...restartConditions(restarts)];
  return [...found.map((one) => ({ ...one, status: 'True' as const })), ...suspendedCondition(vm)];
}

function suspendedCondition({ spec }: VirtualMachine): Shown[] {
  if (spec.suspension === undefined) return [];
  const message = `The VM is suspended and kept stopped: ${spec.suspension.reason}`.slice(0, 300);
  return [{ type: 'Suspended', status: 'True', reason: 'Suspended', message }];
}

/** Ready as the snapshot shows the VM; as it was while there is none that can be trusted. */
function readyCondition(
  { spec }: VirtualMachine,
  status: VirtualMachineStatus,
  snapshot: ClusterSnapshot | undefined,
): Shown {
  const before = findCondition(status.conditions, 'Ready');
  if (snapshot === undefined && before !== undefined) return before;
  return foundMissing(status, snapshot) ?? foundAway(status, snapshot) ?? foundThere(spec, status);
}

/** What somebody called ready has to be there. */
const NEVER_MADE: Shown = {
  type: 'Ready',
  status: 'False',
  reason: 'VirtualMachineMissing',
  message: 'No VM was ever made for this object. Make it with an operation of type Redeploy, or delete this object.',
};

function foundMissing(status: VirtualMachineStatus, snapshot: ClusterSnapshot | undefined): Shown | undefined {
  if (snapshot === undefined || listedVm(status, snapshot) !== undefined) return undefined;
  if (status.vmid === undefined) return NEVER_MADE;
  const message = `Proxmox VE does not list VM ${status.vmid} any more. Nothing is made anew by itself: restore it, make it anew with an operation of type Redeploy, or delete this object.`;
  return { type: 'Ready', status: 'False', reason: 'VirtualMachineMissing', message };
}

function foundAway(status: VirtualMachineStatus, snapshot: ClusterSnapshot | undefined): Shown | undefined {
  const seen = listedVm(status, snapshot);
  if (seen === undefined || !isOffline(snapshot, seen.node)) return undefined;
  const message = `Node ${seen.node} is offline; whether VM ${seen.vmid} can be used cannot be told.`;
  return { type: 'Ready', status: 'Unknown', reason: 'WaitingForNode', message };
}

function foundThere(spec: PowerSpec, status: VirtualMachineStatus): Shown {
  const { drift, vmid } = status;
  if (drift?.identity !== undefined) return { ...mismatch(drift.identity, vmid), type: 'Ready', status: 'False' };
  const { reason, message } = standing(spec, status.powerState);
  return refusedPower(status) ?? backedOff(status) ?? { type: 'Ready', status: 'True', reason, message };
}

/** A VM that is to run and waits for its next start is not as declared. */
function backedOff({ restarts, powerState }: VirtualMachineStatus): Shown | undefined {
  const message = restarts === undefined || powerState !== 'Stopped' ? undefined : restartWaited(restarts);
  return message === undefined ? undefined : { type: 'Ready', status: 'False', reason: 'StartBackOff', message };
}

/** What is declared about power could not be done: then the VM is not as declared. */
function refusedPower({ powerRetryAt, lastFailure }: VirtualMachineStatus): Shown | undefined {
  if (powerRetryAt === undefined || lastFailure === undefined) return undefined;
  return { type: 'Ready', status: 'False', reason: lastFailure.reason, message: lastFailure.message };
}

type Shown = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;
