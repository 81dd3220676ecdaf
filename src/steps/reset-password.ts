// Gives the VM a new password: the Secret first, then the running guest if its agent answers, then cloud-init.
import type { Facts } from '../machine/facts.ts';
import type { Step, Verdict } from '../machine/vocabulary.ts';
import { withOwnVm } from './own-vm.ts';

export const renewPassword: Step = {
  id: 'renew-password',
  title: 'Make a new password',
  condition: 'CloudInitConfigured',
  needs: () => ['observed', 'credentials'],
  plan: (facts) => withOwnVm(facts, () => planRenewal(facts)),
};

export const setGuestPassword: Step = {
  id: 'set-guest-password',
  title: 'Set password in the guest',
  condition: 'CloudInitConfigured',
  needs: ({ operation }) =>
    operation?.tried?.includes('setGuestPassword') === true ? ['observed'] : ['observed', 'power', 'guestAgent'],
  plan: (facts) => withOwnVm(facts, () => planGuest(facts)),
};

function planRenewal({ status, credentials }: Facts): Verdict {
  if (credentials?.kind !== 'present') {
    return { kind: 'stall', reason: 'SecretMissing', message: 'The Secret with the credentials was never made.' };
  }
  const { operation, passwordGeneration = 0 } = status;
  if (operation?.tried?.includes('renewPassword') === true) return { kind: 'done' };
  return {
    kind: 'act',
    action: { kind: 'renewPassword', generation: passwordGeneration + 1 },
    why: 'it was asked for',
  };
}

// The guest takes it at once or, if it cannot be reached, from cloud-init at its next start.
function planGuest({ status, power, guestAgent }: Facts): Verdict {
  if (status.operation?.tried?.includes('setGuestPassword') === true) return { kind: 'done' };
  if (power !== 'running') return { kind: 'skip', why: 'the VM is stopped; cloud-init sets it at the next start' };
  if (guestAgent?.answers !== true)
    return { kind: 'skip', why: 'no guest agent answers; cloud-init sets it at the next start' };
  const action = { kind: 'setGuestPassword', user: status.osUser ?? '' } as const;
  return { kind: 'act', action, why: 'the guest agent answers' };
}
