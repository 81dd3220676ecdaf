// Builds operations and what a VM remembers of them: in a test stands only what it is about.
import { API_VERSION } from '../../src/api/object.ts';
import type { VirtualMachineOperation, VirtualMachineOperationSpec } from '../../src/api/virtual-machine-operation.ts';
import type { ExecutedOperation } from '../../src/api/virtual-machine-status.ts';
import type { ObjectMeta } from '../../src/kube/types.ts';

/** An operation on web-1; its UID is made of its name, and it was created at 10:00. */
export function anOperation(
  type: VirtualMachineOperationSpec['type'],
  change: {
    spec?: Partial<VirtualMachineOperationSpec>;
    metadata?: Partial<ObjectMeta>;
    status?: VirtualMachineOperation['status'];
  } = {},
): VirtualMachineOperation {
  const { name = type.toLowerCase() } = change.metadata ?? {};
  return {
    apiVersion: API_VERSION,
    kind: 'VirtualMachineOperation',
    metadata: {
      name,
      namespace: 'customer-1',
      uid: `uid-${name}`,
      generation: 1,
      creationTimestamp: '2026-03-01T10:00:00Z',
      ...change.metadata,
    },
    spec: { virtualMachineName: 'web-1', type, ...change.spec },
    ...(change.status === undefined ? {} : { status: change.status }),
  };
}

/** What a VM knows of an operation that it executed at 10:05. */
export function anExecution(change: Partial<ExecutedOperation> = {}): ExecutedOperation {
  return {
    uid: 'uid-start',
    name: 'start',
    digest: 'digest',
    type: 'Start',
    result: 'Succeeded',
    reason: 'Succeeded',
    completedAt: '2026-03-01T10:05:00.000Z',
    remembered: false,
    ...change,
  };
}
