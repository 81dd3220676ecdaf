// An address leaves the firewall before it leaves the VM, new ones are reserved on the same network, and records follow.
import { describe, expect, test } from 'vitest';
import { aDesign, aFacts, aHeldAddress, anOwnVm, aStatus, type FactsShape } from '../../test/builders/facts.ts';
import { aPool, anIPv6Pool } from '../../test/builders/objects.ts';
import type { IPAddressReservation } from '../api/reservations.ts';
import type { EffectivePackage } from '../api/virtual-machine-status.ts';
import type { Facts } from '../machine/facts.ts';
import { recountAddresses } from './recount-addresses.ts';

const MAIN = aHeldAddress();
const SECOND = aHeldAddress({ address: '192.0.2.11', order: 1 });
const THIRD = aHeldAddress({ address: '192.0.2.12', order: 2 });

function shown(held: readonly IPAddressReservation[]) {
  return held.map(({ spec: { address, order } }) => ({ address, prefixLength: 24, primary: order === 0 }));
}

/** A VM that holds addresses, with them in its status unless told. */
function holding(
  held: readonly IPAddressReservation[],
  resources: Partial<EffectivePackage>,
  shape: FactsShape & { before?: readonly IPAddressReservation[] } = {},
): Facts {
  const { before = held, ...rest } = shape;
  return aFacts({
    observed: anOwnVm(),
    held: { addresses: held, vmid: 2000 },
    addresses: { pools: [aPool(), anIPv6Pool()], taken: () => false },
    firewall: { options: {}, ipset: undefined },
    design: aDesign({ package: resources }),
    status: aStatus({ addresses: shown(before) }),
    ...rest,
  });
}

const release = (...addresses: string[]) => ({ kind: 'act', action: { kind: 'releaseAddresses', addresses } });

describe('fewer addresses', () => {
  const rows: { name: string; facts: Facts; want: object }[] = [
    {
      name: 'the newest goes, the main one stays',
      facts: holding([MAIN, SECOND, THIRD], { ipv4Addresses: 2 }),
      want: release('192.0.2.12'),
    },
    {
      name: 'all additional ones go, newest first',
      facts: holding([SECOND, MAIN, THIRD], { ipv4Addresses: 1 }),
      want: release('192.0.2.12', '192.0.2.11'),
    },
    {
      name: 'none in the package: the main one stays all the same',
      facts: holding([MAIN, SECOND], { ipv4Addresses: 0 }),
      want: release('192.0.2.11'),
    },
    {
      name: 'one that the firewall lets through leaves the firewall first',
      facts: holding(
        [MAIN, SECOND],
        { ipv4Addresses: 1 },
        { firewall: { options: {}, ipset: ['192.0.2.10', '192.0.2.11'] } },
      ),
      want: { kind: 'act', action: { kind: 'removeFromIpset', name: 'ipfilter-net0', cidr: '192.0.2.11' } },
    },
    {
      name: 'one that the firewall has in another spelling',
      facts: holding([MAIN, SECOND], { ipv4Addresses: 1 }, { firewall: { options: {}, ipset: ['192.0.2.11/32'] } }),
      want: { kind: 'act', action: { kind: 'removeFromIpset', cidr: '192.0.2.11/32' } },
    },
    {
      name: 'a set without it holds nothing up',
      facts: holding([MAIN, SECOND], { ipv4Addresses: 1 }, { firewall: { options: {}, ipset: ['192.0.2.10'] } }),
      want: release('192.0.2.11'),
    },
  ];
  test.each(rows)('$name', ({ facts, want }) => expect(recountAddresses.plan(facts)).toMatchObject(want));

  test('a long list of them fits the record', () => {
    const many = Array.from({ length: 60 }, (_, order) => aHeldAddress({ address: `192.0.2.${100 + order}`, order }));
    const verdict = recountAddresses.plan(holding(many, { ipv4Addresses: 1 }));
    expect(verdict.kind === 'act' && verdict.why.length).toBeLessThanOrEqual(300);
  });
});

describe('more addresses', () => {
  test('come from the network of those that are held', () => {
    const verdict = recountAddresses.plan(holding([MAIN], { ipv4Addresses: 3 }));
    expect(verdict).toMatchObject({
      kind: 'act',
      action: {
        kind: 'reserveAddresses',
        choices: [
          { address: '192.0.2.11', order: 1 },
          { address: '192.0.2.12', order: 2 },
        ],
      },
    });
  });

  test('of the other family too', () => {
    const verdict = recountAddresses.plan(holding([MAIN], { ipv6Addresses: 1 }));
    expect(verdict).toMatchObject({ action: { choices: [{ family: 'IPv6', order: 0 }] } });
  });

  test('that no pool has are said', () => {
    const facts = holding([MAIN], { ipv4Addresses: 2 }, { addresses: { pools: [aPool()], taken: () => true } });
    expect(recountAddresses.plan(facts)).toMatchObject({ kind: 'stall', reason: 'PoolEmpty' });
  });
});

describe('the same number', () => {
  test('is done, and shown', () => {
    expect(recountAddresses.plan(holding([MAIN], {}))).toMatchObject({
      kind: 'done',
      note: { status: { addresses: [{ address: '192.0.2.10', primary: true }] } },
    });
  });

  const rows: { name: string; before: IPAddressReservation[]; zones: number; want: string }[] = [
    { name: 'as the records say', before: [MAIN, SECOND], zones: 1, want: 'done' },
    { name: 'one more than the records say', before: [MAIN], zones: 1, want: 'act' },
    { name: 'another one than the records say', before: [MAIN, THIRD], zones: 1, want: 'act' },
    { name: 'one less than the records say', before: [MAIN, SECOND, THIRD], zones: 1, want: 'act' },
    { name: 'one more, and no zone matches', before: [MAIN], zones: 0, want: 'done' },
  ];
  test.each(rows)('$name', ({ before, zones, want }) => {
    const facts = holding([MAIN, SECOND], { ipv4Addresses: 2 }, { before, dnsZones: zones });
    const verdict = recountAddresses.plan(facts);
    expect(verdict.kind).toBe(want);
    if (verdict.kind !== 'act') return;
    const addresses = [{ address: '192.0.2.10' }, { address: SECOND.spec.address }];
    expect(verdict.action).toMatchObject({ kind: 'publishDns', addresses });
    // Noted ahead of the call they would look published to the pass after one that was stopped in between.
    expect(verdict.note).toBeUndefined();
  });
});

test('nothing is given or taken while the VM is locked or not ours', () => {
  const locked = holding([MAIN, SECOND], {}, { observed: anOwnVm({}, { lock: 'backup' }) });
  expect(recountAddresses.plan(locked)).toMatchObject({ kind: 'wait', reason: 'WaitingForLock' });
  const foreign = holding([MAIN, SECOND], {}, { observed: { kind: 'foreign', node: 'pve1', stamped: true } });
  expect(recountAddresses.plan(foreign)).toMatchObject({ kind: 'stall', reason: 'IdentityMismatch' });
});
