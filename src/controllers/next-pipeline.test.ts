// Which pipeline a VM gets next, and what its status says when it begins.
import { describe, expect, test } from 'vitest';
import { aPackage, anOwner, at, NOW } from '../../test/builders/facts.ts';
import { aPlan } from '../../test/builders/objects.ts';
import { anOperation } from '../../test/builders/operations.ts';
import type { State } from '../api/states.ts';
import type { VirtualMachineSpec } from '../api/virtual-machine.ts';
import type { OperationStatus, VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { OperationType } from '../api/virtual-machine-operation.ts';
import { type NextWork, nextWork, type Situation } from './next-pipeline.ts';
import type { PackageWish } from './package-wish.ts';

const READY: VirtualMachineStatus = { state: 'ready', powerState: 'Running', effective: aPackage(), runCount: 3 };
const WISH: Extract<PackageWish, { kind: 'differs' }> = {
  kind: 'differs',
  package: aPackage({ cpuCores: 4 }),
  planRevision: 'kvm-2',
  changes: ['cpuCores 1 → 4'],
};
const REFUSED: PackageWish = { kind: 'refused', explanation: { reason: 'OptionInvalid', message: 'No.' } };

interface Shape extends Partial<Omit<Situation, 'vm' | 'wish'>> {
  spec?: Partial<VirtualMachineSpec>;
  status?: VirtualMachineStatus;
  wish?: PackageWish;
}

function situation({ spec, status = READY, wish = { kind: 'none' }, ...rest }: Shape): Situation {
  const vm = anOwner();
  return {
    vm: { ...vm, spec: { ...vm.spec, ...spec }, status },
    now: NOW,
    operation: undefined,
    wish: () => wish,
    powerState: status.powerState,
    plan: aPlan({ allowedTemplates: [{ vmid: 9001 }] }).spec,
    expired: false,
    correctsDrift: false,
    ...rest,
  };
}

/** The work in a word: the kind, and of a pipeline its machine. */
function word(work: NextWork): string {
  return work.kind === 'run' ? `run ${work.machine.name}` : work.kind;
}

function statusOf(work: NextWork): VirtualMachineStatus {
  if (work.kind !== 'run' && work.kind !== 'rest') throw new Error(`There is no status in ${work.kind}.`);
  return work.status;
}

describe('a VM that nobody asks anything of', () => {
  test('rests', () => expect(nextWork(situation({}))).toEqual({ kind: 'rest', status: READY }));

  test.each<{ state: State | undefined; want: string }>([
    { state: undefined, want: 'deploy' },
    { state: 'creation', want: 'deploy' },
    { state: 'set_ip', want: 'deploy' },
    { state: 'starting', want: 'deploy' },
    { state: 'change_package', want: 'change_package' },
    { state: 'cp_stop', want: 'change_package' },
    { state: 'cp_start', want: 'change_package' },
    { state: 'reinstall', want: 'reinstall' },
    { state: 'set_dns_records', want: 'set_dns_records' },
  ])('at $state without a pipeline goes on with $want', ({ state, want }) => {
    const work = nextWork(situation({ status: { ...READY, state } }));
    expect(word(work)).toBe(`run ${want}`);
    expect(statusOf(work)).toMatchObject({ state: state ?? 'creation', operation: { machine: want } });
  });
});

describe('a pipeline under way', () => {
  const under = (machine: string, change: Partial<OperationStatus> = {}, state: State = 'ready') =>
    ({ ...READY, state, operation: { machine, startedAt: at(-60), ...change } }) satisfies VirtualMachineStatus;
  const request = { name: 'op', uid: 'u', type: 'Start', digest: 'd', remembered: false };

  const rows: { name: string; shape: Shape; want: string }[] = [
    { name: 'goes on', shape: { status: under('stop') }, want: 'run stop' },
    {
      name: 'goes on whatever the declaration says by now',
      shape: { status: under('deploy', {}, 'clone'), wish: WISH },
      want: 'run deploy',
    },
    { name: 'of a name that is not known is the deploy', shape: { status: under('gone') }, want: 'run deploy' },
    {
      name: 'is not overtaken by power',
      shape: { status: under('change_package'), spec: { runStrategy: 'Halted' } },
      want: 'run change_package',
    },
    {
      name: 'that was asked for ends at the deadline',
      shape: { status: under('stop', { request }), expired: true },
      want: 'expire',
    },
    {
      name: 'waits for its task before it ends',
      shape: { status: under('stop', { request, taskID: 'U' }), expired: true },
      want: 'run stop',
    },
    {
      name: 'that nobody asked for has no deadline',
      shape: { status: under('stop'), expired: true },
      want: 'run stop',
    },
  ];
  test.each(rows)('$name', ({ shape, want }) => expect(word(nextWork(situation(shape)))).toBe(want));

  test('of a package goes on when only a consent is news', () => {
    const status = {
      ...under('change_package', {}, 'cp_stop'),
      effective: WISH.package,
      planRevision: WISH.planRevision,
    };
    const next = statusOf(nextWork(situation({ status, wish: { ...WISH, changes: ['consent'] } })));
    expect(next).toMatchObject({ state: 'cp_stop' });
  });

  test('of a package that changes again begins anew, and still knows the limits from before', () => {
    const previous = aPackage({ systemDiskReadMBps: 9 });
    const status = under('change_package', { previous, request, powerBefore: 'Running' }, 'cp_network');
    const next = statusOf(nextWork(situation({ status, wish: WISH })));
    expect(next).toMatchObject({ state: 'change_package', effective: { cpuCores: 4 }, planRevision: 'kvm-2' });
    expect(next.operation).toMatchObject({
      previous,
      request,
      powerBefore: 'Running',
      trigger: 'package changed again',
    });
  });

  test('of a package that changes again waits for its task first', () => {
    const status = under('change_package', { taskID: 'UPID' }, 'cp_network');
    expect(statusOf(nextWork(situation({ status, wish: WISH })))).toEqual(status);
  });

  test('of a package is not moved by a wish that is refused', () => {
    const status = under('change_package', {}, 'cp_network');
    expect(statusOf(nextWork(situation({ status, wish: REFUSED })))).toEqual(status);
  });
});

describe('an operation', () => {
  const rows: { type: OperationType; want: string; shape?: Shape }[] = [
    { type: 'Start', want: 'run start' },
    { type: 'Stop', want: 'run stop' },
    { type: 'Reboot', want: 'run reboot' },
    { type: 'Reset', want: 'run reset' },
    { type: 'Reinstall', want: 'run reinstall' },
    { type: 'Redeploy', want: 'run redeploy' },
    { type: 'SetDNSRecords', want: 'run set_dns_records' },
    { type: 'ChangePackage', want: 'run change_package' },
    { type: 'ResetPassword', want: 'run reset_password' },
    { type: 'SetFirewall', want: 'run set_firewall' },
    { type: 'ResetStatus', want: 'reset' },
    { type: 'RetryTerminate', want: 'reset' },
    { type: 'Adopt', want: 'adopt' },
    { type: 'ChangePackage', want: 'refuse', shape: { wish: REFUSED } },
  ];
  test.each(rows)('$type: $want', ({ type, want, shape }) => {
    expect(word(nextWork(situation({ ...shape, operation: anOperation(type) })))).toBe(want);
  });

  test('is named in what it begins, with its grace period', () => {
    const operation = anOperation('Stop', { spec: { stop: { gracePeriodSeconds: 7 } } });
    expect(statusOf(nextWork(situation({ operation }))).operation).toMatchObject({
      machine: 'stop',
      trigger: 'VirtualMachineOperation stop (Stop)',
      request: { name: 'stop', uid: 'uid-stop', type: 'Stop', remembered: false },
      parameters: { gracePeriodSeconds: 7 },
      runName: expect.stringMatching(/^web-1-.*-4$/),
    });
  });

  test('that takes the place of another lets that one end', () => {
    const request = { name: 'old', uid: 'uid-old', type: 'ChangePackage', digest: 'd', remembered: false };
    const operation = { machine: 'change_package', startedAt: at(-60), request };
    const status: VirtualMachineStatus = { ...READY, state: 'cp_stop', operation };
    const next = statusOf(nextWork(situation({ status, operation: anOperation('Redeploy') })));
    expect(next.executedOperations).toMatchObject([{ name: 'old', result: 'Failed', reason: 'Interrupted' }]);
    expect(next).toMatchObject({
      state: 'creation',
      operation: { machine: 'redeploy', request: { name: 'redeploy' } },
    });
  });

  test('ChangePackage with nothing to change compares all the same', () => {
    const next = statusOf(nextWork(situation({ operation: anOperation('ChangePackage') })));
    expect(next).toMatchObject({ state: 'change_package', effective: READY.effective });
    expect(next.operation?.previous).toBeUndefined();
  });

  test('ChangePackage asks for the newest revision', () => {
    const asked: unknown[] = [];
    const wish = (options?: object) => {
      asked.push(options);
      return WISH;
    };
    nextWork({ ...situation({ operation: anOperation('ChangePackage') }), wish });
    expect(asked).toEqual([{ newest: true }]);
  });
});

describe('a reinstallation', () => {
  const reinstall = (template?: number, shape: Shape = {}) => {
    const spec = { reinstall: { confirmation: 'REINSTALL' as const, ...(template === undefined ? {} : { template }) } };
    return nextWork(situation({ operation: anOperation('Reinstall', { spec }), ...shape }));
  };
  const systemOf = (work: NextWork) => statusOf(work).effective?.operatingSystem;

  test('installs what is declared', () => {
    expect(systemOf(reinstall())).toBe(9000);
    expect(systemOf(reinstall(undefined, { spec: { options: { operatingSystem: 9001 } } }))).toBe(9001);
  });
  test('installs a template that the plan allows', () => expect(systemOf(reinstall(9001))).toBe(9001));
  test('refuses another', () =>
    expect(reinstall(666)).toMatchObject({ kind: 'refuse', explanation: { reason: 'NotAllowed' } }));
  test('refuses another family where the plan forbids it, named or declared', () => {
    const allowedTemplates = [{ vmid: 9100, family: 'Windows' as const }];
    const { spec: plan } = aPlan({ allowedTemplates, familyChange: 'Forbidden' });
    const refused = { kind: 'refuse', explanation: { reason: 'FamilyMixed' } };
    expect(reinstall(9100, { plan })).toMatchObject(refused);
    expect(reinstall(undefined, { plan, spec: { options: { operatingSystem: 9100 } } })).toMatchObject(refused);
    expect(systemOf(reinstall(undefined, { plan }))).toBe(9000);
  });
  test('of a VM that was never built leaves the package to the deploy', () =>
    expect(statusOf(reinstall(9001, { status: { state: 'ready' } })).effective).toBeUndefined());
  test('is possible when the plan is gone', () =>
    expect(systemOf(reinstall(undefined, { plan: undefined }))).toBe(9000));
});

/** A start that is held off for so many seconds; the object was not edited since. */
const refusedUntil = (seconds: number) => ({
  powerRetryAt: at(seconds),
  observedGeneration: anOwner().metadata.generation ?? 0,
});

describe('the declaration', () => {
  const rows: { name: string; shape: Shape; want: string; trigger?: string }[] = [
    { name: 'another package', shape: { wish: WISH }, want: 'run change_package', trigger: 'package: cpuCores 1 → 4' },
    { name: 'a package that is refused', shape: { wish: REFUSED }, want: 'rest' },
    {
      name: 'running always, and it is stopped',
      shape: { spec: { runStrategy: 'Always' }, powerState: 'Stopped' },
      want: 'run start',
      trigger: 'spec.runStrategy Always',
    },
    {
      name: 'running always, and the start was refused a moment ago',
      shape: { spec: { runStrategy: 'Always' }, powerState: 'Stopped', status: { ...READY, ...refusedUntil(1) } },
      want: 'rest',
    },
    {
      name: 'running always, and the start was refused long ago',
      shape: { spec: { runStrategy: 'Always' }, powerState: 'Stopped', status: { ...READY, ...refusedUntil(0) } },
      want: 'run start',
    },
    {
      name: 'running always, the start was refused, and the object was edited since',
      shape: {
        spec: { runStrategy: 'Always' },
        powerState: 'Stopped',
        status: { ...READY, ...refusedUntil(60), observedGeneration: 7 },
      },
      want: 'run start',
    },
    { name: 'halted, and it runs', shape: { spec: { runStrategy: 'Halted' } }, want: 'run stop' },
    {
      name: 'a suspension',
      shape: { spec: { suspension: { reason: 'unpaid' } } },
      want: 'run stop',
      trigger: 'spec.suspension',
    },
    {
      name: 'power that nobody has seen',
      shape: { spec: { runStrategy: 'Halted' }, powerState: 'Unknown' },
      want: 'rest',
    },
    { name: 'power before the package', shape: { spec: { runStrategy: 'Halted' }, wish: WISH }, want: 'run stop' },
    { name: 'a VM that is not there', shape: { wish: WISH, isMissing: true }, want: 'rest' },
  ];
  test.each(rows)('$name: $want', ({ shape, want, trigger }) => {
    const work = nextWork(situation(shape));
    expect(word(work)).toBe(want);
    if (trigger !== undefined) expect(statusOf(work).operation?.trigger).toBe(trigger);
  });

  test('a suspension of a stopped VM is noted without a pipeline, and so is its end', () => {
    const spec = { suspension: { reason: 'unpaid' } } as const;
    const begun = nextWork(situation({ spec, powerState: 'Stopped' }));
    expect(begun).toMatchObject({ kind: 'rest', status: { suspension: { powerBefore: 'Stopped' } } });
    const ended = nextWork(situation({ status: statusOf(begun), powerState: 'Stopped' }));
    expect(word(ended)).toBe('rest');
    expect(statusOf(ended).suspension).toBeUndefined();
  });

  test('a long list of changes fits the record', () => {
    const changes = Array.from({ length: 18 }, (_, number) => `Option ${number} 1 → 2`);
    const work = nextWork(situation({ wish: { ...WISH, changes } }));
    expect(statusOf(work).operation?.trigger?.length).toBeLessThanOrEqual(128);
  });
});

describe('what an earlier pipeline found', () => {
  const found = (type: string) => ({
    type,
    status: 'True' as const,
    reason: 'X',
    message: '',
    lastTransitionTime: at(0),
  });
  const status: VirtualMachineStatus = {
    ...READY,
    snapshotsInTheWay: ['weekly'],
    conditions: ['ShrinkRefused', 'ConsentRequired', 'Cloned'].map(found),
  };

  test('is found again by one that looks at the disks', () => {
    const next = statusOf(nextWork(situation({ status, wish: WISH })));
    expect(next.conditions?.map(({ type }) => type)).toEqual(['Cloned']);
    expect(next.snapshotsInTheWay).toBeUndefined();
  });

  test('stays with one that does not', () => {
    const next = statusOf(nextWork(situation({ status, operation: anOperation('Reboot') })));
    expect(next.conditions).toHaveLength(3);
    expect(next.snapshotsInTheWay).toEqual(['weekly']);
  });
});
