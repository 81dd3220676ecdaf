// One life of the operator: everything that is lost when the process dies. It works on one VM until told to stop.
import { resources } from '../../src/api/resources.ts';
import type { Clock } from '../../src/clock.ts';
import { Allocations } from '../../src/controllers/allocations.ts';
import { ClusterRegistry, type TransportFactory } from '../../src/controllers/clusters.ts';
import type { Context } from '../../src/controllers/context.ts';
import { createCredentialSource } from '../../src/controllers/credentials.ts';
import { reconcilePlan } from '../../src/controllers/plan.ts';
import { reconcileVirtualMachine } from '../../src/controllers/virtual-machine.ts';
import type { ReconcileResult } from '../../src/kube/controller.ts';
import { isConflict } from '../../src/kube/errors.ts';
import { createMetrics } from '../../src/metrics.ts';
import { storesOf } from '../fakes/context.ts';
import { type CrashWorld, OPERATOR_NAMESPACE, tokensOf, VM_KEY } from './world.ts';

const CREDENTIALS = createCredentialSource(new Uint8Array(32).fill(7));
const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const STEP_MS = 50;
const RETRY_MS = 1_000;
/** Simulated time after which a life is given up on. */
const LIFE_MS = 30 * 60_000;

export type LifeEnd = 'reached' | 'died' | 'gave up';

/** Runs until `reached` says so, the process dies, or half an hour of simulated time is over. */
export async function live(world: CrashWorld, reached: () => boolean): Promise<LifeEnd> {
  const death = new AbortController();
  world.interruption.begin(() => death.abort());
  const { context, signal } = contextOf(world, death.signal);
  const allocations = new Allocations(context);
  let due = true;
  const parts = { context, allocations, credentials: CREDENTIALS, enqueue: () => void (due = true) };
  const end = world.clock.now() + LIFE_MS;
  let dueAt = 0;
  try {
    const plan = () => pump(world, reconcilePlan('small', context, signal).catch(retried));
    if (pauseOf(await plan()) < LIFE_MS) await plan();
    while (!reached()) {
      if (world.interruption.dead) return 'died';
      if (world.clock.now() > end) return 'gave up';
      if (!due && world.clock.now() < dueAt) {
        await world.clock.advance(STEP_MS);
        continue;
      }
      due = false;
      const result = await pump(world, reconcileVirtualMachine(VM_KEY, parts, signal).catch(retried));
      dueAt = world.clock.now() + pauseOf(result);
    }
    return 'reached';
  } finally {
    death.abort();
    await world.clock.advance(0);
  }
}

// A controller's rule for what a reconcile throws: a conflict comes back at once, anything else is backed off.
function retried(error: unknown): ReconcileResult {
  return { kind: 'after', ms: isConflict(error) ? 200 : RETRY_MS };
}

function pauseOf(result: ReconcileResult | undefined): number {
  if (result === undefined) return 0;
  if (result.kind === 'after') return result.ms;
  return result.kind === 'retry' ? RETRY_MS : LIFE_MS;
}

/** Lets time pass until the promise has settled, or the process that waits for it is dead. */
async function pump<T>(world: CrashWorld, promise: Promise<T>): Promise<T | undefined> {
  const state = { settled: false };
  const watched = promise.finally(() => {
    state.settled = true;
  });
  watched.catch(() => undefined);
  await world.clock.advance(0);
  while (!state.settled) {
    if (world.interruption.dead) return undefined;
    await world.clock.advance(STEP_MS);
  }
  return watched;
}

function contextOf(world: CrashWorld, signal: AbortSignal): { context: Context; signal: AbortSignal } {
  const stores = storesOf(world.kube);
  const clock = operatorClock(world);
  const clusters = new ClusterRegistry({
    lookUp: {
      cluster: (name) => stores.clusters.get(name),
      secret: (name) => stores.secrets.get(`${OPERATOR_NAMESPACE}/${name}`),
    },
    operatorNamespace: OPERATOR_NAMESPACE,
    clock,
    random: () => 0.5,
    log: SILENT,
    signal,
    transport: transportOf(world),
    onInventory: () => undefined,
  });
  world.kube.onWrite(world.interruption.kubeHook);
  const context: Context = {
    client: world.kube.client,
    stores,
    clusters,
    events: { emit: () => undefined },
    log: SILENT,
    metrics: createMetrics(),
    now: () => clock.now(),
    leads: () => true,
    openDnsZone: (zone) => world.dns.open(zone),
    dnsTimeoutMs: 5_000,
    operatorNamespace: OPERATOR_NAMESPACE,
  };
  return { context, signal };
}

function transportOf(world: CrashWorld): TransportFactory {
  const [token] = tokensOf();
  const authorization = `PVEAPIToken=${token.id}=${token.secret}`;
  return () =>
    async ({ method, path, query, form, call }) =>
      world.interruption.pve(call ?? `${method} ${path}`, method !== 'GET', () =>
        world.sim.handle({ method, path, params: { ...query, ...form }, authorization }),
      );
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

/** Marks the VM for deletion, as kubectl delete does. */
export async function requestDeletion({ kube }: CrashWorld): Promise<void> {
  const [namespace = '', name = ''] = VM_KEY.split('/');
  kube.onWrite(undefined);
  await kube.client.delete(resources.virtualMachine, name, namespace);
}
