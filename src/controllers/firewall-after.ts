// The firewall as it is after a change that Proxmox VE has confirmed, so that nothing has to be read again in between.
import type { ObservedFirewall } from '../machine/facts.ts';
import type { Action } from '../machine/vocabulary.ts';

/**
 * What a confirmed action makes of the firewall that was read; undefined when it is not one on the firewall. Each of these
 * calls is carried out before it is answered and changes nothing else, unlike a change of the configuration, which may
 * stay pending.
 */
export function firewallAfter(before: ObservedFirewall, action: Action): ObservedFirewall | undefined {
  const { ipset = [] } = before;
  switch (action.kind) {
    case 'setFirewallOptions':
      return { ...before, options: { ...before.options, ...action.set } };
    case 'createIpset':
      return { ...before, ipset: [] };
    case 'deleteIpset':
      return { ...before, ipset: undefined };
    case 'addToIpset':
      return { ...before, ipset: [...ipset, action.cidr] };
    case 'removeFromIpset':
      return { ...before, ipset: ipset.filter((cidr) => cidr !== action.cidr) };
    default:
      return undefined;
  }
}
