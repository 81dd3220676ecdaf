// Tables for what an adoption would change: sentences for people, from the verdicts of the steps themselves.
import { describe, expect, test } from 'vitest';
import {
  aDesign,
  aFacts,
  aHeldAddress,
  anOwner,
  anOwnVm,
  aSnapshot,
  aStatus,
  VMID,
} from '../../test/builders/facts.ts';
import { aPool } from '../../test/builders/objects.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { desiredFirewall } from '../domain/firewall.ts';
import type { Facts } from '../machine/facts.ts';
import { adoptionChanges } from './adoption-changes.ts';

type Lines = Readonly<Record<string, string | null>>;

interface Shape {
  lines?: Lines;
  design?: Parameters<typeof aDesign>[0];
  held?: Facts['held']['addresses'];
  firewall?: Facts['firewall'];
  power?: Facts['power'];
  spec?: Partial<VirtualMachineSpec>;
  disks?: VirtualMachineStatus['disks'];
  pools?: ReturnType<typeof aPool>[];
}

const ADDRESS = '192.0.2.10';
const inForce = (addresses: readonly string[]) => ({
  options: desiredFirewall({ firewall: undefined, dhcp: false, addresses }).options,
  ipset: [...addresses],
});

/** A VM as declared, on the one address of its package, unless something else is said. */
function changes(shape: Shape = {}): string[] {
  const { lines, design, disks, pools = [aPool()], power = 'running' } = shape;
  const { held = [aHeldAddress()], firewall = inForce([ADDRESS]) } = shape;
  const owner = anOwner();
  const vm: VirtualMachine = { ...owner, spec: { ...owner.spec, ...shape.spec } };
  const status = aStatus({
    state: 'change_package',
    addresses: held.map(({ spec }) => ({ address: spec.address, prefixLength: 24, primary: spec.order === 0 })),
    network: { bridge: 'vmbr0', vlan: 0, macAddress: 'BC:24:11:00:00:01' },
    disks: disks ?? { system: 'scsi0' },
    operation: { machine: 'change_package' },
  });
  return adoptionChanges(
    aFacts({
      vm,
      status,
      design: aDesign(design),
      observed: anOwnVm(lines),
      held: { addresses: held, vmid: VMID, vmidReserved: true },
      addresses: { pools, taken: (_network, address) => address === ADDRESS },
      firewall,
      power,
      pending: [],
      cluster: { snapshot: aSnapshot() },
    }),
  );
}

test('nothing, when the VM is as declared', () => {
  expect(changes()).toEqual([]);
});

describe('the machine', () => {
  const rows: { name: string; shape: Shape; want: (string | RegExp)[] }[] = [
    {
      name: 'cores and memory, which take a restart',
      shape: { lines: { cores: '4', memory: '8192' } },
      want: ['cores: 4 → 1.', 'memory: 8192 → 1024.', /^The VM would be shut down and started again: cores cannot/],
    },
    {
      name: 'cores and memory of a stopped VM take none',
      shape: { lines: { cores: '4' }, power: 'stopped' },
      want: ['cores: 4 → 1.'],
    },
    {
      name: 'a disk that is too small',
      shape: { design: { package: { systemDiskGiB: 40 } } },
      want: ['scsi0 would grow to 40 GiB.'],
    },
    {
      name: 'a disk that is too large',
      shape: { design: { package: { systemDiskGiB: 5 } } },
      want: [/larger than the 5 GiB of the package/],
    },
    {
      name: 'an additional disk that is missing',
      shape: { design: { package: { additionalDiskGiB: 5 } } },
      want: [/^scsi1: not set → local:5/],
    },
    {
      name: 'an additional disk that the package does not have',
      shape: { lines: { scsi1: 'local:300/data.qcow2,size=5G' }, disks: { system: 'scsi0', additional: 'scsi1' } },
      want: [/is kept until spec.consent.destroyVolumes names it/],
    },
    {
      name: 'an additional disk that may be destroyed',
      shape: {
        lines: { scsi1: 'local:300/data.qcow2,size=5G' },
        disks: { system: 'scsi0', additional: 'scsi1' },
        spec: { consent: { destroyVolumes: ['local:300/data.qcow2'] } },
      },
      want: [
        'scsi1 would be DESTROYED: spec.consent names local:300/data.qcow2.',
        /^The VM would be shut down and started again: /,
      ],
    },
    {
      name: 'the network card',
      shape: { lines: { net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0' } },
      want: [/^net0: virtio=BC:24:11:00:00:01,bridge=vmbr0 → .*firewall=1\.$/],
    },
  ];
  test.each(rows)('$name', ({ shape, want }) => {
    const found = changes(shape);
    expect(found).toHaveLength(want.length);
    for (const [index, text] of want.entries()) expect(found[index]).toMatch(text);
  });
});

describe('addresses', () => {
  const second = aHeldAddress({ address: '192.0.2.11', order: 1 });

  test('that the package does not have would be taken away, from the firewall as well', () => {
    const found = changes({ held: [aHeldAddress(), second], firewall: inForce([ADDRESS, '192.0.2.11']) });
    expect(found).toEqual([
      '192.0.2.11 would be taken away from the VM: the package has fewer.',
      'The VM could not send from 192.0.2.11 any more.',
    ]);
  });

  test('that are missing would be reserved, and let through', () => {
    const found = changes({ design: { package: { ipv4Addresses: 2 } } });
    expect(found).toEqual([
      expect.stringMatching(/^192\.0\.2\.11 of the pool ipv4 would be reserved/),
      'The VM could send from 192.0.2.11 as well.',
    ]);
  });

  test('of a VM that has none decide on its network', () => {
    const found = changes({ held: [], firewall: { ...inForce([]), ipset: undefined }, pools: [aPool({ vlan: 7 })] });
    expect(found).toEqual([
      expect.stringMatching(/^192\.0\.2\.11 of the pool ipv4/),
      expect.stringMatching(/^net0: .* → .*tag=7\.$/),
      'The VM could send from no other address than 192.0.2.11.',
    ]);
  });

  test('that no pool can give are told', () => {
    expect(changes({ design: { package: { ipv4Addresses: 2 } }, pools: [] })).toEqual([
      expect.stringMatching(/^The change of package would stand still: No IPv4 pool/),
    ]);
  });
});

describe('the firewall', () => {
  const rows: { name: string; shape: Shape; want: string[] }[] = [
    {
      name: 'that was never set up',
      shape: { firewall: { options: {}, ipset: undefined }, design: { plan: { firewall: { enabled: false } } } },
      want: [
        'The VM could send from no other address than 192.0.2.10.',
        expect.stringMatching(/^Firewall options would be set: enable unset → 0, .*\.$/),
      ],
    },
    {
      name: 'with an option that differs',
      shape: { firewall: { options: { ...inForce([ADDRESS]).options, enable: false }, ipset: [ADDRESS] } },
      want: ['Firewall options would be set: enable 0 → 1.'],
    },
    {
      name: 'with a set that must not be there',
      shape: { design: { plan: { firewall: { antiSpoofing: false } } } },
      want: ['The set of addresses that the VM may send from would be removed.'],
    },
  ];
  test.each(rows)('$name', ({ shape, want }) => {
    expect(changes(shape)).toEqual(want);
  });
});

describe('power', () => {
  const suspension = { reason: 'unpaid' };
  const rows: { name: string; shape: Shape; want: (string | RegExp)[] }[] = [
    { name: 'stays as it is', shape: { power: 'stopped' }, want: [] },
    {
      name: 'comes with Always',
      shape: { power: 'stopped', spec: { runStrategy: 'Always' } },
      want: [/would be started/],
    },
    { name: 'goes with Halted', shape: { spec: { runStrategy: 'Halted' } }, want: [/would be stopped: .*Halted/] },
    { name: 'goes with a suspension', shape: { spec: { suspension } }, want: [/would be stopped: .*suspended/] },
    { name: 'stays away while suspended', shape: { power: 'stopped', spec: { suspension } }, want: [] },
  ];
  test.each(rows)('$name', ({ shape, want }) => {
    const found = changes(shape);
    expect(found).toHaveLength(want.length);
    for (const [index, text] of want.entries()) expect(found[index]).toMatch(text);
  });
});
