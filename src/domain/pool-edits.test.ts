import { describe, expect, test } from 'vitest';
import { aReservation } from '../../test/builders/admission.ts';
import { anIPv6Pool, aPool } from '../../test/builders/objects.ts';
import { addressesLeftOut, takenServers } from './pool-edits.ts';

describe('addressesLeftOut', () => {
  test.each([
    { address: '192.0.2.9', out: true },
    { address: '192.0.2.10', out: false },
    { address: '192.0.2.50', out: false },
    { address: '192.0.2.51', out: true },
    { address: '2001:db8::1', out: true },
    { address: 'nonsense', out: true },
  ])('$address: $out', ({ address, out }) => {
    expect(addressesLeftOut(aPool().spec, 'ipv4', [aReservation(address)])).toEqual(out ? [address] : []);
  });

  test('an IPv4 address is in no IPv6 pool, though its number is', () => {
    const pool = anIPv6Pool({ first: '::', last: 'ffff::' });
    expect(addressesLeftOut(pool.spec, 'ipv4', [aReservation('192.0.2.10')])).toEqual(['192.0.2.10']);
  });

  test.each([{ first: 'x' }, { last: 'x' }])('a range that cannot be read has none: %j', (spec) => {
    expect(addressesLeftOut(aPool(spec).spec, 'ipv4', [aReservation('192.0.2.10')])).toEqual(['192.0.2.10']);
  });

  test('keeps the order and leaves out those of other pools', () => {
    const all = ['192.0.2.60', '192.0.2.20', '192.0.2.55'].map((address) => aReservation(address));
    const others = [aReservation('192.0.2.70', { poolName: 'other' })];
    expect(addressesLeftOut(aPool().spec, 'ipv4', [...all, ...others])).toEqual(['192.0.2.60', '192.0.2.55']);
  });
});

describe('takenServers', () => {
  const held = [aReservation('192.0.2.10'), aReservation('192.0.2.11')];

  test.each([
    { name: 'none', spec: {}, want: [] },
    { name: 'the gateway', spec: { gateway: '192.0.2.10' }, want: ['spec.gateway'] },
    {
      name: 'both name servers',
      spec: { nameservers: ['192.0.2.11', '192.0.2.10'] },
      want: ['spec.nameservers[0]', 'spec.nameservers[1]'],
    },
    {
      name: 'gateway and name server',
      spec: { gateway: '192.0.2.10', nameservers: ['192.0.2.10'] },
      want: ['spec.gateway', 'spec.nameservers[0]'],
    },
    { name: 'what is no address', spec: { gateway: 'x', nameservers: ['y'] }, want: [] },
    { name: 'another cluster', spec: { gateway: '192.0.2.10', clusterRef: { name: 'east' } }, want: [] },
    { name: 'another bridge', spec: { gateway: '192.0.2.10', bridge: 'vmbr1' }, want: [] },
    { name: 'another VLAN', spec: { gateway: '192.0.2.10', vlan: 1 }, want: [] },
    { name: 'no VLAN, which is 0', spec: { gateway: '192.0.2.10', vlan: undefined }, want: ['spec.gateway'] },
  ])('$name', ({ spec, want }) => {
    expect(takenServers(aPool(spec).spec, held).map(({ path }) => path)).toEqual(want);
  });

  test('what cannot be read is not the same as what cannot be read', () => {
    expect(takenServers(aPool({ gateway: 'x' }).spec, [aReservation('y')])).toEqual([]);
  });
});
