// When each VM ran, as the RRD files remember it: they belong to the VMID and outlive restarts of the VM.

/** Seconds since the epoch; without an end it runs still. */
export interface RunPeriod {
  from: number;
  to?: number;
}

interface Entry {
  knownSince: number;
  periods: RunPeriod[];
}

/** Older periods of a VM are forgotten; its RRD rows then say that it did not run. */
const keptPeriods = 200;

export class RunHistory {
  readonly #entries = new Map<number, Entry>();

  /** The first broadcast of a VM opens its file. */
  seen(vmid: number, at: number): void {
    if (!this.#entries.has(vmid)) this.#entries.set(vmid, { knownSince: at, periods: [] });
  }

  started(vmid: number, at: number): void {
    this.seen(vmid, at);
    const periods = this.#entries.get(vmid)?.periods ?? [];
    periods.push({ from: at });
    if (periods.length > keptPeriods) periods.shift();
  }

  stopped(vmid: number, at: number): void {
    const last = this.#entries.get(vmid)?.periods.at(-1);
    if (last !== undefined) last.to ??= at;
  }

  /** When rows begin; never for a VM that was not seen. */
  knownSince(vmid: number): number {
    return this.#entries.get(vmid)?.knownSince ?? Infinity;
  }

  of(vmid: number): readonly RunPeriod[] {
    return this.#entries.get(vmid)?.periods ?? [];
  }

  save(): Map<number, Entry> {
    return this.#entries;
  }

  restore(saved: ReadonlyMap<number, Entry>): void {
    this.#entries.clear();
    for (const [vmid, entry] of saved) this.#entries.set(vmid, entry);
  }
}
