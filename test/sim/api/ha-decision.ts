// What the high-availability managers do next about a resource: decided from what is wanted and what is.
import type { HaService } from '../state/ha-services.ts';

/** Seconds a guest has to shut down when nobody said otherwise. */
const shutdownTimeoutS = 60;

export type HaStep =
  { do: 'nothing' } | { do: 'start' } | { do: 'stop'; timeoutS: number } | { do: 'migrate'; target: string };

/** The state a resource is in now and the work to begin; `wanted` is started, stopped or disabled. */
export function nextStep(
  wanted: string,
  service: Readonly<HaService>,
  isRunning: boolean,
): { state: HaService['state']; step: HaStep } {
  const nothing: HaStep = { do: 'nothing' };
  if (service.state === 'error') return { state: wanted === 'disabled' ? 'stopped' : 'error', step: nothing };
  if (service.target !== undefined) return { state: 'migrate', step: { do: 'migrate', target: service.target } };
  if (wanted === 'started') return { state: 'started', step: isRunning ? nothing : { do: 'start' } };
  if (!isRunning) return { state: 'stopped', step: nothing };
  return { state: 'request_stop', step: { do: 'stop', timeoutS: service.stopTimeoutS ?? shutdownTimeoutS } };
}

/** How often a start is tried again on its node, and on how many others. */
export interface HaLimits {
  maxRestart: number;
  maxRelocate: number;
}

/** The resource after one more failed start on that node; `elsewhere` is the node to try next, if there is one. */
export function afterFailedStart(
  service: Readonly<HaService>,
  { maxRestart, maxRelocate }: HaLimits,
  { node, elsewhere }: { node: string; elsewhere: string | undefined },
): HaService {
  const failedStarts = service.failedStarts + 1;
  if (failedStarts <= maxRestart) return { ...service, failedStarts };
  const failedNodes = [...service.failedNodes, node];
  if (failedNodes.length > maxRelocate) return { ...service, failedStarts, failedNodes, state: 'error' };
  return { ...service, failedStarts: 0, failedNodes, target: elsewhere };
}
