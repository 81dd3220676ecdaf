// Deletion: stops the VM, takes its DNS records away, destroys it, proves that it is gone and gives back what was reserved.
import type { Facts, OwnVm } from '../machine/facts.ts';
import type { Step, Verdict } from '../machine/vocabulary.ts';
import { identityMismatch, withOwnVm } from './own-vm.ts';

/** A clone call without an answer may still be carried out for this long: the limits of both sides, with a margin. */
const UNRESOLVED_MS = 100_000;
const RECHECK_MS = 5_000;

export const stopForDeletion: Step = {
  id: 'stop-for-deletion',
  title: 'Stop VM',
  condition: 'Started',
  needs: () => ['observed', 'power'],
  plan: (facts) => whenPresent(facts, () => planStop(facts)),
};

export const withdrawDns: Step = {
  id: 'withdraw-dns',
  title: 'Remove DNS records',
  condition: 'DNSPublished',
  needs: () => [],
  plan: ({ status, dnsZones }) => {
    if (status.dns === undefined) return { kind: 'skip', why: 'no record was published' };
    if (dnsZones === 0)
      return { kind: 'skip', why: 'no DNS zone matches any more', note: { status: { dns: undefined } } };
    return { kind: 'act', action: { kind: 'withdrawDns' }, why: 'the records are still published' };
  },
};

export const destroyVm: Step = {
  id: 'destroy-vm',
  title: 'Destroy VM',
  condition: 'Cloned',
  needs: () => ['observed'],
  plan: (facts) => whenPresent(facts, () => ({ kind: 'act', action: { kind: 'destroy' }, why: 'the VM still exists' })),
};

export const releaseReservations: Step = {
  id: 'release-reservations',
  title: 'Release addresses and VMID',
  condition: 'AddressesAllocated',
  needs: () => [],
  plan: ({ held }) => {
    if (held.addresses.length === 0 && held.vmid === undefined) return { kind: 'done' };
    return { kind: 'act', action: { kind: 'releaseReservations' }, why: 'reservations are still held' };
  },
};

// Skips when the absence is proven; an absence that a clone call on its way could end is not.
function whenPresent(facts: Facts, plan: (vm: OwnVm) => Verdict): Verdict {
  const { observed, held, status } = facts;
  if (held.vmid === undefined) return { kind: 'skip', why: 'no VM was made' };
  if (observed === undefined || observed.kind === 'absent') return whenAbsent(facts);
  if (observed.kind === 'foreign' && !wasCloned(status))
    return { kind: 'skip', why: 'the VM under the VMID is not ours' };
  if (observed.kind === 'foreign') return identityMismatch(observed, facts);
  return withOwnVm(facts, plan);
}

function whenAbsent({ status, now }: Facts): Verdict {
  const intent = status.operation?.intent;
  const unresolved = intent?.action === 'clone' && now - Date.parse(intent.sentAt) < UNRESOLVED_MS;
  if (!unresolved) return { kind: 'skip', why: 'the VM does not exist' };
  return {
    kind: 'wait',
    reason: 'Verifying',
    message: 'A clone call had no answer; waiting until it cannot be carried out any more.',
    afterMs: RECHECK_MS,
  };
}

function wasCloned(status: Facts['status']): boolean {
  return (status.conditions ?? []).some((condition) => condition.type === 'Cloned' && condition.status === 'True');
}

function planStop({ power }: Facts): Verdict {
  if (power === 'stopped') return { kind: 'done', note: { status: { powerState: 'Stopped' } } };
  return { kind: 'act', action: { kind: 'stop' }, why: 'the VM is running' };
}
