// Which operations a VM refuses, whatever it is doing: decided by the objects alone.
import type { Reason } from '../api/conditions.ts';
import type { PlanSpec } from '../api/plan.ts';
import type { OperationType, VirtualMachineOperation } from '../api/virtual-machine-operation.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { allowedTemplates, templateChoices } from './package.ts';

/** Why something is not done; the message is a whole sentence that says what would help. */
export interface Refusal {
  readonly reason: Reason;
  readonly message: string;
}

/** Types that decide about power, which runStrategy may have decided already. */
const POWER_DECISIONS: ReadonlySet<OperationType> = new Set(['Start', 'Stop']);
/** Types after which the machine runs, which a suspended one must not. */
const RUNNING_AFTERWARDS: ReadonlySet<OperationType> = new Set(['Start', 'Reboot', 'Reset']);

/** Why the VM is not the one that the operation was made for, or does not live for it any more. */
export function deletionRefusal(
  operation: Pick<VirtualMachineOperation, 'metadata' | 'spec'>,
  vm: VirtualMachine | undefined,
): Refusal | undefined {
  const { type, virtualMachineName } = operation.spec;
  const owner = operation.metadata.ownerReferences?.find(({ kind }) => kind === 'VirtualMachine');
  if (owner !== undefined && owner.uid !== vm?.metadata.uid) {
    const message = `The VirtualMachine ${virtualMachineName} that the operation was made for is gone.`;
    return { reason: 'VirtualMachineDeleted', message };
  }
  if (vm === undefined) return undefined;
  const isDeleted = vm.metadata.deletionTimestamp !== undefined;
  if (type === 'RetryTerminate') return isDeleted ? undefined : notBeingDeleted(virtualMachineName);
  if (!isDeleted) return undefined;
  const message = `VirtualMachine ${virtualMachineName} is being deleted; only RetryTerminate is possible.`;
  return { reason: 'VirtualMachineDeleted', message };
}

function notBeingDeleted(name: string): Refusal {
  return { reason: 'NotBeingDeleted', message: `VirtualMachine ${name} is not being deleted; delete it first.` };
}

/** Why power is not for this operation to change. */
export function powerRefusal(type: OperationType, { spec }: Pick<VirtualMachine, 'spec'>): Refusal | undefined {
  if (spec.suspension !== undefined && RUNNING_AFTERWARDS.has(type)) {
    return {
      reason: 'Suspended',
      message: `${type} is refused: the VM is suspended, and kept stopped until spec.suspension is gone.`,
    };
  }
  const { runStrategy = 'Manual' } = spec;
  if (runStrategy === 'Manual' || !POWER_DECISIONS.has(type)) return undefined;
  const message = `${type} is refused: spec.runStrategy is ${runStrategy} and decides about power. Change it, or set it to Manual.`;
  return { reason: 'RunStrategyDecides', message };
}

/** What is left of the machine after the operations that a protection keeps from it. */
const LOSSES: Partial<Record<OperationType, string>> = {
  Reinstall: 'the disks of the VM would be destroyed',
  Redeploy: 'the VM would be destroyed',
};

/** Why an operation does not end or wipe a machine that is protected against its deletion. */
export function protectionRefusal(
  { spec: { type, resetStatus } }: Pick<VirtualMachineOperation, 'spec'>,
  { spec }: Pick<VirtualMachine, 'spec'>,
): Refusal | undefined {
  if (spec.deletionProtection !== true) return undefined;
  const endsObject = resetStatus?.state === 'terminate' || resetStatus?.state === 'remove';
  const loss = endsObject ? 'the object would be deleted' : LOSSES[type];
  if (loss === undefined) return undefined;
  const message = `${type} is refused: spec.deletionProtection is true, and ${loss}. Set it to false first.`;
  return { reason: 'DeletionProtected', message };
}

/** Why a machine is not deployed anew: it is ready and there. `snapshotShowsVm` as for `operationFate`. */
export function redeployRefusal({ status }: VirtualMachine, snapshotShowsVm: boolean): Refusal | undefined {
  if (status?.state !== 'ready' || status.operation !== undefined || !snapshotShowsVm) return undefined;
  const message = 'Redeploy is refused: the VM is ready. Use Reinstall, or delete the VirtualMachine and make it anew.';
  return { reason: 'VirtualMachineReady', message };
}

/** Why a template must not be installed; `vmid` is what the operation names, absent for the one that is there. */
export function templateRefusal(plan: PlanSpec, vmid: number | undefined): Refusal | undefined {
  if (vmid === undefined || allowedTemplates(plan).includes(vmid)) return undefined;
  return {
    reason: 'NotAllowed',
    message: `The template ${vmid} is not one that the plan allows; choose ${templateChoices(plan)}.`,
  };
}
