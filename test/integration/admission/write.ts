// Every way in which an object can be written to the API server, and the HTTP request that each one is.
import { type KubeObject, resourcePath } from '../../../src/kube/types.ts';
import type { Account, HttpAnswer, HttpRequest } from '../account.ts';
import { typeOf } from '../harness.ts';

/** One operation of a JSON patch (RFC 6902). */
interface JsonOperation {
  op: 'add' | 'remove' | 'replace';
  path: string;
  value?: unknown;
}

/** A write; the object beside a patch or removal is only addressed. */
export type Write =
  | { create: KubeObject }
  | { replace: KubeObject }
  | { merge: object; of: KubeObject }
  | { json: readonly JsonOperation[]; of: KubeObject }
  | { apply: KubeObject }
  | { remove: KubeObject };

export interface WriteOptions {
  /** The server checks everything and stores nothing. */
  dryRun?: boolean;
  subresource?: 'status';
}

/** The request of a write, with unknown fields refused as kubectl has them refused. */
export function requestOf(write: Write, { dryRun = false, subresource }: WriteOptions = {}): HttpRequest {
  const { method, object, named, contentType, body, flags = [] } = partsOf(write);
  const { name, namespace } = object.metadata;
  const path = resourcePath(typeOf(object), namespace, named ? name : undefined, named ? subresource : undefined);
  const query = [
    ...flags,
    ...(dryRun ? ['dryRun=All'] : []),
    ...(method === 'DELETE' ? [] : ['fieldValidation=Strict']),
  ];
  return { method, path: `${path}?${query.join('&')}`, ...(body === undefined ? {} : { contentType, body }) };
}

/** Sends a write as somebody. */
export function sent(account: Account, write: Write, options?: WriteOptions): Promise<HttpAnswer> {
  return account.send(requestOf(write, options));
}

interface Parts {
  method: string;
  object: KubeObject;
  /** Whether the path ends with the name of the object. */
  named: boolean;
  contentType: string;
  body?: object;
  flags?: readonly string[];
}

const JSON_TYPE = 'application/json';

function partsOf(write: Write): Parts {
  if ('create' in write) return plain('POST', write.create, { named: false });
  if ('replace' in write) return plain('PUT', write.replace, { named: true });
  if ('remove' in write) return { method: 'DELETE', object: write.remove, named: true, contentType: JSON_TYPE };
  const patch = { method: 'PATCH', named: true };
  if ('merge' in write) {
    return { ...patch, object: write.of, body: write.merge, contentType: 'application/merge-patch+json' };
  }
  if ('json' in write) {
    return { ...patch, object: write.of, body: write.json, contentType: 'application/json-patch+json' };
  }
  const flags = ['fieldManager=tests', 'force=true'];
  return { ...patch, object: write.apply, body: write.apply, contentType: 'application/apply-patch+yaml', flags };
}

function plain(method: string, object: KubeObject, { named }: { named: boolean }): Parts {
  return { method, object, named, body: object, contentType: JSON_TYPE };
}
