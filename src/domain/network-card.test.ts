// The network card: what is set, what is kept, when two are the same.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseNic, printNic } from '../pve/nic.ts';
import { desiredNic, nicEquals, type NicRequest } from './network-card.ts';

const MAC = 'BC:24:11:00:00:01';

const PLAIN: Omit<NicRequest, 'current'> = {
  model: 'AsInTemplate',
  bridge: 'vmbr0',
  vlan: 0,
  rateMBps: 0,
  firewall: true,
};

function nicText(current: string, request: Partial<NicRequest>): string {
  return printNic(desiredNic({ ...PLAIN, ...request, current: parseNic(current) }));
}

describe('desiredNic', () => {
  it.each<{ name: string; current: string; request: Partial<NicRequest>; want: string }>([
    {
      name: 'keeps the model of the template',
      current: `e1000=${MAC},bridge=vmbr9`,
      request: {},
      want: `e1000=${MAC},bridge=vmbr0,firewall=1`,
    },
    {
      name: 'sets another model and keeps the MAC',
      current: `e1000=${MAC},bridge=vmbr0`,
      request: { model: 'virtio' },
      want: `virtio=${MAC},bridge=vmbr0,firewall=1`,
    },
    {
      name: 'sets the VLAN',
      current: `virtio=${MAC},bridge=vmbr0`,
      request: { vlan: 7 },
      want: `virtio=${MAC},bridge=vmbr0,firewall=1,tag=7`,
    },
    {
      name: 'removes the VLAN',
      current: `virtio=${MAC},bridge=vmbr0,tag=7`,
      request: {},
      want: `virtio=${MAC},bridge=vmbr0,firewall=1`,
    },
    {
      name: 'sets the rate',
      current: `virtio=${MAC},bridge=vmbr0`,
      request: { rateMBps: 100 },
      want: `virtio=${MAC},bridge=vmbr0,firewall=1,rate=100`,
    },
    {
      name: 'removes the rate',
      current: `virtio=${MAC},bridge=vmbr0,rate=12.5`,
      request: {},
      want: `virtio=${MAC},bridge=vmbr0,firewall=1`,
    },
    {
      name: 'removes the firewall flag',
      current: `virtio=${MAC},bridge=vmbr0,firewall=1`,
      request: { firewall: false },
      want: `virtio=${MAC},bridge=vmbr0`,
    },
    {
      name: 'keeps what it does not know',
      current: `virtio=${MAC},bridge=vmbr0,link_down=1,mtu=1400,queues=4`,
      request: {},
      want: `virtio=${MAC},bridge=vmbr0,firewall=1,link_down=1,mtu=1400,queues=4`,
    },
    {
      name: 'keeps the MAC as it is spelled',
      current: 'virtio=bc:24:11:00:00:01,bridge=vmbr0',
      request: {},
      want: 'virtio=bc:24:11:00:00:01,bridge=vmbr0,firewall=1',
    },
  ])('$name', ({ current, request, want }) => {
    expect(nicText(current, request)).toBe(want);
  });

  it('is a virtio card where the template has none', () => {
    expect(printNic(desiredNic(PLAIN))).toBe('virtio,bridge=vmbr0,firewall=1');
    expect(printNic(desiredNic({ ...PLAIN, model: 'e1000' }))).toContain('e1000');
  });

  it('is settled once it was written and read back', () => {
    const request = fc.record({
      model: fc.constantFrom(
        'AsInTemplate' as const,
        'virtio' as const,
        'e1000' as const,
        'rtl8139' as const,
        'vmxnet3' as const,
      ),
      bridge: fc.constantFrom('vmbr0', 'vmbr1'),
      vlan: fc.integer({ min: 0, max: 4094 }),
      rateMBps: fc.nat({ max: 1_000_000 }),
      firewall: fc.boolean(),
    });
    fc.assert(
      fc.property(
        request,
        fc.constantFrom(`virtio=${MAC},bridge=a,tag=9,rate=1`, `e1000=${MAC},mtu=1400`),
        (wish, text) => {
          const desired = desiredNic({ ...wish, current: parseNic(text) });
          const written = parseNic(printNic(desired));
          expect(nicEquals(written, desired)).toBe(true);
          expect(nicEquals(desiredNic({ ...wish, current: written }), written)).toBe(true);
          expect(written.mac).toBe(MAC);
        },
      ),
    );
  });
});

describe('nicEquals', () => {
  const BASE = `virtio=${MAC},bridge=vmbr0,firewall=1,mtu=1400,rate=5,tag=7`;

  it.each([
    {
      name: 'the same in another order',
      other: `virtio=${MAC},tag=7,rate=5,mtu=1400,firewall=1,bridge=vmbr0`,
      want: true,
    },
    { name: 'the MAC in lower case', other: BASE.replace(MAC, MAC.toLowerCase()), want: true },
    { name: 'another model', other: BASE.replace('virtio', 'e1000'), want: false },
    { name: 'another MAC', other: BASE.replace('01,', '02,'), want: false },
    { name: 'another bridge', other: BASE.replace('vmbr0', 'vmbr1'), want: false },
    { name: 'another VLAN', other: BASE.replace('tag=7', 'tag=8'), want: false },
    { name: 'no VLAN', other: BASE.replace(',tag=7', ''), want: false },
    { name: 'another rate', other: BASE.replace('rate=5', 'rate=5.5'), want: false },
    { name: 'no firewall', other: BASE.replace('firewall=1', 'firewall=0'), want: false },
    { name: 'another mtu', other: BASE.replace('1400', '1500'), want: false },
    { name: 'no mtu', other: BASE.replace('mtu=1400,', ''), want: false },
    { name: 'something more', other: `${BASE},queues=2`, want: false },
  ])('$name: $want', ({ other, want }) => {
    expect(nicEquals(parseNic(BASE), parseNic(other))).toBe(want);
    expect(nicEquals(parseNic(other), parseNic(BASE))).toBe(want);
  });

  it('takes a rate of 0 for none', () => {
    const text = `virtio=${MAC},bridge=vmbr0`;
    expect(nicEquals(parseNic(text), parseNic(`${text},rate=0`))).toBe(true);
  });
});
