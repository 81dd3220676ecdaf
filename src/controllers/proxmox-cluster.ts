// Reconciles a ProxmoxCluster: shows what is seen there and what is wrong, and keeps the object while VMs live on it.
import { resources } from '../api/resources.ts';
import type { ReconcileResult } from '../kube/controller.ts';
import { troubleOf } from '../machine/outcome.ts';
import type { ClusterSnapshot, InventoryHealth } from '../pve/inventory.ts';
import type { ClusterConnection } from './clusters.ts';
import { type Context, INDEX } from './context.ts';
import { missingPrivileges } from '../pve/privileges.ts';
import { type ClusterCheck, proxmoxClusterStatus } from './proxmox-cluster-status.ts';
import { keptWhileInUse, type Readiness, report } from './readiness.ts';
import { pveTrouble } from './pve-trouble.ts';

const RECHECK_MS = 60_000;
/** Rights, quorum and version hardly ever change, and every poll of the inventory brings us here. */
const CHECK_KEPT_MS = 5 * 60_000;
/** Somebody is at work on it and waits to see it turn ready. */
const BAD_CHECK_KEPT_MS = 30_000;

/** `key` is the cluster's name. */
export async function reconcileProxmoxCluster(
  key: string,
  context: Context,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const { stores, clusters } = context;
  const known = stores.clusters.get(key);
  if (known === undefined) {
    clusters.close(key);
    return { kind: 'done' };
  }
  const kept = { type: resources.proxmoxCluster, store: stores.clusters };
  const virtualMachines = stores.virtualMachines.byIndex(INDEX.cluster, key).length;
  const cluster = await keptWhileInUse(context, kept, known, virtualMachines > 0);
  if (cluster === undefined || (cluster.metadata.deletionTimestamp !== undefined && virtualMachines === 0)) {
    clusters.close(key);
    return { kind: 'done' };
  }
  const sight = await look(key, context);
  if (signal.aborted) return { kind: 'done' };
  const facts = { cluster, ...sight, virtualMachines, now: context.now() };
  await report(context, kept, cluster, proxmoxClusterStatus(facts));
  return { kind: 'after', ms: RECHECK_MS };
}

interface Sight {
  snapshot?: ClusterSnapshot;
  check?: ClusterCheck;
  trouble?: Readiness;
}

async function look(name: string, context: Context): Promise<Sight> {
  try {
    const connection = context.clusters.connection(name);
    const health = await knownHealth(connection);
    const snapshot = connection.inventory.snapshot();
    if (health.error !== undefined) return { snapshot, trouble: trouble(health.error, name, context) };
    return { snapshot, ...(await checked(connection, context)) };
  } catch (error) {
    return { trouble: trouble(error, name, context) };
  }
}

/** The health after the first poll: before it there is nothing to tell. */
async function knownHealth({ inventory }: ClusterConnection): Promise<InventoryHealth> {
  if (inventory.health.state === 'unknown') await inventory.refresh().catch(() => undefined);
  return inventory.health;
}

interface Remembered {
  /** What was seen when the check was made: another sight asks for another check. */
  sight: string;
  until: number;
  result: Sight;
}

/** A new token or spec makes a new connection, so what was learnt with the old one is forgotten with it. */
const checks = new WeakMap<ClusterConnection, Remembered>();

async function checked(connection: ClusterConnection, context: Context): Promise<Sight> {
  const sight = JSON.stringify([connection.inventory.health.since, nodeStates(connection)]);
  const remembered = checks.get(connection);
  if (remembered?.sight === sight && context.now() < remembered.until) return remembered.result;
  const result = await check(connection, context);
  const keptMs = isGood(result) ? CHECK_KEPT_MS : BAD_CHECK_KEPT_MS;
  checks.set(connection, { sight, until: context.now() + keptMs, result });
  return result;
}

async function check({ api, name }: ClusterConnection, context: Context): Promise<Sight> {
  try {
    const [{ version }, { quorate }, permissions] = await Promise.all([
      api.version(),
      api.clusterStatus(),
      api.permissions(),
    ]);
    return { check: { version, quorate, permissions } };
  } catch (error) {
    return { trouble: trouble(error, name, context) };
  }
}

function isGood({ check: made }: Sight): boolean {
  return made !== undefined && made.quorate && missingPrivileges(made.permissions).length === 0;
}

function nodeStates({ inventory }: ClusterConnection): string[] {
  return [...(inventory.snapshot()?.nodes.values() ?? [])].map(({ name, status }) => `${name}=${status}`).sort();
}

function trouble(error: unknown, name: string, { log }: Context): Readiness {
  const known = troubleOf(pveTrouble(error, name));
  if (known.class === 'defect') log.error({ err: error, cluster: name }, 'Looking at a cluster failed');
  const state = known.class === 'stalled' || known.class === 'defect' ? 'stalled' : 'waiting';
  return { state, reason: known.reason, message: known.message };
}
