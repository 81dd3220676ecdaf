// What a VM remembers of operations: which requests are the same, and which of the executed ones are kept.
import { createHash } from 'node:crypto';
import type { OperationType, VirtualMachineOperation } from '../api/virtual-machine-operation.ts';
import type { ExecutedOperation } from '../api/virtual-machine-status.ts';

/** As many as the schema of the VM's status takes. */
const LONGEST_MEMORY = 64;
const DIGEST_CHARACTERS = 32;

/** Types that destroy the disks of a VM. */
const DESTRUCTIVE: ReadonlySet<string> = new Set<OperationType>(['Reinstall', 'Redeploy']);

/**
 * What makes two operations the same request: name and spec, however the fields are ordered. An object that a pipeline
 * makes again from its repository has another UID and the same digest.
 */
export function operationDigest({ metadata, spec }: Pick<VirtualMachineOperation, 'metadata' | 'spec'>): string {
  const request = JSON.stringify([metadata.name, canonical(spec)]);
  return createHash('sha256').update(request).digest('hex').slice(0, DIGEST_CHARACTERS);
}

// JSON knows no order of fields, and undefined is how an absent one looks in memory.
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return fields.sort(([left], [right]) => (left < right ? -1 : 1)).map(([name, field]) => [name, canonical(field)]);
}

/**
 * Whether the same request must not be executed again: it destroys something, or its object goes away by itself and a
 * pipeline will make it again.
 */
export function isRemembered({ spec }: Pick<VirtualMachineOperation, 'spec'>): boolean {
  return DESTRUCTIVE.has(spec.type) || spec.ttlSecondsAfterFinished !== undefined;
}

/**
 * The list with the entry at its end. Beyond 64 the ones that are missed least go, the oldest of them first: what need
 * not be remembered, then what destroys nothing. The new entry always stays: without it the operation would begin anew.
 */
export function withExecuted(
  list: readonly ExecutedOperation[] | undefined,
  entry: ExecutedOperation,
): ExecutedOperation[] {
  const others = (list ?? []).filter(({ uid }) => uid !== entry.uid);
  const surplus = Math.max(0, others.length + 1 - LONGEST_MEMORY);
  const evicted = new Set(others.toSorted((left, right) => worth(left) - worth(right)).slice(0, surplus));
  return [...others.filter((other) => !evicted.has(other)), entry];
}

function worth({ remembered, type }: ExecutedOperation): number {
  if (!remembered) return 0;
  return DESTRUCTIVE.has(type) ? 2 : 1;
}
