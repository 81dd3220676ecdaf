// What people ask of a VM in the simulated operator: edits of its object, and operations.
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../../src/api/virtual-machine.ts';
import type { ExecutedOperation } from '../../src/api/virtual-machine-status.ts';
import type { OperationType, VirtualMachineOperationSpec } from '../../src/api/virtual-machine-operation.ts';
import type { VirtualMachineRun } from '../../src/api/virtual-machine-run.ts';
import type { SimulatedOperator } from './simulated-operator.ts';
import { NAMESPACE } from './simulated-operator.ts';

/** Replaces fields of a VM's spec. */
export async function edit(operator: SimulatedOperator, change: Partial<VirtualMachineSpec>): Promise<void> {
  const vm = operator.vm();
  if (vm === undefined) throw new Error('There is no VM to edit.');
  const wanted: VirtualMachine = { ...vm, spec: { ...vm.spec, ...change } };
  await operator.fake.kube.client.replace(resources.virtualMachine, wanted);
}

/** Asks for an operation on web-1; its name is made of the type and of how many there are. */
export async function request(
  operator: SimulatedOperator,
  type: OperationType,
  spec: Partial<VirtualMachineOperationSpec> = {},
): Promise<string> {
  const count = operator.fake.kube.objects(resources.virtualMachineOperation).length;
  const name = `${type.toLowerCase()}-${count + 1}`;
  await operator.fake.kube.client.create(resources.virtualMachineOperation, {
    metadata: { name, namespace: NAMESPACE },
    spec: { virtualMachineName: 'web-1', type, ...spec },
  });
  return name;
}

/** How the VM remembers that an operation ended. */
export function endOf(operator: SimulatedOperator, name: string): ExecutedOperation | undefined {
  return operator.vm()?.status?.executedOperations?.find((entry) => entry.name === name);
}

/** The newest record of a run. */
export function lastRun(operator: SimulatedOperator): VirtualMachineRun | undefined {
  const count = operator.vm()?.status?.runCount ?? 0;
  const runs = operator.fake.kube.objects(resources.virtualMachineRun);
  return runs.find(({ metadata }) => metadata.name.endsWith(`-${count}`));
}

/** The steps of the newest run as `state: result (message)`. */
export function stepsOf(operator: SimulatedOperator): string[] {
  const steps = lastRun(operator)?.status?.steps ?? [];
  return steps.map(({ to, result, message }) => `${to}: ${result}${message === undefined ? '' : ` (${message})`}`);
}
