// The locks on configuration files (flock): exclusive or shared, with a time to wait for them.
import type { SimClock } from '../clock.ts';
import { failure } from '../errors.ts';

interface Waiter {
  shared: boolean;
  grant: () => void;
}

interface LockState {
  exclusive: boolean;
  sharedHolders: number;
  queue: Waiter[];
}

/** How a lock is taken. */
export interface LockRequest {
  /** What is locked, for example `pve1/401`. */
  key: string;
  /** The lock's file in the time-out message. */
  file: string;
  timeoutMs: number;
  shared?: boolean;
  /** Called once when the lock is not free; the answer is called when it was got. */
  onWait?: () => () => void;
}

/** All file locks of the cluster. */
export class FileLocks {
  readonly #clock: SimClock;
  readonly #locks = new Map<string, LockState>();

  constructor(clock: SimClock) {
    this.#clock = clock;
  }

  isHeld(key: string): boolean {
    return this.#locks.has(key);
  }

  /** Runs the work while the lock is held; fails with `got timeout` when it stays busy. */
  hold<T>(request: LockRequest, work: () => T | Promise<T>): Promise<T> {
    const state = this.#locks.get(request.key) ?? { exclusive: false, sharedHolders: 0, queue: [] };
    this.#locks.set(request.key, state);
    const shared = request.shared === true;
    if (!this.#isFree(state, shared))
      return this.#wait(state, request, shared).then(() => this.#run(request, state, work));
    this.#take(state, shared);
    return this.#run(request, state, work);
  }

  /** Work that ends at once gives the lock back at once, so that calls of the same moment do not see it. */
  #run<T>(request: LockRequest, state: LockState, work: () => T | Promise<T>): Promise<T> {
    const release = (): void => this.#release(request.key, state, request.shared === true);
    let result: T | Promise<T>;
    try {
      result = work();
    } catch (error) {
      release();
      return Promise.reject(error);
    }
    if (result instanceof Promise) return result.finally(release);
    release();
    return Promise.resolve(result);
  }

  #isFree(state: LockState, shared: boolean): boolean {
    return shared ? !state.exclusive : !state.exclusive && state.sharedHolders === 0;
  }

  #take(state: LockState, shared: boolean): void {
    if (shared) state.sharedHolders += 1;
    else state.exclusive = true;
  }

  async #wait(state: LockState, request: LockRequest, shared: boolean): Promise<void> {
    const got = request.onWait?.();
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        shared,
        grant: () => {
          cancel();
          resolve();
        },
      };
      const cancel = this.#clock.after(request.timeoutMs, () => {
        state.queue = state.queue.filter((other) => other !== waiter);
        reject(failure(`can't lock file '${request.file}' - got timeout`));
      });
      state.queue.push(waiter);
    });
    got?.();
  }

  #release(key: string, state: LockState, shared: boolean): void {
    if (shared) state.sharedHolders -= 1;
    else state.exclusive = false;
    for (let next = state.queue[0]; next !== undefined && this.#isFree(state, next.shared); next = state.queue[0]) {
      state.queue.shift();
      this.#take(state, next.shared);
      next.grant();
    }
    if (!state.exclusive && state.sharedHolders === 0 && state.queue.length === 0) this.#locks.delete(key);
  }
}
