// Writes the status of a VM, with the word for people that follows from it, and lets the store know at once.
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { patchStatus } from '../kube/status.ts';
import type { Context } from './context.ts';
import { printableStatus } from './printable-status.ts';

/**
 * Writes `status` over that of `stored`, the VM as the API server has it; nothing where nothing differs.
 *
 * @throws KubeError Conflict when the object changed since `stored` was read.
 */
export async function writeStatus(
  { client, stores }: Pick<Context, 'client' | 'stores'>,
  stored: VirtualMachine,
  status: VirtualMachineStatus,
): Promise<{ written: boolean; object: VirtualMachine }> {
  const shown = { ...status, printableStatus: printableStatus({ metadata: stored.metadata, status }) };
  const result = await patchStatus(client, resources.virtualMachine, stored, shown);
  if (result.written) stores.virtualMachines.observe(result.object);
  return result;
}
