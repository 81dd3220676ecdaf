// What every step after the clone asks first: is the VM there, is it ours, is it free?
import type { Design, Facts, OwnVm } from '../machine/facts.ts';
import type { Verdict } from '../machine/vocabulary.ts';
import { whileCloning } from './clone-call.ts';

const LOCK_RECHECK_MS = 5_000;

/** Goes on with the VM only when it carries our stamp and Proxmox VE holds no lock on it. */
export function withOwnVm(facts: Facts, plan: (vm: OwnVm) => Verdict): Verdict {
  const { observed } = facts;
  switch (observed?.kind) {
    case 'ours':
      return observed.lock === undefined ? plan(observed) : waitForLock(observed.lock, facts);
    case 'cloning':
      return whileCloning(facts);
    case 'foreign':
      return identityMismatch(observed, facts);
    default:
      return {
        kind: 'stall',
        reason: 'VirtualMachineMissing',
        message: `VM ${facts.held.vmid ?? '?'} is gone from Proxmox VE. Restore it there, make it anew with an operation of type Redeploy, or delete this object.`,
      };
  }
}

export function identityMismatch(observed: { node: string; stamped: boolean }, facts: Facts): Verdict {
  const what = observed.stamped ? 'carries the stamp of another object' : 'carries no stamp of this operator';
  return {
    kind: 'stall',
    reason: 'IdentityMismatch',
    message: `VM ${facts.held.vmid ?? '?'} on node ${observed.node} ${what}. Nothing is touched.`,
  };
}

function waitForLock(lock: string, facts: Facts): Verdict {
  return {
    kind: 'wait',
    reason: 'WaitingForLock',
    message: `Proxmox VE holds the lock "${lock}" on VM ${facts.held.vmid ?? '?'}; everything waits until it is gone.`,
    afterMs: LOCK_RECHECK_MS,
  };
}

/** Plan and options as resolved. Deploy steps never run without: the pipeline stalls before. */
export function designOf(facts: Facts): Design {
  if (facts.design === undefined) throw new TypeError('The step needs the design of the VM.');
  return facts.design;
}
