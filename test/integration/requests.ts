// What the tests of the second half of a VM's life share: requests to it, edits of it, and what they led to.
import { expect } from 'vitest';
import { API_VERSION } from '../../src/api/object.ts';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../../src/api/virtual-machine.ts';
import type { VirtualMachineOperation, VirtualMachineOperationSpec } from '../../src/api/virtual-machine-operation.ts';
import type { VirtualMachineRun } from '../../src/api/virtual-machine-run.ts';
import { condition, type World } from './harness-world.ts';

type Request = Partial<VirtualMachineOperationSpec> & Pick<VirtualMachineOperationSpec, 'type'>;

/** Asks for something to be done with a VM. */
export function request(world: World, vm: string, name: string, spec: Request): Promise<void> {
  const operation: VirtualMachineOperation = {
    apiVersion: API_VERSION,
    kind: 'VirtualMachineOperation',
    metadata: { name },
    spec: { virtualMachineName: vm, ...spec },
  };
  return world.create(operation);
}

/** An operation as soon as its condition Succeeded has that status and reason. */
export function untilSaid(
  world: World,
  name: string,
  want: { status: 'True' | 'False' | 'Unknown'; reason: string },
): Promise<VirtualMachineOperation> {
  const wanted = (operation: VirtualMachineOperation): boolean => {
    const said = condition(operation, 'Succeeded');
    return said?.status === want.status && said.reason === want.reason;
  };
  return world.untilObject(resources.virtualMachineOperation, name, `${want.status}/${want.reason}`, { wanted });
}

/** An operation that was done. */
export function untilDone(world: World, name: string): Promise<VirtualMachineOperation> {
  return untilSaid(world, name, { status: 'True', reason: 'Succeeded' });
}

/** Asks for something, waits until it is done, and answers the operation with the record of what it caused. */
export async function done(world: World, vm: string, name: string, spec: Request) {
  await request(world, vm, name, spec);
  const operation = await untilDone(world, name);
  return { operation, run: await runOf(world, operation) };
}

/** The record of what an operation caused. */
export function runOf(world: World, { status, metadata }: VirtualMachineOperation): Promise<VirtualMachineRun> {
  if (status?.runName === undefined) throw new Error(`Operation ${metadata.name} names no run.`);
  return world.bed.client.get(resources.virtualMachineRun, status.runName, world.namespace);
}

/** Merges a change into a VM's spec, and answers the VM when all of it is done. */
export async function edited(world: World, name: string, spec: Merge<VirtualMachineSpec>): Promise<VirtualMachine> {
  await world.patch(resources.virtualMachine, name, { spec });
  return world.untilReady(name);
}

/** In a merge patch null takes a field away. */
export type Merge<T> = { [K in keyof T]?: (T[K] extends object | undefined ? Merge<NonNullable<T[K]>> : T[K]) | null };

/** Changes that Proxmox VE was asked for since the request log had that many entries, without node and VMID. */
export function changes(world: World, since: number): string[] {
  return world.sim.requests
    .slice(since)
    .filter(({ method }) => method !== 'GET')
    .map(({ method, path }) => `${method} ${path.replace(/^\/nodes\/[^/]+\/qemu\/\d+/, '')}`);
}

/** Changes of a VM's power since then. */
export function powerChanges(world: World, since: number): string[] {
  return changes(world, since).filter((change) => change.includes('/status/'));
}

/** The states of a record's steps, each with its result. */
export function stepsOf({ status }: VirtualMachineRun): string[] {
  return (status?.steps ?? []).map(({ to, result }) => `${to} ${result}`);
}

/** A step of a record by the state that it leads to. */
export function stepTo({ status }: VirtualMachineRun, state: string) {
  const step = status?.steps?.find(({ to }) => to === state);
  expect(step, `step to ${state}`).toBeDefined();
  return step;
}
