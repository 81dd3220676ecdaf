// A reconcile of the object of the search: short machines of the operator's own steps, and one status write at the end.
import { KubeError } from '../../src/kube/errors.ts';
import { advance, type Advance } from '../../src/machine/advance.ts';
import { closeOperation, openOperation } from '../../src/machine/progress.ts';
import { defineMachine, defineStatelessMachine, type Machine } from '../../src/machine/vocabulary.ts';
import { cloneTemplate } from '../../src/steps/clone-template.ts';
import { destroyVm, releaseReservations, stopForDeletion } from '../../src/steps/remove-vm.ts';
import { setCpuAndMemory } from '../../src/steps/set-cpu-and-memory.ts';
import { startVm, verifyRunning } from '../../src/steps/start-vm.ts';
import { NOW, UID } from '../builders/facts.ts';
import { ModelVisit, type Safeguards } from './model-visit.ts';
import type { Choices } from './choices.ts';
import type { View, VmStatus, World } from './model-world.ts';

export interface Setup {
  deploy: Machine;
  terminate: Machine;
  safeguards: Safeguards;
}

export const SETUP: Setup = {
  deploy: defineMachine('deploy', 'creation', {
    clone: cloneTemplate,
    set_cpu_ram: setCpuAndMemory,
    starting: startVm,
    ready: verifyRunning,
  }),
  terminate: defineStatelessMachine('terminate', 'terminate', [stopForDeletion, destroyVm, releaseReservations], {
    failedState: 'error_terminate',
    removes: true,
  }),
  safeguards: { durableIntents: true, conditionalWrites: true, stamps: true, order: true, quietIds: true },
};

/** One pass; answers what happened in it. The world is changed in place. */
export async function operatorPass(world: World, choices: Choices, setup: Setup): Promise<string[]> {
  if (world.gone) return [];
  const visit = new ModelVisit(world, choices, setup.safeguards);
  const view = visit.read();
  const { status } = view;
  // A VM that is ready is only looked at.
  if (!view.deleting && status.state === 'ready' && status.operation === undefined) return visit.log;
  await reconcile(view, visit, setup);
  return visit.log;
}

async function reconcile({ deleting, status }: View, visit: ModelVisit, setup: Setup): Promise<void> {
  const machine = deleting ? setup.terminate : setup.deploy;
  const result = await advance(machine, opened(machine, status), visit);
  if (visit.died) return;
  if (result.trouble?.class === 'defect') throw result.cause;
  try {
    await report(machine, result, visit, deleting);
  } catch (error) {
    if (visit.died) return;
    if (!(error instanceof KubeError)) throw error;
    visit.log.push(`no status is written: ${error.reason}`);
  }
}

function opened(machine: Machine, status: VmStatus): VmStatus {
  const vm = { name: 'web-1', uid: UID };
  return openOperation(machine, status, { vm, nowMs: NOW, trigger: 'the search' });
}

async function report(machine: Machine, result: Advance, visit: ModelVisit, deleting: boolean): Promise<void> {
  const { trouble, status } = result;
  if (trouble !== undefined) {
    visit.log.push(`${trouble.class}: ${trouble.reason}`);
    const failed = trouble.class === 'stalled' || trouble.class === 'defect' || trouble.reason === 'TaskFailed';
    const state = failed ? (machine.failedState ?? status.state) : status.state;
    return visit.report({ ...status, state }, trouble.class === 'stalled' ? trouble.reason : undefined);
  }
  return deleting ? visit.letGo() : visit.report(closeOperation(status, NOW));
}
