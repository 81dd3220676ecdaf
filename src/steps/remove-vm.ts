// Deletion: stops the VM, takes its DNS records away, destroys it, proves that it is gone and gives back what was reserved.
import type { Facts, OwnVm } from '../machine/facts.ts';
import type { Step, Verdict } from '../machine/vocabulary.ts';
import { untilResolved, whileCloning } from './clone-call.ts';
import { identityMismatch, withOwnVm } from './own-vm.ts';
import { planStop } from './stop-vm.ts';

export const stopForDeletion: Step = {
  id: 'stop-for-deletion',
  title: 'Stop VM',
  condition: 'Started',
  undoes: true,
  needs: () => ['observed', 'power'],
  plan: (facts) => whenPresent(facts, () => planStop(facts, destroyAnyway)),
};

/** Backups that carry this VM's UID. What cannot be removed holds nothing up. */
export const removeBackups: Step = {
  id: 'remove-backups',
  title: 'Remove backups',
  condition: 'Cloned',
  undoes: true,
  needs: () => [],
  plan: ({ held, status }) => {
    if (held.vmid === undefined) return { kind: 'skip', why: 'no VM was made' };
    if (status.operation?.tried?.includes('removeBackups') === true) return { kind: 'done' };
    return { kind: 'act', action: { kind: 'removeBackups' }, why: 'the VM may have backups' };
  },
};

export const withdrawDns: Step = {
  id: 'withdraw-dns',
  title: 'Remove DNS records',
  condition: 'DNSPublished',
  undoes: true,
  needs: () => [],
  plan: ({ status, dnsZones }) => {
    // A crash between publishing and remembering it leaves no trace in the status: whoever has addresses may have records.
    const none = status.dns === undefined ? (status.addresses ?? []).length === 0 : status.dns.zones.length === 0;
    if (none) return { kind: 'skip', why: 'no record was published' };
    if (dnsZones === 0) return { kind: 'skip', why: 'no DNS zone matches any more' };
    return { kind: 'act', action: { kind: 'withdrawDns' }, why: 'the records are still published' };
  },
};

export const destroyVm: Step = {
  id: 'destroy-vm',
  title: 'Destroy VM',
  condition: 'Cloned',
  undoes: true,
  needs: () => ['observed'],
  plan: (facts) => {
    const verdict = whenPresent(facts, () => ({
      kind: 'act',
      action: { kind: 'destroy' },
      why: 'the VM still exists',
    }));
    // What is under the number from now on is not what was cloned.
    return verdict.kind === 'skip'
      ? { ...verdict, note: { status: { clonedAt: undefined, cloneUnansweredAt: undefined, node: undefined } } }
      : verdict;
  },
};

export const releaseReservations: Step = {
  id: 'release-reservations',
  title: 'Release addresses and VMID',
  condition: 'AddressesAllocated',
  undoes: true,
  needs: () => [],
  plan: ({ held }) => {
    if (held.addresses.length === 0 && held.vmidReserved !== true) return { kind: 'done', note: { status: FORGOTTEN } };
    return { kind: 'act', action: { kind: 'releaseReservations' }, why: 'reservations are still held' };
  },
};

/** What was decided for a VM that is gone; another one is built from what is declared then. */
const FORGOTTEN = {
  vmid: undefined,
  addresses: undefined,
  network: undefined,
  placement: undefined,
  disks: undefined,
  effective: undefined,
  planRevision: undefined,
} as const;

// Skips when the absence is proven; an absence that a clone call on its way could end is not.
function whenPresent(facts: Facts, plan: (vm: OwnVm) => Verdict): Verdict {
  const { observed, held, status } = facts;
  if (held.vmid === undefined) return { kind: 'skip', why: 'no VM was made' };
  switch (observed?.kind) {
    case 'ours':
      return observed.lock === 'clone' ? whileCloning(facts) : withOwnVm(facts, plan);
    case 'cloning':
      return whileCloning(facts);
    case 'foreign':
      if (wasCloned(status)) return identityMismatch(observed, facts);
      return (
        untilResolved(facts, `VM ${held.vmid} was made by somebody else.`) ?? {
          kind: 'skip',
          why: 'the VM under the VMID is not ours',
        }
      );
    default:
      return untilResolved(facts, `VM ${held.vmid} does not exist.`) ?? { kind: 'skip', why: 'the VM does not exist' };
  }
}

function wasCloned(status: Facts['status']): boolean {
  return status.clonedAt !== undefined;
}

function destroyAnyway(): Verdict {
  return { kind: 'skip', why: 'the VM runs on after a forced stop; Proxmox VE is asked to destroy it all the same' };
}
