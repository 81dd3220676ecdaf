// Faults: requests that fail before or after they took effect, as a test or the control port asks for.

/** Which requests a fault is for. */
export interface FaultMatch {
  method?: string;
  /** Tested against the path below /api2/json. */
  path?: RegExp;
  /** The n-th matching request (1 is the first); with `times` the ones after it too. */
  nth?: number;
}

/** An answer in place of the real one. */
export interface FaultAnswer {
  status: number;
  reason: string;
  body?: string;
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
 * slow as a whole (`delayMs`) or byte by byte (`dripMs`), held while something else happens, or answered otherwise.
 */
export type FaultEffect =
  'reset' | 'timeout' | 'truncate' | { delayMs: number } | { dripMs: number } | FaultPause | FaultAnswer;

export interface Fault {
  match: FaultMatch;
  /** `before`: the request never reaches the API; `after`: it took effect, only the answer is lost. */
  when: 'before' | 'after';
  effect: FaultEffect;
  /** How often; default once. */
  times?: number;
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
    for (const armed of this.#armed) {
      const { match } = armed.fault;
      if (match.method !== undefined && match.method !== method) continue;
      if (match.path !== undefined && !match.path.test(path)) continue;
      armed.seen += 1;
      if (match.nth !== undefined && armed.seen < match.nth) continue;
      armed.left -= 1;
      if (armed.left <= 0) this.#armed = this.#armed.filter((other) => other !== armed);
      return armed.fault;
    }
    return undefined;
  }
}
