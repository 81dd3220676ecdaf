// Answers for finalizers: added and removed against the state they were decided on, without touching those of others.
import type { KubeClient } from './client.ts';
import { isNotFound } from './errors.ts';
import type { KubeObject, ResourceType } from './types.ts';

export function hasFinalizer(object: KubeObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) ?? false;
}

/**
 * The object with the finalizer; nothing is sent when it is there already.
 *
 * @throws KubeError Conflict when the object changed since it was read.
 */
export async function addFinalizer<T extends KubeObject>(
  client: Pick<KubeClient, 'patch'>,
  type: ResourceType<T>,
  object: T,
  finalizer: string,
): Promise<T> {
  if (hasFinalizer(object, finalizer)) return object;
  return writeFinalizers(client, type, object, [...(object.metadata.finalizers ?? []), finalizer]);
}

/**
 * The object without the finalizer, or undefined when the object is gone, which is what removing the last one of a
 * deleted object is for; nothing is sent when it was not there.
 *
 * @throws KubeError Conflict when the object changed since it was read.
 */
export async function removeFinalizer<T extends KubeObject>(
  client: Pick<KubeClient, 'patch'>,
  type: ResourceType<T>,
  object: T,
  finalizer: string,
): Promise<T | undefined> {
  if (!hasFinalizer(object, finalizer)) return object;
  const rest = (object.metadata.finalizers ?? []).filter((entry) => entry !== finalizer);
  try {
    return await writeFinalizers(client, type, object, rest);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** A merge patch replaces the whole list; the resourceVersion in it keeps that from undoing another controller's change. */
function writeFinalizers<T extends KubeObject>(
  client: Pick<KubeClient, 'patch'>,
  type: ResourceType<T>,
  object: T,
  finalizers: string[],
): Promise<T> {
  const { name, namespace, resourceVersion } = object.metadata;
  return client.patch(type, { name, namespace }, { metadata: { resourceVersion, finalizers } }, { kind: 'merge' });
}
