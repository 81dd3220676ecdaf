// Reboot and Reset: done once per request, however often the operator is interrupted.
import type { Facts } from '../machine/facts.ts';
import type { Action, Step, Verdict } from '../machine/vocabulary.ts';
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
  const { shutdownSeconds, startSeconds } = facts.cluster.times;
  if (intent?.action !== 'reboot' && intent?.action !== 'start') {
    return planOnce(facts, { kind: 'reboot', graceSeconds: parameters?.gracePeriodSeconds ?? shutdownSeconds });
  }
  if (facts.power === 'running') return { kind: 'done', note: { status: { powerState: 'Running' } } };
  if (facts.now - Date.parse(intent.sentAt) > startSeconds * 1_000)
    return { kind: 'act', action: { kind: 'start' }, why: 'the VM did not come back by itself' };
  return { kind: 'wait', reason: 'WaitingForTask', message: 'The VM is being started again.', afterMs: LOOK_MS };
}

function planOnce({ power, status }: Facts, action: Extract<Action, { kind: 'reboot' | 'reset' }>): Verdict {
  if (status.operation?.intent?.action === action.kind) return { kind: 'done' };
  if (power === 'running') return { kind: 'act', action, why: 'it was asked for' };
  return { kind: 'stall', reason: 'NotRunning', message: 'The VM is stopped; only a running one can be restarted.' };
}
