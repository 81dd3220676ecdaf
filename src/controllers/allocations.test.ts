// Addresses and VMIDs are given out once, whoever asks at the same time.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { anOwner, aPackage } from '../../test/builders/facts.ts';
import { createFakeContext, type FakeContext } from '../../test/fakes/context.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { StalledError } from '../errors.ts';
import type { AddressChoice } from '../machine/vocabulary.ts';
import { Allocations } from './allocations.ts';

const NETWORK = { bridge: 'vmbr0', vlan: 0 };
const NONE: ReadonlySet<number> = new Set();
const one = anOwner({ name: 'one', uid: 'uid-one' });
const two = anOwner({ name: 'two', uid: 'uid-two' });

let fake: FakeContext;
let allocations: Allocations;

beforeEach(() => {
  fake = createFakeContext();
  allocations = new Allocations(fake.context);
});
afterEach(() => fake[Symbol.asyncDispose]());

const choice = (last: number, order = 0): AddressChoice => ({
  poolName: 'ipv4',
  ...NETWORK,
  address: `192.0.2.${last}`,
  family: 'IPv4',
  prefixLength: 24,
  gateway: '192.0.2.1',
  nameservers: ['192.0.2.2'],
  order,
});
const addressesOf = (vm: VirtualMachine) => allocations.heldBy(vm).addresses.map(({ spec }) => spec.address);
const vmidsOf = (vm: VirtualMachine) => allocations.heldBy(vm).vmids.map(({ spec }) => spec.vmid);
const creates = () => fake.kube.writes.filter(({ verb }) => verb === 'create').map(({ name }) => name);
const reserveVmid = (vm: VirtualMachine, first = 2000, used = NONE) => allocations.reserveVmid(vm, 'lab', first, used);

/** Another operator that is faster: our stores do not show what it made. */
function hideStores(): void {
  const { stores } = fake.context;
  for (const store of [stores.addressReservations, stores.vmidReservations]) {
    store.get = () => undefined;
    store.byIndex = () => [];
  }
}

describe('addresses', () => {
  test('are reserved with all that the pool said', async () => {
    await allocations.reserveAddresses(one, 'lab', [choice(10), choice(11, 1)]);
    expect(addressesOf(one)).toEqual(['192.0.2.10', '192.0.2.11']);
    expect(fake.kube.objects(resources.ipAddressReservation)[0]).toMatchObject({
      metadata: { name: expect.stringContaining('192'), labels: { 'app.kubernetes.io/managed-by': 'pve-operator' } },
      spec: {
        ...choice(10),
        clusterRef: { name: 'lab' },
        virtualMachine: { namespace: 'customer-1', name: 'one', uid: 'uid-one' },
      },
    });
  });

  test('without gateway and name servers say nothing of them', async () => {
    await allocations.reserveAddresses(one, 'lab', [{ ...choice(10), gateway: undefined, nameservers: undefined }]);
    const [made] = fake.kube.objects(resources.ipAddressReservation);
    expect(Object.keys(made!.spec)).not.toContain('gateway');
    expect(Object.keys(made!.spec)).not.toContain('nameservers');
  });

  test('that somebody was faster with are left out, without an error', async () => {
    await allocations.reserveAddresses(one, 'lab', [choice(10)]);
    await allocations.reserveAddresses(two, 'lab', [choice(10), choice(11, 1)]);
    expect(addressesOf(two)).toEqual(['192.0.2.11']);
  });

  test('are taken while a call is on its way, and afterwards as the store shows', async () => {
    const taken = () => allocations.addressTaken('lab', NETWORK, '192.0.2.10');
    const seen: boolean[] = [taken()];
    fake.kube.onWrite(({ phase }) => void (phase === 'before' && seen.push(taken())));
    await allocations.reserveAddresses(one, 'lab', [choice(10)]);
    expect([...seen, taken()]).toEqual([false, true, true]);
    expect(allocations.addressTaken('lab', { bridge: 'vmbr1', vlan: 0 }, '192.0.2.10')).toBe(false);
    expect(allocations.addressTaken('other', NETWORK, '192.0.2.10')).toBe(false);
  });

  test('that turned out to be taken are passed over for a while, until the store shows who has them', async () => {
    await allocations.reserveAddresses(one, 'lab', [choice(10)]);
    hideStores();
    expect(allocations.addressTaken('lab', NETWORK, '192.0.2.10')).toBe(false);
    await allocations.reserveAddresses(two, 'lab', [choice(10)]);
    expect(allocations.addressTaken('lab', NETWORK, '192.0.2.10')).toBe(true);
    await fake.clock.advance(30_000);
    expect(allocations.addressTaken('lab', NETWORK, '192.0.2.10')).toBe(false);
  });

  test('of a call that failed can be asked for again at once', async () => {
    fake.kube.onWrite(() => {
      throw new Error('no answer');
    });
    await expect(allocations.reserveAddresses(one, 'lab', [choice(10)])).rejects.toThrow('no answer');
    fake.kube.onWrite(undefined);
    expect(allocations.addressTaken('lab', NETWORK, '192.0.2.10')).toBe(false);
  });
});

describe('VMIDs', () => {
  test.each<{ name: string; first: number; used: number[]; want: number }>([
    { name: 'the first of the plan', first: 2000, used: [], want: 2000 },
    { name: 'past those that Proxmox VE uses', first: 2000, used: [2000, 2001], want: 2002 },
    { name: 'not below the smallest', first: 1, used: [], want: 100 },
  ])('$name', async ({ first, used, want }) => {
    expect(await reserveVmid(one, first, new Set(used))).toBe(want);
    expect(vmidsOf(one)).toEqual([want]);
  });

  test('are another one for each VM', async () => {
    expect(await reserveVmid(one)).toBe(2000);
    expect(await reserveVmid(two)).toBe(2001);
  });

  test('of another cluster do not count', async () => {
    await allocations.reserveVmid(one, 'other', 2000, NONE);
    expect(await reserveVmid(two)).toBe(2000);
  });

  test('are distinct and without refusals when two ask at once', async () => {
    const given = await Promise.all([one, two, anOwner({ uid: 'uid-three' })].map((vm) => reserveVmid(vm)));
    expect(given).toEqual([2000, 2001, 2002]);
    expect(creates()).toHaveLength(3);
  });

  test('that another operator reserved are passed over', async () => {
    await reserveVmid(one);
    hideStores();
    expect(await reserveVmid(two)).toBe(2001);
  });

  test('run out', async () => {
    const exhausted = reserveVmid(one, 999_999_999, new Set([999_999_999]));
    await expect(exhausted).rejects.toBeInstanceOf(StalledError);
    await expect(exhausted).rejects.toMatchObject({ reason: 'VMIDsExhausted' });
  });

  test('are not tried for ever', async () => {
    for (let vmid = 2000; vmid < 2060; vmid += 1) await reserveVmid(one, vmid);
    hideStores();
    await expect(reserveVmid(two)).rejects.toMatchObject({ reason: 'VMIDsExhausted' });
  });

  test('of a call that failed can be asked for again', async () => {
    fake.kube.onWrite(() => {
      throw new Error('no answer');
    });
    await expect(reserveVmid(one)).rejects.toThrow('no answer');
    fake.kube.onWrite(undefined);
    expect(await reserveVmid(one)).toBe(2000);
  });
});

describe('giving back', () => {
  beforeEach(async () => {
    await allocations.reserveAddresses(one, 'lab', [choice(10)]);
    await reserveVmid(one);
    await reserveVmid(two);
  });

  test('one VMID, of this VM only', async () => {
    await allocations.releaseVmid(one, 2001);
    expect([vmidsOf(one), vmidsOf(two)]).toEqual([[2000], [2001]]);
    await allocations.releaseVmid(one, 2000);
    expect([vmidsOf(one), vmidsOf(two)]).toEqual([[], [2001]]);
  });

  test('everything of one VM', async () => {
    await allocations.releaseAll(one);
    expect(allocations.heldBy(one)).toEqual({ addresses: [], vmids: [] });
    expect(vmidsOf(two)).toEqual([2001]);
  });

  test('again is harmless, also when the store still shows it', async () => {
    const held = allocations.heldBy(one);
    await allocations.releaseAll(one);
    fake.context.stores.addressReservations.byIndex = () => held.addresses;
    await expect(allocations.releaseAll(one)).resolves.toBeUndefined();
  });

  test('never takes a reservation that was made anew under the same name', async () => {
    const held = allocations.heldBy(one);
    await allocations.releaseAll(one);
    await allocations.reserveAddresses(two, 'lab', [choice(10)]);
    const { byIndex } = fake.context.stores.addressReservations;
    fake.context.stores.addressReservations.byIndex = () => held.addresses;
    await expect(allocations.releaseAll(one)).rejects.toMatchObject({ reason: 'Conflict' });
    fake.context.stores.addressReservations.byIndex = byIndex;
    expect(addressesOf(two)).toEqual(['192.0.2.10']);
  });
});

describe('taking over', () => {
  const previousUID = 'uid-one';
  const all = (vmid = 2000) => ({ vmid, choices: [choice(10), choice(11, 1)], previousUID });
  const held = (vm: VirtualMachine) => [...addressesOf(vm), ...vmidsOf(vm)];

  beforeEach(async () => {
    await allocations.reserveAddresses(one, 'lab', [choice(10)]);
    await reserveVmid(one);
  });

  test('makes what the previous owner held this one’s, and reserves the rest', async () => {
    expect(await allocations.takeOver(two, 'lab', all())).toEqual([]);
    expect(held(two)).toEqual(['192.0.2.10', '192.0.2.11', 2000]);
    expect(held(one)).toEqual([]);
  });

  test('again changes nothing', async () => {
    await allocations.takeOver(two, 'lab', all());
    const before = fake.kube.objects(resources.ipAddressReservation).map(({ metadata }) => metadata.uid);
    expect(await allocations.takeOver(two, 'lab', all())).toEqual([]);
    expect(fake.kube.objects(resources.ipAddressReservation).map(({ metadata }) => metadata.uid)).toEqual(before);
  });

  test('leaves alone what yet another object holds, and tells it', async () => {
    const three = anOwner({ name: 'three', uid: 'uid-three' });
    await allocations.reserveAddresses(three, 'lab', [choice(11)]);
    expect(await allocations.takeOver(two, 'lab', all())).toEqual(['192.0.2.11']);
    expect(addressesOf(three)).toEqual(['192.0.2.11']);
  });

  test('leaves everything alone that is held when no previous owner is named', async () => {
    const { previousUID: _none, ...rest } = all();
    expect(await allocations.takeOver(two, 'lab', rest)).toEqual(['VMID 2000', '192.0.2.10']);
    expect(held(one)).toEqual(['192.0.2.10', 2000]);
  });

  test('keeps others from choosing an address that is between two owners', async () => {
    const seen: boolean[] = [];
    fake.kube.onWrite(() => void seen.push(allocations.addressTaken('lab', NETWORK, '192.0.2.10')));
    await allocations.takeOver(two, 'lab', all());
    expect(new Set(seen)).toEqual(new Set([true]));
  });

  test('names who holds what', async () => {
    const { addresses, vmid } = allocations.reservationsOf('lab', all());
    expect(addresses.map(({ spec }) => [spec.address, spec.virtualMachine.uid])).toEqual([['192.0.2.10', 'uid-one']]);
    expect(vmid?.spec.virtualMachine.uid).toBe('uid-one');
    expect(allocations.reservationsOf('lab', all(2001)).vmid).toBeUndefined();
  });
});

describe('leaving behind', () => {
  test('is noted on everything, also on what the store does not show yet', async () => {
    await allocations.reserveAddresses(one, 'lab', [choice(10)]);
    await reserveVmid(one);
    hideStores();
    await allocations.leaveBehind(one, 'It may be there.');
    const notes = [
      ...fake.kube.objects(resources.ipAddressReservation),
      ...fake.kube.objects(resources.vmidReservation),
    ].map(({ metadata }) => metadata.annotations);
    expect(notes).toEqual([
      { 'pve-operator.io/left-behind': 'It may be there.' },
      { 'pve-operator.io/left-behind': 'It may be there.' },
    ]);
  });
});

describe('memory', () => {
  const placed = (node: string, memoryGiB: number): VirtualMachineStatus => ({
    clusterName: 'lab',
    placement: { targetNode: node },
    effective: aPackage({ memoryGiB }),
  });

  test('that was promised counts until the promise is taken back, on its cluster only', () => {
    const forget = allocations.claimMemory('a', placed('pve1', 2));
    allocations.claimMemory('b', placed('pve1', 1));
    allocations.claimMemory('c', { ...placed('pve1', 4), clusterName: 'far' });
    expect(allocations.claimedMemory('lab')).toEqual(new Map([['pve1', 3 * 2 ** 30]]));
    forget();
    expect(allocations.claimedMemory('lab')).toEqual(new Map([['pve1', 2 ** 30]]));
  });

  test('of a VM without a node is not promised', () => {
    allocations.claimMemory('a', { clusterName: 'lab' });
    expect(allocations.claimedMemory('lab').size).toBe(0);
  });
});

describe('what nothing holds any more', () => {
  const ready: VirtualMachineStatus = {
    clusterName: 'lab',
    vmid: 2000,
    network: { bridge: 'vmbr0', vlan: 0 },
    addresses: [{ address: '192.0.2.10', prefixLength: 24, pool: 'v4', primary: true }],
  };
  const vmOf = (name: string) => ({ ...anOwner({ name, uid: name }), status: ready }) as VirtualMachine;

  test('is reserved anew, so that the next VM does not get the same', async () => {
    const vm = vmOf('one');
    expect(await allocations.restoreMissing(vm)).toEqual({ restored: ['VMID 2000', '192.0.2.10'], lost: [] });
    expect(allocations.heldBy(vm)).toMatchObject({
      addresses: [{ spec: { address: '192.0.2.10', order: 0 } }],
      vmids: [{ spec: { vmid: 2000 } }],
    });
  });

  test('is told when another object holds it by now', async () => {
    await allocations.restoreMissing(vmOf('other'));
    const before = fake.kube.writes.length;
    expect(await allocations.restoreMissing(vmOf('one'))).toEqual({ restored: [], lost: ['VMID 2000', '192.0.2.10'] });
    // It is known whose they are.
    expect(fake.kube.writes).toHaveLength(before);
  });

  test('is told when another object turns out to hold it', async () => {
    await allocations.restoreMissing(vmOf('other'));
    const { addressReservations, vmidReservations } = fake.context.stores;
    addressReservations.get = () => undefined;
    vmidReservations.get = () => undefined;
    expect(await allocations.restoreMissing(vmOf('one'))).toEqual({ restored: [], lost: ['VMID 2000', '192.0.2.10'] });
  });

  test('is not told to have been missing when an earlier call of ours has made it', async () => {
    await allocations.restoreMissing(vmOf('one'));
    const { addressReservations, vmidReservations } = fake.context.stores;
    addressReservations.byIndex = () => [];
    vmidReservations.byIndex = () => [];
    expect(await allocations.restoreMissing(vmOf('one'))).toEqual({ restored: [], lost: [] });
  });

  test('a reservation that an unanswered call of ours made is taken for ours', async () => {
    const vm = vmOf('one');
    await allocations.reserveVmid(vm, 'lab', 2000, new Set());
    fake.context.stores.vmidReservations.byIndex = () => [];
    fake.context.stores.vmidReservations.get = () => undefined;
    expect(await allocations.reserveVmid(vm, 'lab', 2000, new Set())).toBe(2000);
  });
});
