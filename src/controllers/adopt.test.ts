// Adopting a VM that is there already, over a simulated Proxmox VE: looked at first, taken over then, and compared in the end.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask, asked, aStranger, declarePaused, lastEntry, STRANGER, unpause } from '../../test/builders/adoption.ts';
import { aPool } from '../../test/builders/objects.ts';
import { NAMESPACE, type SimulatedOperator, simulatedOperator } from '../../test/builders/simulated-operator.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { PAUSE_ANNOTATION } from '../domain/operations.ts';
import { findCondition } from '../kube/conditions.ts';
import { printStamp, readStamp } from '../pve/stamp.ts';

let operator: SimulatedOperator;
beforeEach(async () => {
  operator = await simulatedOperator({ cpuCores: 2, memoryGiB: 2 });
});
afterEach(() => operator[Symbol.asyncDispose]());

const kube = () => operator.fake.kube;
const isReady = (vm: VirtualMachine | undefined) => vm?.status?.state === 'ready' && vm.status.operation === undefined;
const configOf = (vmid: number) => operator.sim.world.vms.get(vmid)?.options ?? {};
const writesSince = (count: number) => operator.writes().slice(count);

describe('a VM that nobody manages', () => {
  beforeEach(() => aStranger(operator));

  test('is looked at without a write, and told of in sentences', async () => {
    declarePaused(operator);
    const before = operator.writes().length;
    const entry = await asked(operator, { mode: 'Observe' });
    expect(entry).toMatchObject({ type: 'Adopt', result: 'Succeeded', vmid: STRANGER, remembered: false });
    expect(writesSince(before)).toEqual([]);
    expect(operator.vm()?.status).not.toHaveProperty('vmid');
    expect(kube().objects(resources.vmidReservation)).toEqual([]);
    expect(entry?.observations).toEqual(
      expect.arrayContaining([
        'VM 300 (old-web) on node pve1 is stopped and carries no stamp.',
        'The VM keeps 192.0.2.20 (pool ipv4).',
        expect.stringContaining('deleting the VirtualMachine destroys the VM'),
        'cores: 1 → 2.',
        'memory: 1024 → 2048.',
        'The VM could send from no other address than 192.0.2.20.',
        expect.stringMatching(/^Firewall options would be set: enable unset → 1, /),
      ]),
    );
  });

  test('is not taken over unseen', async () => {
    declarePaused(operator);
    const before = operator.writes().length;
    expect(await asked(operator, { mode: 'TakeOver' })).toMatchObject({ result: 'Failed', reason: 'ObserveFirst' });
    await asked(operator, { mode: 'Observe', vmid: 9000 });
    expect(await asked(operator, { mode: 'TakeOver' })).toMatchObject({ result: 'Failed', reason: 'ObserveFirst' });
    expect(writesSince(before)).toEqual([]);
  });

  test('is taken over with one write, and made as declared when the pause is over', async () => {
    declarePaused(operator);
    await asked(operator, { mode: 'Observe' });
    const before = operator.writes().length;
    const entry = await asked(operator, { mode: 'TakeOver' });
    const { metadata, status } = operator.vm()!;
    expect(entry).toMatchObject({ result: 'Succeeded', runName: status?.operation?.runName });
    expect(writesSince(before)).toEqual([`POST /nodes/pve1/qemu/${STRANGER}/config`]);
    expect(configOf(STRANGER)['description']).toBe(
      `kept by hand\nsince 2019\n${printStamp({ uid: metadata.uid!, vmid: STRANGER })}`,
    );
    expect(status).toMatchObject({
      state: 'change_package',
      vmid: STRANGER,
      node: 'pve1',
      name: 'old-web',
      clusterName: 'lab',
      fqdn: 'old-web.example.com',
      osUser: 'admin',
      clonedAt: expect.any(String),
      powerState: 'Stopped',
      addresses: [{ address: '192.0.2.20', prefixLength: 24, gateway: '192.0.2.1', pool: 'ipv4', primary: true }],
      network: { bridge: 'vmbr0', vlan: 0, macAddress: 'BC:24:11:00:00:77' },
      disks: { system: 'scsi0' },
      effective: { cpuCores: 2, memoryGiB: 2 },
      planRevision: 'kvm-1',
    });
    expect(findCondition(status?.conditions, 'Paused')).toMatchObject({ status: 'True' });

    unpause(operator);
    await operator.passes();
    expect(operator.vm()?.status).toMatchObject({ state: 'ready', vmid: STRANGER, powerState: 'Stopped' });
    expect(configOf(STRANGER)).toMatchObject({ cores: '2', memory: '2048' });
    expect(writesSince(before).filter((write) => /clone|DELETE/.test(write))).toEqual([]);
    const [run] = kube().objects(resources.virtualMachineRun);
    expect(run).toMatchObject({
      metadata: { name: entry?.runName },
      spec: { machine: 'change_package', trigger: expect.stringContaining('(Adopt)') },
      status: { result: 'Succeeded', to: 'ready' },
    });
    expect(operator.fake.events.map(({ reason }) => reason)).toContain('Adopted');
  });

  test('is what an Observe after the take-over finds as declared', async () => {
    declarePaused(operator);
    await asked(operator, { mode: 'Observe' });
    await asked(operator, { mode: 'TakeOver' });
    unpause(operator);
    await operator.passes();
    const entry = await asked(operator, { mode: 'Observe' });
    expect(entry?.observations?.[0]).toContain('carries the stamp of this object');
    expect(entry?.observations?.at(-1)).toBe('Nothing of the VM would change: it is as declared.');
  });

  test('goes with its object when that is deleted, and stays with deletionPolicy Retain', async () => {
    for (const [name, deletionPolicy] of [
      ['web-1', 'Retain'],
      ['web-2', 'Delete'],
    ] as const) {
      const vmid = name === 'web-1' ? STRANGER : 301;
      if (vmid === 301) aStranger(operator, { ipconfig0: 'ip=192.0.2.21/24', name: 'old-two' }, vmid);
      declarePaused(operator, name, { deletionPolicy });
      await asked(operator, { mode: 'Observe', vmid }, name);
      await asked(operator, { mode: 'TakeOver', vmid }, name);
      unpause(operator, name);
      await operator.passes(name, isReady);
      await operator.fake.context.client.delete(resources.virtualMachine, name, NAMESPACE);
      await operator.passes(name);
      expect(operator.vm(name)).toBeUndefined();
    }
    expect(operator.sim.world.vms.has(STRANGER)).toBe(true);
    expect(operator.sim.world.vms.has(301)).toBe(false);
  });

  test('waits while Proxmox VE holds a lock, and says which', async () => {
    declarePaused(operator);
    operator.sim.setLock(STRANGER, 'backup');
    ask(operator, { mode: 'Observe' });
    expect(await operator.pass()).toEqual({ kind: 'after', ms: 5_000 });
    expect(findCondition(operator.vm()?.status?.conditions, 'Locked')?.message).toContain('"backup"');
    expect(lastEntry(operator)).toBeUndefined();
    operator.sim.setLock(STRANGER, null);
    await operator.passes();
    expect(lastEntry(operator)).toMatchObject({ result: 'Succeeded' });
    expect(findCondition(operator.vm()?.status?.conditions, 'Locked')).toBeUndefined();
  });

  test('waits while its node is offline', async () => {
    declarePaused(operator);
    operator.sim.nodeDown('pve1');
    ask(operator, { mode: 'Observe' });
    await operator.fake.clock.advance(120_000);
    await operator.pass();
    expect(lastEntry(operator)).toBeUndefined();
    expect(findCondition(operator.vm()?.status?.conditions, 'Ready')).toMatchObject({
      status: 'False',
      message: expect.stringMatching(/^Adoption: /),
    });
  });

  test('is let alone when somebody edits it between look and write: it is looked at again', async () => {
    declarePaused(operator);
    await asked(operator, { mode: 'Observe' });
    operator.sim.faults.add({
      match: { method: 'POST', path: /\/300\/config$/ },
      when: 'before',
      effect: { meanwhile: () => operator.sim.changeByHand(STRANGER, (options) => void (options['cores'] = '4')) },
    });
    expect(await asked(operator, { mode: 'TakeOver' })).toMatchObject({ result: 'Succeeded' });
    expect(configOf(STRANGER)['cores']).toBe('4');
  });

  test('is ours also when the answer to the stamp was lost', async () => {
    declarePaused(operator);
    await asked(operator, { mode: 'Observe' });
    const before = operator.writes().length;
    operator.sim.faults.add({
      match: { method: 'POST', path: /\/300\/config$/ },
      when: 'after',
      effect: { status: 596, reason: 'Connection timed out' },
    });
    expect(await asked(operator, { mode: 'TakeOver' })).toMatchObject({ result: 'Succeeded' });
    expect(writesSince(before)).toHaveLength(1);
    expect(operator.vm()?.status?.vmid).toBe(STRANGER);
  });

  test('begins nothing once the operator is asked to stop', async () => {
    declarePaused(operator);
    await asked(operator, { mode: 'Observe' });
    const before = operator.writes().length;
    ask(operator, { mode: 'TakeOver' });
    await operator.pass('web-1', AbortSignal.abort());
    expect(writesSince(before)).toEqual([]);
    expect(kube().objects(resources.vmidReservation)).toEqual([]);
  });
});

describe('a VM whose object was restored with another UID', () => {
  /** A VM that was deployed, and whose objects came back from a backup: reservations as they were, the object anew. */
  async function restored(): Promise<VirtualMachine> {
    operator.declare('web-1', { options: { ipv4Addresses: 3 } });
    await operator.passes('web-1', isReady);
    const { metadata, spec } = operator.vm()!;
    await operator.fake.context.client.patch(
      resources.virtualMachine,
      { name: 'web-1', namespace: NAMESPACE },
      { metadata: { finalizers: null } },
      { kind: 'merge' },
    );
    await operator.fake.context.client.delete(resources.virtualMachine, 'web-1', NAMESPACE);
    kube().seed(resources.virtualMachine, {
      metadata: { name: 'web-1', namespace: NAMESPACE, annotations: { [PAUSE_ANNOTATION]: 'true' } },
      spec,
    });
    return { ...operator.vm()!, metadata };
  }
  const holders = () =>
    [...kube().objects(resources.ipAddressReservation), ...kube().objects(resources.vmidReservation)].map(
      ({ spec }) => spec.virtualMachine.uid,
    );

  test('gets the stamp of the new one, with its addresses and its VMID', async () => {
    const { metadata } = await restored();
    const previousUID = metadata.uid!;
    const before = operator.writes().length;
    const observed = await asked(operator, { mode: 'Observe', vmid: 2000, previousUID });
    expect(observed?.observations).toEqual(
      expect.arrayContaining([
        expect.stringContaining(`the stamp of the object ${previousUID}, which is gone`),
        'The VM keeps 192.0.2.10 (pool ipv4), 192.0.2.11 (pool ipv4), 192.0.2.12 (pool ipv4).',
        'Nothing of the VM would change: it is as declared.',
      ]),
    );
    expect(await asked(operator, { mode: 'TakeOver', vmid: 2000, previousUID })).toMatchObject({ result: 'Succeeded' });
    const { uid } = operator.vm()!.metadata;
    expect(uid).not.toBe(previousUID);
    expect(readStamp(configOf(2000)['description'])).toEqual({ uid, vmid: 2000 });
    expect(holders()).toEqual([uid, uid, uid, uid]);
    unpause(operator);
    await operator.passes('web-1', isReady);
    expect(writesSince(before)).toEqual(['POST /nodes/pve1/qemu/2000/config']);
    expect(operator.vm()?.status?.addresses?.map(({ address }) => address)).toEqual([
      '192.0.2.10',
      '192.0.2.11',
      '192.0.2.12',
    ]);
  });

  test('can be one that was retained: what it left behind is taken over', async () => {
    operator.declare('web-1', { deletionPolicy: 'Retain' });
    await operator.passes('web-1', isReady);
    const previousUID = operator.vm()!.metadata.uid!;
    await operator.fake.context.client.delete(resources.virtualMachine, 'web-1', NAMESPACE);
    await operator.passes();
    declarePaused(operator, 'web-2');
    await asked(operator, { mode: 'Observe', vmid: 2000, previousUID }, 'web-2');
    await asked(operator, { mode: 'TakeOver', vmid: 2000, previousUID }, 'web-2');
    const { uid } = operator.vm('web-2')!.metadata;
    expect(holders()).toEqual([uid, uid]);
    const notes = kube()
      .objects(resources.vmidReservation)
      .map(({ metadata }) => metadata.annotations);
    expect(notes).toEqual([undefined]);
  });

  test('keeps its addresses, whichever write is the last before a crash', async () => {
    // Without the address set the further addresses stand in the reservations and nowhere else.
    await operator[Symbol.asyncDispose]();
    operator = await simulatedOperator({ firewall: { antiSpoofing: false } });
    const { metadata } = await restored();
    const previousUID = metadata.uid!;
    await asked(operator, { mode: 'Observe', vmid: 2000, previousUID });
    ask(operator, { mode: 'TakeOver', vmid: 2000, previousUID });
    let crashes = 0;
    while (lastEntry(operator)?.observations !== undefined) {
      let left = crashes % 3;
      kube().onWrite(({ phase }) => {
        if (phase === 'before' && left < 0) throw new Error('dead');
        if (phase === 'after' && left-- === 0) throw new Error('crash');
      });
      await operator.pass().catch(() => undefined);
      kube().onWrite(undefined);
      crashes += 1;
      expect(crashes).toBeLessThan(50);
    }
    expect(crashes).toBeGreaterThan(5);
    expect(operator.vm()?.status?.addresses?.map(({ address }) => address)).toEqual([
      '192.0.2.10',
      '192.0.2.11',
      '192.0.2.12',
    ]);
    expect(new Set(holders())).toEqual(new Set([operator.vm()!.metadata.uid]));
    expect(holders()).toHaveLength(4);
  });

  test('is not taken over from an object that lives', async () => {
    operator.declare('web-2');
    await operator.passes('web-2', isReady);
    declarePaused(operator);
    const previousUID = operator.vm('web-2')!.metadata.uid!;
    const before = operator.writes().length;
    expect(await asked(operator, { mode: 'Observe', vmid: 2000, previousUID })).toMatchObject({
      result: 'Failed',
      reason: 'IdentityMismatch',
    });
    expect(await asked(operator, { mode: 'Observe', vmid: 2000 })).toMatchObject({ reason: 'IdentityMismatch' });
    expect(writesSince(before)).toEqual([]);
  });
});

test('the addresses of a pool are counted for the VM that uses them', async () => {
  kube().seed(resources.ipPool, aPool({ first: '192.0.2.20', last: '192.0.2.20' }, 'small'));
  aStranger(operator);
  declarePaused(operator);
  await asked(operator, { mode: 'Observe' });
  await asked(operator, { mode: 'TakeOver' });
  expect(kube().objects(resources.ipAddressReservation)).toMatchObject([
    { spec: { address: '192.0.2.20', order: 0, virtualMachine: { name: 'web-1' } } },
  ]);
});

describe('a VM of the object itself', () => {
  test('whose stamp somebody removed gets it back', async () => {
    operator.declare('web-1');
    await operator.passes('web-1', isReady);
    const { uid } = operator.vm()!.metadata;
    operator.sim.changeByHand(2000, (options) => void (options['description'] = 'mine now'));
    await asked(operator, { mode: 'Observe', vmid: 2000 });
    expect(await asked(operator, { mode: 'TakeOver', vmid: 2000 })).toMatchObject({ result: 'Succeeded' });
    await operator.passes('web-1', isReady);
    expect(readStamp(configOf(2000)['description'])).toEqual({ uid, vmid: 2000 });
    expect(configOf(2000)['description']).toMatch(/^mine now\n/);
    expect(operator.vm()?.status).toMatchObject({ state: 'ready', addresses: [{ address: '192.0.2.10' }] });
    expect(kube().objects(resources.ipAddressReservation)).toHaveLength(1);
  });

  test('keeps what it has and runs on while it is only looked at', async () => {
    operator.declare('web-1');
    await operator.passes('web-1', isReady);
    const { executedOperations: _memory, ...before } = operator.vm()!.status!;
    await asked(operator, { mode: 'Observe', vmid: 2000 });
    const { executedOperations, ...after } = operator.vm()!.status!;
    expect(executedOperations).toHaveLength(1);
    expect(after).toEqual(before);
  });

  test('is not adopted any more while it is being deleted', async () => {
    declarePaused(operator);
    aStranger(operator);
    ask(operator, { mode: 'Observe' });
    await operator.fake.context.client.delete(resources.virtualMachine, 'web-1', NAMESPACE);
    await operator.pass();
    expect(lastEntry(operator)).toBeUndefined();
  });
});

test('an adoption that is interrupted before the stamp leaves nothing that a deletion could destroy', async () => {
  aStranger(operator);
  declarePaused(operator);
  await asked(operator, { mode: 'Observe' });
  operator.sim.faults.add({
    match: { method: 'POST', path: /\/300\/config$/ },
    when: 'before',
    effect: { status: 500, reason: 'unable to open file' },
    times: 99,
  });
  ask(operator, { mode: 'TakeOver' });
  await operator.pass();
  expect(operator.vm()?.status).not.toHaveProperty('vmid');
  expect(operator.vm()?.status).not.toHaveProperty('clonedAt');
  await operator.fake.context.client.delete(resources.virtualMachine, 'web-1', NAMESPACE);
  unpause(operator);
  await operator.passes();
  expect(operator.vm()).toBeUndefined();
  expect(operator.sim.world.vms.has(STRANGER)).toBe(true);
  expect(operator.writes().filter((write) => write.startsWith('DELETE'))).toEqual([]);
  expect(kube().objects(resources.vmidReservation)).toEqual([]);
});
