import { aReservation, created, holdRule, updated } from '../../../test/builders/admission.ts';
import { anIPv6Pool, aPool } from '../../../test/builders/objects.ts';
import type { IPPoolSpec } from '../../api/ip-pool.ts';
import { poolAlone, poolKeepsAllocated, poolServersFree, poolValid } from './pools.ts';

const wrong = (path: string, says: string) => [{ path, code: 'PoolInvalid', says }] as const;
const made = (spec: Partial<IPPoolSpec>) => created(aPool(spec));

holdRule(poolValid, [
  { name: 'an IPv4 pool', review: created(aPool()) },
  { name: 'an IPv6 pool', review: created(anIPv6Pool()) },
  { name: 'one address', review: made({ first: '192.0.2.10', last: '192.0.2.10' }) },
  { name: 'a gateway of the link', review: created(anIPv6Pool({ gateway: 'fe80::1' })) },
  {
    name: 'first after last',
    review: made({ first: '192.0.2.50', last: '192.0.2.10' }),
    want: wrong('spec.last', 'swap them'),
  },
  {
    name: 'a gateway outside of the mask',
    review: made({ gateway: '192.0.3.1' }),
    want: wrong('spec.gateway', 'outside of the network'),
  },
  {
    name: 'a gateway that is the network',
    review: made({ gateway: '192.0.2.0' }),
    want: wrong('spec.gateway', 'network or broadcast'),
  },
  {
    name: 'a gateway that is the broadcast address',
    review: made({ gateway: '192.0.2.255' }),
    want: wrong('spec.gateway', 'network or broadcast'),
  },
  {
    name: 'a range outside of the mask',
    review: made({ last: '192.0.3.10' }),
    want: wrong('spec.last', 'outside of the network'),
  },
  {
    name: 'a mask that does not exist',
    review: made({ prefixLength: 33 }),
    want: wrong('spec.prefixLength', '1 to 32'),
  },
  {
    name: 'an address of the other family',
    review: made({ first: '2001:db8::1' }),
    want: wrong('spec.first', 'IPv4 address'),
  },
  {
    name: 'nothing to hand out',
    review: made({ first: '192.0.2.1', last: '192.0.2.2' }),
    want: wrong('spec.first', 'widen the range'),
  },
  ...[
    '192.0.2.10,',
    '192.0.2.10=',
    '192.0.2.10\n',
    '../192.0.2.10',
    '192.0.2.010',
    '192.0.2',
    '192.0.2.10/24',
    'fe80::1%eth0',
  ].map((first) => ({
    name: `first ${JSON.stringify(first)}`,
    review: made({ first }),
    want: wrong('spec.first', 'no IP address'),
  })),
  {
    name: 'an edit that makes it wrong',
    review: updated(aPool(), aPool({ gateway: '192.0.3.1' })),
    want: wrong('spec.gateway', 'outside'),
  },
  {
    name: 'a wrong pool that is labelled',
    review: updated(aPool({ gateway: '192.0.3.1' }), aPool({ gateway: '192.0.3.1' })),
  },
]);

const beside = (spec: Partial<IPPoolSpec>) => ({
  pools: [aPool(), aPool({ first: '192.0.2.40', last: '192.0.2.60', ...spec }, 'other')],
});
const overlap = [{ path: 'spec.first', code: 'PoolOverlap', says: 'IPPool other' }] as const;

holdRule(poolAlone, [
  { name: 'alone', review: created(aPool()), world: { pools: [aPool()] } },
  { name: 'a range in common', review: created(aPool()), world: beside({}), want: overlap },
  {
    name: 'the last address in common',
    review: created(aPool()),
    world: beside({ first: '192.0.2.50' }),
    want: overlap,
  },
  { name: 'one after the other', review: created(aPool()), world: beside({ first: '192.0.2.51' }) },
  {
    name: 'one within the other',
    review: created(aPool()),
    world: beside({ first: '192.0.2.20', last: '192.0.2.21' }),
    want: overlap,
  },
  { name: 'another bridge', review: created(aPool()), world: beside({ bridge: 'vmbr1' }) },
  { name: 'another VLAN', review: created(aPool()), world: beside({ vlan: 5 }) },
  { name: 'no VLAN is VLAN 0', review: created(aPool()), world: beside({ vlan: undefined }), want: overlap },
  { name: 'another cluster', review: created(aPool()), world: beside({ clusterRef: { name: 'east' } }) },
  {
    name: 'the other family',
    review: created(anIPv6Pool()),
    world: { pools: [aPool()] },
  },
  {
    name: 'two at once',
    review: created(aPool()),
    world: { pools: [aPool({}, 'other'), aPool({}, 'third')] },
    want: [...overlap, { path: 'spec.first', code: 'PoolOverlap', says: 'IPPool third' }],
  },
  {
    name: 'an edit that makes them meet',
    review: updated(aPool({ last: '192.0.2.30' }), aPool()),
    world: beside({}),
    want: overlap,
  },
  { name: 'an overlap that was there, and a label', review: updated(aPool(), aPool()), world: beside({}) },
]);

const having = (...addresses: string[]) => ({ reservations: addresses.map((address) => aReservation(address)) });
const out = (says: string) => [{ path: 'spec.first', code: 'AddressAllocated', says }] as const;

holdRule(poolKeepsAllocated, [
  { name: 'larger', review: updated(aPool(), aPool({ last: '192.0.2.60' })), world: having('192.0.2.50') },
  {
    name: 'smaller, and the last one stays',
    review: updated(aPool(), aPool({ last: '192.0.2.40' })),
    world: having('192.0.2.40'),
  },
  {
    name: 'smaller, and the last one goes',
    review: updated(aPool(), aPool({ last: '192.0.2.49' })),
    world: having('192.0.2.50'),
    want: out('1 address of a VM (192.0.2.50)'),
  },
  {
    name: 'smaller at its beginning, and the first one stays',
    review: updated(aPool(), aPool({ first: '192.0.2.11' })),
    world: having('192.0.2.11'),
  },
  {
    name: 'smaller at its beginning',
    review: updated(aPool(), aPool({ first: '192.0.2.11' })),
    world: having('192.0.2.10'),
    want: out('192.0.2.10'),
  },
  {
    name: 'elsewhere',
    review: updated(aPool(), aPool({ first: '192.0.2.60', last: '192.0.2.70' })),
    world: having('192.0.2.10', '192.0.2.11'),
    want: out('2 addresses'),
  },
  {
    name: 'an IPv6 pool, in another spelling',
    review: updated(anIPv6Pool(), anIPv6Pool({ last: '2001:db8::17ff' })),
    world: { reservations: [aReservation('2001:0db8::1800', { poolName: 'ipv6' })] },
    want: out('2001:0db8::1800'),
  },
  {
    name: 'addresses of another pool',
    review: updated(aPool(), aPool({ last: '192.0.2.20' })),
    world: { reservations: [aReservation('192.0.2.50', { poolName: 'other' })] },
  },
  {
    name: 'addresses of another cluster',
    review: updated(aPool(), aPool({ last: '192.0.2.20' })),
    world: { reservations: [aReservation('192.0.2.50', { clusterRef: { name: 'east' } })] },
  },
  {
    name: 'a bridge that changes touches new allocations only',
    review: updated(aPool({ last: '192.0.2.20' }), aPool({ last: '192.0.2.20', bridge: 'vmbr1' })),
    world: having('192.0.2.50'),
  },
]);

const taken = (path: string) => [{ path, code: 'AddressTaken' }] as const;

holdRule(poolServersFree, [
  { name: 'nobody has them', review: created(aPool()), world: having('192.0.2.10') },
  {
    name: 'a VM has the gateway',
    review: made({ gateway: '192.0.2.10' }),
    world: having('192.0.2.10'),
    want: taken('spec.gateway'),
  },
  {
    name: 'a VM has a name server',
    review: made({ nameservers: ['192.0.2.2', '192.0.2.10'] }),
    world: having('192.0.2.10'),
    want: taken('spec.nameservers[1]'),
  },
  {
    name: 'neither gateway nor name servers',
    review: made({ gateway: undefined, nameservers: undefined }),
    world: having('192.0.2.10'),
  },
  {
    name: 'a VM on another bridge',
    review: made({ gateway: '192.0.2.10' }),
    world: { reservations: [aReservation('192.0.2.10', { bridge: 'vmbr1' })] },
  },
  {
    name: 'a VM on another VLAN',
    review: made({ gateway: '192.0.2.10' }),
    world: { reservations: [aReservation('192.0.2.10', { vlan: 5 })] },
  },
  {
    name: 'a VM on another cluster',
    review: made({ gateway: '192.0.2.10' }),
    world: { reservations: [aReservation('192.0.2.10', { clusterRef: { name: 'east' } })] },
  },
  {
    name: 'another spelling of the address',
    review: created(anIPv6Pool({ gateway: '2001:DB8:0::1000' })),
    world: { reservations: [aReservation('2001:db8::1000')] },
    want: taken('spec.gateway'),
  },
  {
    name: 'a gateway that was taken, and a label',
    review: updated(aPool({ gateway: '192.0.2.10' }), aPool({ gateway: '192.0.2.10' })),
    world: having('192.0.2.10'),
  },
]);
