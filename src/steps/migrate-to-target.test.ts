// When a VM is moved to the node that was chosen for it, and what the deploy log says when it is not.
import { expect, test } from 'vitest';
import { aFacts, aNode, anOwnVm, aSnapshot, aStatus, at, type FactsShape } from '../../test/builders/facts.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { migrateToTarget } from './migrate-to-target.ts';

const snapshot = (status: 'online' | 'offline' | 'unknown') =>
  aSnapshot({ nodes: [aNode('pve1'), aNode('pve2', { status })] });
const placed = (placement: VirtualMachineStatus['placement'], intent?: string) =>
  aStatus({
    placement,
    operation: intent === undefined ? {} : { intent: { action: intent, sentAt: at(-9), attempt: 1 } },
  });

const rows: { name: string; shape: FactsShape; want: Record<string, unknown> }[] = [
  {
    name: 'nothing was decided',
    shape: { status: aStatus() },
    want: { kind: 'skip', why: 'the VM is on its node pve1 already', note: { status: { node: 'pve1' } } },
  },
  {
    name: 'it stays, for a reason',
    shape: { status: placed({ targetNode: 'pve1', message: 'It has the most free memory.' }) },
    want: { kind: 'skip', why: 'It has the most free memory.' },
  },
  {
    name: 'it belongs elsewhere',
    shape: { status: placed({ targetNode: 'pve2', targetStorage: 'fast' }), cluster: { snapshot: snapshot('online') } },
    want: { kind: 'act', action: { kind: 'migrate', target: 'pve2', targetStorage: 'fast' } },
  },
  {
    name: 'the target is offline',
    shape: { status: placed({ targetNode: 'pve2' }), cluster: { snapshot: snapshot('offline') } },
    want: { kind: 'wait', reason: 'WaitingForNode', message: 'Target node pve2 is offline.', afterMs: 30_000 },
  },
  {
    name: 'the target has just started',
    shape: { status: placed({ targetNode: 'pve2' }), cluster: { snapshot: snapshot('unknown') } },
    want: { kind: 'wait', reason: 'WaitingForNode', message: 'Target node pve2 is unknown.' },
  },
  {
    name: 'the target is not listed: Proxmox VE has the say',
    shape: { status: placed({ targetNode: 'pve9' }) },
    want: { kind: 'act', action: { target: 'pve9' } },
  },
  {
    name: 'it was moved there: done, not skipped',
    shape: {
      status: placed({ targetNode: 'pve2', message: 'The plan names the node pve2.' }, 'migrate'),
      observed: anOwnVm({}, { node: 'pve2' }),
    },
    want: { kind: 'done', note: { status: { node: 'pve2' } } },
  },
  {
    name: 'the migration failed: again',
    shape: { status: placed({ targetNode: 'pve2' }, 'migrate'), cluster: { snapshot: snapshot('online') } },
    want: { kind: 'act', action: { kind: 'migrate' } },
  },
  {
    name: 'somebody moved it after it had been ready',
    shape: {
      status: { ...placed({ targetNode: 'pve2' }), clonedAt: at(-90), settledAt: at(-60) },
      cluster: { snapshot: snapshot('online') },
    },
    want: {
      kind: 'skip',
      why: 'the VM was moved to node pve1 after it had been ready',
      note: { status: { node: 'pve1' } },
    },
  },
  {
    name: 'the machine before it had been ready: this one is put where it belongs',
    shape: {
      status: { ...placed({ targetNode: 'pve2' }), clonedAt: at(-60), settledAt: at(-90) },
      cluster: { snapshot: snapshot('online') },
    },
    want: { kind: 'act', action: { kind: 'migrate', target: 'pve2' } },
  },
];

test.each(rows)('$name', ({ shape, want }) => {
  expect(migrateToTarget.plan(aFacts({ observed: anOwnVm(), ...shape }))).toMatchObject(want);
});
