// What a sweep remembers of each VM: whether a look shows news, and when the VM was last looked at in full.
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { ObservedVm } from '../machine/facts.ts';
import type { Sighting } from './sweep-sightings.ts';

/** In long rounds every so many looks at a VM one is a full one: those take about half of the calls then. */
const FULL_EVERY = 4;

interface Remembered {
  /** The digest of the configuration. */
  digest: string | undefined;
  /** What every look shows. */
  always: string;
  /** What only the last full look has shown. */
  inFull: string | undefined;
  looksSinceFull: number;
}

/** Kept for the VMs of the last round and of this one, so that those that are gone are forgotten. */
export class SweepMemory {
  #before = new Map<string, Remembered>();
  #now = new Map<string, Remembered>();
  #strangers = 0;

  beginRound(): void {
    this.#before = this.#now;
    this.#now = new Map();
  }

  /** The digest of the configuration as it was seen last. */
  digest(uid: string): string | undefined {
    return this.#known(uid)?.digest;
  }

  /** Whether it is the VM's turn for a full look. Those that were never seen take turns as well. */
  isDueInFull(uid: string): boolean {
    return this.#looksSinceFull(uid) >= FULL_EVERY - 1;
  }

  #looksSinceFull(uid: string): number {
    return this.#known(uid)?.looksSinceFull ?? this.#strangers % FULL_EVERY;
  }

  /** Keeps what is known of a VM that could not be looked at in this round. */
  keep(uid: string): void {
    const known = this.#before.get(uid);
    if (known !== undefined) this.#now.set(uid, known);
  }

  /** Whether a look shows anything that the one before has not shown. */
  takeIn(vm: VirtualMachine, sighting: Sighting): boolean {
    const uid = vm.metadata.uid ?? '';
    const known = this.#known(uid);
    const isFull = sighting.firewall !== undefined;
    const always = alwaysSeen(vm, sighting.observed);
    const inFull = isFull ? JSON.stringify([sighting.firewall, sighting.pending]) : known?.inFull;
    const looksSinceFull = isFull ? 0 : this.#looksSinceFull(uid) + 1;
    if (known === undefined) this.#strangers += 1;
    this.#now.set(uid, { digest: digestOf(sighting.observed), always, inFull, looksSinceFull });
    return known?.always !== always || known.inFull !== inFull;
  }

  #known(uid: string): Remembered | undefined {
    return this.#now.get(uid) ?? this.#before.get(uid);
  }
}

function digestOf(observed: ObservedVm): string | undefined {
  return observed.kind === 'ours' ? observed.digest : undefined;
}

// With what was declared since: the same sight is judged anew then.
function alwaysSeen({ metadata, status }: VirtualMachine, observed: ObservedVm): string {
  const { config: _config, ...seen } = observed.kind === 'ours' ? observed : { ...observed, config: undefined };
  return JSON.stringify([metadata.generation, status?.settledAt, seen]);
}
