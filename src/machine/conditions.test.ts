// Conditions are a mirror: the same progress shows the same conditions, and only what changed changes its time.
import { describe, expect, test } from 'vitest';
import { anOwnVm, aStatus, at } from '../../test/builders/facts.ts';
import { done } from '../../test/builders/played-machine.ts';
import type { Reason, StepCondition } from '../api/conditions.ts';
import type { Condition } from '../api/object.ts';
import type { StepRecord, VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { clearedBy, type Mirror, mirrorConditions } from './conditions.ts';
import type { ObservedVm } from './facts.ts';
import type { Trouble } from './outcome.ts';
import { defineMachine, defineStatelessMachine, type Step } from './vocabulary.ts';

const step = (id: string, condition: StepCondition, change: Partial<Step> = {}): Step => ({
  ...done(id),
  condition,
  ...change,
});
const shortfall = ({ dns }: VirtualMachineStatus) =>
  dns?.forward.failed === 0 ? undefined : { reason: 'PartlyFailed' as const, message: 'Not written: a.example.' };

const deploy = defineMachine('deploy', 'creation', {
  set_ip: step('addresses', 'AddressesAllocated'),
  clone: step('clone', 'Cloned'),
  set_dns: step('dns', 'DNSPublished', { shortfall }),
  starting: step('start', 'Started'),
  ready: step('verify', 'Started'),
});
const terminate = defineStatelessMachine(
  'terminate',
  'terminate',
  [step('stop', 'Started'), step('destroy', 'Cloned')],
  { removes: true },
);

const record = (number: number, change: Partial<StepRecord> = {}): StepRecord => ({
  number,
  name: 'x',
  result: 'Succeeded',
  from: 'creation',
  to: 'ready',
  startedAt: at(0),
  durationMs: 0,
  ...change,
});
const behind = (count: number) => Array.from({ length: count }, (_, index) => record(index + 1));
const made = (type: StepCondition): Condition => ({
  type,
  status: 'True',
  reason: 'Succeeded',
  message: 'From before.',
  lastTransitionTime: at(-600),
  observedGeneration: 3,
});
const dns = (failed: number) => ({ forward: { ok: 1, failed }, reverse: { ok: 0, failed: 0 }, zones: [] });

function trouble(kind: Trouble['class'], reason: Reason, message = 'So it is.'): Trouble {
  return { class: kind, reason, message, requeue: { kind: 'retry' } };
}

function mirror(change: Partial<Mirror> = {}): Condition[] {
  return mirrorConditions({
    machine: deploy,
    spec: {},
    status: aStatus(),
    current: deploy.entries[0],
    notes: [],
    generation: 3,
    now: at(0),
    ...change,
  });
}

const shown = (conditions: readonly Condition[]) =>
  conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`);

interface Row {
  name: string;
  change: Partial<Mirror>;
  want: string[];
}

const rows: Row[] = [
  {
    name: 'at the start',
    change: {},
    want: ['Ready=False InProgress', 'Reconciling=True InProgress', 'AddressesAllocated=False InProgress'],
  },
  {
    name: 'behind the first step',
    change: { status: aStatus({ operation: { steps: behind(1) } }), current: deploy.entries[1] },
    want: [
      'Ready=False InProgress',
      'Reconciling=True InProgress',
      'AddressesAllocated=True Succeeded',
      'Cloned=False InProgress',
    ],
  },
  {
    name: 'a skipped step is one that is done',
    change: {
      status: aStatus({ operation: { steps: [record(1, { result: 'Skipped', message: 'not needed' })] } }),
      current: deploy.entries[1],
    },
    want: [
      'Ready=False InProgress',
      'Reconciling=True InProgress',
      'AddressesAllocated=True Skipped',
      'Cloned=False InProgress',
    ],
  },
  {
    name: 'waiting',
    change: { trouble: trouble('waiting', 'WaitingForTask') },
    want: ['Ready=False WaitingForTask', 'Reconciling=True WaitingForTask', 'AddressesAllocated=False WaitingForTask'],
  },
  {
    name: 'retrying',
    change: { trouble: trouble('transient', 'ClusterUnreachable') },
    want: [
      'Ready=False ClusterUnreachable',
      'Reconciling=True ClusterUnreachable',
      'AddressesAllocated=False ClusterUnreachable',
    ],
  },
  {
    name: 'verifying',
    change: { trouble: trouble('unknown', 'Verifying') },
    want: ['Ready=False Verifying', 'Reconciling=True Verifying', 'AddressesAllocated=False Verifying'],
  },
  {
    name: 'only a person can help: stalled, not reconciling',
    change: { trouble: trouble('stalled', 'PoolEmpty') },
    want: ['Ready=False PoolEmpty', 'Stalled=True PoolEmpty', 'AddressesAllocated=False PoolEmpty'],
  },
  {
    name: 'our own bug',
    change: { trouble: trouble('defect', 'InternalError') },
    want: ['Ready=False InternalError', 'Stalled=True InternalError', 'AddressesAllocated=False InternalError'],
  },
  {
    name: 'a lock',
    change: { trouble: trouble('waiting', 'WaitingForLock') },
    want: [
      'Ready=False WaitingForLock',
      'Reconciling=True WaitingForLock',
      'Locked=True WaitingForLock',
      'AddressesAllocated=False WaitingForLock',
    ],
  },
  {
    name: "somebody else's VM",
    change: { trouble: trouble('stalled', 'IdentityMismatch') },
    want: [
      'Ready=False IdentityMismatch',
      'Stalled=True IdentityMismatch',
      'IdentityMismatch=True IdentityMismatch',
      'AddressesAllocated=False IdentityMismatch',
    ],
  },
  {
    name: 'a clone that was cut off is left behind',
    change: { trouble: trouble('stalled', 'CloneBroken') },
    want: [
      'Ready=False CloneBroken',
      'Stalled=True CloneBroken',
      'LeftBehind=True CloneBroken',
      'AddressesAllocated=False CloneBroken',
    ],
  },
  {
    name: 'complete: two steps share a condition, the shortfall of one does not hold up the whole',
    change: { status: aStatus({ dns: dns(1), operation: { steps: behind(5) } }), current: undefined },
    want: [
      'Ready=True Ready',
      'AddressesAllocated=True Succeeded',
      'Cloned=True Succeeded',
      'DNSPublished=False PartlyFailed',
      'Started=True Succeeded',
    ],
  },
  {
    name: 'started, and not yet seen running',
    change: { status: aStatus({ dns: dns(0), operation: { steps: [record(4)] } }), current: deploy.entries[4] },
    want: ['Ready=False InProgress', 'Reconciling=True InProgress', 'Started=False InProgress'],
  },
  {
    name: 'being deleted: what is taken back is there no more, the rest still is',
    change: {
      machine: terminate,
      current: terminate.entries[1],
      status: aStatus({ operation: { steps: behind(1) }, conditions: [made('Cloned'), made('Started')] }),
    },
    want: [
      'Ready=False Terminating',
      'Reconciling=True Terminating',
      'Cloned=True Succeeded',
      'Started=False Terminating',
    ],
  },
  {
    name: 'being deleted: what was never made is not spoken of',
    change: { machine: terminate, current: terminate.entries[1], status: aStatus({ operation: { steps: behind(1) } }) },
    want: ['Ready=False Terminating', 'Reconciling=True Terminating'],
  },
  {
    name: 'the deletion waits for a task of its own',
    change: { machine: terminate, current: terminate.entries[0], trouble: trouble('waiting', 'WaitingForTask') },
    want: ['Ready=False Terminating', 'Reconciling=True Terminating'],
  },
  {
    name: 'the deletion waits for something else',
    change: { machine: terminate, current: terminate.entries[0], trouble: trouble('waiting', 'WaitingForNode') },
    want: ['Ready=False WaitingForNode', 'Reconciling=True WaitingForNode'],
  },
  {
    name: 'the deletion stands still',
    change: { machine: terminate, current: terminate.entries[1], trouble: trouble('stalled', 'Refused') },
    want: ['Ready=False Refused', 'Stalled=True Refused'],
  },
];

describe('what is shown', () => {
  test.each(rows)('$name', ({ change, want }) => {
    expect(shown(mirror(change))).toEqual(want);
  });

  test.each(rows)('$name: shown again, nothing moves', ({ change }) => {
    const conditions = mirror(change);
    const status = { ...(change.status ?? aStatus()), conditions };
    expect(mirror({ ...change, status, now: at(3_600) })).toEqual(conditions);
  });

  test.each([
    { name: 'a VM that runs', powerState: 'Running', want: 'Ready' },
    { name: 'a VM that an operation has stopped', powerState: 'Stopped', want: 'StoppedByHand' },
    {
      name: 'a VM that is declared to be stopped',
      spec: { runStrategy: 'Halted' },
      powerState: 'Stopped',
      want: 'Halted',
    },
    { name: 'a VM of which it is not known', powerState: 'Unknown', want: 'Ready' },
  ] as const)('at the end of a pipeline, whether it runs: $name', ({ powerState, want, ...change }) => {
    const conditions = mirror({ ...change, status: aStatus({ powerState }), current: undefined });
    expect(conditions.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'True', reason: want });
  });

  test('the summary names the step, the step its trouble, a skip why', () => {
    const steps = [record(1, { result: 'Skipped', message: 'not needed' })];
    const conditions = mirror({
      status: aStatus({ operation: { steps } }),
      current: deploy.entries[1],
      trouble: trouble('waiting', 'WaitingForLock', 'Locked.'),
    });
    expect(Object.fromEntries(conditions.map(({ type, message }) => [type, message]))).toMatchObject({
      Ready: 'Do clone: Locked.',
      Cloned: 'Locked.',
      AddressesAllocated: 'Not needed.',
    });
  });
});

describe('the time of a condition', () => {
  const before = mirror({ trouble: trouble('waiting', 'WaitingForTask') });
  const later = (change: Partial<Mirror>) =>
    mirror({ status: aStatus({ conditions: before }), now: at(60), generation: 4, ...change });
  const timeOf = (conditions: readonly Condition[], type: string) =>
    conditions.find((condition) => condition.type === type)?.lastTransitionTime;

  test('stays when only the reason changes', () => {
    const after = later({ trouble: trouble('transient', 'Retrying') });
    expect(timeOf(after, 'Ready')).toBe(at(0));
    expect(after[0]).toMatchObject({ reason: 'Retrying', observedGeneration: 4 });
  });

  test('moves when the condition turns', () => {
    const after = later({
      status: aStatus({ conditions: before, operation: { steps: behind(5) } }),
      current: undefined,
    });
    expect(timeOf(after, 'Ready')).toBe(at(60));
    expect(timeOf(after, 'AddressesAllocated')).toBe(at(60));
  });

  test('of Stalled is when it stalled, not when it began to reconcile', () => {
    const after = later({ trouble: trouble('stalled', 'PoolEmpty') });
    expect(timeOf(after, 'Stalled')).toBe(at(60));
    expect(timeOf(after, 'Reconciling')).toBeUndefined();
  });
});

describe('what is kept of earlier conditions', () => {
  const earlier = (type: string, reason = 'Succeeded'): Condition => ({
    type,
    status: 'True',
    reason,
    message: 'From before.',
    lastTransitionTime: at(-600),
  });
  const keeping = (conditions: Condition[], change: Partial<Mirror> = {}) =>
    shown(mirror({ status: aStatus({ conditions }), current: undefined, ...change }));

  test.each<{ name: string; condition: Condition; change?: Partial<Mirror>; kept: boolean }>([
    { name: 'a step of an earlier run', condition: earlier('FirewallConfigured'), kept: true },
    { name: 'whether the package is up to date', condition: earlier('PackageUpToDate'), kept: true },
    { name: 'a firewall that cannot work', condition: earlier('FirewallInactive', 'DHCP'), kept: true },
    {
      name: 'a firewall that works again',
      condition: earlier('FirewallInactive', 'DHCP'),
      change: { notes: [{ type: 'FirewallInactive' }] },
      kept: false,
    },
    { name: 'a lock, while nobody has looked', condition: earlier('Locked', 'WaitingForLock'), kept: true },
    {
      name: 'a lock that is gone',
      condition: earlier('Locked', 'WaitingForLock'),
      change: { notes: clearedBy(anOwnVm()) },
      kept: false,
    },
    {
      name: 'an identity, while nobody has looked',
      condition: earlier('IdentityMismatch', 'IdentityMismatch'),
      kept: true,
    },
    {
      name: 'an identity that is right again',
      condition: earlier('IdentityMismatch', 'IdentityMismatch'),
      change: { notes: clearedBy(anOwnVm()) },
      kept: false,
    },
    { name: 'what was left behind', condition: earlier('LeftBehind', 'CloneBroken'), kept: true },
    {
      name: 'what was left behind and is gone',
      condition: earlier('LeftBehind', 'CloneBroken'),
      change: { notes: clearedBy({ kind: 'absent' }) },
      kept: false,
    },
    { name: 'a summary', condition: earlier('Stalled', 'PoolEmpty'), kept: false },
    { name: 'a type that is none of ours', condition: earlier('Painted'), kept: false },
  ])('$name: $kept', ({ condition, change, kept }) => {
    const { type, reason } = condition;
    expect(keeping([condition], change).includes(`${type}=True ${reason}`)).toBe(kept);
  });

  test('a note raises its condition, with its own words', () => {
    const notes = [{ type: 'FirewallInactive' as const, reason: 'DHCP' as const, message: 'DHCP is on.' }];
    const raised = mirror({ notes }).find(({ type }) => type === 'FirewallInactive');
    expect(raised).toMatchObject({ status: 'True', reason: 'DHCP', message: 'DHCP is on.', observedGeneration: 3 });
  });

  test('steps that are done again lose their success meanwhile', () => {
    expect(keeping([earlier('Cloned')], { current: deploy.entries[1] })).toContain('Cloned=False InProgress');
  });
});

describe('a sight of the VM shows to be over', () => {
  test.each<{ name: string; observed: ObservedVm | undefined; want: string[] }>([
    { name: 'nothing when there was none', observed: undefined, want: [] },
    {
      name: 'all when it is not there',
      observed: { kind: 'absent' },
      want: ['Locked', 'IdentityMismatch', 'LeftBehind'],
    },
    { name: 'all when it is ours and free', observed: anOwnVm(), want: ['Locked', 'IdentityMismatch', 'LeftBehind'] },
    {
      name: 'no lock when it is locked',
      observed: anOwnVm({}, { lock: 'backup' }),
      want: ['IdentityMismatch', 'LeftBehind'],
    },
    { name: 'no half clone when it may be one', observed: anOwnVm({}, { lock: 'clone' }), want: ['IdentityMismatch'] },
    {
      name: 'no half clone while it is cloned',
      observed: { kind: 'cloning', node: 'pve1' },
      want: ['Locked', 'IdentityMismatch'],
    },
    {
      name: 'no mismatch when it is not ours',
      observed: { kind: 'foreign', node: 'pve1', stamped: false },
      want: ['Locked', 'LeftBehind'],
    },
  ])('$name', ({ observed, want }) => {
    expect(clearedBy(observed).map(({ type }) => type)).toEqual(want);
  });
});
