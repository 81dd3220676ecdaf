// Answers for Secrets: values as text, base64 kept out of sight.
import type { KubeClient } from './client.ts';
import { isNotFound } from './errors.ts';
import type { KubeObject, ObjectMeta, ResourceType } from './types.ts';

/** A Secret as the API server stores it: `data` is base64. */
export interface Secret extends KubeObject {
  type?: string;
  immutable?: boolean;
  data?: Record<string, string>;
  stringData?: Record<string, string>;
}

export const secretType: ResourceType<Secret> = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
};

/** The Secret's values as UTF-8 text; undefined when there is no such Secret. */
export async function readSecret(
  client: Pick<KubeClient, 'get'>,
  namespace: string,
  name: string,
  signal?: AbortSignal,
): Promise<Record<string, string> | undefined> {
  try {
    return secretValues(await client.get(secretType, name, namespace, { signal }));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** The values of a Secret object, for example one from an informer. */
export function secretValues(secret: Secret): Record<string, string> {
  const entries = Object.entries(secret.data ?? {});
  return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]));
}

/**
 * Creates a Secret with text values.
 *
 * @throws KubeError AlreadyExists when the name is taken: the values in there are then the ones that count.
 */
export function createSecret(
  client: Pick<KubeClient, 'create'>,
  secret: {
    metadata: ObjectMeta & { namespace: string };
    values: Readonly<Record<string, string>>;
    type?: string;
    immutable?: boolean;
  },
): Promise<Secret> {
  const { metadata, values, type = 'Opaque', immutable } = secret;
  return client.create(secretType, { metadata, type, immutable, stringData: { ...values } });
}
