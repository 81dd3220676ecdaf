// Tests for cloud-init's address lines.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIpConfig, printIpConfig, type IpConfig } from './ipconfig.ts';
import { PropertyStringError } from './property-string.ts';

describe('address lines', () => {
  const rows: { text: string; want: IpConfig }[] = [
    { text: 'ip=192.0.2.7/24,gw=192.0.2.1', want: { ip: '192.0.2.7/24', gw: '192.0.2.1' } },
    { text: 'ip=dhcp', want: { ip: 'dhcp' } },
    { text: 'ip=dhcp,ip6=auto', want: { ip: 'dhcp', ip6: 'auto' } },
    { text: 'ip6=dhcp', want: { ip6: 'dhcp' } },
    {
      text: 'ip=10.99.0.50/24,gw=10.99.0.254,ip6=fd00::50/64,gw6=fd00::1',
      want: { ip: '10.99.0.50/24', gw: '10.99.0.254', ip6: 'fd00::50/64', gw6: 'fd00::1' },
    },
  ];
  it.each(rows)('reads and writes $text', ({ text, want }) => {
    expect(parseIpConfig(text)).toEqual(want);
    expect(printIpConfig(want)).toBe(text);
  });

  it.each([
    'dhcp',
    'ip=192.0.2.7',
    'ip=192.0.2.300/24',
    'ip=192.0.2.7/33',
    'ip=auto',
    'ip6=192.0.2.1/24',
    'ip4=dhcp',
    'ip=010.0.0.1/8',
    'ip6=fe80::1%eth0/64',
    'ip=192.0.2.1/24/24',
  ])('refuses to read %s', (text) => {
    expect(() => parseIpConfig(text)).toThrow(PropertyStringError);
  });

  const bad: { name: string; config: IpConfig }[] = [
    { name: 'a gateway beside DHCP, which Proxmox takes silently', config: { ip: 'dhcp', gw: '192.0.2.1' } },
    { name: 'a gateway beside auto', config: { ip6: 'auto', gw6: 'fd00::1' } },
    { name: 'a gateway without an address', config: { gw: '192.0.2.1' } },
    { name: 'a gateway of the other family', config: { ip: '192.0.2.7/24', gw: 'fd00::1' } },
    { name: 'a comma', config: { ip: '192.0.2.7/24,gw=192.0.2.1' } },
  ];
  it.each(bad)('refuses to write $name', ({ config }) => {
    expect(() => printIpConfig(config)).toThrow(PropertyStringError);
  });

  it('reads what it has written', () => {
    const static4 = fc.tuple(fc.ipV4(), fc.integer({ min: 8, max: 32 })).map(([ip, length]) => `${ip}/${length}`);
    const static6 = fc.tuple(fc.ipV6(), fc.integer({ min: 8, max: 128 })).map(([ip, length]) => `${ip}/${length}`);
    const configs: fc.Arbitrary<IpConfig> = fc.oneof(
      fc.record({ ip: static4, gw: fc.ipV4(), ip6: static6, gw6: fc.ipV6() }, { requiredKeys: ['ip', 'ip6'] }),
      fc.record({ ip: fc.constant('dhcp'), ip6: fc.constantFrom('dhcp', 'auto') }, { requiredKeys: [] }),
    );
    fc.assert(
      fc.property(configs, (config) => {
        expect(parseIpConfig(printIpConfig(config))).toEqual(config);
      }),
    );
  });
});
