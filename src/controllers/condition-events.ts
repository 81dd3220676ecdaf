// Tells people with one event that something out of the ordinary has come up, where a status is written that shows it.
import type { ConditionType } from '../api/conditions.ts';
import type { Condition } from '../api/object.ts';
import type { KubeObject } from '../kube/types.ts';
import type { Context } from './context.ts';

/** What no failure of a step tells: a pipeline goes on in spite of it, or none runs. */
const TOLD: ReadonlySet<ConditionType> = new Set<ConditionType>(['DriftDetected', 'ShrinkRefused', 'ConsentRequired']);

type WithConditions = KubeObject & { status?: { conditions?: Condition[] } };

/** One Warning for each condition that `after` shows and `before` did not. */
export function tellRaised(
  { events }: Pick<Context, 'events'>,
  before: WithConditions,
  after: WithConditions,
  told: ReadonlySet<string> = TOLD,
): void {
  const known = new Set(raised(before, told).map(({ type }) => type));
  for (const { type, reason, message } of raised(after, told))
    if (!known.has(type)) events.emit(after, { type: 'Warning', reason, message });
}

function raised({ status }: WithConditions, told: ReadonlySet<string>): Condition[] {
  return (status?.conditions ?? []).filter((condition) => told.has(condition.type) && condition.status === 'True');
}
