// Looks at the VMs of one cluster in turn, for what the cluster's list does not show; never with more calls than its budget.
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { Clock } from '../clock.ts';
import { ADDRESS_SET } from '../domain/firewall.ts';
import { isPaused } from '../domain/operations.ts';
import { keyOf } from '../kube/types.ts';
import type { VmRef } from '../pve/client.ts';
import { PveError } from '../pve/errors.ts';
import type { ClusterSnapshot } from '../pve/inventory.ts';
import type { ClusterConnection } from './clusters.ts';
import { type Context, INDEX } from './context.ts';
import { observedVm } from './observe.ts';
import { SweepMemory } from './sweep-memory.ts';
import type { Sighting } from './sweep-sightings.ts';

/** Default of spec.sweep.callsPerMinute. */
const DEFAULT_CALLS_PER_MINUTE = 60;
/** A VM is not looked at more often, however few there are. */
const SHORTEST_ROUND_MS = 60_000;
/** Rounds that take no longer than this look at everything of every VM. */
const FULL_ROUND_MS = 10 * 60_000;
/** Configuration, firewall options, address set, pending changes. */
const CALLS_OF_FULL_LOOK = 4;
const MINUTE_MS = 60_000;
/** How long is waited where nothing can be looked at. */
const IDLE_MS = 10_000;

export interface SweepInput {
  connection: Pick<ClusterConnection, 'name' | 'spec' | 'api' | 'inventory'>;
  context: Pick<Context, 'stores' | 'sightings' | 'log'>;
  clock: Clock;
  /** 0 to 1: spreads the sweeps of several clusters. */
  random: () => number;
  /** Makes a VM due for its reconcile. */
  enqueue(key: string): void;
}

/** Sweeps until the signal aborts. Never rejects. */
export async function sweepCluster(input: SweepInput, signal: AbortSignal): Promise<void> {
  const { connection, context, clock, random } = input;
  const callsPerMinute = connection.spec.sweep?.callsPerMinute ?? DEFAULT_CALLS_PER_MINUTE;
  if (callsPerMinute === 0) return;
  const sweep = new Sweep(input, MINUTE_MS / callsPerMinute, signal);
  try {
    // After a start there is other work, and its pipelines look for themselves.
    await clock.sleep(SHORTEST_ROUND_MS * (1 + random()), signal);
    while (!signal.aborted) await sweep.round();
  } catch (error) {
    if (!signal.aborted) context.log.error({ err: error, cluster: connection.name }, 'Sweep ended');
  }
}

class Sweep {
  readonly #input: SweepInput;
  readonly #pauseMs: number;
  readonly #signal: AbortSignal;
  readonly #memory = new SweepMemory();
  /** Calls of the look that is being taken. */
  #calls = 0;
  /** The same one is logged once, not at every VM. */
  #lastDefect = '';
  #nextLookAt = Number.NEGATIVE_INFINITY;
  #slotMs: number;

  constructor(input: SweepInput, pauseMs: number, signal: AbortSignal) {
    this.#input = input;
    this.#pauseMs = pauseMs;
    this.#slotMs = pauseMs;
    this.#signal = signal;
  }

  /** One look at every VM at rest. One that becomes so meanwhile is in the next round. */
  async round(): Promise<void> {
    const { clock, connection, context } = this.#input;
    const startedAt = clock.now();
    const keys = context.stores.virtualMachines.byIndex(INDEX.cluster, connection.name).map(keyOf);
    const mostCalls = keys.length * CALLS_OF_FULL_LOOK;
    // Few VMs: their calls are spread over the shortest round instead of coming all at its beginning.
    this.#slotMs = Math.max(this.#pauseMs, SHORTEST_ROUND_MS / Math.max(1, mostCalls));
    const isAllFull = mostCalls * this.#slotMs <= FULL_ROUND_MS;
    this.#memory.beginRound();
    for (const key of keys) await this.#turn(key, isAllFull);
    const restMs = startedAt + SHORTEST_ROUND_MS - clock.now();
    if (restMs > 0) await clock.sleep(restMs, this.#signal);
  }

  async #turn(key: string, isAllFull: boolean): Promise<void> {
    await this.#untilReachable();
    if (this.#target(key) === undefined) return;
    await this.#untilAffordable();
    const target = this.#target(key);
    if (target === undefined) return;
    const uid = target.vm.metadata.uid ?? '';
    const startedAt = this.#input.clock.now();
    this.#calls = 0;
    try {
      const sighting = await this.#look(uid, target.ref, isAllFull || this.#memory.isDueInFull(uid));
      this.#handOver(target.vm, sighting);
    } catch (error) {
      if (this.#signal.aborted) throw error;
      this.#memory.keep(uid);
      this.#report(error, target.vm);
    } finally {
      this.#nextLookAt = startedAt + this.#calls * this.#slotMs;
    }
  }

  // The list shows what became of a VM that is not there any more, and of a cluster that does not answer.
  #report(error: unknown, vm: VirtualMachine): void {
    const text = String(error);
    if (error instanceof PveError || text === this.#lastDefect) return;
    this.#lastDefect = text;
    this.#input.context.log.error({ err: error, VirtualMachine: keyOf(vm) }, 'Looking at a VM met a defect');
  }

  /** A cluster that does not answer is asked by its inventory alone. */
  async #untilReachable(): Promise<void> {
    const { clock, connection } = this.#input;
    while (connection.inventory.health.error !== undefined || connection.inventory.snapshot() === undefined)
      await clock.sleep(IDLE_MS, this.#signal);
  }

  /** The VM and where it is, if it is at rest and its node can be asked. */
  #target(key: string): { vm: VirtualMachine; ref: VmRef } | undefined {
    const { connection, context } = this.#input;
    const vm = context.stores.virtualMachines.get(key);
    if (vm === undefined || !isAtRest(vm)) return undefined;
    const ref = whereabouts(connection.inventory.snapshot(), vm.status?.vmid);
    return ref === undefined ? undefined : { vm, ref };
  }

  // The calls of one look come together: what they show is to be of one moment.
  async #look(uid: string, ref: VmRef, isTurn: boolean): Promise<Sighting> {
    const { clock, connection } = this.#input;
    const seenAt = clock.now();
    this.#calls += 1;
    const config = await connection.api.config(ref);
    const observed = observedVm(config, ref.node, { uid, vmid: ref.vmid });
    if (observed.kind !== 'ours' || observed.lock !== undefined) return { seenAt, observed };
    const known = this.#memory.digest(uid);
    const isFull = isTurn || (known !== undefined && known !== config.digest);
    return isFull ? { seenAt, observed, ...(await this.#details(ref)) } : { seenAt, observed };
  }

  async #details(ref: VmRef): Promise<Pick<Sighting, 'firewall' | 'pending'>> {
    const { api, inventory } = this.#input.connection;
    this.#calls += 2;
    const options = await api.firewallOptions(ref);
    const ipset = (await api.ipset(ref, ADDRESS_SET)) ?? undefined;
    const isRunning = inventory.snapshot()?.vms.get(ref.vmid)?.status === 'running';
    return { firewall: { options: { ...options }, ipset }, pending: isRunning ? await this.#pending(ref) : [] };
  }

  async #pending(ref: VmRef): Promise<string[]> {
    this.#calls += 1;
    const entries = await this.#input.connection.api.pending(ref);
    return entries.filter(({ pending, deletion }) => pending !== undefined || deletion).map(({ key }) => key);
  }

  /** Waits until the budget has room again for the look before. */
  async #untilAffordable(): Promise<void> {
    const { clock } = this.#input;
    const restMs = this.#nextLookAt - clock.now();
    if (restMs > 0) await clock.sleep(restMs, this.#signal);
  }

  #handOver(vm: VirtualMachine, sighting: Sighting): void {
    const { context, enqueue } = this.#input;
    // What was found once is compared each time, so that its end is seen whatever ended it.
    if (!this.#memory.takeIn(vm, sighting) && vm.status?.drift === undefined) return;
    context.sightings.put(vm.metadata.uid ?? '', sighting);
    enqueue(keyOf(vm));
  }
}

/** Where a VM is that can be asked for. */
function whereabouts(snapshot: ClusterSnapshot | undefined, vmid = 0): VmRef | undefined {
  const listed = snapshot?.vms.get(vmid);
  if (listed?.type !== 'qemu' || snapshot?.nodes.get(listed.node)?.status !== 'online') return undefined;
  return { node: listed.node, vmid };
}

function isAtRest({ metadata, status, ...vm }: VirtualMachine): boolean {
  const isBusy = status?.state !== 'ready' || status.operation !== undefined;
  return !isBusy && metadata.deletionTimestamp === undefined && !isPaused({ ...vm, metadata });
}
