// Backups that go with their VM: those that carry its stamp and no others, and no failure holds the deletion up.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NAMESPACE, type SimulatedOperator, simulatedOperator } from '../../test/builders/simulated-operator.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { printStamp } from '../pve/stamp.ts';

const FORMER = '0d1e2f3a-0000-4000-8000-00000000000a';
const isReady = (vm: VirtualMachine | undefined) => vm?.status?.state === 'ready' && vm.status.operation === undefined;

let operator: SimulatedOperator;
beforeEach(async () => {
  operator = await simulatedOperator();
  operator.declare('web-1');
  await operator.passes('web-1', isReady);
});
afterEach(() => operator[Symbol.asyncDispose]());

const ours = (vmid = 2000) => printStamp({ uid: operator.vm()?.metadata.uid ?? '', vmid });

interface Kept {
  name: string;
  notes?: string;
  storage?: string;
  isProtected?: boolean;
}

/** Puts a backup of VM 2000 onto a storage. */
function aBackup({ name, notes, storage = 'shared', isProtected = false }: Kept): void {
  const volume = operator.sim.world.volumes.add(storage, 'pve1', {
    name: `backup/vzdump-qemu-2000-${name}.vma.zst`,
    content: 'backup',
    format: 'vma.zst',
    sizeBytes: 1_000,
    vmid: 2000,
    protected: isProtected,
  });
  if (notes !== undefined) volume.notes = notes;
}

/** Names of the backups that are left. */
const backups = () =>
  [...operator.sim.world.volumes.all()]
    .filter(({ content }) => content === 'backup')
    .map(({ name }) => /2000-(?<name>[a-z]+)\./.exec(name)?.groups?.['name'] ?? '')
    .sort();

async function deleted(): Promise<void> {
  await operator.fake.context.client.delete(resources.virtualMachine, 'web-1', NAMESPACE);
  await operator.passes();
  expect(operator.vm()).toBeUndefined();
  expect(operator.sim.world.vms.has(2000)).toBe(false);
}

const warnings = () =>
  operator.fake.events.filter(({ reason }) => reason === 'LeftBehind').map(({ message }) => message);

describe('of a VM that is deleted', () => {
  const rows: { name: string; notes?: (own: string) => string; goes: boolean }[] = [
    { name: 'one with the stamp of the VM', notes: (own) => own, goes: true },
    { name: 'one without notes', goes: false },
    { name: 'one with a note of a person', notes: () => 'before the update', goes: false },
    { name: 'one of a former owner of the VMID', notes: () => printStamp({ uid: FORMER, vmid: 2000 }), goes: false },
  ];
  test.each(rows)('$name', async ({ notes, goes }) => {
    aBackup({ name: 'one', ...(notes === undefined ? {} : { notes: notes(ours()) }) });
    await deleted();
    expect(backups()).toEqual(goes ? [] : ['one']);
    expect(warnings()).toEqual([]);
  });

  test('on every storage, beside those that stay', async () => {
    aBackup({ name: 'shared', notes: ours() });
    aBackup({ name: 'local', notes: ours(), storage: 'local' });
    aBackup({ name: 'former', notes: printStamp({ uid: FORMER, vmid: 2000 }) });
    await deleted();
    expect(backups()).toEqual(['former']);
  });
});

test('a stranger that is given the VMID while backups are removed is not destroyed', async () => {
  operator.sim.faults.add({
    match: { method: 'GET', path: /\/storage\/shared\/content/ },
    when: 'before',
    effect: { meanwhile: () => void (operator.sim.world.vms.get(2000)!.options['description'] = 'of somebody else') },
  });
  await operator.fake.context.client.delete(resources.virtualMachine, 'web-1', NAMESPACE);
  await operator.passes('web-1', (vm) => vm?.status?.state === 'error_terminate');
  expect(operator.vm()?.status?.lastFailure).toMatchObject({ step: 'destroy-vm', reason: 'IdentityMismatch' });
  expect(operator.sim.world.vms.has(2000)).toBe(true);
});

describe('what cannot be removed', () => {
  test('is told, and holds up neither the VM nor the other backups', async () => {
    aBackup({ name: 'kept', notes: ours(), isProtected: true });
    aBackup({ name: 'second', notes: ours() });
    aBackup({ name: 'third', notes: ours(), storage: 'local' });
    await deleted();
    expect(backups()).toEqual(['kept']);
    expect(warnings()).toEqual(['Backups may be left on shared.']);
  });

  test('because its storage does not answer', async () => {
    aBackup({ name: 'one', notes: ours() });
    aBackup({ name: 'two', notes: ours(), storage: 'local' });
    operator.sim.faults.add({
      match: { method: 'GET', path: /\/storage\/shared\/content/ },
      when: 'before',
      effect: { status: 500, reason: 'mount error: connection refused' },
      times: 99,
    });
    await deleted();
    expect(backups()).toEqual(['one']);
    expect(warnings()).toEqual(['Backups may be left on shared.']);
  });

  test('is not tried again in the same run', async () => {
    aBackup({ name: 'kept', notes: ours(), isProtected: true });
    operator.sim.faults.add({
      match: { method: 'DELETE', path: /\/qemu\/2000$/ },
      when: 'before',
      effect: { status: 500, reason: 'volume is busy' },
    });
    await operator.fake.context.client.delete(resources.virtualMachine, 'web-1', NAMESPACE);
    await operator.passes('web-1', (vm) => vm?.status?.state === 'error_terminate');
    await operator.passes();
    const tries = operator.writes().filter((write) => write.startsWith('DELETE') && write.includes('vzdump'));
    expect(tries).toHaveLength(1);
  });
});
