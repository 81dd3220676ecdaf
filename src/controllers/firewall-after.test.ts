import { describe, expect, test } from 'vitest';
import type { ObservedFirewall } from '../machine/facts.ts';
import type { Action } from '../machine/vocabulary.ts';
import { firewallAfter } from './firewall-after.ts';

const name = 'ipfilter-net0';
const bare: ObservedFirewall = { options: { enable: 0, dhcp: 1 }, ipset: undefined };
const filled: ObservedFirewall = { options: {}, ipset: ['10.0.0.1', '10.0.0.2'] };

describe('firewallAfter', () => {
  test.each<{ name: string; before: ObservedFirewall; action: Action; want: ObservedFirewall | undefined }>([
    {
      name: 'options are set, others stay',
      before: bare,
      action: { kind: 'setFirewallOptions', set: { enable: 1, policy_in: 'DROP' } },
      want: { options: { enable: 1, dhcp: 1, policy_in: 'DROP' }, ipset: undefined },
    },
    {
      name: 'a new set is empty, which is not the same as none',
      before: bare,
      action: { kind: 'createIpset', name },
      want: { ...bare, ipset: [] },
    },
    {
      name: 'a member is added',
      before: filled,
      action: { kind: 'addToIpset', name, cidr: '10.0.0.3' },
      want: { options: {}, ipset: ['10.0.0.1', '10.0.0.2', '10.0.0.3'] },
    },
    {
      name: 'a member is removed',
      before: filled,
      action: { kind: 'removeFromIpset', name, cidr: '10.0.0.1' },
      want: { options: {}, ipset: ['10.0.0.2'] },
    },
    {
      name: 'a removed set takes its members along',
      before: filled,
      action: { kind: 'deleteIpset', name },
      want: { options: {}, ipset: undefined },
    },
    { name: 'a start tells nothing of the firewall', before: filled, action: { kind: 'start' }, want: undefined },
  ])('$name', ({ before, action, want }) => {
    expect(firewallAfter(before, action)).toEqual(want);
  });

  test('what was read stays as it was', () => {
    const before = structuredClone(filled);
    firewallAfter(before, { kind: 'addToIpset', name, cidr: '10.0.0.3' });
    expect(before).toEqual(filled);
  });
});
