// The reconcile of virtual machines over the API server in memory and a simulated Proxmox VE, one pass at a time.
import { resources } from '../../src/api/resources.ts';
import type { FullPlanSpec } from '../../src/api/plan.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../../src/api/virtual-machine.ts';
import { Allocations } from '../../src/controllers/allocations.ts';
import { createCredentialSource } from '../../src/controllers/credentials.ts';
import { reconcilePlan } from '../../src/controllers/plan.ts';
import type { VirtualMachineParts } from '../../src/controllers/run-pipeline.ts';
import { reconcileVirtualMachine } from '../../src/controllers/virtual-machine.ts';
import type { ReconcileResult } from '../../src/kube/controller.ts';
import { keyOf } from '../../src/kube/types.ts';
import { createFakeContext, type FakeContext, type FakeContextOptions } from '../fakes/context.ts';
import { Simulator } from '../sim/simulator.ts';
import { aPlan, aPool, aProxmoxCluster, aVirtualMachine, CLUSTER, TOKEN_SECRET } from './objects.ts';
import { aTopology } from './topology.ts';

export const NAMESPACE = 'customer-1';
const PAUSE_MS = 100;
const MOST_PASSES = 200;

export interface SimulatedOperator extends AsyncDisposable {
  fake: FakeContext;
  sim: Simulator;
  parts: VirtualMachineParts;
  /** The operator's token, for a test that calls the simulator as somebody else would. */
  authorization: string;
  /** Keys that something woke. */
  woken: string[];
  /** Declares a VM of the plan. */
  declare(name: string, spec?: Partial<VirtualMachineSpec>): VirtualMachine;
  /** The VM as it is stored. */
  vm(name?: string): VirtualMachine | undefined;
  /** One pass; time goes on until it has ended. */
  pass(name?: string, signal?: AbortSignal): Promise<ReconcileResult>;
  /** Passes, each when the one before asked for it, until `until` holds or there is nothing more to do. */
  passes(name?: string, until?: (vm: VirtualMachine | undefined) => boolean): Promise<ReconcileResult>;
  /** Writes that Proxmox VE was asked for: `POST …/clone`. */
  writes(): string[];
}

/** A cluster with the demo's templates, a pool and a plan; every task ends at once. */
export async function simulatedOperator(
  plan: Partial<FullPlanSpec> = {},
  options: Pick<FakeContextOptions, 'openDnsZone'> = {},
): Promise<SimulatedOperator> {
  const topology = aTopology();
  const token = topology.tokens[0]!;
  const sim = new Simulator({ topology, speed: 'instant', seed: 7, authDelayMs: 0 });
  const authorization = `PVEAPIToken=${token.id}=${token.secret}`;
  const fake = createFakeContext({
    ...options,
    transport:
      () =>
      ({ method, path, query, form }) =>
        sim.handle({ method, path, params: { ...query, ...form }, authorization }),
  });
  seed(fake, token, plan);
  const woken: string[] = [];
  const parts: VirtualMachineParts = {
    context: fake.context,
    allocations: new Allocations(fake.context),
    credentials: createCredentialSource(new Uint8Array(32).fill(7)),
    enqueue: (key) => void woken.push(key),
  };
  const never = new AbortController().signal;

  const operator: SimulatedOperator = {
    fake,
    sim,
    parts,
    authorization,
    woken,
    declare: (name, spec) =>
      fake.kube.seed(resources.virtualMachine, {
        ...aVirtualMachine(name, spec),
        metadata: { name, namespace: NAMESPACE },
      }),
    vm: (name = 'web-1') => fake.kube.objects(resources.virtualMachine).find(({ metadata }) => metadata.name === name),
    pass: (name = 'web-1', signal = never) =>
      settled(fake, reconcileVirtualMachine(`${NAMESPACE}/${name}`, parts, signal)),
    async passes(name = 'web-1', until = () => false) {
      for (let count = 0; count < MOST_PASSES; count += 1) {
        const result = await operator.pass(name);
        if (result.kind === 'done' || until(operator.vm(name))) return result;
        await fake.clock.advance(result.kind === 'after' ? Math.min(result.ms, 1_000) : PAUSE_MS);
      }
      throw new Error(`${name} does not come to an end: ${JSON.stringify(operator.vm(name)?.status?.conditions)}`);
    },
    writes: () => sim.requests.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`),
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
  await settled(fake, reconcilePlan(keyOf(aPlan()), fake.context, never));
  return operator;
}

function seed(
  { kube, context }: FakeContext,
  token: { id: string; secret: string },
  plan: Partial<FullPlanSpec>,
): void {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  kube.seed(resources.secret, {
    metadata: { name: TOKEN_SECRET, namespace: context.operatorNamespace },
    data: { tokenID: base64(token.id), secret: base64(token.secret) },
  });
  kube.seed(
    resources.proxmoxCluster,
    aProxmoxCluster(
      { endpoints: ['https://pve1.example.com:8006'], adoption: { allowedNamespaces: { names: [NAMESPACE] } } },
      CLUSTER,
    ),
  );
  kube.seed(resources.ipPool, aPool());
  kube.seed(resources.plan, aPlan(plan));
}

async function settled<T>(fake: FakeContext, promise: Promise<T>): Promise<T> {
  const state = { done: false };
  const watched = promise.finally(() => void (state.done = true));
  watched.catch(() => undefined);
  while (!state.done) await fake.clock.advance(PAUSE_MS);
  return watched;
}
