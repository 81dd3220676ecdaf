// One work queue and one controller a kind.
import { createController } from '../kube/controller.ts';
import type { ReconcileResult } from '../kube/controller.ts';
import { createWorkQueue, type WorkQueue } from '../kube/work-queue.ts';
import type { Allocations } from './allocations.ts';
import type { Context } from './context.ts';
import type { CredentialSource } from './credentials.ts';
import { reconcileDnsZone } from './dns-zone.ts';
import { reconcileIpPool } from './ip-pool.ts';
import { reconcilePlan } from './plan.ts';
import { reconcileProxmoxCluster } from './proxmox-cluster.ts';
import { reconcileQuotaSlot } from './quota-slot.ts';
import { reconcileVirtualMachineOperation } from './virtual-machine-operation.ts';
import { reconcileVirtualMachine } from './virtual-machine.ts';

export interface Queues {
  virtualMachines: WorkQueue;
  operations: WorkQueue;
  clusters: WorkQueue;
  plans: WorkQueue;
  pools: WorkQueue;
  zones: WorkQueue;
  quotaSlots: WorkQueue;
}

export function createQueues(): Queues {
  return {
    virtualMachines: createWorkQueue(),
    operations: createWorkQueue(),
    clusters: createWorkQueue(),
    plans: createWorkQueue(),
    pools: createWorkQueue(),
    zones: createWorkQueue(),
    quotaSlots: createWorkQueue(),
  };
}

export interface ControllersInput {
  context: Context;
  queues: Queues;
  allocations: Allocations;
  credentials: CredentialSource;
  workers: number;
  signal: AbortSignal;
}

const SMALL_WORKERS = 4;

type Reconcile = (key: string, signal: AbortSignal) => Promise<ReconcileResult>;

/** Runs until the signal aborts and every running reconcile is done. */
export async function runControllers({
  context,
  queues,
  allocations,
  credentials,
  workers,
  signal,
}: ControllersInput): Promise<void> {
  const parts = { context, allocations, credentials, enqueue: (key: string) => queues.virtualMachines.add(key) };
  const run = (name: keyof Queues, reconcile: Reconcile, count = SMALL_WORKERS): Promise<void> => {
    const queue = queues[name];
    const metrics = {
      reconciled: ({
        controller,
        outcome,
        durationMs,
      }: {
        controller: string;
        outcome: string;
        durationMs: number;
      }) => {
        context.metrics.reconciles.inc({ controller, outcome });
        context.metrics.reconcileSeconds.observe({ controller }, durationMs / 1000);
        context.metrics.queueDepth.set({ controller }, queue.depth());
      },
    };
    return createController({ name, queue, workers: count, reconcile, log: context.log, metrics }).run(signal);
  };
  await Promise.all([
    run('virtualMachines', (key, ending) => reconcileVirtualMachine(key, parts, ending), workers),
    run('operations', (key, ending) => reconcileVirtualMachineOperation(key, parts, ending)),
    run('clusters', (key, ending) => reconcileProxmoxCluster(key, context, ending)),
    run('plans', (key, ending) => reconcilePlan(key, context, ending)),
    run('pools', (key, ending) => reconcileIpPool(key, context, ending)),
    run('zones', (key, ending) => reconcileDnsZone(key, context, ending)),
    run('quotaSlots', (key) => reconcileQuotaSlot(key, context, allocations.quotaSlots)),
  ]);
}
