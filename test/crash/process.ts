// One life of the operator: everything that is lost when the process dies. It works on one VM until that is at rest.
import { resources } from '../../src/api/resources.ts';
import type { Clock } from '../../src/clock.ts';
import { Allocations } from '../../src/controllers/allocations.ts';
import { ClusterRegistry, type TransportFactory } from '../../src/controllers/clusters.ts';
import type { Context, Stores } from '../../src/controllers/context.ts';
import { createCredentialSource } from '../../src/controllers/credentials.ts';
import { reconcilePlan } from '../../src/controllers/plan.ts';
import { reconcileQuotaSlot } from '../../src/controllers/quota-slot.ts';
import type { VirtualMachineParts } from '../../src/controllers/run-pipeline.ts';
import { reconcileVirtualMachineOperation } from '../../src/controllers/virtual-machine-operation.ts';
import { Sightings } from '../../src/controllers/sweep-sightings.ts';
import { reconcileVirtualMachine } from '../../src/controllers/virtual-machine.ts';
import { sightingChanged } from '../../src/controllers/watch-changes.ts';
import type { ReconcileResult } from '../../src/kube/controller.ts';
import { isConflict } from '../../src/kube/errors.ts';
import { keyOf } from '../../src/kube/types.ts';
import { createMetrics } from '../../src/metrics.ts';
import { PveError } from '../../src/pve/errors.ts';
import type { ClusterSnapshot } from '../../src/pve/inventory.ts';
import { storesOf } from '../fakes/context.ts';
import { clientOfLife } from './client-of-life.ts';
import { Life } from './interruption.ts';
import { type CrashWorld, OPERATOR_NAMESPACE, TOKEN, VM_KEY, vmOf } from './world.ts';

const CREDENTIALS = createCredentialSource(new Uint8Array(32).fill(7));
const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const RETRY_MS = 1_000;
const CONFLICT_MS = 200;
/** Simulated time after which a life is given up on. */
const LIFE_MS = 30 * 60_000;
/** Simulated time that everything has to stay at its end: late calls arrive, and ready VMs are looked at. */
const REST_MS = 60_000;

export type LifeEnd = 'reached' | 'died' | 'gave up';

/** Runs until `reached` has held for a minute, the process dies, or half an hour of simulated time is over. */
export async function live(world: CrashWorld, reached: () => boolean): Promise<LifeEnd> {
  const life = new Life();
  const queue = new DueQueue(() => world.clock.now());
  const stop = new AbortController();
  const parts = partsOf(world, life, { signal: stop.signal, queue });
  world.onChange = () => enqueueAll(world, queue);
  enqueueAll(world, queue);
  const giveUpAt = world.clock.now() + LIFE_MS;
  let restsUntil = Infinity;
  try {
    while (!life.dead) {
      const now = world.clock.now();
      restsUntil = reached() ? Math.min(restsUntil, now + REST_MS) : Infinity;
      if (now >= restsUntil) return 'reached';
      if (now >= giveUpAt) return 'gave up';
      const key = queue.take();
      if (key === undefined) await idle(world, life, { queue, until: Math.min(restsUntil, giveUpAt) });
      else await work(world, life, { queue, key, reconcile: () => reconcile(key, parts, stop.signal) });
    }
    return 'died';
  } finally {
    life.end();
    stop.abort();
    world.onChange = () => undefined;
    await world.clock.advance(0);
  }
}

/** What is to be looked at, and when. */
class DueQueue {
  readonly #now: () => number;
  readonly #due = new Map<string, number>();
  #woken: () => void = () => undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(key: string, at = this.#now()): void {
    if ((this.#due.get(key) ?? Infinity) <= at) return;
    this.#due.set(key, at);
    this.#woken();
  }

  take(): string | undefined {
    const [first] = [...this.#due].filter(([, at]) => at <= this.#now()).toSorted(([, a], [, b]) => a - b);
    if (first !== undefined) this.#due.delete(first[0]);
    return first?.[0];
  }

  next(): number {
    return Math.min(Infinity, ...this.#due.values());
  }

  /** Resolves when something is added. */
  woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#woken = resolve;
    });
  }
}

function enqueueAll({ kube }: CrashWorld, queue: DueQueue): void {
  for (const plan of kube.objects(resources.plan)) queue.add(`Plan ${keyOf(plan)}`);
  queue.add(`VirtualMachine ${VM_KEY}`);
  enqueueOperations(kube, queue);
  enqueueSlots(kube, queue);
}

function enqueueSlots(kube: CrashWorld['kube'], queue: DueQueue): void {
  for (const slot of kube.objects(resources.quotaSlot)) queue.add(`QuotaSlot ${keyOf(slot)}`);
}

function enqueueOperations(kube: CrashWorld['kube'], queue: DueQueue): void {
  for (const operation of kube.objects(resources.virtualMachineOperation)) {
    queue.add(`VirtualMachineOperation ${keyOf(operation)}`);
  }
}

async function idle(
  { clock }: CrashWorld,
  { death }: Life,
  { queue, until }: { queue: DueQueue; until: number },
): Promise<void> {
  const ms = Math.min(queue.next(), until) - clock.now();
  let cancel: () => void = () => undefined;
  const over = new Promise<void>((resolve) => {
    cancel = clock.after(ms, resolve);
  });
  await clock.runUntil(Promise.race([over, queue.woken(), death]));
  cancel();
}

async function work(
  { clock, kube }: CrashWorld,
  { death }: Life,
  { queue, key, reconcile: look }: { queue: DueQueue; key: string; reconcile(): Promise<ReconcileResult> },
): Promise<void> {
  const before = vmVersion(kube);
  const result = await clock.runUntil(Promise.race([look().catch(retried), death]));
  if (result !== undefined && result.kind !== 'done') {
    queue.add(key, clock.now() + (result.kind === 'after' ? result.ms : RETRY_MS));
  }
  // What became of the VM decides what becomes of its operations and of its places in quotas.
  if (before === vmVersion(kube)) return;
  enqueueOperations(kube, queue);
  enqueueSlots(kube, queue);
}

function vmVersion(kube: CrashWorld['kube']): string | undefined {
  return vmOf({ kube })?.metadata.resourceVersion;
}

// A controller's rule for what a reconcile throws: a conflict comes back at once, anything else is backed off.
function retried(error: unknown): ReconcileResult {
  return { kind: 'after', ms: isConflict(error) ? CONFLICT_MS : RETRY_MS };
}

function reconcile(key: string, parts: VirtualMachineParts, signal: AbortSignal): Promise<ReconcileResult> {
  const [kind = '', name = ''] = key.split(' ');
  switch (kind) {
    case 'Plan':
      return reconcilePlan(name, parts.context, signal);
    case 'QuotaSlot':
      return reconcileQuotaSlot(name, parts.context, parts.allocations.quotaSlots);
    case 'VirtualMachineOperation':
      return reconcileVirtualMachineOperation(name, parts, signal);
    default:
      return reconcileVirtualMachine(name, parts, signal);
  }
}

function partsOf(
  world: CrashWorld,
  life: Life,
  { signal, queue }: { signal: AbortSignal; queue: DueQueue },
): VirtualMachineParts {
  const stores = storesOfLife(world);
  const clock = operatorClock(world);
  let before: ClusterSnapshot | undefined;
  const clusters: ClusterRegistry = new ClusterRegistry({
    lookUp: {
      cluster: (name) => stores.clusters.get(name),
      secret: (name) => stores.secrets.get(`${OPERATOR_NAMESPACE}/${name}`),
    },
    operatorNamespace: OPERATOR_NAMESPACE,
    clock,
    random: () => 0.5,
    log: SILENT,
    signal,
    transport: transportOf(world, life),
    onInventory: () => {
      const seen = clusters.open()[0]?.inventory.snapshot();
      const vm = vmOf(world);
      if (vm !== undefined && sightingChanged(vm, before, seen)) queue.add(`VirtualMachine ${VM_KEY}`);
      before = seen;
    },
  });
  const context: Context = {
    client: clientOfLife(world.kube.client, world.interruption, life),
    stores,
    clusters,
    sightings: new Sightings(),
    events: { emit: (_about, { type, message }) => void (type === 'Warning' && world.warnings.push(message)) },
    log: SILENT,
    metrics: createMetrics(),
    now: () => clock.now(),
    leads: () => true,
    openDnsZone: (zone) => world.dns.open(zone, world.interruption, life),
    dnsTimeoutMs: 5_000,
    operatorNamespace: OPERATOR_NAMESPACE,
  };
  const enqueue = (key: string): void => queue.add(`VirtualMachine ${key}`);
  return { context, allocations: new Allocations(context), credentials: CREDENTIALS, enqueue };
}

/** The stores show what the API server has, but for the VM while its watch is held. */
function storesOfLife(world: CrashWorld): Stores {
  const stores = storesOf(world.kube);
  const older = () => world.watch.shown(world.clock.now());
  const { virtualMachines } = stores;
  return {
    ...stores,
    virtualMachines: { ...virtualMachines, get: (key) => older() ?? virtualMachines.get(key) },
  };
}

function transportOf({ interruption, sim }: CrashWorld, life: Life): TransportFactory {
  const authorization = `PVEAPIToken=${TOKEN.id}=${TOKEN.secret}`;
  return () =>
    ({ method, path, query, form, call }) => {
      const text = call ?? `${method} ${path}`;
      const send = () => sim.handle({ method, path, params: { ...query, ...form }, authorization });
      if (method === 'GET') return interruption.read(life, send);
      const detail = 'no answer within 60 s';
      const lost = () => new PveError({ kind: 'timeout', call: text, detail, maybeApplied: true });
      return interruption.effect(life, { text, send, lost });
    };
}

/** The operator's clock over the simulator's: both live in the same time. */
function operatorClock({ clock }: CrashWorld): Clock {
  return {
    now: () => clock.now(),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const cancel = clock.after(ms, resolve);
        signal?.addEventListener('abort', () => {
          cancel();
          reject(signal.reason as Error);
        });
      }),
  };
}
