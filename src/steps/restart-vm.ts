// Reboot and Reset: done once per request, however often the operator is interrupted.
import type { Facts, Need } from '../machine/facts.ts';
import type { Intent } from '../machine/progress.ts';
import type { Action, Step, Verdict } from '../machine/vocabulary.ts';
import type { OperationStatus, VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { mayStillArrive } from './unanswered-call.ts';
import { withOwnVm } from './own-vm.ts';

/** Proxmox VE starts a rebooted VM about a second after the task has ended. */
const LOOK_MS = 1_000;
const LOOK_UP_MS = 5_000;

type Restart = Extract<Action, { kind: 'reboot' | 'reset' }>;

export const rebootVm: Step = {
  id: 'reboot-vm',
  title: 'Reboot VM',
  condition: 'Started',
  needs,
  plan: (facts) => withOwnVm(facts, () => planReboot(facts)),
};

export const resetVm: Step = {
  id: 'reset-vm',
  title: 'Reset VM',
  condition: 'Started',
  needs,
  plan: (facts) => withOwnVm(facts, () => planOnce(facts, { kind: 'reset' })),
};

function needs({ operation }: VirtualMachineStatus): readonly Need[] {
  return isUnanswered(operation) ? ['observed', 'power', 'restartTask'] : ['observed', 'power'];
}

/** Whether a restart was decided on and has left no task: it was not sent, or its answer was lost. */
function isUnanswered(operation: OperationStatus | undefined): boolean {
  const { intent } = operation ?? {};
  if (intent?.action !== 'reboot' && intent?.action !== 'reset') return false;
  return intent.failed !== true && intent.answered !== true;
}

function planReboot(facts: Facts): Verdict {
  const { intent, parameters } = facts.status.operation ?? {};
  const graceSeconds = parameters?.gracePeriodSeconds ?? facts.cluster.times.shutdownSeconds;
  const reboot: Restart = { kind: 'reboot', graceSeconds };
  if (intent?.action !== 'reboot' && intent?.action !== 'start') return planOnce(facts, reboot);
  const lookedUp = lookUp(facts, intent, reboot);
  if (lookedUp !== undefined) return lookedUp;
  return facts.power === 'running' ? afterReboot(facts, intent) : untilItIsBack(facts, intent);
}

function untilItIsBack({ now, cluster }: Facts, { sentAt, failed }: Intent): Verdict {
  if (failed === true || now - Date.parse(sentAt) > cluster.times.startSeconds * 1_000)
    return { kind: 'act', action: { kind: 'start' }, why: 'the VM did not come back by itself' };
  return { kind: 'wait', reason: 'WaitingForTask', message: 'The VM is being started again.', afterMs: LOOK_MS };
}

// The task of a reboot fails when the guest has not shut down in its time: then it runs on as it was.
function afterReboot({ restartTask }: Facts, { action, failed }: Intent): Verdict {
  const isDone = action !== 'reboot' || (failed !== true && restartTask !== 'failed');
  if (isDone) return { kind: 'done', note: { status: { powerState: 'Running' } } };
  const message = 'The guest did not shut down in its time and runs on. Ask for a Reset to restart it by force.';
  return { kind: 'stall', reason: 'StillRunning', message };
}

function planOnce(facts: Facts, action: Restart): Verdict {
  const intent = facts.status.operation?.intent;
  if (intent?.action !== action.kind || intent.failed === true) return begin(facts, action);
  return lookUp(facts, intent, action) ?? { kind: 'done' };
}

function begin({ power }: Facts, action: Restart): Verdict {
  if (power === 'running') return { kind: 'act', action, why: 'it was asked for' };
  return { kind: 'stall', reason: 'NotRunning', message: 'The VM is stopped; only a running one can be restarted.' };
}

/**
 * What follows while it is not known whether the call was carried out: the node's tasks tell. Only one that has left no
 * task and cannot be carried out any more is sent again. Undefined when there is nothing to look up.
 */
function lookUp(facts: Facts, intent: Intent, action: Restart): Verdict | undefined {
  if (!isUnanswered(facts.status.operation)) return undefined;
  if (facts.restartTask === 'running')
    return { kind: 'wait', reason: 'WaitingForTask', message: `The ${action.kind} is under way.`, afterMs: LOOK_MS };
  if (facts.restartTask !== 'none') return undefined;
  if (!mayStillArrive(facts, intent.sentAt)) return begin(facts, action);
  const message = `The call to ${action.kind} the VM got no answer; it is not sent again before it cannot be carried out any more.`;
  return { kind: 'wait', reason: 'Verifying', message, afterMs: LOOK_UP_MS };
}
