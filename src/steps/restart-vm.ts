// Reboot and Reset: done once per request, however often the operator is interrupted.
import type { Facts } from '../machine/facts.ts';
import type { Intent } from '../machine/progress.ts';
import type { Action, Step, Verdict } from '../machine/vocabulary.ts';
import { parseUpid } from '../pve/upid.ts';
import { withOwnVm } from './own-vm.ts';

/** Proxmox VE starts a rebooted VM about a second after the task has ended. */
const LOOK_MS = 1_000;

export const rebootVm: Step = {
  id: 'reboot-vm',
  title: 'Reboot VM',
  condition: 'Started',
  needs: () => ['observed', 'power'],
  plan: (facts) => withOwnVm(facts, () => planReboot(facts)),
};

export const resetVm: Step = {
  id: 'reset-vm',
  title: 'Reset VM',
  condition: 'Started',
  needs: () => ['observed', 'power'],
  plan: (facts) => withOwnVm(facts, () => planOnce(facts, { kind: 'reset' })),
};

function planReboot(facts: Facts): Verdict {
  const { intent, parameters } = facts.status.operation ?? {};
  if (intent?.action === 'reboot' && facts.power === 'running' && !wasAnswered(facts, 'qmreboot'))
    return unknown('reboot');
  if (intent?.action === 'reboot' || intent?.action === 'start')
    return facts.power === 'running' ? afterReboot(intent) : untilItIsBack(facts, intent);
  const graceSeconds = parameters?.gracePeriodSeconds ?? facts.cluster.times.shutdownSeconds;
  return planOnce(facts, { kind: 'reboot', graceSeconds });
}

function untilItIsBack({ now, cluster }: Facts, { sentAt, failed }: Intent): Verdict {
  if (failed === true || now - Date.parse(sentAt) > cluster.times.startSeconds * 1_000)
    return { kind: 'act', action: { kind: 'start' }, why: 'the VM did not come back by itself' };
  return { kind: 'wait', reason: 'WaitingForTask', message: 'The VM is being started again.', afterMs: LOOK_MS };
}

// The task of a reboot fails when the guest has not shut down in its time: then it runs on as it was.
function afterReboot({ action, failed }: Intent): Verdict {
  if (action !== 'reboot' || failed !== true) return { kind: 'done', note: { status: { powerState: 'Running' } } };
  const message = 'The guest did not shut down in its time and runs on. Ask for a Reset to restart it by force.';
  return { kind: 'stall', reason: 'StillRunning', message };
}

/** Whether the call has left the id of its task. One that got no answer may have been carried out, or not. */
function wasAnswered({ status }: Pick<Facts, 'status'>, taskType: string): boolean {
  return (status.operation?.taskIDs ?? []).some((upid) => parseUpid(upid)?.type === taskType);
}

// Sent again it could restart the guest a second time; said to be done it could be a lie.
function unknown(what: 'reboot' | 'reset'): Verdict {
  const message = `The call to ${what} the VM got no answer, so it cannot be told whether it was carried out. Ask for it again if it was not.`;
  return { kind: 'stall', reason: 'OutcomeUnknown', message };
}

function planOnce({ power, status }: Facts, action: Extract<Action, { kind: 'reboot' | 'reset' }>): Verdict {
  const intent = status.operation?.intent;
  if (intent?.action === action.kind && intent.failed !== true)
    return action.kind === 'reset' && !wasAnswered({ status }, 'qmreset') ? unknown('reset') : { kind: 'done' };
  if (power === 'running') return { kind: 'act', action, why: 'it was asked for' };
  return { kind: 'stall', reason: 'NotRunning', message: 'The VM is stopped; only a running one can be restarted.' };
}
