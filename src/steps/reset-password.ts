// Gives the VM a new password: the Secret first, then cloud-init, then the running guest if its agent answers.
import type { Facts } from '../machine/facts.ts';
import type { Step, Verdict } from '../machine/vocabulary.ts';
import { withOwnVm } from './own-vm.ts';

export const renewPassword: Step = {
  id: 'renew-password',
  title: 'Make a new password',
  condition: 'CloudInitConfigured',
  needs: () => ['observed', 'credentials'],
  plan: (facts) => withOwnVm(facts, () => planRenewal(facts, NEVER_MADE)),
};

/** For a machine that is made anew: whoever knew the password of the one before does not know this one's. */
export const renewPasswordAnew: Step = {
  ...renewPassword,
  undoes: true,
  needs: () => ['credentials'],
  plan: (facts) => planRenewal(facts, { kind: 'skip', why: 'no password was handed over yet' }),
};

const NEVER_MADE: Verdict = {
  kind: 'stall',
  reason: 'SecretMissing',
  message: 'The Secret with the credentials was never made.',
};

/** After cloud-init: a guest that refuses the password gets it at its next start. */
export const setGuestPassword: Step = {
  id: 'set-guest-password',
  title: 'Set password in the guest',
  condition: 'CloudInitConfigured',
  needs: ({ operation }) =>
    operation?.guestPassword === undefined ? ['observed', 'power', 'guestAgent'] : ['observed'],
  plan: (facts) => withOwnVm(facts, () => planGuest(facts)),
};

function planRenewal({ status, credentials }: Facts, whenNone: Verdict): Verdict {
  if (credentials?.kind !== 'present') return whenNone;
  const { operation, passwordGeneration = 0 } = status;
  if (operation?.tried?.includes('renewPassword') === true) return { kind: 'done' };
  return {
    kind: 'act',
    action: { kind: 'renewPassword', generation: passwordGeneration + 1 },
    why: 'it was asked for',
  };
}

function planGuest({ status, power, guestAgent }: Facts): Verdict {
  const { operation, osUser = '' } = status;
  if (operation?.guestPassword === 'Set') return { kind: 'done' };
  if (operation?.guestPassword === 'Refused') return leftToCloudInit('the guest refused it');
  if (power !== 'running') return leftToCloudInit('the VM is stopped');
  if (guestAgent?.answers !== true) return leftToCloudInit('no guest agent answers');
  return { kind: 'act', action: { kind: 'setGuestPassword', user: osUser }, why: 'the guest agent answers' };
}

function leftToCloudInit(because: string): Verdict {
  return { kind: 'skip', why: `${because}; cloud-init sets it at the next start` };
}
