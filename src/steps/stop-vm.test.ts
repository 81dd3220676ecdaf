// A stop asks the guest first and then forces it, each once and each in its time; a change of the package stops only when it must.
import { describe, expect, test } from 'vitest';
import { aDesign, aFacts, anOwnVm, aStatus, at, type FactsShape } from '../../test/builders/facts.ts';
import type { EffectivePackage, OperationStatus } from '../api/virtual-machine-status.ts';
import type { Facts } from '../machine/facts.ts';
import { changeAdditionalDisk } from './additional-disk.ts';
import { setCpuAndMemory } from './set-cpu-and-memory.ts';
import { setNetwork } from './set-network.ts';
import { planStop, stopIfNeeded, stopOnRequest } from './stop-vm.ts';
import { limitSystemDisk } from './system-disk.ts';

/** A stop that is under way: what was sent, and how many seconds ago. */
function stopping(action: string | undefined, secondsAgo = 0, change: Partial<OperationStatus> = {}): FactsShape {
  const intent = action === undefined ? undefined : { action, sentAt: at(-secondsAgo), attempt: 1 };
  return { observed: anOwnVm(), power: 'running', status: aStatus({ operation: { intent, ...change } }) };
}

const FORCED = { taskIDs: ['UPID:pve1:00007215:0009D87A:6B02853F:qmstop:2000:operator@pve!k8s:'] };
const FORCED_BY_HA = { taskIDs: ['UPID:pve1:00007215:0009D87A:6B02853F:hastop:2000:operator@pve!k8s:'] };
const SHUTDOWN = { kind: 'act', action: { kind: 'shutdown', graceSeconds: 120 } };
const FORCE = { kind: 'act', action: { kind: 'stop' } };

interface Row {
  name: string;
  shape: FactsShape;
  want: object;
}

describe('a VM that is to be stopped', () => {
  const rows: Row[] = [
    { name: 'runs: the guest is asked', shape: stopping(undefined), want: SHUTDOWN },
    {
      name: 'is stopped',
      shape: { ...stopping(undefined), power: 'stopped' },
      want: { kind: 'done', note: { status: { powerState: 'Stopped' } } },
    },
    {
      name: 'is given the time that the operation says',
      shape: stopping(undefined, 0, { parameters: { gracePeriodSeconds: 15 } }),
      want: { kind: 'act', action: { kind: 'shutdown', graceSeconds: 15 } },
    },
    {
      name: 'is given no time: force at once',
      shape: stopping(undefined, 0, { parameters: { gracePeriodSeconds: 0 } }),
      want: FORCE,
    },
    {
      name: 'is shutting down',
      shape: stopping('shutdown', 119.9),
      want: { kind: 'wait', reason: 'WaitingForTask', afterMs: 5_000 },
    },
    { name: 'did not shut down in its time', shape: stopping('shutdown', 120), want: FORCE },
    {
      name: 'is shutting down in the time of the operation',
      shape: stopping('shutdown', 14, { parameters: { gracePeriodSeconds: 15 } }),
      want: { kind: 'wait' },
    },
    {
      name: 'did not shut down in the time of the operation',
      shape: stopping('shutdown', 15, { parameters: { gracePeriodSeconds: 15 } }),
      want: FORCE,
    },
    { name: 'is being forced', shape: stopping('stop', 59.9), want: { kind: 'wait', afterMs: 5_000 } },
    {
      name: 'runs on after force',
      shape: stopping('stop', 60, FORCED),
      want: { kind: 'stall', reason: 'StillRunning' },
    },
    {
      name: 'runs on for long',
      shape: stopping('stop', 599, FORCED_BY_HA),
      want: { kind: 'stall', reason: 'StillRunning' },
    },
    { name: 'runs on for ten minutes: force again', shape: stopping('stop', 600, FORCED), want: FORCE },
    { name: 'runs on because the call was lost: force again', shape: stopping('stop', 60), want: FORCE },
    { name: 'has another call on its way, which is none of a stop', shape: stopping('start', 5), want: SHUTDOWN },
    {
      name: 'is locked',
      shape: { ...stopping(undefined), observed: anOwnVm({}, { lock: 'backup' }) },
      want: { kind: 'wait', reason: 'WaitingForLock' },
    },
    {
      name: 'carries no stamp',
      shape: { ...stopping(undefined), observed: { kind: 'foreign', node: 'pve1', stamped: false } },
      want: { kind: 'stall', reason: 'IdentityMismatch' },
    },
    {
      name: 'is gone',
      shape: { ...stopping(undefined), observed: { kind: 'absent' } },
      want: { kind: 'stall', reason: 'VirtualMachineMissing' },
    },
  ];
  test.each(rows)('$name', ({ shape, want }) => expect(stopOnRequest.plan(aFacts(shape))).toMatchObject(want));

  test('has the times of its cluster', () => {
    const times = { writeSeconds: 60, shutdownSeconds: 7, forceStopSeconds: 3, startSeconds: 60 };
    const after = (action: string, seconds: number) =>
      stopOnRequest.plan(aFacts({ ...stopping(action, seconds, FORCED), cluster: { times } })).kind;
    expect([after('shutdown', 6), after('shutdown', 7), after('stop', 2), after('stop', 3)]).toEqual([
      'wait',
      'act',
      'wait',
      'stall',
    ]);
  });

  test('leaves it to the caller what a VM means that cannot be stopped', () => {
    const verdict = planStop(aFacts(stopping('stop', 60, FORCED)), () => ({ kind: 'skip', why: 'so be it' }));
    expect(verdict).toEqual({ kind: 'skip', why: 'so be it' });
  });
});

describe('a stop only if a change needs it', () => {
  const step = stopIfNeeded([setCpuAndMemory, limitSystemDisk, changeAdditionalDisk, setNetwork]);

  function changing(resources: Partial<EffectivePackage>, shape: FactsShape = {}): Facts {
    return aFacts({ ...stopping(undefined), pending: [], design: aDesign({ package: resources }), ...shape });
  }

  interface Change {
    name: string;
    facts: Facts;
    want: object;
  }
  const before = (powerBefore: string) => ({ operation: { powerBefore } });
  const rows: Change[] = [
    {
      name: 'nothing differs',
      facts: changing({}),
      want: { kind: 'skip', why: 'no change needs a stop', note: before('Running') },
    },
    {
      name: 'a limit is taken live',
      facts: changing({ systemDiskReadMBps: 10 }),
      want: { kind: 'skip', why: 'no change needs a stop' },
    },
    { name: 'more cores', facts: changing({ cpuCores: 2 }), want: { ...SHUTDOWN, note: before('Running') } },
    { name: 'less memory', facts: changing({ memoryGiB: 2 }), want: SHUTDOWN },
    {
      name: 'a change that waits for a start',
      facts: changing({}, { pending: ['cores'] }),
      want: { ...SHUTDOWN, why: 'a change of cores waits for a start' },
    },
    {
      name: 'a change that waits and is none of the package',
      facts: changing({}, { pending: ['vga', 'args', 'numa'] }),
      want: { kind: 'skip' },
    },
    {
      name: 'a change that waits and goes back to what is in force',
      facts: changing(
        {},
        { observed: anOwnVm({ cores: '4' }), pending: ['cores'], inForce: new Map([['cores', '1']]) },
      ),
      want: { kind: 'skip', why: 'no change needs a stop' },
    },
    {
      name: 'a change that waits and becomes another one',
      facts: changing(
        { cpuCores: 2 },
        { observed: anOwnVm({ cores: '4' }), pending: ['cores'], inForce: new Map([['cores', '1']]) },
      ),
      want: { ...SHUTDOWN, why: expect.stringContaining('cores') },
    },
    {
      name: 'a change that waits and is what the package asks for',
      facts: changing(
        { cpuCores: 4 },
        { observed: anOwnVm({ cores: '4' }), pending: ['cores'], inForce: new Map([['cores', '1']]) },
      ),
      want: { ...SHUTDOWN, why: 'a change of cores waits for a start' },
    },
    {
      name: 'a card that only waits to be there, and is to be another one',
      facts: changing({}, { pending: ['net0'], inForce: new Map() }),
      want: SHUTDOWN,
    },
    {
      name: 'stopped by somebody before',
      facts: changing({ cpuCores: 2 }, { power: 'stopped' }),
      want: { kind: 'skip', why: 'the VM is stopped', note: before('Stopped') },
    },
    {
      name: 'stopped by us a moment ago: that it ran before is not forgotten',
      facts: changing({ cpuCores: 2 }, { ...stopping('shutdown', 9, { powerBefore: 'Running' }), power: 'stopped' }),
      want: { kind: 'done', note: before('Running') },
    },
    {
      name: 'stopping',
      facts: changing({ cpuCores: 2 }, stopping('shutdown', 9, { powerBefore: 'Running' })),
      want: { kind: 'wait' },
    },
    {
      name: 'locked',
      facts: changing({ cpuCores: 2 }, { observed: anOwnVm({}, { lock: 'snapshot' }) }),
      want: { kind: 'wait', reason: 'WaitingForLock' },
    },
  ];
  test.each(rows)('$name', ({ facts, want }) => expect(step.plan(facts)).toMatchObject(want));

  test('says which changes need it, in no more than fits the record', () => {
    const verdict = step.plan(changing({ cpuCores: 2, memoryGiB: 2 }, { pending: ['cores', 'net0', 'scsi0'] }));
    const why = verdict.kind === 'act' ? verdict.why : '';
    expect(why).toMatch(/cores/);
    expect(why).toMatch(/memory/);
    expect(why).not.toMatch(/\.;|\.$/);
    expect(why.length).toBeLessThanOrEqual(300);
  });

  test('a disk that is taken away counts like a change of it', () => {
    const disks = { system: 'scsi0', additional: 'ide1' };
    const consent = { destroyVolumes: ['local:2000/vm-2000-disk-1.qcow2'] };
    const facts = changing({}, { observed: anOwnVm({ ide1: 'local:2000/vm-2000-disk-1.qcow2,size=5G' }) });
    const consented = {
      ...facts,
      vm: { ...facts.vm, spec: { ...facts.vm.spec, consent } },
      status: { ...facts.status, disks },
    };
    expect(step.plan(consented)).toMatchObject(SHUTDOWN);
  });

  test('looks at what the later steps look at, and at each of it once', () => {
    const needs = step.needs(aStatus());
    expect(new Set(needs).size).toBe(needs.length);
    expect(needs).toEqual(expect.arrayContaining(['observed', 'power', 'pending']));
  });
});
