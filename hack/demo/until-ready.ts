// Waits until the machines of the demo are ready, and shows how far they are meanwhile.
import type { ControlPlane } from '../control-plane/control-plane.ts';
import type { LiveView } from './live-view.ts';
import { progressOf, type VmProgress } from './progress.ts';
import { watchMachines } from './watch.ts';

/** The machines are not ready, and it makes no sense to wait longer. */
export class NotReadyError extends Error {
  override name = 'NotReadyError';
}

/** What is waited for. */
export interface Wait {
  wanted: readonly { namespace: string; name: string }[];
  view: Pick<LiveView, 'update'>;
  timeoutMs: number;
}

const checkMs = 250;
const collection = '/apis/pve-operator.io/v1alpha1/virtualmachines';

/** Resolves when all wanted machines are ready. Rejects with NotReadyError after the time-out or when a server ends. */
export async function untilReady(
  stage: { plane: Pick<ControlPlane, 'kubectlPath' | 'kubeconfig'>; failure(): Error | undefined },
  { wanted, view, timeoutMs }: Wait,
): Promise<void> {
  const over = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const known = new Map<string, VmProgress>();
  const keys = wanted.map(({ namespace, name }) => `${namespace}/${name}`);
  const isDone = (): boolean => keys.every((key) => known.get(key)?.ready === true);
  const watched = watchMachines(
    { kubectl: stage.plane.kubectlPath, kubeconfig: stage.plane.kubeconfig, path: collection },
    (vm) => {
      const key = `${vm.metadata.namespace}/${vm.metadata.name}`;
      const progress = progressOf(vm, known.get(key));
      known.set(key, progress);
      view.update(progress);
      if (isDone()) resolve();
    },
    over.signal,
  );
  const deadline = setTimeout(() => {
    const late = keys.filter((key) => known.get(key)?.ready !== true);
    reject(new NotReadyError(`Not ready after ${timeoutMs / 1000} s: ${late.join(', ')}`));
  }, timeoutMs);
  const check = setInterval(() => {
    const failure = stage.failure();
    if (failure !== undefined) reject(new NotReadyError(failure.message));
  }, checkMs);
  try {
    await promise;
  } finally {
    clearTimeout(deadline);
    clearInterval(check);
    over.abort();
    await watched;
  }
}
