// What the API server in memory stores: versions, generations, finalizers and schemas, as the real one handles them.
import { KINDS } from '../../src/api/kinds.ts';
import { GROUP, type Kind } from '../../src/api/object.ts';
import { timestamp } from '../../src/kube/conditions.ts';
import { KubeError } from '../../src/kube/errors.ts';
import { isEqualJson } from '../../src/kube/status.ts';
import { apiVersionOf, keyOf, type KubeObject, type ObjectMeta, type ResourceType } from '../../src/kube/types.ts';

/** Any object, with the parts that the server treats differently. */
export interface StoredObject extends KubeObject {
  metadata: ObjectMeta;
  spec?: unknown;
  status?: unknown;
}

export interface Target {
  name: string;
  namespace?: string;
}

/** All objects of all kinds. Objects that it hands out are frozen: whoever changes one shares it with others. */
export class KubeState {
  readonly #now: () => number;
  readonly #objects = new Map<string, Map<string, StoredObject>>();
  #version = 0;
  #uids = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  get version(): string {
    return String(this.#version);
  }

  list(type: ResourceType<KubeObject>): StoredObject[] {
    return [...this.#of(type).values()];
  }

  find(type: ResourceType<KubeObject>, key: string): StoredObject | undefined {
    return this.#of(type).get(key);
  }

  /** @throws KubeError NotFound */
  read(type: ResourceType<KubeObject>, target: Target): StoredObject {
    const stored = this.find(type, keyOf({ metadata: target }));
    if (stored === undefined) throw refusal('NotFound', type, target, 'not found');
    return stored;
  }

  /** What a create would store. The status is dropped: it is written through its own subresource only. */
  drafted(type: ResourceType<KubeObject>, object: Partial<StoredObject> & { metadata: ObjectMeta }): StoredObject {
    const { name, namespace } = object.metadata;
    if (this.find(type, keyOf(object)) !== undefined)
      throw refusal('AlreadyExists', type, { name, namespace }, 'already exists');
    const { status, ...rest } = json(object);
    const { deletionTimestamp: _ignored, ...metadata } = rest.metadata;
    const content = hasStatus(type) || status === undefined ? rest : { ...rest, status };
    return checked(type, { ...content, metadata: this.#born(metadata) } as StoredObject);
  }

  /** Puts an object there as it is, status and all, without a look at its schema. */
  seed(type: ResourceType<KubeObject>, object: Partial<StoredObject> & { metadata: ObjectMeta }): StoredObject {
    const content = json(object);
    return this.store(type, {
      ...content,
      metadata: { ...this.#born(content.metadata), ...content.metadata },
    } as StoredObject);
  }

  /**
   * What a write turns `current` into; `current` itself when it changes nothing.
   *
   * @throws KubeError Conflict for another resourceVersion or uid, Invalid for what the schema refuses.
   */
  changed(
    type: ResourceType<KubeObject>,
    current: StoredObject,
    wanted: StoredObject,
    subresource?: 'status',
  ): StoredObject {
    this.#demandSame(type, current, wanted.metadata);
    const next = subresource === 'status' ? statusChanged(current, wanted) : mainChanged(type, current, wanted);
    if (isEqualJson(next, current)) return current;
    const { generation } = current.metadata;
    const specMoved = !isEqualJson(contentOf(next), contentOf(current));
    const metadata = { ...next.metadata, ...(specMoved ? { generation: (generation ?? 0) + 1 } : {}) };
    return checked(type, { ...next, metadata });
  }

  /** Stores an object under a new resourceVersion; one that is being deleted and has no finalizer left goes. */
  store(type: ResourceType<KubeObject>, object: StoredObject): StoredObject {
    this.#version += 1;
    const metadata = { ...object.metadata, resourceVersion: this.version };
    const stored = frozen({ ...object, apiVersion: apiVersionOf(type), kind: type.kind, metadata });
    if (metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0)
      this.#of(type).delete(keyOf(stored));
    else this.#of(type).set(keyOf(stored), stored);
    return stored;
  }

  /** Deletes an object, or marks it while finalizers hold it. */
  remove(type: ResourceType<KubeObject>, target: Target, expected: { uid?: string; resourceVersion?: string }): void {
    const current = this.read(type, target);
    this.#demandSame(type, current, { ...target, ...expected });
    if (current.metadata.deletionTimestamp !== undefined) return;
    const { generation = 1 } = current.metadata;
    const deletionTimestamp = timestamp(this.#now());
    this.store(type, { ...current, metadata: { ...current.metadata, deletionTimestamp, generation: generation + 1 } });
  }

  /** Deletes what has owners of which none exists any more; returns how many objects that were. */
  collectGarbage(): number {
    const all = [...this.#objects.values()].flatMap((objects) => [...objects.values()]);
    const uids = new Set(all.map((object) => object.metadata.uid));
    let collected = 0;
    for (const objects of this.#objects.values()) {
      for (const [key, object] of objects) {
        const owners = object.metadata.ownerReferences ?? [];
        if (owners.length === 0 || owners.some((owner) => uids.has(owner.uid))) continue;
        objects.delete(key);
        collected += 1;
      }
    }
    return collected === 0 ? 0 : collected + this.collectGarbage();
  }

  #of(type: ResourceType<KubeObject>): Map<string, StoredObject> {
    const name = `${type.group}/${type.plural}`;
    const objects = this.#objects.get(name) ?? new Map<string, StoredObject>();
    this.#objects.set(name, objects);
    return objects;
  }

  #born(metadata: ObjectMeta): ObjectMeta {
    const creationTimestamp = timestamp(this.#now());
    return { ...metadata, uid: this.#nextUid(), generation: 1, creationTimestamp };
  }

  /** Counted, so that a run with the same writes gives the same names and stamps. */
  #nextUid(): string {
    this.#uids += 1;
    return `00000000-0000-4000-8000-${String(this.#uids).padStart(12, '0')}`;
  }

  #demandSame(type: ResourceType<KubeObject>, current: StoredObject, expected: ObjectMeta): void {
    const { uid, resourceVersion } = expected;
    const isOther = uid !== undefined && uid !== current.metadata.uid;
    const isOld = resourceVersion !== undefined && resourceVersion !== current.metadata.resourceVersion;
    if (!isOther && !isOld) return;
    const text = isOther ? 'the UID is another one' : 'the object has been modified';
    throw refusal('Conflict', type, current.metadata, text);
  }
}

const STATUS = { NotFound: 404, AlreadyExists: 409, Conflict: 409, Invalid: 422 } as const;

/** An answer of the server that is no success. */
export function refusal(
  reason: keyof typeof STATUS,
  type: ResourceType<KubeObject>,
  { name, namespace }: Target,
  text: string,
): KubeError {
  const status = STATUS[reason];
  const message = `${type.plural} ${keyOf({ metadata: { name, namespace } })}: ${text}`;
  return new KubeError({ status, reason, message, details: { name, kind: type.kind } });
}

/** Whether the status of a kind is written through its subresource. Built-in kinds are none of the tests' concern. */
export function hasStatus(type: ResourceType<KubeObject>): boolean {
  return schemasOf(type)?.status !== undefined;
}

/** RFC 7396. */
export function merged(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch;
  const result: Record<string, unknown> = isMap(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (value !== undefined) result[key] = merged(result[key], value);
  }
  return result;
}

/** A copy as it is after a way over the wire. */
export function json<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function statusChanged(current: StoredObject, wanted: StoredObject): StoredObject {
  return { ...current, status: wanted.status };
}

function mainChanged(type: ResourceType<KubeObject>, current: StoredObject, wanted: StoredObject): StoredObject {
  const { uid, resourceVersion, generation, creationTimestamp, deletionTimestamp } = current.metadata;
  const kept = { uid, resourceVersion, generation, creationTimestamp, deletionTimestamp };
  const before = current.metadata.finalizers ?? [];
  const added = (wanted.metadata.finalizers ?? []).filter((name) => !before.includes(name));
  if (deletionTimestamp !== undefined && added.length > 0)
    throw refusal('Invalid', type, current.metadata, 'no new finalizers while the object is being deleted');
  const next = { ...wanted, metadata: { ...wanted.metadata, ...kept } };
  return hasStatus(type) ? { ...next, status: current.status } : next;
}

function contentOf({ metadata: _metadata, status: _status, ...content }: StoredObject): unknown {
  return content;
}

/** The object without unknown fields. Rules in CEL are not looked at. */
function checked(type: ResourceType<KubeObject>, object: StoredObject): StoredObject {
  const schemas = schemasOf(type);
  if (schemas === undefined) return object;
  const { status: _status, ...rest } = object;
  const spec = parsed(type, object, { part: 'spec', schema: schemas.spec });
  if (schemas.status === undefined || object.status === undefined) return { ...rest, spec };
  return { ...rest, spec, status: parsed(type, object, { part: 'status', schema: schemas.status }) };
}

function parsed(
  type: ResourceType<KubeObject>,
  object: StoredObject,
  { part, schema }: { part: 'spec' | 'status'; schema: Kind['spec'] },
): unknown {
  const result = schema.safeParse(json(object[part] ?? {}));
  if (result.success) return result.data;
  const text = result.error.issues.map((issue) => `${[part, ...issue.path].join('.')}: ${issue.message}`).join('; ');
  throw refusal('Invalid', type, object.metadata, text);
}

function schemasOf(type: ResourceType<KubeObject>): Kind | undefined {
  return type.group === GROUP ? KINDS.find((kind) => kind.plural === type.plural) : undefined;
}

function frozen<T>(value: T): T {
  const copy = json(value);
  freeze(copy);
  return copy;
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.freeze(value);
  for (const part of Object.values(value)) freeze(part);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
