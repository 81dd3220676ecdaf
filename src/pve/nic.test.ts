// Tests for network card strings.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseNic, printNic, type Nic } from './nic.ts';
import { PropertyStringError } from './property-string.ts';
import { recordedSteps, recordingsMissing } from './testing/recorded.ts';

const mac = 'BC:24:11:00:00:01';

describe('parseNic', () => {
  const rows: { name: string; text: string; want: Partial<Nic> }[] = [
    {
      name: 'what Proxmox writes',
      text: `virtio=${mac},bridge=vmbr0,firewall=1,rate=12.5,tag=7`,
      want: { model: 'virtio', mac, bridge: 'vmbr0', firewall: true, rate: 12.5, tag: 7 },
    },
    { name: 'a model alone', text: 'virtio,bridge=vmbr0', want: { model: 'virtio', bridge: 'vmbr0', firewall: false } },
    { name: 'named model and address', text: `model=e1000,macaddr=${mac}`, want: { model: 'e1000', mac } },
    { name: 'small letters', text: 'virtio=bc:24:11:aa:bb:cc', want: { mac: 'bc:24:11:aa:bb:cc' } },
    { name: 'other spellings of booleans', text: 'virtio,firewall=yes', want: { firewall: true } },
    { name: 'a switched-off firewall', text: 'virtio,firewall=0', want: { firewall: false } },
    { name: 'an older model', text: `e1000-82540em=${mac}`, want: { model: 'e1000-82540em', mac } },
    {
      name: 'other options',
      text: 'virtio,mtu=1,queues=4,trunks=1;2',
      want: {
        options: new Map([
          ['mtu', '1'],
          ['queues', '4'],
          ['trunks', '1;2'],
        ]),
      },
    },
  ];
  it.each(rows)('reads $name', ({ text, want }) => {
    expect(parseNic(text)).toMatchObject(want);
  });

  it.each(['', 'bridge=vmbr0', 'virtio=nomac', 'virtio,tag=x', 'virtio,firewall=maybe'])('refuses %j', (text) => {
    expect(() => parseNic(text)).toThrow(PropertyStringError);
  });
});

describe('printNic', () => {
  it('writes as Proxmox does', () => {
    const nic: Nic = {
      model: 'virtio',
      mac,
      bridge: 'vmbr0',
      tag: 7,
      rate: 12.5,
      firewall: true,
      options: new Map([['mtu', '1']]),
    };
    expect(printNic(nic)).toBe(`virtio=${mac},bridge=vmbr0,firewall=1,mtu=1,rate=12.5,tag=7`);
  });

  it('names the model alone without an address', () => {
    expect(printNic({ model: 'virtio', bridge: 'vmbr0', firewall: false, options: new Map() })).toBe(
      'virtio,bridge=vmbr0',
    );
  });

  const nic: Nic = { model: 'virtio', mac, firewall: false, options: new Map() };
  const bad: { name: string; change: Partial<Nic> }[] = [
    { name: 'VLAN 4095', change: { tag: 4095 } },
    { name: 'VLAN 0', change: { tag: 0 } },
    { name: 'a fraction of a VLAN', change: { tag: 1.5 } },
    { name: 'a negative rate', change: { rate: -1 } },
    { name: 'an unknown model', change: { model: 'bridge' } },
    { name: 'a broken address', change: { mac: 'BC:24:11' } },
    { name: 'a bridge with a comma', change: { bridge: 'vmbr0,tag=1' } },
  ];
  it.each(bad)('refuses $name', ({ change }) => {
    expect(() => printNic({ ...nic, ...change })).toThrow(PropertyStringError);
  });

  it.skipIf(recordingsMissing)(
    `gives back every recorded card unchanged (${recordingsMissing ?? 'recordings present'})`,
    () => {
      const texts = new Set<string>();
      for (const { request, response } of recordedSteps()) {
        if (request.method !== 'GET' || !request.path.endsWith('/config') || response.status !== 200) continue;
        const { data } = response.body as { data: Record<string, unknown> };
        for (const [key, value] of Object.entries(data)) if (/^net\d+$/.test(key)) texts.add(String(value));
      }
      expect(texts.size).toBeGreaterThan(5);
      for (const text of texts) expect(printNic(parseNic(text))).toBe(text);
    },
  );
});

describe('card round trip', () => {
  const cards: fc.Arbitrary<Nic> = fc
    .record(
      {
        model: fc.constantFrom('virtio', 'e1000', 'vmxnet3', 'rtl8139'),
        mac: fc.stringMatching(/^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/),
        bridge: fc.stringMatching(/^vmbr[0-9]{1,3}$/),
        tag: fc.integer({ min: 1, max: 4094 }),
        rate: fc.integer({ min: 0, max: 1000 }).map((rate) => rate / 4),
        firewall: fc.boolean(),
        options: fc.dictionary(
          fc.constantFrom('mtu', 'queues', 'link_down', 'trunks'),
          fc.stringMatching(/^[0-9;]{1,5}$/),
        ),
      },
      { requiredKeys: ['model', 'firewall', 'options'] },
    )
    .map(({ options, ...nic }) => ({ ...nic, options: new Map(Object.entries(options)) }));

  it('reads what it has written', () => {
    fc.assert(
      fc.property(cards, (nic) => {
        expect(parseNic(printNic(nic))).toEqual(nic);
      }),
    );
  });
});
