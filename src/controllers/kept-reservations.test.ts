// What a VM at rest uses stays reserved for it, or it is said who has it.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NAMESPACE, type SimulatedOperator, simulatedOperator } from '../../test/builders/simulated-operator.ts';
import { resources } from '../api/resources.ts';
import { findCondition } from '../kube/conditions.ts';
import { hasLostReservation } from './kept-reservations.ts';

let operator: SimulatedOperator;

beforeEach(async () => {
  operator = await simulatedOperator();
  operator.declare('web-1');
  await operator.passes('web-1', (vm) => vm?.status?.state === 'ready' && vm.status.operation === undefined);
  await operator.passes();
});
afterEach(() => operator[Symbol.asyncDispose]());

const kube = () => operator.fake.kube;
const client = () => operator.fake.context.client;
const condition = () => findCondition(operator.vm()?.status?.conditions, 'ReservationLost');
const addresses = () => kube().objects(resources.ipAddressReservation);
const vmids = () => kube().objects(resources.vmidReservation);
const told = () =>
  operator.fake.events
    .filter(({ about, type }) => about === `${NAMESPACE}/web-1` && type === 'Warning')
    .map(({ reason, message }) => `${reason}: ${message}`);

/** Deletes the reservations of the VM, as somebody does who takes them for waste. */
async function deletedByHand(): Promise<void> {
  for (const { metadata } of addresses()) await client().delete(resources.ipAddressReservation, metadata.name);
  for (const { metadata } of vmids()) await client().delete(resources.vmidReservation, metadata.name);
}

/** Has another object hold the address by now. */
async function stolen(): Promise<void> {
  const [address] = addresses();
  await deletedByHand();
  const { name, labels } = address!.metadata;
  const virtualMachine = { namespace: 'other', name: 'thief', uid: 'uid-thief' };
  kube().seed(resources.ipAddressReservation, {
    ...address!,
    metadata: { name, labels },
    spec: { ...address!.spec, virtualMachine },
  });
}

describe('reservations that somebody deleted', () => {
  test('are made anew, which is told once', async () => {
    await deletedByHand();
    await operator.passes();
    await operator.passes();
    expect(addresses()).toMatchObject([{ spec: { virtualMachine: { name: 'web-1' } } }]);
    expect(vmids()).toMatchObject([{ spec: { vmid: 2000, virtualMachine: { name: 'web-1' } } }]);
    expect(condition()).toBeUndefined();
    expect(told()).toEqual([
      'ReservationRestored: Nothing held VMID 2000, 192.0.2.10 any more, which this VM uses; it was reserved for it anew.',
    ]);
  });
});

describe('a reservation that another object holds', () => {
  test('is shown with what was done and what helps, and told once', async () => {
    await stolen();
    await operator.passes();
    await operator.passes();
    expect(condition()).toMatchObject({
      status: 'True',
      reason: 'ReservationLost',
      message: expect.stringMatching(
        /192\.0\.2\.10\. Nothing was changed.*reservation of the other one is deleted/,
      ) as string,
    });
    expect(condition()?.message).not.toMatch(/VMID|thief/);
    expect(hasLostReservation(operator.vm()!)).toBe(true);
    expect(told().filter((line) => line.startsWith('ReservationLost'))).toHaveLength(1);
    expect(addresses()).toMatchObject([{ spec: { virtualMachine: { name: 'thief' } } }]);
  });

  test('costs nothing while it lasts', async () => {
    await stolen();
    await operator.passes();
    const before = kube().writes.length;
    await operator.passes();
    expect(kube().writes).toHaveLength(before);
  });

  test('comes back when it is free, and nothing is shown any more', async () => {
    await stolen();
    await operator.passes();
    await client().delete(resources.ipAddressReservation, addresses()[0]!.metadata.name);
    await operator.passes();
    expect(addresses()).toMatchObject([{ spec: { virtualMachine: { name: 'web-1' } } }]);
    expect(condition()).toBeUndefined();
    expect(hasLostReservation(operator.vm()!)).toBe(false);
  });
});
