// Answers for the shapes every Kubernetes object shares, and for how a kind is named to the API server.

/** metadata.ownerReferences[] */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** The part of metadata that the runtime reads. managedFields are stripped before objects are stored. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
}

/** Any Kubernetes object. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/** How a kind is addressed; `T` is the object's type and exists only for the compiler. The core group is ''. */
export interface ResourceType<T extends KubeObject> {
  group: string;
  version: string;
  kind: string;
  plural: string;
  namespaced: boolean;
  readonly __object?: T;
}

/** The `apiVersion` of a kind's objects: 'v1', 'coordination.k8s.io/v1'. */
export function apiVersionOf(type: ResourceType<KubeObject>): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}

/** The key of an object in stores and queues: 'namespace/name', or 'name' when it has no namespace. */
export function keyOf(object: { metadata: { name: string; namespace?: string } }): string {
  const { name, namespace } = object.metadata;
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** The parts of a key made by `keyOf`. */
export function splitKey(key: string): { namespace: string | undefined; name: string } {
  const slash = key.indexOf('/');
  return slash < 0
    ? { namespace: undefined, name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/**
 * The path of a collection, or of one object in it, below the server's base path.
 *
 * @throws TypeError when a namespaced object is addressed without its namespace: the request would go to another endpoint.
 */
export function resourcePath(
  type: ResourceType<KubeObject>,
  namespace?: string,
  name?: string,
  subresource?: string,
): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  const inNamespace = type.namespaced && namespace !== undefined && namespace !== '';
  if (type.namespaced && !inNamespace && name !== undefined) {
    throw new TypeError(`${type.kind} ${name} is addressed without a namespace`);
  }
  const parts = [root];
  if (inNamespace) parts.push('namespaces', encodeURIComponent(namespace));
  parts.push(type.plural);
  if (name !== undefined) parts.push(encodeURIComponent(name));
  if (subresource !== undefined) parts.push(subresource);
  return parts.join('/');
}
