// Plays adoptions over a simulated operator: a VM that somebody else made, a paused object, and operations of type Adopt.
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../../src/api/virtual-machine.ts';
import type { ExecutedOperation } from '../../src/api/virtual-machine-status.ts';
import type { Adoption } from '../../src/domain/adoption.ts';
import { PAUSE_ANNOTATION } from '../../src/domain/operations.ts';
import { NAMESPACE, type SimulatedOperator } from './simulated-operator.ts';

export const STRANGER = 300;

/** An adoption of VM 300 unless another one is said. */
export type Asked = Partial<Adoption> & Pick<Adoption, 'mode'>;

/** Makes a VM that is not ours, on vmbr0, stopped, with an address of the pool. */
export function aStranger({ sim }: SimulatedOperator, options: Record<string, string> = {}, vmid = STRANGER): void {
  sim.stealVmid(vmid, {
    name: 'old-web',
    cores: '1',
    memory: '1024',
    scsi0: `local-lvm:vm-${vmid}-disk-0,size=8G`,
    scsihw: 'virtio-scsi-single',
    boot: 'order=scsi0',
    net0: 'virtio=BC:24:11:00:00:77,bridge=vmbr0,firewall=1',
    ipconfig0: 'ip=192.0.2.20/24,gw=192.0.2.1',
    ciuser: 'admin',
    description: 'kept by hand\nsince 2019',
    ...options,
  });
}

/** An object that deploys nothing as long as it is paused. */
export function declarePaused(
  operator: SimulatedOperator,
  name = 'web-1',
  spec: Partial<VirtualMachineSpec> = {},
): VirtualMachine {
  const vm = operator.declare(name, spec);
  const metadata = { ...vm.metadata, annotations: { [PAUSE_ANNOTATION]: 'true' } };
  return operator.fake.kube.seed(resources.virtualMachine, { ...vm, metadata });
}

export function unpause(operator: SimulatedOperator, name = 'web-1'): void {
  const vm = operator.vm(name);
  if (vm === undefined) throw new Error(`There is no ${name}.`);
  operator.fake.kube.seed(resources.virtualMachine, { ...vm, metadata: { ...vm.metadata, annotations: {} } });
}

/** Creates an operation of type Adopt; its name is made of a number. */
export function ask({ fake }: SimulatedOperator, adopt: Asked, name = 'web-1'): void {
  const number = fake.kube.objects(resources.virtualMachineOperation).length + 1;
  const creationTimestamp = new Date(fake.clock.now()).toISOString();
  fake.kube.seed(resources.virtualMachineOperation, {
    metadata: { name: `adopt-${number}`, namespace: NAMESPACE, uid: `uid-adopt-${number}`, creationTimestamp },
    spec: { virtualMachineName: name, type: 'Adopt', adopt: { vmid: STRANGER, ...adopt } },
  });
}

/** What the VM remembers of the operation that it executed last. */
export function lastEntry(operator: SimulatedOperator, name = 'web-1'): ExecutedOperation | undefined {
  return operator.vm(name)?.status?.executedOperations?.at(-1);
}

/** Asks, lets the operator work, and tells what became of it. */
export async function asked(
  operator: SimulatedOperator,
  adopt: Asked,
  name = 'web-1',
): Promise<ExecutedOperation | undefined> {
  ask(operator, adopt, name);
  await operator.passes(name);
  return lastEntry(operator, name);
}
