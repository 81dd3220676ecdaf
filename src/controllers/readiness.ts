// What the cluster-scoped kinds share: telling whether an object can be used, and keeping it while something uses it.
import type { Condition } from '../api/object.ts';
import { GROUP } from '../api/object.ts';
import type { Explanation } from '../errors.ts';
import { findCondition, removeCondition, setCondition } from '../kube/conditions.ts';
import { addFinalizer, removeFinalizer } from '../kube/finalizers.ts';
import { patchStatus } from '../kube/status.ts';
import type { KubeObject, ResourceType } from '../kube/types.ts';
import type { Context, Store } from './context.ts';

/** On a cluster while VirtualMachines live on it, and on a pool while addresses of it are allocated. */
export const IN_USE_FINALIZER = `${GROUP}/in-use`;

/** Whether an object can be used, and why. 'waiting' passes by itself; 'stalled' needs a person. */
export interface Readiness extends Explanation {
  state: 'ready' | 'waiting' | 'stalled';
}

/** An object whose status carries conditions. */
export type ReadyObject = KubeObject & { status?: { observedGeneration?: number; conditions?: Condition[] } };

/** Where the objects of a kind are. */
export interface Kept<T extends KubeObject> {
  type: ResourceType<T>;
  store: Store<T>;
}

const LONGEST_MESSAGE = 1_024;

/** The conditions of an object that is in this state. `now` is in milliseconds since the epoch. */
export function readinessConditions(
  { metadata, status }: ReadyObject,
  { state, reason, message }: Readiness,
  now: number,
): Condition[] {
  const said = { reason, message: message.slice(0, LONGEST_MESSAGE), observedGeneration: metadata.generation };
  const ready = setCondition(
    status?.conditions,
    { ...said, type: 'Ready', status: state === 'ready' ? 'True' : 'False' },
    now,
  );
  const all =
    state === 'stalled'
      ? setCondition(ready, { ...said, type: 'Stalled', status: 'True' }, now)
      : removeCondition(ready, 'Stalled');
  return [...all];
}

export function isReady(status: ReadyObject['status']): boolean {
  return findCondition(status?.conditions, 'Ready')?.status === 'True';
}

/** Writes the status when it differs from the object's, and tells with an event when readiness turned. */
export async function report<T extends ReadyObject>(
  { client, events }: Pick<Context, 'client' | 'events'>,
  { type, store }: Kept<T>,
  current: T,
  status: NonNullable<T['status']>,
): Promise<void> {
  const { written, object } = await patchStatus(client, type, current, status);
  if (!written) return;
  store.observe(object);
  const before = findCondition(current.status?.conditions, 'Ready');
  const after = findCondition(status.conditions, 'Ready');
  if (after === undefined || (before?.status === after.status && before.reason === after.reason)) return;
  const { reason, message } = after;
  events.emit(object, { type: after.status === 'True' ? 'Normal' : 'Warning', reason, message });
}

/**
 * The object with the finalizer while it is in use and without it otherwise; undefined when that was the last thing
 * that kept a deleted object.
 */
export async function keptWhileInUse<T extends KubeObject>(
  { client }: Pick<Context, 'client'>,
  { type, store }: Kept<T>,
  object: T,
  inUse: boolean,
): Promise<T | undefined> {
  // The API server takes no new finalizers on an object that is being deleted.
  if (inUse && object.metadata.deletionTimestamp !== undefined) return object;
  const next = inUse
    ? await addFinalizer(client, type, object, IN_USE_FINALIZER)
    : await removeFinalizer(client, type, object, IN_USE_FINALIZER);
  if (next === undefined || isGone(next)) {
    store.forget(object);
    return undefined;
  }
  if (next !== object) store.observe(next);
  return next;
}

// The answer to the write that takes the last finalizer away is the object as it was at its end.
function isGone({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0;
}
