// What the sweep has seen of VMs at rest, on its way to their reconciles: only those write a VM's status.
import type { ObservedFirewall, ObservedVm } from '../machine/facts.ts';

/** One look at one VM. */
export interface Sighting {
  /** When the look began, in milliseconds since the epoch. */
  seenAt: number;
  observed: ObservedVm;
  /** Absent: not looked at this time. */
  firewall?: ObservedFirewall;
  /** Options whose change waits for a start; absent: not looked at this time. */
  pending?: readonly string[];
}

/** The newest look at each VM that its reconcile has not taken in yet, by the UID of the VM. */
export class Sightings {
  readonly #byUid = new Map<string, Sighting>();

  put(uid: string, sighting: Sighting): void {
    this.#byUid.set(uid, sighting);
  }

  get(uid: string | undefined): Sighting | undefined {
    return uid === undefined ? undefined : this.#byUid.get(uid);
  }

  /** Takes a look away after it was written down, unless a newer one has come. */
  done(uid: string | undefined, sighting: Sighting | undefined): void {
    if (uid !== undefined && this.#byUid.get(uid) === sighting) this.#byUid.delete(uid);
  }

  /** For a VM that is gone. */
  forget(uid: string): void {
    this.#byUid.delete(uid);
  }
}
