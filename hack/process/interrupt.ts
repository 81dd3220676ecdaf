// Turns the signals that ask a process to end into a promise, so that everything is ended in order.
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Resolves with the first signal that asks this process to end. Until then and after, such a signal does nothing by
 * itself: npm and the terminal both send one for a single Ctrl-C, and the second must not cut the clean-up short.
 * Before this is called a signal ends the process at once, and the guard cleans up.
 */
export function untilInterrupted(): Promise<NodeJS.Signals> {
  return new Promise((done) => {
    // An unresolved promise does not keep Node running, a timer does.
    const keepAlive = setInterval(() => {}, 60_000);
    for (const signal of signals) {
      process.on(signal, () => {
        clearInterval(keepAlive);
        done(signal);
      });
    }
  });
}
