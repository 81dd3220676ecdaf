// Turns the signals that ask a process to end into a promise, so that everything is ended in order.
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** While it is not disposed of, signals that ask this process to end resolve `signal` and do nothing else. */
export interface Interruption extends Disposable {
  readonly signal: Promise<NodeJS.Signals>;
}

/**
 * Catches interruptions from now on. npm and the terminal both send a signal for a single Ctrl-C: the second must not
 * cut the clean-up short, so it is swallowed. Before this is called a signal ends the process at once.
 */
export function catchInterruptions(): Interruption {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  // A promise that is waited for does not keep Node running, a timer does.
  const keepAlive = setInterval(() => {}, 60_000);
  for (const signal of signals) process.on(signal, resolve);
  return {
    signal: promise,
    [Symbol.dispose]() {
      clearInterval(keepAlive);
      for (const signal of signals) process.off(signal, resolve);
    },
  };
}
