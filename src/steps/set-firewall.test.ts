// The firewall comes into force one change at a time, in an order that never cuts the VM off.
import { describe, expect, test } from 'vitest';
import { aDesign, aFacts, anOwnVm, aStatus } from '../../test/builders/facts.ts';
import type { ResolvedPlan } from '../domain/plan-defaults.ts';
import type { ObservedFirewall } from '../machine/facts.ts';
import { setFirewall } from './set-firewall.ts';

const IN_FORCE = {
  enable: 1,
  dhcp: 1,
  ndp: 1,
  radv: 0,
  macfilter: 1,
  ipfilter: 0,
  policy_in: 'ACCEPT',
  policy_out: 'ACCEPT',
  log_level_in: 'nolog',
  log_level_out: 'nolog',
};
const ADDRESS = '192.0.2.10';
const name = 'ipfilter-net0';

function facts(firewall: ObservedFirewall | undefined, plan: Partial<ResolvedPlan> = {}, addresses = [ADDRESS]) {
  const status = aStatus({
    addresses: addresses.map((address) => ({ address, prefixLength: 24, pool: 'ipv4', primary: true })),
  });
  return aFacts({ observed: anOwnVm(), status, firewall, design: aDesign({ plan }) });
}

const dhcp: Partial<ResolvedPlan> = { network: { ...aDesign().plan.network, dhcpIPv6: true } };
const act = (action: Record<string, unknown>) => ({ kind: 'act', action });

describe('one change at a time', () => {
  test.each([
    { what: 'nothing was gathered', given: facts(undefined), want: act({ kind: 'createIpset', name }) },
    {
      what: 'the set comes before the options',
      given: facts({ options: {}, ipset: undefined }),
      want: act({ kind: 'createIpset', name }),
    },
    {
      what: 'then its members',
      given: facts({ options: {}, ipset: [] }),
      want: act({ kind: 'addToIpset', name, cidr: ADDRESS }),
    },
    {
      what: "what the template's set had goes",
      given: facts({ options: {}, ipset: [ADDRESS, '198.51.100.0/24'] }),
      want: act({ kind: 'removeFromIpset', name, cidr: '198.51.100.0/24' }),
    },
    {
      what: 'then the options, only those that differ',
      given: facts({ options: { ...IN_FORCE, enable: 0 }, ipset: [ADDRESS] }),
      want: { kind: 'act', action: { kind: 'setFirewallOptions', set: { enable: 1 } } },
    },
    {
      what: 'everything is in force',
      given: facts({ options: IN_FORCE, ipset: [ADDRESS] }),
      want: { kind: 'done', note: { conditions: [{ type: 'FirewallInactive' }] } },
    },
    {
      what: 'a VM without addresses of ours is not held to an empty set',
      given: facts({ options: IN_FORCE, ipset: [] }, {}, []),
      want: act({ kind: 'deleteIpset', name }),
    },
  ])('$what', ({ given, want }) => expect(setFirewall.plan(given)).toMatchObject(want));
});

describe('with DHCP', () => {
  const raised = {
    conditions: [{ type: 'FirewallInactive', reason: 'DHCP', message: expect.stringContaining('DHCP') }],
  };

  test.each([
    {
      what: 'the firewall goes off, and a condition says so',
      given: { options: {}, ipset: undefined },
      want: { ...act({ kind: 'setFirewallOptions', set: { enable: 0 } }), note: raised },
    },
    {
      what: 'a set of the template goes',
      given: { options: { enable: 0 }, ipset: [ADDRESS] },
      want: { ...act({ kind: 'deleteIpset', name }), note: raised },
    },
    {
      what: 'nothing is left to do',
      given: { options: { enable: 0 }, ipset: undefined },
      want: { kind: 'skip', note: raised },
    },
  ])('$what', ({ given, want }) => expect(setFirewall.plan(facts(given, dhcp))).toMatchObject(want));

  test('a firewall that the plan does not want is not missed', () => {
    const verdict = setFirewall.plan(
      facts({ options: { enable: 0 }, ipset: undefined }, { ...dhcp, firewall: { enabled: false } }),
    );
    expect(verdict).toMatchObject({ kind: 'done', note: { conditions: [{ type: 'FirewallInactive' }] } });
  });
});
