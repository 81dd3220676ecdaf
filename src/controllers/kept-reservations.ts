// Sees to it that a VM at rest holds what it uses, and says so where another object has it by now.
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { findCondition, removeCondition, setCondition } from '../kube/conditions.ts';
import type { Allocations } from './allocations.ts';
import type { Context } from './context.ts';

const LONGEST_MESSAGE = 300;
const CONDITION = 'ReservationLost';

/**
 * Reserves anew what nothing holds any more: it would be given to the next VM. The answer is `status` with the condition
 * that tells what another object holds.
 */
export async function withReservationsKept(
  vm: VirtualMachine,
  status: VirtualMachineStatus,
  { allocations, context }: { allocations: Allocations; context: Pick<Context, 'events' | 'now'> },
): Promise<VirtualMachineStatus> {
  const { lost, restored } = await allocations.restoreMissing(vm);
  if (restored.length > 0) {
    const message = `Nothing held ${restored.join(', ')} any more, which this VM uses; it was reserved for it anew.`;
    context.events.emit(vm, { type: 'Warning', reason: 'ReservationRestored', message });
  }
  const conditions =
    lost.length === 0 ? removeCondition(status.conditions, CONDITION) : raised(vm, status, lost, context);
  return conditions === undefined ? status : { ...status, conditions: [...conditions] };
}

function raised(
  { metadata }: VirtualMachine,
  { conditions }: VirtualMachineStatus,
  lost: readonly string[],
  { now }: Pick<Context, 'now'>,
) {
  const message = `Reserved for another object by now, and used by this VM: ${lost.join(', ')}. Nothing was changed; two machines may be using the same. As soon as the reservation of the other one is deleted, this VM has it again.`;
  const observedGeneration = metadata.generation ?? 0;
  const shown = { reason: CONDITION, message: message.slice(0, LONGEST_MESSAGE), observedGeneration };
  return setCondition(conditions, { type: CONDITION, status: 'True', ...shown }, now());
}

/** Whether the VM waits for a reservation that another object holds. */
export function hasLostReservation({ status }: VirtualMachine): boolean {
  return findCondition(status?.conditions, CONDITION)?.status === 'True';
}
