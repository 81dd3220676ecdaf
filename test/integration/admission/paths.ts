// The ways in which one and the same change of an object can be sent: each must meet the same refusal.
import type { KubeObject } from '../../../src/kube/types.ts';
import type { Write } from './write.ts';

/** A change as a merge patch says it: null takes a field away. */
export interface Change {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

type Json = Record<string, unknown>;

/** The object after a merge patch (RFC 7386). */
export function merged<T>(target: T, patch: unknown): T {
  if (!isRecord(patch)) return patch as T;
  const result: Json = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result as T;
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The change of an object by every verb of HTTP and kind of patch; `object` is as the API server has it. */
export function editsOf(object: KubeObject, change: Change): readonly { path: string; write: Write }[] {
  const after = merged(object, change);
  const paths: { path: string; write: Write }[] = [
    { path: 'replace', write: { replace: after } },
    { path: 'merge patch', write: { merge: change, of: object } },
    { path: 'JSON patch', write: { json: operations(after, change), of: object } },
  ];
  // An applied configuration cannot take away what another one has set.
  return takesAway(change)
    ? paths
    : [...paths, { path: 'server-side apply', write: { apply: applied(object, change) } }];
}

/** A new object by every verb; `object` is complete. */
export function creationsOf(object: KubeObject): readonly { path: string; write: Write }[] {
  const { name, ...metadata } = object.metadata;
  const unnamed = { ...object, metadata: { ...metadata, generateName: `${name}-` } } as unknown as KubeObject;
  return [
    { path: 'create', write: { create: object } },
    { path: 'create with a generated name', write: { create: unnamed } },
    { path: 'server-side apply', write: { apply: object } },
  ];
}

/** What is applied names the fields that it sets, and the object. */
export function applied({ apiVersion, kind, metadata: { name, namespace } }: KubeObject, change: Change): KubeObject {
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }), ...change.metadata };
  return { apiVersion, kind, metadata, ...(change.spec === undefined ? {} : { spec: change.spec }) };
}

function operations(after: KubeObject, change: Change) {
  return (['spec', 'metadata'] as const).flatMap((part) =>
    Object.keys(change[part] ?? {}).map((key) => {
      const path = `/${part}/${key}`;
      const value = (after as unknown as Record<string, Json>)[part]?.[key];
      return value === undefined ? { op: 'remove' as const, path } : { op: 'add' as const, path, value };
    }),
  );
}

function takesAway(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value === null || (isRecord(value) && Object.values(value).some(takesAway));
}
