// ResetStatus: sets where a pipeline starts again. What is observed still decides what it does.
import { GROUP } from '../api/object.ts';
import type { VirtualMachineOperation } from '../api/virtual-machine-operation.ts';
import type { OperationStatus, VirtualMachineStatus } from '../api/virtual-machine-status.ts';

/** Annotation on a VM that is being deleted: it is let go without touching Proxmox VE. For administrators. */
export const FORCE_REMOVE_ANNOTATION = `${GROUP}/force-remove`;

export type ResetTarget = NonNullable<VirtualMachineOperation['spec']['resetStatus']>['state'];

/**
 * The status from which the VM goes on, without the progress of the pipeline that was under way. Targets that end the
 * object do not change it. Pure.
 */
export function resetStatus(status: VirtualMachineStatus, target: ResetTarget): VirtualMachineStatus {
  const { operation, ...rest } = status;
  switch (target) {
    case 'ready':
      return { ...rest, state: 'ready' };
    // The allocation of addresses is the first step; all that is in place already is found so.
    case 'creation':
    case 'set_ip':
      return { ...rest, state: 'creation', ...begunAgain(operation, 'deploy') };
    case 'change_package':
      return { ...rest, state: target, ...begunAgain(operation, 'change_package') };
    case 'set_dns_records':
      return { ...rest, state: target };
    case 'terminate':
    case 'remove':
      return operation === undefined ? rest : { ...rest, operation };
    default:
      return target satisfies never;
  }
}

// The same pipeline from its first step must not lose what no look at the VM tells: how it was before it was stopped,
// which limits it had, and a call that may still be carried out.
function begunAgain(
  operation: OperationStatus | undefined,
  machine: string,
): Pick<VirtualMachineStatus, 'operation'> | undefined {
  if (operation?.machine !== machine) return undefined;
  const { startedAt, runName, from, trigger, previous, powerBefore, intent, taskIDs, revert } = operation;
  const kept = { runName, from, trigger, previous, powerBefore, intent, taskIDs, revert };
  const given = Object.entries(kept).filter(([, value]) => value !== undefined);
  return { operation: { machine, startedAt, ...Object.fromEntries(given) } };
}
