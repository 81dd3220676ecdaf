// ResetStatus: sets where a pipeline starts again. What is observed still decides what it does.
import { GROUP } from '../api/object.ts';
import type { VirtualMachineOperation } from '../api/virtual-machine-operation.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';

/** Annotation on a VM that is being deleted: it is let go without touching Proxmox VE. For administrators. */
export const FORCE_REMOVE_ANNOTATION = `${GROUP}/force-remove`;

export type ResetTarget = NonNullable<VirtualMachineOperation['spec']['resetStatus']>['state'];

/**
 * The status from which the VM goes on, without the pipeline that was under way. Targets that end the object do not
 * change it. Pure.
 */
export function resetStatus(status: VirtualMachineStatus, target: ResetTarget): VirtualMachineStatus {
  const { operation, ...rest } = status;
  switch (target) {
    case 'ready':
      return { ...rest, state: 'ready' };
    // The allocation of addresses is the first step; all that is in place already is found so.
    case 'creation':
    case 'set_ip':
      return { ...rest, state: 'creation' };
    case 'change_package':
    case 'set_dns_records':
      return { ...rest, state: target };
    case 'terminate':
    case 'remove':
      return operation === undefined ? rest : { ...rest, operation };
    default:
      return target satisfies never;
  }
}
