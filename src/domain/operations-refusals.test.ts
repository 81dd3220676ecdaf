// What a VM refuses by what the objects say, in words that help.
import { describe, expect, test } from 'vitest';
import { anOwner } from '../../test/builders/facts.ts';
import { aPlan } from '../../test/builders/objects.ts';
import { anOperation } from '../../test/builders/operations.ts';
import { OPERATION_TYPES, type OperationType, RESET_TARGETS } from '../api/virtual-machine-operation.ts';
import type { VirtualMachineSpec } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import {
  deletionRefusal,
  powerRefusal,
  protectionRefusal,
  redeployRefusal,
  templateRefusal,
} from './operations-refusals.ts';

const alive = anOwner();
const dying = anOwner({ deletionTimestamp: '2026-03-01T10:00:00Z' });
const refusedOf = (refusal: (type: OperationType) => { reason: string } | undefined) =>
  OPERATION_TYPES.filter((type) => refusal(type) !== undefined);

describe('deletion', () => {
  test('of the VM leaves RetryTerminate alone', () => {
    const allowed = OPERATION_TYPES.filter((type) => deletionRefusal(anOperation(type), dying) === undefined);
    expect(allowed).toEqual(['RetryTerminate']);
    expect(deletionRefusal(anOperation('Start'), dying)?.reason).toBe('VirtualMachineDeleted');
  });

  test('is what RetryTerminate needs', () => {
    expect(refusedOf((type) => deletionRefusal(anOperation(type), alive))).toEqual(['RetryTerminate']);
    expect(deletionRefusal(anOperation('RetryTerminate'), alive)?.reason).toBe('NotBeingDeleted');
  });

  const ownedBy = (uid: string, kind = 'VirtualMachine') =>
    anOperation('Reinstall', { metadata: { ownerReferences: [{ apiVersion: 'v1', kind, name: 'web-1', uid }] } });

  test.each([
    { name: 'its own VM', operation: ownedBy(alive.metadata.uid ?? ''), vm: alive, want: undefined },
    { name: 'an earlier VM of the same name', operation: ownedBy('earlier'), vm: alive, want: 'VirtualMachineDeleted' },
    { name: 'a VM that is gone', operation: ownedBy('earlier'), vm: undefined, want: 'VirtualMachineDeleted' },
    { name: 'no VM yet', operation: anOperation('Reinstall'), vm: undefined, want: undefined },
    { name: 'no VM yet, with another owner', operation: ownedBy('x', 'ConfigMap'), vm: undefined, want: undefined },
  ])('an operation of $name: $want', ({ operation, vm, want }) => {
    expect(deletionRefusal(operation, vm)?.reason).toBe(want);
  });
});

describe('power', () => {
  const suspension = { reason: 'unpaid' };
  const rows: { name: string; spec: Partial<VirtualMachineSpec>; refused: OperationType[]; reason?: string }[] = [
    { name: 'left to operations, as nothing is said', spec: {}, refused: [] },
    { name: 'left to operations', spec: { runStrategy: 'Manual' }, refused: [] },
    { name: 'always on', spec: { runStrategy: 'Always' }, refused: ['Start', 'Stop'], reason: 'RunStrategyDecides' },
    { name: 'always off', spec: { runStrategy: 'Halted' }, refused: ['Start', 'Stop'], reason: 'RunStrategyDecides' },
    { name: 'suspended', spec: { suspension }, refused: ['Start', 'Reboot', 'Reset'], reason: 'Suspended' },
    {
      name: 'suspended, though always on',
      spec: { suspension, runStrategy: 'Always' },
      refused: ['Start', 'Stop', 'Reboot', 'Reset'],
      reason: 'Suspended',
    },
  ];

  test.each(rows)('$name: refused is $refused', ({ spec, refused, reason }) => {
    const vm = { spec: { ...alive.spec, ...spec } };
    expect(refusedOf((type) => powerRefusal(type, vm))).toEqual(refused);
    expect(powerRefusal('Start', vm)?.reason).toBe(reason);
  });

  test('the refusal names the strategy and the way out', () => {
    const refusal = powerRefusal('Stop', { spec: { ...alive.spec, runStrategy: 'Always' } });
    expect(refusal?.message).toBe(
      'Stop is refused: spec.runStrategy is Always and decides about power. Change it, or set it to Manual.',
    );
  });
});

describe('protection against deletion', () => {
  const guarded = { spec: { ...alive.spec, deletionProtection: true } };

  test('keeps the machine from what would destroy it or its disks, and from nothing else', () => {
    expect(refusedOf((type) => protectionRefusal(anOperation(type), guarded))).toEqual(['Reinstall', 'Redeploy']);
  });

  test('keeps the object from ends that ResetStatus brings about', () => {
    const refused = RESET_TARGETS.filter((state) =>
      protectionRefusal(anOperation('ResetStatus', { spec: { resetStatus: { state } } }), guarded),
    );
    expect(refused).toEqual(['terminate', 'remove']);
  });

  test.each([
    { name: 'nothing is said', spec: {} },
    { name: 'it was taken off', spec: { deletionProtection: false } },
  ])('keeps it from nothing where $name', ({ spec }) => {
    const vm = { spec: { ...alive.spec, ...spec } };
    expect(refusedOf((type) => protectionRefusal(anOperation(type), vm))).toEqual([]);
  });

  test.each([
    { operation: anOperation('Reinstall'), lost: 'the disks of the VM would be destroyed' },
    { operation: anOperation('Redeploy'), lost: 'the VM would be destroyed' },
    {
      operation: anOperation('ResetStatus', { spec: { resetStatus: { state: 'terminate' } } }),
      lost: 'the object would be deleted',
    },
  ])('says what would be lost and the way out: $lost', ({ operation, lost }) => {
    expect(protectionRefusal(operation, guarded)).toEqual({
      reason: 'DeletionProtected',
      message: `${operation.spec.type} is refused: spec.deletionProtection is true, and ${lost}. Set it to false first.`,
    });
  });
});

describe('a deployment anew', () => {
  const operation = { machine: 'deploy', startedAt: '2026-03-01T10:00:00Z' };
  const rows: { name: string; status?: VirtualMachineStatus; shown: boolean; want: string | undefined }[] = [
    { name: 'of a VM that is ready', status: { state: 'ready' }, shown: true, want: 'VirtualMachineReady' },
    { name: 'of a ready VM that Proxmox VE does not show', status: { state: 'ready' }, shown: false, want: undefined },
    {
      name: 'of a ready VM that is busy: that is waited for',
      status: { state: 'ready', operation },
      shown: true,
      want: undefined,
    },
    { name: 'of a VM that got stuck', status: { state: 'clone', operation }, shown: true, want: undefined },
    { name: 'of a VM without a status', shown: true, want: undefined },
  ];

  test.each(rows)('$name: $want', ({ status, shown, want }) => {
    expect(redeployRefusal({ ...alive, status }, shown)?.reason).toBe(want);
  });
});

describe('a template', () => {
  const { spec } = aPlan({ allowedTemplates: [{ vmid: 9002 }, { vmid: 9001 }] });

  test.each([
    { name: 'that is there already', vmid: undefined, want: undefined },
    { name: 'of the plan', vmid: 9000, want: undefined },
    { name: 'that the plan allows', vmid: 9001, want: undefined },
    {
      name: 'that it does not',
      vmid: 9003,
      want: 'The template 9003 is not one that the plan allows; choose 9000, 9001, 9002.',
    },
  ])('$name: $want', ({ vmid, want }) => {
    expect(templateRefusal(spec, vmid)?.message).toBe(want);
  });

  test('is the only one where the plan allows no others', () => {
    expect(templateRefusal(aPlan().spec, 9001)).toMatchObject({ reason: 'NotAllowed' });
  });
});
