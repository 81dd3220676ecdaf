// The part of JSON patches (RFC 6902) that the API server in memory carries out: test, replace, and add to an object.
import { KubeError } from '../../src/kube/errors.ts';
import { isEqualJson } from '../../src/kube/status.ts';

interface Operation {
  op: string;
  path: string;
  value?: unknown;
}

/**
 * The document with the operations carried out, all or none.
 *
 * @throws KubeError as the API server answers: 422 for a path that is not there or a test that does not hold, with a
 *   message that tells neither, 400 for what is no list of operations.
 */
export function patched(target: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations)) {
    throw new KubeError({
      status: 400,
      reason: 'BadRequest',
      message: 'error decoding patch: not a list of operations',
    });
  }
  const document: unknown = structuredClone(target);
  for (const operation of operations as Operation[]) carryOut(document, operation);
  return document;
}

function carryOut(document: unknown, { op, path, value }: Operation): void {
  const [parent, key] = placeOf(document, path);
  if (op === 'add') {
    parent[key] = value;
    return;
  }
  if (!(key in parent)) throw rejected();
  if (op === 'test') {
    if (!isEqualJson(parent[key], value)) throw rejected();
  } else if (op === 'replace') {
    parent[key] = value;
  } else {
    throw new KubeError({ status: 415, reason: 'UnsupportedMediaType', message: `The fake knows no operation ${op}` });
  }
}

/** What holds the value of a path, and its key in there; the former must exist. */
function placeOf(document: unknown, path: string): [parent: Record<string, unknown>, key: string] {
  const keys = path
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = keys.pop() ?? '';
  const parent = keys.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document);
  if (typeof parent !== 'object' || parent === null) throw rejected();
  return [parent as Record<string, unknown>, last];
}

function rejected(): KubeError {
  const message = 'the server rejected our request due to an error in our request';
  return new KubeError({ status: 422, reason: 'Invalid', message });
}
