// How long a thread that has nothing to do waits for a processor: what the machine itself adds to whatever is measured.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

/** Delays of a timer of one millisecond, in milliseconds. */
export interface Delays {
  p99: number;
  max: number;
}

const NS_PER_MS = 1e6;
const TIMER_MS = 1;

/** A thread beside this one that does nothing but look at the clock. */
export class IdleThread implements AsyncDisposable {
  readonly #worker = new Worker(new URL(import.meta.url));

  /** The delays since the last time that they were asked for. */
  async delays(): Promise<Delays> {
    const { promise, resolve, reject } = Promise.withResolvers<Delays>();
    this.#worker.once('message', resolve).once('error', reject);
    this.#worker.postMessage('delays', []);
    try {
      return await promise;
    } finally {
      this.#worker.off('error', reject);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}

if (!isMainThread) watchTheClock();

function watchTheClock(): void {
  const histogram = monitorEventLoopDelay({ resolution: TIMER_MS });
  histogram.enable();
  parentPort?.on('message', () => {
    const delays: Delays = { p99: histogram.percentile(99) / NS_PER_MS, max: histogram.max / NS_PER_MS };
    histogram.reset();
    parentPort?.postMessage(delays, []);
  });
}
