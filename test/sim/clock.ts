// Time for the simulator: real time scaled by a speed, or virtual time that a test moves by hand.

/** What the simulator asks of time. All durations are milliseconds of simulated time. */
export interface SimClock {
  /** Milliseconds since the epoch, in simulated time. */
  now(): number;
  /** Resolves after that much simulated time. */
  sleep(ms: number): Promise<void>;
  /** Calls back after that much simulated time; the answer cancels it. Never keeps the process alive. */
  after(ms: number, callback: () => void): () => void;
}

/** Wall-clock time, running `speed` times as fast; with `Infinity` every wait is over at once. */
export class RealClock implements SimClock {
  readonly #speed: number;
  readonly #startedAt = Date.now();
  readonly #beganAt: number;

  /** Simulated time begins now unless told. */
  constructor(speed = 1, beganAt?: number) {
    this.#speed = speed;
    this.#beganAt = beganAt ?? this.#startedAt;
  }

  now(): number {
    if (!Number.isFinite(this.#speed)) return Date.now();
    return this.#beganAt + (Date.now() - this.#startedAt) * this.#speed;
  }

  sleep(ms: number): Promise<void> {
    if (!Number.isFinite(this.#speed)) return new Promise((resolve) => setImmediate(resolve));
    return new Promise((resolve) => setTimeout(resolve, ms / this.#speed));
  }

  after(ms: number, callback: () => void): () => void {
    // Without a scale there is no sensible moment for background work, so it keeps its real pace.
    const divisor = Number.isFinite(this.#speed) ? this.#speed : 1;
    const timer = setTimeout(callback, ms / divisor);
    timer.unref();
    return () => clearTimeout(timer);
  }
}

interface Timer {
  at: number;
  order: number;
  callback: () => void;
}

/** Time that stands still until `advance` moves it; timers fire in order, work they start runs before the next one. */
export class VirtualClock implements SimClock {
  #now: number;
  #order = 0;
  #timers: Timer[] = [];

  constructor(startMs = Date.UTC(2026, 10, 22, 5, 0, 0)) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves time on, running everything that falls due on the way. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) {
      await this.#fire(next);
    }
    this.#now = end;
  }

  /** Moves time on until the promise has settled; fails when no timer is left that could settle it. */
  async runUntil<T>(promise: Promise<T>): Promise<T> {
    const state = { done: false };
    const watched = promise.finally(() => {
      state.done = true;
    });
    watched.catch(() => undefined);
    await settled();
    while (!state.done) {
      const next = this.#next();
      if (next === undefined) throw new Error('nothing is scheduled that could end this wait');
      await this.#fire(next);
    }
    return watched;
  }

  async #fire(timer: Timer): Promise<void> {
    this.#timers = this.#timers.filter((other) => other !== timer);
    this.#now = Math.max(this.#now, timer.at);
    timer.callback();
    await settled();
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order))
        first = timer;
    }
    return first;
  }
}

/** Resolves once all promise callbacks that are ready have run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
