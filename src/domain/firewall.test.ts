// The firewall: defaults, the DHCP exception, and what has to be sent to come from the observed to the desired state.
import { describe, expect, it } from 'vitest';
import type { PlanSpec } from '../api/plan.ts';
import { ADDRESS_SET, desiredFirewall, firewallDifference, isMemberFor } from './firewall.ts';

const ADDRESSES = ['192.0.2.7', '2001:DB8:0::7'];

const DEFAULT_OPTIONS = {
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

function desired(firewall?: PlanSpec['firewall'], addresses = ADDRESSES) {
  return desiredFirewall({ firewall, dhcp: false, addresses });
}

describe('desiredFirewall', () => {
  it('has a default for everything', () => {
    expect(desired()).toEqual({
      options: DEFAULT_OPTIONS,
      ipset: { name: ADDRESS_SET, cidrs: ['192.0.2.7', '2001:db8::7'] },
    });
  });

  it.each<{ name: string; firewall: PlanSpec['firewall']; want: object }>([
    { name: 'enabled', firewall: { enabled: false }, want: { enable: 0 } },
    { name: 'dhcp', firewall: { dhcp: false }, want: { dhcp: 0 } },
    { name: 'ndp', firewall: { ndp: false }, want: { ndp: 0 } },
    { name: 'routerAdvertisement', firewall: { routerAdvertisement: true }, want: { radv: 1 } },
    { name: 'macFilter', firewall: { macFilter: false }, want: { macfilter: 0 } },
    { name: 'ipFilter', firewall: { ipFilter: true }, want: { ipfilter: 1 } },
    { name: 'inputPolicy', firewall: { inputPolicy: 'DROP' }, want: { policy_in: 'DROP' } },
    { name: 'outputPolicy', firewall: { outputPolicy: 'REJECT' }, want: { policy_out: 'REJECT' } },
    { name: 'inputLogLevel', firewall: { inputLogLevel: 'info' }, want: { log_level_in: 'info' } },
    { name: 'outputLogLevel', firewall: { outputLogLevel: 'warning' }, want: { log_level_out: 'warning' } },
  ])('follows $name', ({ firewall, want }) => {
    expect(desired(firewall).options).toEqual({ ...DEFAULT_OPTIONS, ...want });
  });

  it.each([
    { name: 'anti-spoofing is off', firewall: { antiSpoofing: false }, addresses: ADDRESSES },
    { name: 'the VM has no address from us', firewall: {}, addresses: [] },
  ])('has no set when $name', ({ firewall, addresses }) => {
    expect(desired(firewall, addresses)).toEqual({ options: DEFAULT_OPTIONS });
  });

  it('is off with DHCP, without a set, and says why', () => {
    const withDhcp = desiredFirewall({ firewall: { inputPolicy: 'DROP' }, dhcp: true, addresses: ADDRESSES });
    expect(withDhcp.options).toEqual({ enable: 0 });
    expect(withDhcp.ipset).toBeUndefined();
    expect(withDhcp.inactiveBecause).toContain('DHCP');
    expect(withDhcp.inactiveBecause?.length).toBeLessThanOrEqual(300);
  });

  it('has nothing to say about DHCP when it is off anyway', () => {
    const off = desiredFirewall({ firewall: { enabled: false }, dhcp: true, addresses: [] });
    expect(off).toEqual({ options: { enable: 0 } });
  });
});

describe('firewallDifference', () => {
  const SET = ['192.0.2.7', '2001:db8::7'];
  const NOTHING = { options: {}, createSet: false, removeSet: false, addCidrs: [], removeCidrs: [] };

  it.each<{ name: string; options?: Record<string, unknown>; cidrs?: readonly string[] | null; want: object }>([
    { name: 'nothing when all is as desired', want: {} },
    {
      name: 'nothing when the numbers come as text',
      options: { ...DEFAULT_OPTIONS, enable: '1', radv: '0' },
      want: {},
    },
    {
      name: 'nothing when they come as booleans',
      options: { ...DEFAULT_OPTIONS, enable: true, radv: false },
      want: {},
    },
    { name: 'nothing for options that are not ours', options: { ...DEFAULT_OPTIONS, digest: 'abc' }, want: {} },
    { name: 'nothing when addresses are spelled otherwise', cidrs: ['192.0.2.7/32', '2001:DB8::0007/128'], want: {} },
    {
      name: 'everything for a fresh VM',
      options: { digest: 'abc' },
      cidrs: null,
      want: { options: DEFAULT_OPTIONS, createSet: true, addCidrs: SET },
    },
    {
      name: 'an option that is not set, whatever its default is',
      options: { ...DEFAULT_OPTIONS, ndp: undefined },
      want: { options: { ndp: 1 } },
    },
    {
      name: 'an option that differs',
      options: { ...DEFAULT_OPTIONS, policy_in: 'DROP', enable: 0 },
      want: { options: { policy_in: 'ACCEPT', enable: 1 } },
    },
    {
      name: 'an option of an odd type',
      options: { ...DEFAULT_OPTIONS, enable: { on: 1 } },
      want: { options: { enable: 1 } },
    },
    { name: 'the missing addresses', cidrs: ['192.0.2.7'], want: { addCidrs: ['2001:db8::7'] } },
    { name: 'all addresses for an empty set', cidrs: [], want: { addCidrs: SET } },
    {
      name: 'the foreign addresses, as they are spelled',
      cidrs: [...SET, '198.51.100.1/32', '10.0.0.0/24', 'dc/alias'],
      want: { removeCidrs: ['198.51.100.1/32', '10.0.0.0/24', 'dc/alias'] },
    },
    {
      name: 'a network that only contains ours',
      cidrs: ['192.0.2.7/24', '2001:db8::7'],
      want: { addCidrs: ['192.0.2.7'], removeCidrs: ['192.0.2.7/24'] },
    },
  ])('is $name', ({ options = DEFAULT_OPTIONS, cidrs = SET, want }) => {
    expect(firewallDifference(desired(), options, cidrs ?? undefined)).toEqual({ ...NOTHING, ...want });
  });

  it.each([
    { name: 'a set that the template left', cidrs: ['10.0.0.1'], want: { removeSet: true } },
    { name: 'an empty one too', cidrs: [], want: { removeSet: true } },
    { name: 'nothing where there is none', cidrs: undefined, want: {} },
  ])('removes $name when no set is wanted', ({ cidrs, want }) => {
    const withoutSet = desired({ antiSpoofing: false });
    expect(firewallDifference(withoutSet, DEFAULT_OPTIONS, cidrs)).toEqual({ ...NOTHING, ...want });
  });

  it('turns off what the template had on when the VM uses DHCP', () => {
    const off = desiredFirewall({ firewall: undefined, dhcp: true, addresses: [] });
    expect(firewallDifference(off, DEFAULT_OPTIONS, ['10.0.0.1'])).toEqual({
      ...NOTHING,
      options: { enable: 0 },
      removeSet: true,
    });
  });
});

describe('isMemberFor', () => {
  const rows = [
    { cidr: '192.0.2.7', address: '192.0.2.7', want: true },
    { cidr: '192.0.2.7/32', address: '192.0.2.7', want: true },
    { cidr: '192.0.2.7', address: '192.0.2.70', want: false },
    { cidr: '192.0.2.0/24', address: '192.0.2.0', want: false },
    { cidr: '2001:db8::7', address: '2001:DB8:0::7', want: true },
    { cidr: '2001:db8:0:0::7/128', address: '2001:db8::7', want: true },
    { cidr: '2001:db8::7/64', address: '2001:db8::7', want: false },
    { cidr: '2001:db8::7/32', address: '2001:db8::7', want: false },
  ];
  it.each(rows)('$cidr for $address: $want', ({ cidr, address, want }) => {
    expect(isMemberFor(cidr, address)).toBe(want);
  });
});
