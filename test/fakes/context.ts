// A controllers' context over the API server in memory: stores, a clock that stands still, events kept in a list.
import type { IPPool } from '../../src/api/ip-pool.ts';
import type { Plan, PlanRevision } from '../../src/api/plan.ts';
import type { QuotaSlot } from '../../src/api/quota-slot.ts';
import type { IPAddressReservation, VMIDReservation } from '../../src/api/reservations.ts';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachineOperation } from '../../src/api/virtual-machine-operation.ts';
import type { VirtualMachineRun } from '../../src/api/virtual-machine-run.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import { ClusterRegistry, type TransportFactory } from '../../src/controllers/clusters.ts';
import { type Context, INDEX, type Stores } from '../../src/controllers/context.ts';
import { hostnameOf } from '../../src/controllers/design.ts';
import { quotaKeyOf } from '../../src/controllers/quota-slots.ts';
import { Sightings } from '../../src/controllers/sweep-sightings.ts';
import { vmKeyOf } from '../../src/controllers/virtual-machine-operation-surroundings.ts';
import type { EventInput } from '../../src/kube/events.ts';
import { keyOf, type KubeObject } from '../../src/kube/types.ts';
import { createMetrics } from '../../src/metrics.ts';
import { PveError } from '../../src/pve/errors.ts';
import { type VirtualClock, virtualClock } from '../../src/pve/testing/virtual-clock.ts';
import { createFakeKube, type FakeKube } from './kube.ts';

export const OPERATOR_NAMESPACE = 'pve-operator-system';

export interface FakeContext extends AsyncDisposable {
  context: Context;
  kube: FakeKube;
  clock: VirtualClock;
  /** What was told about which object, in order. */
  events: (EventInput & { about: string })[];
  /** Lines logged as warnings and errors. */
  logged: string[];
}

export interface FakeContextOptions {
  /** Answers of Proxmox VE; without it no cluster can be reached. */
  transport?: TransportFactory;
  openDnsZone?: Context['openDnsZone'];
  dnsTimeoutMs?: number;
}

/** Dispose of it, so that its clusters are polled no more. */
export function createFakeContext(options: FakeContextOptions = {}): FakeContext {
  const clock = virtualClock(Date.parse('2026-03-01T10:00:00Z'));
  const kube = createFakeKube({ now: () => clock.now() });
  const stores = storesOf(kube);
  const events: FakeContext['events'] = [];
  const logged: string[] = [];
  const stop = new AbortController();
  const note = (_fields: object, message: string) => void logged.push(message);
  const log = { debug: () => undefined, info: () => undefined, warn: note, error: note };
  const clusters = new ClusterRegistry({
    lookUp: {
      cluster: (name) => stores.clusters.get(name),
      secret: (name) => stores.secrets.get(`${OPERATOR_NAMESPACE}/${name}`),
    },
    operatorNamespace: OPERATOR_NAMESPACE,
    clock,
    random: () => 0.5,
    log,
    signal: stop.signal,
    transport: options.transport ?? unreachable,
    onInventory: () => undefined,
  });
  const context: Context = {
    client: kube.client,
    stores,
    clusters,
    sightings: new Sightings(),
    events: { emit: (regarding: KubeObject, event) => void events.push({ ...event, about: keyOf(regarding) }) },
    log,
    metrics: createMetrics(),
    now: () => clock.now(),
    leads: () => true,
    openDnsZone:
      options.openDnsZone ??
      ((zone) => {
        throw new Error(`The test says nothing about zone ${zone.metadata.name}`);
      }),
    dnsTimeoutMs: options.dnsTimeoutMs ?? 5_000,
    operatorNamespace: OPERATOR_NAMESPACE,
  };
  const close = async (): Promise<void> => {
    stop.abort();
    await clock.advance(0);
  };
  return { context, kube, clock, events, logged, [Symbol.asyncDispose]: close };
}

const unreachable: TransportFactory = () => (request) =>
  Promise.reject(
    new PveError({ kind: 'unreachable', call: request.call ?? request.path, detail: 'connection refused' }),
  );

/** The indexes are those that the operator's own informers have. */
export function storesOf(kube: FakeKube): Stores {
  const ofCluster = (object: { spec: { clusterRef: { name: string } } }) => [object.spec.clusterRef.name];
  const ofVm = (object: IPAddressReservation | VMIDReservation) => [object.spec.virtualMachine.uid];
  return {
    virtualMachines: kube.store(resources.virtualMachine, {
      [INDEX.cluster]: ({ status }: VirtualMachine) => (status?.clusterName === undefined ? [] : [status.clusterName]),
      [INDEX.plan]: ({ spec }: VirtualMachine) => [spec.planRef.name],
      [INDEX.hostname]: (vm: VirtualMachine) => [hostnameOf(vm)].filter((name) => name !== undefined),
    }),
    virtualMachineOperations: kube.store(resources.virtualMachineOperation, {
      [INDEX.virtualMachine]: (operation: VirtualMachineOperation) => [vmKeyOf(operation)],
    }),
    virtualMachineRuns: kube.store(resources.virtualMachineRun, {
      [INDEX.virtualMachine]: ({ metadata }: VirtualMachineRun) =>
        (metadata.ownerReferences ?? []).map(({ uid }) => uid),
    }),
    plans: kube.store(resources.plan, { [INDEX.cluster]: (object: Plan) => ofCluster(object) }),
    planRevisions: kube.store(resources.planRevision, { [INDEX.plan]: ({ spec }: PlanRevision) => [spec.planName] }),
    clusters: kube.store(resources.proxmoxCluster),
    pools: kube.store(resources.ipPool, { [INDEX.cluster]: (object: IPPool) => ofCluster(object) }),
    zones: kube.store(resources.dnsZone),
    addressReservations: kube.store(resources.ipAddressReservation, {
      [INDEX.virtualMachine]: ofVm,
      [INDEX.cluster]: ofCluster,
    }),
    vmidReservations: kube.store(resources.vmidReservation, {
      [INDEX.virtualMachine]: ofVm,
      [INDEX.cluster]: ofCluster,
    }),
    quotaSlots: kube.store(resources.quotaSlot, {
      [INDEX.virtualMachine]: ({ spec }: QuotaSlot) => [spec.virtualMachine.uid],
      [INDEX.quota]: (slot: QuotaSlot) => [quotaKeyOf(slot)],
    }),
    secrets: kube.store(resources.secret),
  };
}
