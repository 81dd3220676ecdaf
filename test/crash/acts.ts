// What people do to a VM and its surroundings, and how it is known that the operator is done with it.
import type { PlanSpec } from '../../src/api/plan.ts';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachineOperation } from '../../src/api/virtual-machine-operation.ts';
import type { VirtualMachineSpec } from '../../src/api/virtual-machine.ts';
import { FORCE_REMOVE_ANNOTATION } from '../../src/controllers/reset-status.ts';
import { type CrashWorld, FIRST_VMID, NAMESPACE, VM_NAME, vmOf } from './world.ts';

/** One thing that is done, and the end that it comes to when nothing disturbs it. */
export interface Act {
  /** Done at once, before the operator is looked at. */
  begin(world: CrashWorld): void | Promise<void>;
  isDone(world: CrashWorld): boolean;
}

/** Nothing is done but to let the operator work. */
export const wait: Act = { begin: () => undefined, isDone: isAtRest };

/** The VM is ready as it is declared, and every operation has come to its end. */
function isAtRest(world: CrashWorld): boolean {
  const vm = vmOf(world);
  const { state, operation, observedGeneration } = vm?.status ?? {};
  const isReady = state === 'ready' && operation === undefined && observedGeneration === vm?.metadata.generation;
  return isReady && haveOperationsEnded(world);
}

/** An edit of the VM's spec; null removes a field. */
export function edit(change: { [K in keyof VirtualMachineSpec]?: VirtualMachineSpec[K] | null }): Act {
  return {
    begin: async ({ kube }) => {
      await kube.client.patch(resources.virtualMachine, TARGET, { spec: change }, { kind: 'merge' });
    },
    isDone: isAtRest,
  };
}

/** An edit of the VM's plan, which the VM follows by itself or by an operation. */
export function editPlan(change: Partial<PlanSpec>): Act {
  return {
    begin: async ({ kube }) => {
      await kube.client.patch(resources.plan, { name: 'small' }, { spec: change }, { kind: 'merge' });
    },
    isDone: (world) => isAtRest(world) && newestRevision(world) === vmOf(world)?.status?.planRevision,
  };
}

/** A VirtualMachineOperation. */
export function operate(
  type: VirtualMachineOperation['spec']['type'],
  rest: Partial<VirtualMachineOperation['spec']> = {},
): Act {
  return {
    begin: async ({ kube }) => {
      const count = kube.objects(resources.virtualMachineOperation).length;
      await kube.client.create(resources.virtualMachineOperation, {
        metadata: { name: `operation-${count + 1}`, namespace: NAMESPACE },
        spec: { virtualMachineName: VM_NAME, type, ...rest },
      });
    },
    isDone: isAtRest,
  };
}

export const reinstallation: Act = operate('Reinstall', { reinstall: { confirmation: 'REINSTALL' } });

/** `kubectl delete`. */
export const deletion: Act = { begin: deleteVm, isDone: isGone };

/** `kubectl delete`, and an administrator who lets the object go whatever becomes of the VM. */
export const forcedRemoval: Act = {
  begin: async (world) => {
    const annotations = { [FORCE_REMOVE_ANNOTATION]: 'true' };
    await world.kube.client.patch(resources.virtualMachine, TARGET, { metadata: { annotations } }, { kind: 'merge' });
    await deleteVm(world);
  },
  isDone: isGone,
};

/** Somebody does something on the Proxmox cluster; the operator need not notice. */
export function byHand(change: (world: CrashWorld) => void): Act {
  return { begin: change, isDone: () => true };
}

/** Several acts at one moment; it is done when the last one is. */
export function together(...acts: readonly [Act, ...Act[]]): Act {
  return {
    begin: async (world) => {
      for (const act of acts) await act.begin(world);
    },
    isDone: (world) => acts.at(-1)?.isDone(world) === true,
  };
}

/** The act, with another end than the usual one. */
export function until(act: Act, isDone: Act['isDone']): Act {
  return { ...act, isDone };
}

/** Only a person can help. */
export function isStalled(world: CrashWorld): boolean {
  return vmOf(world)?.status?.conditions?.some(({ type, status }) => type === 'Stalled' && status === 'True') === true;
}

/** Writes another value into the VM's configuration, as `qm set` does on a stopped VM. */
export function setOption(name: string, changed: (value: string) => string): Act {
  return byHand(({ sim }) =>
    sim.changeByHand(FIRST_VMID, (options) => {
      options[name] = changed(options[name] ?? '');
    }),
  );
}

const TARGET = { name: VM_NAME, namespace: NAMESPACE };

async function deleteVm({ kube }: CrashWorld): Promise<void> {
  await kube.client.delete(resources.virtualMachine, VM_NAME, NAMESPACE);
}

function isGone(world: CrashWorld): boolean {
  return vmOf(world) === undefined;
}

function haveOperationsEnded({ kube }: CrashWorld): boolean {
  return kube
    .objects(resources.virtualMachineOperation)
    .every(({ status }) =>
      status?.conditions?.some((condition) => condition.type === 'Succeeded' && condition.status !== 'Unknown'),
    );
}

function newestRevision({ kube }: CrashWorld): string | undefined {
  const own = kube.objects(resources.planRevision).filter(({ spec }) => spec.planName === 'small');
  return own.at(-1)?.metadata.name;
}
