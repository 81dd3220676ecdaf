// starting and ready: starts the VM, and sees it running.
import type { Facts } from '../machine/facts.ts';
import type { Step, Verdict } from '../machine/vocabulary.ts';
import { withOwnVm } from './own-vm.ts';

export const startVm: Step = {
  id: 'start-vm',
  title: 'Start VM',
  condition: 'Started',
  // Before the first start there is nothing to ask: a VM just made is stopped, and a start of a running one is harmless.
  needs: (status) => (status.operation?.intent?.action === 'start' ? ['observed', 'power'] : ['observed']),
  plan: (facts) => withOwnVm(facts, () => plan(facts)),
};

function plan(facts: Facts): Verdict {
  if (facts.power === 'running') return { kind: 'done', note: { status: { powerState: 'Running' } } };
  return { kind: 'act', action: { kind: 'start' }, why: 'the VM is not running' };
}

export const verifyRunning: Step = {
  id: 'verify-running',
  title: 'Verify running',
  condition: 'Started',
  needs: () => ['observed', 'power'],
  plan: (facts) => withOwnVm(facts, () => plan(facts)),
};
