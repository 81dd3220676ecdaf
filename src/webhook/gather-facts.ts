// Gathers what the rules may look at: the stores of this replica, and what a request names that they do not have yet.
import type { PlanSpec } from '../api/plan.ts';
import { resources } from '../api/resources.ts';
import { INDEX, type Stores } from '../controllers/context.ts';
import type { KubeClient } from '../kube/client.ts';
import { isNotFound } from '../kube/errors.ts';
import type { KubeObject, ResourceType } from '../kube/types.ts';
import type { AdmissionFacts } from './facts.ts';
import type { Review } from './rule.ts';

export interface FactSources {
  client: Pick<KubeClient, 'get'>;
  stores: Stores;
  operatorUser: string;
  allowLocalTargets: boolean;
}

/** Objects that were asked for because the stores did not have them, by kind and key. */
type Fetched = ReadonlyMap<string, KubeObject>;

/**
 * The facts for one request. A plan that was made a moment ago may not have come through the watch yet: what a request
 * names and the stores lack is asked for, so that it is not refused for nothing. Rejects with KubeError.
 */
export async function gatherFacts(review: Review, sources: FactSources, signal?: AbortSignal): Promise<AdmissionFacts> {
  const fetched = new Map<string, KubeObject>();
  const missing = wantedBy(review).filter((want) => storeOf(sources.stores, want)?.get(want.key) === undefined);
  await Promise.all(missing.map((want) => fetch(want, { sources, fetched, signal })));
  const facts = factsOf(sources, fetched);
  // What the plan names in turn is known only now.
  const cluster = facts.plan(planNameOf(review.object) ?? '')?.spec.clusterRef.name;
  if (cluster !== undefined && facts.cluster(cluster) === undefined) {
    await fetch({ kind: 'ProxmoxCluster', key: cluster }, { sources, fetched, signal });
  }
  return facts;
}

interface Want {
  kind: 'Plan' | 'PlanRevision' | 'ProxmoxCluster' | 'VirtualMachine';
  key: string;
}

const TYPES: Readonly<Record<Want['kind'], ResourceType<KubeObject>>> = {
  Plan: resources.plan,
  PlanRevision: resources.planRevision,
  ProxmoxCluster: resources.proxmoxCluster,
  VirtualMachine: resources.virtualMachine,
};

function storeOf(stores: Stores, { kind }: Want): Pick<Stores['plans'], 'get'> | Pick<Stores['clusters'], 'get'> {
  const found = {
    Plan: stores.plans,
    PlanRevision: stores.planRevisions,
    ProxmoxCluster: stores.clusters,
    VirtualMachine: stores.virtualMachines,
  } as const;
  return found[kind] as Pick<Stores['plans'], 'get'>;
}

// The API server's schema has demanded these fields; of a forged request they may be anything.
interface Named extends KubeObject {
  spec?: Partial<Pick<PlanSpec, 'clusterRef'>> & {
    planRef?: { name?: unknown };
    virtualMachineName?: unknown;
  };
  status?: { planRevision?: unknown };
}

function planNameOf(object: Named): string | undefined {
  const name = object.kind === 'VirtualMachine' ? object.spec?.planRef?.name : undefined;
  return typeof name === 'string' ? name : undefined;
}

function wantedBy({ object, namespace }: Review): Want[] {
  const { kind, spec, status } = object as Named;
  const wants: { kind: Want['kind']; name: unknown; namespace?: string }[] =
    kind === 'VirtualMachine'
      ? [
          { kind: 'Plan', name: spec?.planRef?.name },
          { kind: 'PlanRevision', name: status?.planRevision },
        ]
      : [
          { kind: 'ProxmoxCluster', name: spec?.clusterRef?.name },
          { kind: 'VirtualMachine', name: spec?.virtualMachineName, namespace },
        ];
  return wants.flatMap(({ kind: wanted, name, namespace: inside }) =>
    typeof name === 'string' && name !== ''
      ? [{ kind: wanted, key: inside === undefined ? name : `${inside}/${name}` }]
      : [],
  );
}

interface Fetching {
  sources: FactSources;
  fetched: Map<string, KubeObject>;
  signal: AbortSignal | undefined;
}

async function fetch({ kind, key }: Want, { sources, fetched, signal }: Fetching): Promise<void> {
  const [name = '', namespace] = key.split('/').toReversed();
  try {
    const object = await sources.client.get(TYPES[kind], name, namespace, { signal });
    fetched.set(`${kind} ${key}`, object);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

function factsOf({ stores, operatorUser, allowLocalTargets }: FactSources, fetched: Fetched): AdmissionFacts {
  const also = <T extends KubeObject>(kind: Want['kind'], key: string, known: T | undefined): T | undefined =>
    known ?? (fetched.get(`${kind} ${key}`) as T | undefined);
  return {
    plan: (name) => also('Plan', name, stores.plans.get(name)),
    planRevision: (name) => also('PlanRevision', name, stores.planRevisions.get(name)),
    cluster: (name) => also('ProxmoxCluster', name, stores.clusters.get(name)),
    virtualMachine: (namespace, name) => {
      const key = `${namespace}/${name}`;
      return also('VirtualMachine', key, stores.virtualMachines.get(key));
    },
    plans: () => stores.plans.list(),
    clusters: () => stores.clusters.list(),
    pools: () => stores.pools.list(),
    zones: () => stores.zones.list(),
    virtualMachines: () => stores.virtualMachines.list(),
    virtualMachinesOfPlan: (plan) => stores.virtualMachines.byIndex(INDEX.plan, plan),
    virtualMachinesWithHostname: (hostname) => stores.virtualMachines.byIndex(INDEX.hostname, hostname),
    addressReservations: (cluster) => stores.addressReservations.byIndex(INDEX.cluster, cluster),
    operatorUser,
    allowLocalTargets,
  };
}
