// The informers of all kinds that the operator watches, with the indexes that reconciles use.
import { resources } from '../api/resources.ts';
import type { KubeClient } from '../kube/client.ts';
import { createInformer, type Informer, type InformerOptions } from '../kube/informer.ts';
import type { Log } from '../kube/log.ts';
import type { KubeObject, ResourceType } from '../kube/types.ts';
import type { Metrics } from '../metrics.ts';
import { INDEX, type Stores } from './context.ts';
import { hostnameOf } from './design.ts';
import { quotaKeyOf } from './quota-slots.ts';
import { vmKeyOf } from './virtual-machine-operation-surroundings.ts';

type InformerStores = {
  [K in keyof Stores]: Stores[K] extends { list(): readonly (infer T extends KubeObject)[] } ? Informer<T> : never;
};

export interface Informers {
  stores: InformerStores;
  all: readonly { kind: string; informer: Informer<never> }[];
  /** Resolves when every store holds what the API server had. */
  synced(signal: AbortSignal): Promise<void>;
}

/** A live copy of one object of the whole cluster, where the right to watch is for it alone. */
export function createInformerOfOne<T extends KubeObject>(
  { client, log }: { client: InformerOptions<T>['client']; log: Log },
  type: ResourceType<T>,
  name: string,
): Informer<T> {
  const onError = (error: unknown): void => log.debug({ err: error, kind: type.kind }, 'Watch interrupted');
  return createInformer({ client, type, fieldSelector: `metadata.name=${name}`, onError });
}

export function createInformers(
  client: KubeClient,
  operatorNamespace: string,
  { log }: { log: Log; metrics: Metrics },
): Informers {
  const informer = <T extends KubeObject>(
    type: ResourceType<T>,
    options: Partial<InformerOptions<T>> = {},
  ): Informer<T> =>
    createInformer({
      client,
      type,
      onError: (error) => log.debug({ err: error, kind: type.kind }, 'Watch interrupted'),
      ...options,
    });
  const stores: InformerStores = {
    virtualMachines: informer(resources.virtualMachine, {
      indexes: {
        [INDEX.cluster]: ({ status }) => listOf(status?.clusterName),
        [INDEX.plan]: ({ spec }) => [spec.planRef.name],
        [INDEX.hostname]: (vm) => listOf(hostnameOf(vm)),
      },
    }),
    virtualMachineOperations: informer(resources.virtualMachineOperation, {
      indexes: { [INDEX.virtualMachine]: (operation) => [vmKeyOf(operation)] },
    }),
    virtualMachineRuns: informer(resources.virtualMachineRun, {
      indexes: { [INDEX.virtualMachine]: ({ metadata }) => (metadata.ownerReferences ?? []).map(({ uid }) => uid) },
    }),
    plans: informer(resources.plan, { indexes: { [INDEX.cluster]: ({ spec }) => [spec.clusterRef.name] } }),
    planRevisions: informer(resources.planRevision, { indexes: { [INDEX.plan]: ({ spec }) => [spec.planName] } }),
    clusters: informer(resources.proxmoxCluster),
    pools: informer(resources.ipPool, { indexes: { [INDEX.cluster]: ({ spec }) => [spec.clusterRef.name] } }),
    zones: informer(resources.dnsZone),
    addressReservations: informer(resources.ipAddressReservation, {
      indexes: {
        [INDEX.virtualMachine]: ({ spec }) => [spec.virtualMachine.uid],
        [INDEX.cluster]: ({ spec }) => [spec.clusterRef.name],
      },
    }),
    vmidReservations: informer(resources.vmidReservation, {
      indexes: {
        [INDEX.virtualMachine]: ({ spec }) => [spec.virtualMachine.uid],
        [INDEX.cluster]: ({ spec }) => [spec.clusterRef.name],
      },
    }),
    quotaSlots: informer(resources.quotaSlot, {
      indexes: {
        [INDEX.virtualMachine]: ({ spec }) => [spec.virtualMachine.uid],
        [INDEX.quota]: (slot) => [quotaKeyOf(slot)],
      },
    }),
    secrets: informer(resources.secret, { namespace: operatorNamespace }),
  };
  const all = Object.entries(stores).map(([kind, one]) => ({ kind, informer: one as Informer<never> }));
  return {
    stores,
    all,
    synced: async (signal) => {
      await Promise.all(all.map(({ informer: one }) => one.synced(signal)));
    },
  };
}

function listOf(value: string | undefined): readonly string[] {
  return value === undefined ? [] : [value];
}
