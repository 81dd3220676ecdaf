// Tests of a guest's interfaces: the recorded ones (deploy-trace), and what other guests have.
import { describe, expect, it } from 'vitest';
import { guestInterfaces } from './guest-network.ts';

interface Interface {
  name: string;
  'hardware-address': string;
  'ip-addresses': { 'ip-address': string; prefix: number; 'ip-address-type': string }[];
  statistics: Record<string, number>;
}

function interfaces(options: Record<string, string>, takesIpv6 = true): Interface[] {
  return guestInterfaces(options, { netIn: 4200, netOut: 266 }, takesIpv6) as Interface[];
}

const net0 = 'virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1';

describe('the addresses of a card', () => {
  const rows: { name: string; ipconfig0?: string; takesIpv6?: boolean; want: string[] }[] = [
    { name: 'its own only', want: [] },
    { name: 'a static one', ipconfig0: 'ip=10.99.0.50/24,gw=10.99.0.254', want: ['10.99.0.50/24 ipv4'] },
    {
      name: 'two static ones',
      ipconfig0: 'ip=10.0.0.5/8,ip6=fd00::50/64',
      want: ['10.0.0.5/8 ipv4', 'fd00::50/64 ipv6'],
    },
    {
      name: 'without IPv6 in a guest that does not take it (deploy-local)',
      ipconfig0: 'ip=10.99.0.50/24,gw=10.99.0.254,ip6=fd00::50/64,gw6=fd00::1',
      takesIpv6: false,
      want: ['10.99.0.50/24 ipv4'],
    },
    { name: 'none that a server gives', ipconfig0: 'ip=dhcp,ip6=auto', want: [] },
  ];
  it.each(rows)('$name', ({ ipconfig0, takesIpv6, want }) => {
    const options: Record<string, string> = ipconfig0 === undefined ? { net0 } : { net0, ipconfig0 };
    const card = interfaces(options, takesIpv6)[1];
    const told = card?.['ip-addresses'].map((one) => `${one['ip-address']}/${one.prefix} ${one['ip-address-type']}`);
    expect(told).toEqual([...want, 'fe80::be24:11ff:fe00:1/64 ipv6']);
  });
});

it('each card has its own MAC, number and link-local address', () => {
  const [, first, second] = interfaces({ net0, net3: 'e1000=02:00:0A:0B:00:0C,bridge=vmbr1' });
  expect([first?.name, first?.['hardware-address']]).toEqual(['eth0', 'bc:24:11:00:00:01']);
  expect([second?.name, second?.['hardware-address']]).toEqual(['eth3', '02:00:0a:0b:00:0c']);
  expect(second?.['ip-addresses'][0]?.['ip-address']).toBe('fe80::aff:fe0b:c');
});

it('the loopback comes first, with both of its addresses', () => {
  const [loopback] = interfaces({ net0 });
  expect(loopback).toMatchObject({ name: 'lo', 'hardware-address': '00:00:00:00:00:00' });
  expect(loopback?.['ip-addresses'].map((one) => one['ip-address'])).toEqual(['127.0.0.1', '::1']);
});

it('counters are those of the VM', () => {
  const [loopback, card] = interfaces({ net0 });
  expect(card?.statistics).toMatchObject({ 'rx-bytes': 4200, 'rx-packets': 5, 'tx-bytes': 266, 'tx-packets': 1 });
  expect(loopback?.statistics).toMatchObject({ 'rx-bytes': 0, 'tx-bytes': 0 });
});
