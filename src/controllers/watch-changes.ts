// Turns changes of objects and of clusters into keys to look at: what a VM waits for wakes it.
import type { State } from '../api/states.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { type Condition, GROUP } from '../api/object.ts';
import { PAUSE_ANNOTATION } from '../domain/operations.ts';
import { hasMachine } from '../domain/quota.ts';
import type { Change } from '../kube/store.ts';
import type { KubeObject, ObjectMeta } from '../kube/types.ts';
import { keyOf } from '../kube/types.ts';
import type { Priority } from '../kube/work-queue.ts';
import type { ClusterSnapshot } from '../pve/inventory.ts';
import { type Context, INDEX } from './context.ts';
import type { Reservation } from './allocations.ts';
import { hostnameOf } from './design.ts';
import { hasLostReservation } from './kept-reservations.ts';
import { quotaKey } from './quota-slots.ts';
import type { Queues } from './run-controllers.ts';
import type { Informers } from './stores.ts';
import { isFinal } from './virtual-machine-operation-status.ts';
import { vmKeyOf } from './virtual-machine-operation-surroundings.ts';

/** States of VMs that a free address or VMID can help; the others have theirs. */
const WITHOUT_ADDRESSES: ReadonlySet<State | undefined> = new Set([undefined, 'creation']);
const WITHOUT_VMID: ReadonlySet<State | undefined> = new Set([undefined, 'creation', 'set_ip']);

export interface ChangeWatch {
  onInventory(clusterName: string): void;
  /** Puts everything there is into the queues, for the first look after a start. */
  enqueueAll(): void;
  close(): void;
}

export function watchChanges(context: Context, informers: Informers, queues: Queues): ChangeWatch {
  const { stores } = informers;
  const seen = new Map<string, ClusterSnapshot | undefined>();
  const closers: (() => void)[] = [];
  const on = <T extends KubeObject>(
    store: { subscribe(handler: (change: Change<T>) => void): () => void },
    handler: (object: T, change: Change<T>) => void,
  ): void => {
    // What is there at the start is put in once, by enqueueAll.
    closers.push(store.subscribe((change) => (change.initial ? undefined : handler(change.object, change))));
  };
  const wakeUnready = (vms: readonly VirtualMachine[], priority: Priority = 'user'): void => {
    for (const vm of vms) if (isUnderWay(vm)) queues.virtualMachines.add(keyOf(vm), priority);
  };
  const wakeRested = (vms: readonly VirtualMachine[]): void => {
    for (const vm of vms) if (!isUnderWay(vm)) queues.virtualMachines.add(keyOf(vm), 'resync');
  };
  // Plans and pools say whether their cluster exists.
  const wakeDependents = (cluster: string): void => {
    for (const plan of stores.plans.byIndex(INDEX.cluster, cluster)) queues.plans.add(keyOf(plan), 'resync');
    for (const pool of stores.pools.byIndex(INDEX.cluster, cluster)) queues.pools.add(keyOf(pool), 'resync');
  };
  const wakeIn = (states: ReadonlySet<State | undefined>): void =>
    wakeUnready(stores.virtualMachines.list().filter(({ status }) => states.has(status?.state)));
  // VMs of a cluster, with those that are on none yet and whose plan names this one.
  const concerned = (cluster: string): VirtualMachine[] => [
    ...stores.virtualMachines.byIndex(INDEX.cluster, cluster),
    ...stores.plans
      .byIndex(INDEX.cluster, cluster)
      .flatMap((plan) => stores.virtualMachines.byIndex(INDEX.plan, plan.metadata.name))
      .filter(({ status }) => status?.clusterName === undefined),
  ];
  const wakeOperations = (vmKey: string): void => {
    for (const operation of stores.virtualMachineOperations.byIndex(INDEX.virtualMachine, vmKey))
      if (!isFinal(operation.status)) queues.operations.add(keyOf(operation));
  };
  const wakeOperationsAfter = (change: Change<VirtualMachine>): void => {
    if (concernsOperations(change)) wakeOperations(keyOf(change.object));
  };
  const wakeUnaddressed = (): void => wakeIn(WITHOUT_ADDRESSES);
  const wakeUncloned = (): void => wakeIn(WITHOUT_VMID);
  // Whoever waits for a place, the longest first. One whose slot was taken away by hand is to have it back before them.
  const wakeUncounted = (namespace = '', plan: string): void => {
    if (stores.plans.get(plan)?.spec.quota?.virtualMachinesPerNamespace === undefined) return;
    const slots = stores.quotaSlots.byIndex(INDEX.quota, quotaKey(namespace, plan));
    const held = new Set(slots.map(({ spec }) => spec.virtualMachine.uid));
    const waiting = stores.virtualMachines
      .byIndex(INDEX.plan, plan)
      .filter(({ metadata }) => metadata.namespace === namespace && !held.has(metadata.uid ?? ''));
    for (const vm of waiting.toSorted(byTurn)) queues.virtualMachines.add(keyOf(vm));
  };

  // Also when the finalizer was taken away by force: nobody else would give back what the object held here.
  const letGo = (vm: VirtualMachine): void => {
    for (const { cloneSlots } of context.clusters.open()) cloneSlots.release(vm.metadata.uid ?? '');
    context.sightings.forget(vm.metadata.uid ?? '');
    for (const slot of stores.quotaSlots.byIndex(INDEX.virtualMachine, vm.metadata.uid ?? ''))
      queues.quotaSlots.add(keyOf(slot));
    // It counted until now, also where it had given its slot back or never had one.
    wakeUncounted(vm.metadata.namespace, vm.spec.planRef.name);
    wakeUnready(stores.virtualMachines.byIndex(INDEX.hostname, hostnameOf(vm) ?? ''));
  };

  on(stores.virtualMachines, (vm, change) => {
    if (concernsReconcile(change)) queues.virtualMachines.add(keyOf(vm));
    wakeOperationsAfter(change);
    if (change.type === 'deleted') letGo(vm);
    if (change.type === 'updated' && change.previous?.status?.clusterName === vm.status?.clusterName) return;
    queues.plans.add(vm.spec.planRef.name, 'resync');
    if (vm.status?.clusterName !== undefined) queues.clusters.add(vm.status.clusterName, 'resync');
  });
  on(stores.virtualMachineOperations, (operation, change) => {
    if (isStatusOnly(change)) return;
    const vmKey = vmKeyOf(operation);
    queues.operations.add(keyOf(operation));
    // Those of the same VM may have lost their point to a new one, and the VM is what executes it.
    wakeOperations(vmKey);
    if (stores.virtualMachines.get(vmKey) !== undefined) queues.virtualMachines.add(vmKey);
  });
  on(stores.plans, (plan, change) => {
    if (isStatusOnly(change)) return;
    queues.plans.add(keyOf(plan));
    for (const vm of stores.virtualMachines.byIndex(INDEX.plan, plan.metadata.name))
      queues.virtualMachines.add(keyOf(vm), isUnderWay(vm) ? 'user' : 'resync');
  });
  on(stores.planRevisions, (revision, { type }) => {
    queues.plans.add(revision.spec.planName);
    const vms = stores.virtualMachines.byIndex(INDEX.plan, revision.spec.planName);
    wakeUnready(vms);
    // The edit of the plan woke those at rest before there was anything that they could be changed to.
    if (type !== 'deleted') wakeRested(vms);
  });
  on(stores.clusters, (cluster, change) => {
    const name = keyOf(cluster);
    if (readinessChanged(change)) wakeUnready(concerned(name));
    if (isStatusOnly(change)) return;
    queues.clusters.add(name);
    wakeUnready(stores.virtualMachines.list());
    if (change.type !== 'updated') wakeDependents(name);
  });
  on(stores.pools, (pool, change) => {
    if (isStatusOnly(change)) return;
    // An edit can end or begin an overlap with the others.
    for (const other of stores.pools.byIndex(INDEX.cluster, pool.spec.clusterRef.name)) queues.pools.add(keyOf(other));
    queues.pools.add(keyOf(pool));
    wakeUnaddressed();
  });
  on(stores.zones, (zone, change) => {
    if (!isStatusOnly(change)) queues.zones.add(keyOf(zone));
    if (isStatusOnly(change) && !readinessChanged(change)) return;
    for (const vm of stores.virtualMachines.list())
      if (hasDnsShortfall(vm)) queues.virtualMachines.add(keyOf(vm), 'resync');
  });
  // One that was taken from a VM at rest by hand, and one that a VM has lost to the object that had it until now.
  const wakeHolders = ({ spec: { virtualMachine } }: Reservation): void => {
    const holder = stores.virtualMachines.get(`${virtualMachine.namespace}/${virtualMachine.name}`);
    wakeRested([
      ...(holder === undefined ? [] : [holder]),
      ...stores.virtualMachines.list().filter(hasLostReservation),
    ]);
  };
  on(stores.addressReservations, (reservation, change) => {
    queues.pools.add(reservation.spec.poolName, 'resync');
    if (change.type !== 'deleted') return;
    wakeUnaddressed();
    wakeHolders(reservation);
  });
  on(stores.vmidReservations, (reservation, change) => {
    if (change.type !== 'deleted') return;
    wakeUncloned();
    wakeHolders(reservation);
  });
  on(stores.quotaSlots, (slot, { type }) => {
    if (type === 'deleted') return wakeUncounted(slot.metadata.namespace, slot.spec.planRef.name);
    queues.quotaSlots.add(keyOf(slot));
    // Two of one VM: it is changing its plan, or a create that was thought to be lost has come through.
    const { name, uid } = slot.spec.virtualMachine;
    if (stores.quotaSlots.byIndex(INDEX.virtualMachine, uid).length > 1)
      queues.virtualMachines.add(`${slot.metadata.namespace}/${name}`, 'resync');
  });
  on(stores.secrets, () => {
    for (const cluster of stores.clusters.list()) queues.clusters.add(keyOf(cluster));
    for (const zone of stores.zones.list()) queues.zones.add(keyOf(zone));
    wakeUnready(stores.virtualMachines.list());
  });

  return {
    onInventory(name) {
      const snapshot = context.clusters
        .open()
        .find((connection) => connection.name === name)
        ?.inventory.snapshot();
      queues.clusters.add(name, 'resync');
      const before = seen.get(name);
      seen.set(name, snapshot);
      for (const vm of stores.virtualMachines.byIndex(INDEX.cluster, name))
        if (sightingChanged(vm, before, snapshot)) queues.virtualMachines.add(keyOf(vm), 'resync');
      if (supplyChanged(before, snapshot)) wakeUnready(concerned(name), 'resync');
    },
    enqueueAll() {
      for (const vm of stores.virtualMachines.list()) queues.virtualMachines.add(keyOf(vm), 'restart');
      for (const object of stores.virtualMachineOperations.list()) queues.operations.add(keyOf(object), 'restart');
      for (const object of stores.clusters.list()) queues.clusters.add(keyOf(object), 'restart');
      for (const object of stores.plans.list()) queues.plans.add(keyOf(object), 'restart');
      for (const object of stores.pools.list()) queues.pools.add(keyOf(object), 'restart');
      for (const object of stores.zones.list()) queues.zones.add(keyOf(object), 'restart');
      for (const object of stores.quotaSlots.list()) queues.quotaSlots.add(keyOf(object), 'restart');
    },
    close() {
      for (const close of closers) close();
    },
  };
}

/** Annotation on a VM: any change of it makes the operator look at the VM at once. */
export const RETRY_ANNOTATION = `${GROUP}/retry-at`;

// Annotations of our group say what is to be done with a VM.
function ordersOf({ annotations = {} }: ObjectMeta): string {
  return JSON.stringify(Object.entries(annotations).filter(([name]) => name.startsWith(`${GROUP}/`)));
}

/** Our own status writes wake nobody; a new spec, a deletion, a lost finalizer and a person who asks for it do. */
export function concernsReconcile(change: Change<VirtualMachine>): boolean {
  if (change.type !== 'updated' || change.previous === undefined) return true;
  const { metadata: now } = change.object;
  const { metadata: before } = change.previous;
  return (
    now.generation !== before.generation ||
    now.deletionTimestamp !== before.deletionTimestamp ||
    ordersOf(now) !== ordersOf(before) ||
    runOf(change.object) !== runOf(change.previous) ||
    (now.finalizers ?? []).length < (before.finalizers ?? []).length
  );
}

// A pipeline that another process began or ended: what was decided on the object before it is decided anew.
function runOf({ status }: VirtualMachine): string | undefined {
  return status?.operation?.runName;
}

/** Whether a change of a VM can change what becomes of its operations. */
export function concernsOperations({ type, object, previous }: Change<VirtualMachine>): boolean {
  return type !== 'updated' || previous === undefined || asOperationsSeeIt(object) !== asOperationsSeeIt(previous);
}

// The step that a pipeline is at changes often and decides nothing.
function asOperationsSeeIt({ metadata, status }: VirtualMachine): string {
  const { operation, executedOperations = [], state } = status ?? {};
  return JSON.stringify([
    [metadata.generation, metadata.deletionTimestamp, metadata.annotations?.[PAUSE_ANNOTATION]],
    [state === 'ready', operation?.runName, operation?.request?.uid, operation?.taskID === undefined],
    executedOperations.map(({ uid }) => uid),
  ]);
}

function byTurn(one: VirtualMachine, other: VirtualMachine): number {
  const made = (vm: VirtualMachine): number => Number(hasMachine(vm));
  const age = ({ metadata }: VirtualMachine): string => metadata.creationTimestamp ?? '';
  return made(other) - made(one) || age(one).localeCompare(age(other));
}

function isUnderWay(vm: VirtualMachine): boolean {
  return (
    vm.status?.state !== 'ready' || vm.status.operation !== undefined || vm.metadata.deletionTimestamp !== undefined
  );
}

function hasDnsShortfall({ status }: VirtualMachine): boolean {
  return status?.state === 'ready' && status.dns?.zones.some((zone) => !zone.ok) === true;
}

/** A change that only this operator makes: nobody has to look at it who does not read the status. */
function isStatusOnly(change: Change<KubeObject>): boolean {
  return (
    change.type === 'updated' &&
    change.object.metadata.generation === change.previous?.metadata.generation &&
    change.object.metadata.deletionTimestamp === change.previous?.metadata.deletionTimestamp
  );
}

function readinessChanged(change: Change<KubeObject & { status?: { conditions?: Condition[] } }>): boolean {
  const ready = (object: { status?: { conditions?: Condition[] } } | undefined) =>
    object?.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  return ready(change.object) !== ready(change.previous);
}

/** Whether a poll shows something about a VM that it did not show before. */
export function sightingChanged(
  vm: VirtualMachine,
  before: ClusterSnapshot | undefined,
  now: ClusterSnapshot | undefined,
): boolean {
  if (now === undefined) return false;
  // The first snapshot is what a VM may have waited for.
  if (before === undefined) return true;
  const vmid = vm.status?.vmid ?? 0;
  const node = vm.status?.node ?? '';
  return sighting(before, vmid, node) !== sighting(now, vmid, node);
}

/** Whether a poll shows other templates, nodes or storages: what a VM that cannot be made yet waits for. */
export function supplyChanged(before: ClusterSnapshot | undefined, now: ClusterSnapshot | undefined): boolean {
  return before !== undefined && now !== undefined && supply(before) !== supply(now);
}

function supply({ vms, nodes, storages }: ClusterSnapshot): string {
  const templates = [...vms.values()].filter(({ template }) => template === true);
  return JSON.stringify([
    templates.map(({ vmid, node }) => `${vmid} on ${node}`).sort(),
    [...nodes.values()].map(({ name, status }) => `${name} ${status}`).sort(),
    storages.map(({ node, storage, status, content }) => `${storage} on ${node} ${status} ${content.join()}`).sort(),
  ]);
}

function sighting(snapshot: ClusterSnapshot, vmid: number, node: string): string {
  const seen = snapshot.vms.get(vmid);
  return JSON.stringify([seen?.node, seen?.status, seen?.lock, seen?.maxDiskBytes, snapshot.nodes.get(node)?.status]);
}
