// set_firewall: options, policies and the set of addresses the VM may use. One change at a time, each visible in the next look.
import { ADDRESS_SET, desiredFirewall, firewallDifference } from '../domain/firewall.ts';
import type { Facts } from '../machine/facts.ts';
import type { Action, ConditionNote, Step, Verdict } from '../machine/vocabulary.ts';
import { designOf, withOwnVm } from './own-vm.ts';

export const setFirewall: Step = {
  id: 'set-firewall',
  title: 'Configure firewall',
  condition: 'FirewallConfigured',
  needs: () => ['observed', 'firewall'],
  plan: (facts) => withOwnVm(facts, () => plan(facts)),
};

function plan(facts: Facts): Verdict {
  const { plan: product } = designOf(facts);
  const desired = desiredFirewall({
    firewall: product.firewall,
    dhcp: product.network.dhcpIPv4 || product.network.dhcpIPv6,
    addresses: (facts.status.addresses ?? []).map((entry) => entry.address),
  });
  const conditions = [inactiveNote(desired.inactiveBecause)];
  const observed = facts.firewall ?? { options: {}, ipset: undefined };
  const difference = firewallDifference(desired, observed.options, observed.ipset);
  const action = firstAction(difference, ADDRESS_SET);
  if (action === undefined) {
    if (desired.inactiveBecause !== undefined)
      return { kind: 'skip', why: desired.inactiveBecause, note: { conditions } };
    return { kind: 'done', note: { conditions } };
  }
  return { kind: 'act', action, why: 'the firewall differs from the package', note: { conditions } };
}

function inactiveNote(because: string | undefined): ConditionNote {
  return because === undefined
    ? { type: 'FirewallInactive' }
    : { type: 'FirewallInactive', reason: 'DHCP', message: because };
}

function firstAction(difference: ReturnType<typeof firewallDifference>, name: string): Action | undefined {
  // The set comes before the options: a filter that is on without its set would let nothing through.
  if (difference.createSet) return { kind: 'createIpset', name };
  const [add] = difference.addCidrs;
  if (add !== undefined) return { kind: 'addToIpset', name, cidr: add };
  const [remove] = difference.removeCidrs;
  if (remove !== undefined) return { kind: 'removeFromIpset', name, cidr: remove };
  // An empty set is not no set: it would let no address through.
  if (difference.removeSet) return { kind: 'deleteIpset', name };
  if (Object.keys(difference.options).length > 0) return { kind: 'setFirewallOptions', set: difference.options };
  return undefined;
}
