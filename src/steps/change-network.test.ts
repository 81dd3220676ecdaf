// The network card and the address line of a VM that has its cloud-init: what changes when main addresses come later.
import { describe, expect, test } from 'vitest';
import { aDesign, aFacts, anOwnVm, aStatus } from '../../test/builders/facts.ts';
import type { AddressStatus } from '../api/virtual-machine-status.ts';
import type { Facts } from '../machine/facts.ts';
import { setAddressLine } from './set-cloud-init.ts';
import { changeNetwork } from './set-network.ts';

const V4: AddressStatus = {
  address: '192.0.2.10',
  prefixLength: 24,
  gateway: '192.0.2.1',
  nameservers: ['192.0.2.2', '192.0.2.3'],
  primary: true,
};
const SECOND_V4: AddressStatus = { ...V4, address: '192.0.2.11', primary: false };
const V6: AddressStatus = {
  address: '2001:db8::1000',
  prefixLength: 64,
  gateway: '2001:db8::1',
  nameservers: ['2001:db8::2'],
  primary: true,
};

const LINE_V4 = 'ip=192.0.2.10/24,gw=192.0.2.1';
const LINE_V6 = 'ip6=2001:db8::1000/64,gw6=2001:db8::1';
const DNS_V4 = '192.0.2.2 192.0.2.3';

interface Row {
  name: string;
  addresses: readonly AddressStatus[];
  lines: Readonly<Record<string, string>>;
  /** What is set; undefined: nothing. */
  want?: Readonly<Record<string, string>>;
}

const ROWS: readonly Row[] = [
  { name: 'as before', addresses: [V4], lines: { ipconfig0: LINE_V4, nameserver: DNS_V4 } },
  { name: 'another additional one', addresses: [V4, SECOND_V4], lines: { ipconfig0: LINE_V4, nameserver: DNS_V4 } },
  {
    name: 'the first IPv6 address',
    addresses: [V4, V6],
    lines: { ipconfig0: LINE_V4, nameserver: DNS_V4 },
    want: { ipconfig0: `${LINE_V4},${LINE_V6}` },
  },
  {
    name: 'the first IPv4 address: its DNS servers come first',
    addresses: [V4, V6],
    lines: { ipconfig0: LINE_V6, nameserver: '2001:db8::2' },
    want: { ipconfig0: `${LINE_V4},${LINE_V6}`, nameserver: DNS_V4 },
  },
  { name: 'the first one of all', addresses: [V4], lines: {}, want: { ipconfig0: LINE_V4, nameserver: DNS_V4 } },
  { name: 'none of ours: the line is not ours either', addresses: [], lines: { ipconfig0: 'ip=dhcp' } },
  {
    name: 'what else cloud-init has is left alone',
    addresses: [V4],
    lines: { ipconfig0: LINE_V4, nameserver: DNS_V4, ciuser: 'somebody', searchdomain: 'example.org' },
  },
];

function facts({ addresses, lines }: Row, design: Parameters<typeof aDesign>[0] = {}): Facts {
  const network = { bridge: 'vmbr0', vlan: 0, macAddress: 'BC:24:11:00:00:01' };
  return aFacts({
    observed: anOwnVm(lines),
    design: aDesign(design),
    status: aStatus({ addresses: [...addresses], network, osUser: 'debian' }),
  });
}

describe('the address line alone', () => {
  test.each(ROWS)('$name', (row) => {
    const verdict = setAddressLine.plan(facts(row));
    if (row.want === undefined) expect(verdict).toEqual({ kind: 'done' });
    else expect(verdict).toMatchObject({ kind: 'act', action: { kind: 'configure', set: row.want } });
  });

  test('needs no credentials', () => {
    expect(setAddressLine.needs({})).toEqual(['observed']);
  });
});

describe('with the network card', () => {
  test.each(ROWS)('$name', (row) => {
    const verdict = changeNetwork.plan(facts(row));
    if (row.want === undefined) expect(verdict.kind).toBe('done');
    else expect(verdict).toMatchObject({ kind: 'act', action: { kind: 'configure', set: row.want } });
  });

  test('both change in one call', () => {
    const row: Row = { name: '', addresses: [V4, V6], lines: { ipconfig0: LINE_V4, nameserver: DNS_V4 } };
    expect(changeNetwork.plan(facts(row, { package: { networkMBps: 40 } }))).toEqual({
      kind: 'act',
      action: {
        kind: 'configure',
        set: {
          net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1,rate=40',
          ipconfig0: `${LINE_V4},${LINE_V6}`,
        },
      },
      why: 'net0 differs from the package',
    });
  });

  test('the card alone', () => {
    const row: Row = { name: '', addresses: [V4], lines: { ipconfig0: LINE_V4, nameserver: DNS_V4 } };
    const verdict = changeNetwork.plan(facts(row, { package: { networkMBps: 40 } }));
    expect(verdict).toMatchObject({ action: { set: { net0: expect.stringContaining('rate=40') as string } } });
    expect(verdict).not.toHaveProperty('action.set.ipconfig0');
  });

  describe('the name', () => {
    const named = (known: string | undefined, found: string) => {
      const lines = { ipconfig0: LINE_V4, nameserver: DNS_V4, name: found };
      const given = facts({ name: '', addresses: [V4], lines });
      return changeNetwork.plan({ ...given, status: { ...given.status, name: known } });
    };

    test('that somebody changed is put back', () => {
      expect(named('web-1', 'mine')).toMatchObject({
        kind: 'act',
        action: { kind: 'configure', set: { name: 'web-1' } },
        why: 'the name in Proxmox VE was changed',
      });
    });

    test.each([
      { name: 'as it was is left alone', known: 'web-1', found: 'web-1' },
      { name: 'that was never noted down is left alone', known: undefined, found: 'mine' },
    ])('$name', ({ known, found }) => {
      expect(named(known, found)).not.toHaveProperty('action.set.name');
    });
  });
});
