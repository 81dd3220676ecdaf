// Faults: requests that fail before or after they took effect, as a test or the control port asks for.
import { Random } from './random.ts';

/** Which requests a fault is for. */
export interface FaultMatch {
  method?: string | undefined;
  /** Tested against the path below /api2/json. */
  path?: RegExp | undefined;
  /** The n-th matching request (1 is the first); with `times` the ones after it too. */
  nth?: number | undefined;
  /** Strikes only that share of the matching requests (0 to 1), drawn from the simulator's seed. */
  share?: number | undefined;
}

/** An answer in place of the real one. */
interface FaultAnswer {
  status: number;
  reason: string;
  body?: string | undefined;
}

/** Ends (or stops) a process on this machine, as the client's crash at this very request; its connection is reset. */
export interface FaultKill {
  kill: number;
  /** Default SIGKILL. */
  signal?: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | undefined;
}

/** A request that a fault strikes; paths are below /api2/json. */
export interface StruckRequest {
  method: string;
  path: string;
  params: Readonly<Record<string, unknown>>;
}

/** What a test does while the request is held, for example as somebody who was faster. */
export interface FaultPause {
  meanwhile(request: StruckRequest): void | Promise<void>;
}

/**
 * What happens: the connection is reset, never answered (`timeout`), broken in the middle of the body (`truncate`),
 * slow as a whole (`delayMs`) or byte by byte (`dripMs`), held while something else happens, the death of the client,
 * or answered otherwise.
 */
export type FaultEffect =
  'reset' | 'timeout' | 'truncate' | { delayMs: number } | { dripMs: number } | FaultPause | FaultKill | FaultAnswer;

export interface Fault {
  match: FaultMatch;
  /** `before`: the request never reaches the API; `after`: it took effect, only the answer is lost. */
  when: 'before' | 'after';
  effect: FaultEffect;
  /** How often; default once. */
  times?: number | undefined;
}

interface Armed {
  id: number;
  fault: Fault;
  seen: number;
  left: number;
}

/** The faults that wait for their request. */
export class Faults {
  #armed: Armed[] = [];
  #nextId = 1;
  readonly #random: Random;

  constructor(seed = 1) {
    this.#random = new Random(seed);
  }

  /** Arms a fault; the answer removes it. */
  add(fault: Fault): () => void {
    const armed = { id: this.#nextId++, fault, seen: 0, left: fault.times ?? 1 };
    this.#armed.push(armed);
    return () => {
      this.#armed = this.#armed.filter((other) => other !== armed);
    };
  }

  clear(): void {
    this.#armed = [];
  }

  /** The faults still waiting. */
  list(): Fault[] {
    return this.#armed.map((armed) => armed.fault);
  }

  /** The fault that strikes this request, if any; counts it. */
  take(method: string, path: string): Fault | undefined {
    const armed = this.#armed.find((one) => matches(one.fault.match, method, path) && this.#strikes(one));
    if (armed === undefined) return undefined;
    armed.left -= 1;
    if (armed.left <= 0) this.#armed = this.#armed.filter((other) => other !== armed);
    return armed.fault;
  }

  #strikes(armed: Armed): boolean {
    const { nth = 1, share } = armed.fault.match;
    armed.seen += 1;
    return armed.seen >= nth && (share === undefined || this.#random.next() < share);
  }
}

function matches(match: FaultMatch, method: string, path: string): boolean {
  return (match.method ?? method) === method && (match.path?.test(path) ?? true);
}
