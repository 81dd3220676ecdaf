// Answers for status.conditions: one entry per type, unchanged when nothing changed.

/** metav1.Condition; `lastTransitionTime` is RFC 3339. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  /** CamelCase, never empty. */
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

/**
 * The list with the condition in it, in its old place or at the end. The very same list is returned when nothing
 * changes, and lastTransitionTime moves only when the status does.
 *
 * `now` is in milliseconds since 1970.
 */
export function setCondition(
  list: readonly Condition[] | undefined,
  condition: Omit<Condition, 'lastTransitionTime'>,
  now: number,
): readonly Condition[] {
  const current = list ?? [];
  const index = current.findIndex((entry) => entry.type === condition.type);
  const before = current[index];
  if (before !== undefined && isSame(before, condition)) return current;
  const moved = before === undefined || before.status !== condition.status;
  const lastTransitionTime = moved ? timestamp(now) : before.lastTransitionTime;
  const after = { ...condition, lastTransitionTime };
  return before === undefined ? [...current, after] : current.with(index, after);
}

/** The list without that type; the same list when it is not there. */
export function removeCondition(list: readonly Condition[] | undefined, type: string): readonly Condition[] {
  const current = list ?? [];
  return findCondition(current, type) === undefined ? current : current.filter((entry) => entry.type !== type);
}

export function findCondition(list: readonly Condition[] | undefined, type: string): Condition | undefined {
  return list?.find((entry) => entry.type === type);
}

/** metav1.Time: whole seconds. With fractions the API server would answer a text other than the one that was sent. */
export function timestamp(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19)}Z`;
}

function isSame(a: Condition, b: Omit<Condition, 'lastTransitionTime'>): boolean {
  return (
    a.status === b.status &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.observedGeneration === b.observedGeneration
  );
}
