// Collects what the fate of an operation hangs on: its VM, the other operations of that VM, and what the cluster shows.
import type { VirtualMachineOperation } from '../api/virtual-machine-operation.ts';
import type { OperationSurroundings } from '../domain/operations.ts';
import { type Context, INDEX } from './context.ts';
import { showsVm } from './keep-ready.ts';

/** The key of the VM that an operation names, whether it exists or not. */
export function vmKeyOf({ metadata, spec }: Pick<VirtualMachineOperation, 'metadata' | 'spec'>): string {
  return `${metadata.namespace}/${spec.virtualMachineName}`;
}

/** What is around the operations of one VM; `vmKey` is `namespace/name`. Reads what is known, and asks nobody. */
export function operationSurroundings(vmKey: string, context: Context): OperationSurroundings {
  const { stores, now } = context;
  const vm = stores.virtualMachines.get(vmKey);
  return {
    vm,
    siblings: stores.virtualMachineOperations.byIndex(INDEX.virtualMachine, vmKey),
    snapshotShowsVm: vm === undefined || showsVm(vm, context),
    now: now(),
  };
}
