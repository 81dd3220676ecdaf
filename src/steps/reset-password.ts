// Gives the VM a new password: the Secret first, then cloud-init, then the running guest if its agent answers.
import type { Facts } from '../machine/facts.ts';
import type { Step, Verdict } from '../machine/vocabulary.ts';
import { designOf, withOwnVm } from './own-vm.ts';

export const renewPassword: Step = {
  id: 'renew-password',
  title: 'Make a new password',
  condition: 'CloudInitConfigured',
  needs: () => ['observed', 'credentials'],
  plan: (facts) => withOwnVm(facts, () => planRenewal(facts, firstCredentials(facts))),
};

/** For a machine that is made anew: whoever knew the password of the one before does not know this one's. */
export const renewPasswordAnew: Step = {
  ...renewPassword,
  undoes: true,
  needs: () => ['credentials'],
  plan: (facts) => planRenewal(facts, { kind: 'skip', why: 'no password was handed over yet' }),
};

/** A VM that was adopted came without a Secret of ours; its user stays the one that cloud-init knows. */
function firstCredentials(facts: Facts): Verdict {
  const user = facts.status.osUser ?? designOf(facts).plan.osUser;
  return {
    kind: 'act',
    action: { kind: 'createCredentials', ...(user === undefined ? {} : { user }) },
    why: 'no Secret was made for the VM yet',
  };
}

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
