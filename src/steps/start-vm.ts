// starting and ready: starts the VM, and sees it running; or leaves it stopped, where that is what is declared.
import { powerAfter } from '../domain/power.ts';
import type { Facts } from '../machine/facts.ts';
import type { Intent } from '../machine/progress.ts';
import type { Step, Verdict } from '../machine/vocabulary.ts';
import { withOwnVm } from './own-vm.ts';

/** How often a VM that is starting is looked at. */
const LOOK_MS = 5_000;
/** How often one is looked at that has not come up before. */
const LATER_LOOK_MS = 15_000;
/** A VM that does not come up is started ever more seldom, and no more seldom than this. */
const LONGEST_PAUSE_SECONDS = 300;

export const startVm: Step = {
  id: 'start-vm',
  title: 'Start VM',
  condition: 'Started',
  // Before the first start of a VM just made there is nothing to ask: it is stopped, and a start of a running one is harmless.
  needs: ({ operation, settledAt }) =>
    operation?.intent?.action === 'start' || settledAt !== undefined ? ['observed', 'power'] : ['observed'],
  plan: (facts) => withOwnVm(facts, () => planAsDeclared(facts)),
};

export const verifyRunning: Step = {
  id: 'verify-running',
  title: 'Verify running',
  condition: 'Started',
  needs: () => ['observed', 'power'],
  plan: (facts) => withOwnVm(facts, () => planAsDeclared(facts)),
};

/** For an operation that asks for a running VM, whatever it was before. */
export const startOnRequest: Step = {
  id: 'start-vm',
  title: 'Start VM',
  condition: 'Started',
  needs: () => ['observed', 'power'],
  plan: (facts) => withOwnVm(facts, () => planStart(facts)),
};

function planAsDeclared(facts: Facts): Verdict {
  const { power, because } = powerAfter(facts.vm.spec, facts.status.operation);
  if (power === 'Running') return planStart(facts);
  return {
    kind: 'skip',
    why: because?.message ?? 'the VM is to be stopped',
    note: { status: { powerState: 'Stopped' } },
  };
}

/** The verdict of the moment on a VM that is to run. A start that was sent is given its time before it is sent again. */
function planStart({ power, now, status, cluster }: Facts): Verdict {
  if (power === 'running') return { kind: 'done', note: { status: { powerState: 'Running' } } };
  const intent = status.operation?.intent;
  const { startSeconds } = cluster.times;
  const isStarting =
    intent?.action === 'start' &&
    intent.failed !== true &&
    now - Date.parse(intent.sentAt) < pauseSeconds(intent, startSeconds) * 1_000;
  return isStarting
    ? stillStarting(intent, startSeconds)
    : { kind: 'act', action: { kind: 'start' }, why: 'the VM is not running' };
}

function pauseSeconds({ attempt }: Intent, startSeconds: number): number {
  return Math.min(startSeconds * 2 ** (attempt - 1), Math.max(startSeconds, LONGEST_PAUSE_SECONDS));
}

function stillStarting({ attempt }: Intent, startSeconds: number): Verdict {
  if (attempt === 1)
    return { kind: 'wait', reason: 'WaitingForTask', message: 'The VM is being started.', afterMs: LOOK_MS };
  const message = `The VM did not run ${startSeconds} s after it was started; it was started again. Its console tells why it ends.`;
  return { kind: 'wait', reason: 'NotRunning', message, afterMs: LATER_LOOK_MS };
}
