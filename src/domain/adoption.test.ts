// Tables for who may adopt what: by the objects, by the VM itself, and what is read off its configuration.
import { describe, expect, test } from 'vitest';
import { aConfig, aHeldAddress, anOwner, UID } from '../../test/builders/facts.ts';
import { anExecution } from '../../test/builders/operations.ts';
import type { VMIDReservation } from '../api/reservations.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { printStamp } from '../pve/stamp.ts';
import {
  addressRefusal,
  type Adoption,
  type Claimants,
  claimRefusal,
  foundParts,
  foundVmRefusal,
  observationRefusal,
  withoutOldObservations,
} from './adoption.ts';

const OLD = '0d1e2f3a-0000-4000-8000-00000000000a';
const OTHER = '0d1e2f3a-0000-4000-8000-00000000000b';
const VMID = 300;

const wanted = (change: Partial<Adoption> = {}): Adoption => ({ vmid: VMID, mode: 'TakeOver', ...change });
const owner = (status?: VirtualMachineStatus): VirtualMachine => ({ ...anOwner(), ...(status ? { status } : {}) });
const another = (uid: string, status: VirtualMachineStatus = {}): VirtualMachine => ({
  ...anOwner({ name: 'web-2', uid }),
  status,
});

function reservedFor(uid: string): VMIDReservation {
  const virtualMachine = { namespace: 'customer-2', name: 'web-2', uid };
  return {
    apiVersion: 'pve-operator.io/v1alpha1',
    kind: 'VMIDReservation',
    metadata: { name: `lab.${VMID}` },
    spec: { clusterRef: { name: 'lab' }, vmid: VMID, virtualMachine },
  };
}

describe('a claim, by the objects', () => {
  const rows: {
    name: string;
    vm?: VirtualMachine;
    adopt?: Partial<Adoption>;
    claimants?: Partial<Claimants>;
    want?: string;
  }[] = [
    { name: 'a VM that no object knows' },
    { name: 'the VM that the object has', vm: owner({ vmid: VMID, clusterName: 'lab' }) },
    { name: 'a VM whose number is reserved for the object', claimants: { reservation: reservedFor(UID) } },
    {
      name: 'a VM whose number is reserved for the owner before',
      adopt: { previousUID: OLD },
      claimants: { reservation: reservedFor(OLD) },
    },
    { name: 'from a namespace that may not', claimants: { adopters: ['customer-2'] }, want: 'NotAllowed' },
    { name: 'where nobody may', claimants: { adopters: [] }, want: 'NotAllowed' },
    { name: 'a second VM', vm: owner({ vmid: 2000 }), want: 'NotAdoptable' },
    { name: 'a second VM, while the first is about to be made', claimants: { ownVmids: [2000] }, want: 'NotAdoptable' },
    {
      name: 'the same number on another cluster',
      vm: owner({ vmid: VMID, clusterName: 'elsewhere' }),
      want: 'ClusterChanged',
    },
    {
      name: 'a VM whose owner lives',
      adopt: { previousUID: OLD },
      claimants: { virtualMachines: [another(OLD)] },
      want: 'IdentityMismatch',
    },
    {
      name: 'a VM whose number is reserved for somebody else',
      claimants: { reservation: reservedFor(OTHER) },
      want: 'IdentityMismatch',
    },
    {
      name: 'a VM whose number is reserved for somebody else than the owner before',
      adopt: { previousUID: OLD },
      claimants: { reservation: reservedFor(OTHER) },
      want: 'IdentityMismatch',
    },
    {
      name: 'a VM that another object has, although its reservation is gone',
      claimants: { virtualMachines: [another(OTHER, { vmid: VMID, clusterName: 'lab' })] },
      want: 'IdentityMismatch',
    },
    {
      name: 'the same number as another object has on another cluster',
      claimants: { virtualMachines: [another(OTHER, { vmid: VMID, clusterName: 'elsewhere' })] },
    },
    { name: 'beside the object itself', claimants: { virtualMachines: [owner({ vmid: VMID, clusterName: 'lab' })] } },
  ];
  test.each(rows)('$name', ({ vm = owner(), adopt, claimants, want }) => {
    const all = {
      clusterName: 'lab',
      adopters: ['customer-1'],
      virtualMachines: [],
      reservation: undefined,
      ownVmids: [],
      ...claimants,
    };
    const refusal = claimRefusal(vm, wanted(adopt), all);
    expect(refusal?.reason).toBe(want);
    // What belongs to others is not told by name.
    expect(refusal?.message ?? 'A sentence.').toMatch(/^[A-Z](?!.*web-2).*\.$/);
  });
});

describe('a take-over is preceded by an observation', () => {
  const seen = { type: 'Adopt', vmid: VMID, observations: ['As it is.'] };
  const rows: { name: string; mode?: Adoption['mode']; memory: Parameters<typeof anExecution>[0][]; want?: string }[] =
    [
      { name: 'of the same VM', memory: [seen] },
      { name: 'among others', memory: [{ type: 'Start' }, seen, { type: 'Stop' }] },
      { name: 'which needs none itself', mode: 'Observe', memory: [] },
      { name: 'and there is none', memory: [{ type: 'Start' }], want: 'ObserveFirst' },
      { name: 'of another VM', memory: [{ ...seen, vmid: 301 }], want: 'ObserveFirst' },
      {
        name: 'that failed',
        memory: [{ type: 'Adopt', vmid: VMID, result: 'Failed' }],
        want: 'ObserveFirst',
      },
    ];
  test.each(rows)('$name', ({ mode = 'TakeOver', memory, want }) => {
    const vm = owner({ executedOperations: memory.map((entry) => anExecution(entry)) });
    expect(observationRefusal(vm, wanted({ mode }))?.reason).toBe(want);
  });
});

describe('the memory of observations', () => {
  const seen = (vmid: number) => anExecution({ type: 'Adopt', uid: `uid-${vmid}`, vmid, observations: ['As it is.'] });

  test('keeps the sentences of the newest four, and that there were others', () => {
    const memory = withoutOldObservations([seen(1), seen(2), anExecution(), seen(3), seen(4), seen(5), seen(6)]);
    expect(memory.map(({ observations }) => observations?.length)).toEqual([0, 0, undefined, 1, 1, 1, 1]);
    const vm = owner({ executedOperations: memory });
    expect(observationRefusal(vm, wanted({ vmid: 1 }))).toBeUndefined();
    expect(withoutOldObservations(memory)).toEqual(memory);
  });

  test('of few stays as it is', () => {
    const memory = [seen(1), anExecution(), seen(2)];
    expect(withoutOldObservations(memory)).toEqual(memory);
  });
});

describe('a VM, by itself', () => {
  const stamp = (uid: string, vmid = VMID) => printStamp({ uid, vmid });
  const rows: { name: string; lines?: Record<string, string | null>; previousUID?: string; want?: string }[] = [
    { name: 'without a description' },
    { name: 'with a description of a person', lines: { description: 'mine\nnot yours' } },
    { name: 'with our stamp', lines: { description: stamp(UID) } },
    { name: 'with our stamp already, after a crash', lines: { description: stamp(UID) }, previousUID: OLD },
    { name: 'with the stamp that is named', lines: { description: `db\n${stamp(OLD)}` }, previousUID: OLD },
    {
      name: 'with the named stamp, restored under another number',
      lines: { description: stamp(OLD, 100) },
      previousUID: OLD,
    },
    { name: 'with the same stamp twice', lines: { description: `${stamp(OLD)}\n${stamp(OLD)}` }, previousUID: OLD },
    { name: 'with a stamp that is not named', lines: { description: stamp(OLD) }, want: 'IdentityMismatch' },
    {
      name: 'with another stamp than the named one',
      lines: { description: stamp(OTHER) },
      previousUID: OLD,
      want: 'IdentityMismatch',
    },
    {
      name: 'with two stamps',
      lines: { description: `${stamp(OLD)}\n${stamp(OTHER)}` },
      previousUID: OLD,
      want: 'IdentityMismatch',
    },
    {
      name: 'with a stamp that cannot be read',
      lines: { description: 'pve-operator.io/owner uid=? vmid=7' },
      want: 'IdentityMismatch',
    },
    { name: 'without the stamp that is named', previousUID: OLD, want: 'IdentityMismatch' },
    { name: 'a template', lines: { template: '1' }, want: 'NotAdoptable' },
    { name: 'without a disk', lines: { scsi0: null, boot: null }, want: 'NotAdoptable' },
    {
      name: 'with two disks and no boot order',
      lines: { boot: null, scsi1: 'local-lvm:vm-300-disk-1' },
      want: 'NotAdoptable',
    },
  ];
  test.each(rows)('$name', ({ lines, previousUID, want }) => {
    const found = { vmid: VMID, node: 'pve1', config: aConfig(lines) };
    const refusal = foundVmRefusal(UID, wanted(previousUID === undefined ? {} : { previousUID }), found);
    expect(refusal?.reason).toBe(want);
    expect(refusal?.message ?? 'A sentence.').toMatch(/^[A-Z].{0,298}\.$/s);
  });
});

describe('addresses', () => {
  const of = (uid: string, address = '192.0.2.10') =>
    aHeldAddress({ address, virtualMachine: { namespace: 'n', name: 'v', uid } });
  const rows: { name: string; reservations: ReturnType<typeof of>[]; want?: string }[] = [
    { name: 'that nobody holds', reservations: [] },
    { name: 'of the object and of the owner before', reservations: [of(UID), of(OLD)] },
    { name: 'of somebody else', reservations: [of(OLD), of(OTHER, '192.0.2.11')], want: '192.0.2.11' },
  ];
  test.each(rows)('$name', ({ reservations, want }) => {
    const refusal = addressRefusal(owner(), wanted({ previousUID: OLD }), reservations);
    if (want === undefined) expect(refusal).toBeUndefined();
    else expect(refusal).toMatchObject({ reason: 'IdentityMismatch', message: expect.stringContaining(want) });
  });
});

describe('what is read off the configuration', () => {
  const partsOf = (lines: Record<string, string | null>) =>
    foundParts({ vmid: VMID, node: 'pve1', config: aConfig(lines) });

  test('name, user, network card and disks', () => {
    expect(partsOf({ name: 'db', ciuser: 'admin', net0: 'e1000=BC:24:11:00:00:09,bridge=vmbr1,tag=7' })).toEqual({
      name: 'db',
      osUser: 'admin',
      network: { bridge: 'vmbr1', vlan: 7, macAddress: 'BC:24:11:00:00:09' },
      disks: { system: 'scsi0' },
      otherDisks: [],
    });
  });

  test('is cut to what the status takes', () => {
    const { name, osUser } = partsOf({ name: 'n'.repeat(200), ciuser: 'u'.repeat(65) });
    expect([name?.length, osUser]).toEqual([128, undefined]);
  });

  test.each([
    { name: 'no card', lines: { net0: null } },
    { name: 'a card without a bridge', lines: { net0: 'virtio=BC:24:11:00:00:09' } },
    { name: 'a card that cannot be read', lines: { net0: 'nonsense' } },
  ])('$name: no network', ({ lines }) => {
    expect(partsOf(lines)).not.toHaveProperty('network');
  });

  const disks: { name: string; lines: Record<string, string | null>; want: [string | undefined, string[]] }[] = [
    { name: 'one disk', lines: {}, want: [undefined, []] },
    { name: 'a second disk', lines: { scsi1: 'local-lvm:vm-300-disk-1' }, want: ['scsi1', []] },
    { name: 'a second disk on another bus', lines: { virtio3: 'local-lvm:vm-300-disk-1' }, want: ['virtio3', []] },
    {
      name: 'several, of which the nearest is ours',
      lines: { virtio0: 'a:1', scsi4: 'a:2', sata1: 'a:3', ide0: 'local:iso/x.iso,media=cdrom' },
      want: ['scsi4', ['virtio0', 'sata1']],
    },
  ];
  test.each(disks)('$name', ({ lines, want }) => {
    const { disks: found, otherDisks } = partsOf(lines);
    expect(found.system).toBe('scsi0');
    expect([found.additional, otherDisks]).toEqual(want);
  });
});
