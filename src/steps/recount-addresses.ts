// cp_update_ip: gives the VM as many addresses as its package says. What is taken away leaves DNS and firewall first.
import type { IPAddressReservation } from '../api/reservations.ts';
import { surplusAddresses } from '../domain/address-plan.ts';
import { ADDRESS_SET, isMemberFor } from '../domain/firewall.ts';
import type { Facts } from '../machine/facts.ts';
import type { Step, Verdict } from '../machine/vocabulary.ts';
import { designOf, withOwnVm } from './own-vm.ts';
import { reserveAddresses, wantedAddresses } from './reserve-addresses.ts';

export const recountAddresses: Step = {
  id: 'recount-addresses',
  title: 'Update addresses',
  condition: 'AddressesAllocated',
  needs: () => ['addresses', 'observed', 'firewall'],
  plan: (facts) => withOwnVm(facts, () => plan(facts)),
};

function plan(facts: Facts): Verdict {
  const surplus = surplusAddresses(facts.held.addresses, wantedAddresses(designOf(facts)));
  if (surplus.length > 0) return release(facts, surplus);
  const reservation = reserveAddresses.plan(facts);
  if (reservation.kind !== 'done') return reservation;
  return published(facts, reservation);
}

// An address must not be given to the next VM while this one may still send from it.
function release(facts: Facts, surplus: readonly IPAddressReservation[]): Verdict {
  const members = facts.firewall?.ipset ?? [];
  const cidr = members.find((member) => surplus.some(({ spec }) => isMemberFor(member, spec.address)));
  if (cidr !== undefined) {
    const why = `${cidr} is one address too many`;
    return { kind: 'act', action: { kind: 'removeFromIpset', name: ADDRESS_SET, cidr }, why };
  }
  const addresses = surplus.map(({ spec }) => spec.address);
  const why = `the package has fewer addresses; released: ${addresses.join(', ')}`.slice(0, 300);
  return { kind: 'act', action: { kind: 'releaseAddresses', addresses }, why };
}

// The records follow as soon as the addresses are other ones. The status learns of those with their records: what stops
// the pass before that must not leave it with addresses that seem to be published.
function published(facts: Facts, { note }: Extract<Verdict, { kind: 'done' }>): Verdict {
  const before = (facts.status.addresses ?? []).map(({ address }) => address);
  const now = facts.held.addresses.map(({ spec }) => spec.address);
  const isSame = before.length === now.length && now.every((address) => before.includes(address));
  if (isSame || facts.dnsZones === 0) return { kind: 'done', note };
  const why = 'the VM has other addresses than its records say';
  return { kind: 'act', action: { kind: 'publishDns', addresses: note?.status?.addresses ?? [] }, why };
}
