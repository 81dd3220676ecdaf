// Answers for writing status: only the difference, only onto the state it was computed from, and not at all when equal.
import type { KubeClient } from './client.ts';
import type { KubeObject, ResourceType } from './types.ts';

/** A patch in JSON merge semantics (RFC 7396): null deletes, lists are replaced as a whole. */
export type MergePatch = { [key: string]: unknown };

/**
 * The smallest merge patch that turns `from` into `to`; undefined when they are equal. A field that is undefined or null
 * counts as absent, because the API server stores neither.
 */
export function statusDiff(from: object | undefined, to: object): MergePatch | undefined {
  const patch = objectDiff(from ?? {}, to);
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/**
 * Writes `nextStatus` over the status of `current`, through the status subresource.
 *
 * @throws KubeError Conflict when the object changed since `current` was read.
 */
export async function patchStatus<T extends KubeObject & { status?: object }>(
  client: Pick<KubeClient, 'patch'>,
  type: ResourceType<T>,
  current: T,
  nextStatus: NonNullable<T['status']>,
): Promise<{ written: boolean; object: T }> {
  const status = statusDiff(current.status, nextStatus);
  if (status === undefined) return { written: false, object: current };
  const { name, namespace, resourceVersion } = current.metadata;
  const body = { metadata: { resourceVersion }, status };
  const object = await client.patch(type, { name, namespace }, body, { kind: 'merge', subresource: 'status' });
  return { written: true, object };
}

/** Equality of JSON values; the order of keys does not count, absent and undefined are the same. */
export function isEqualJson(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => isEqualJson(item, b[i]))
    );
  }
  if (isObject(a) && isObject(b)) return Object.keys(objectDiff(a, b)).length === 0;
  return (a ?? undefined) === (b ?? undefined);
}

function objectDiff(from: object, to: object): MergePatch {
  const before = from as Record<string, unknown>;
  const after = to as Record<string, unknown>;
  const patch: MergePatch = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const was = before[key] ?? undefined;
    const is = after[key] ?? undefined;
    if (isEqualJson(was, is)) continue;
    if (is === undefined) patch[key] = null;
    else patch[key] = isObject(was) && isObject(is) ? objectDiff(was, is) : is;
  }
  return patch;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
