import { describe, expect, test } from 'vitest';
import { digestOf, endTask, takeIn, type TaskEnd } from './model-calls.ts';
import { type CallKind, initialWorld, type ModelVm, type World } from './model-world.ts';

const OURS: ModelVm = { stamp: 'ours', running: false, cores: 1 };
const RUNNING: ModelVm = { ...OURS, running: true };
const STRANGER: ModelVm = { stamp: 'stranger', running: true, cores: 8 };
const PLACEHOLDER: ModelVm = { stamp: 'placeholder', running: false, cores: 1 };

function worldWith(vm: ModelVm | undefined): World {
  return { ...initialWorld({ interruptions: 0, foreign: 0 }), vms: vm === undefined ? {} : { 2000: vm } };
}

function kindOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return (error as { kind?: string }).kind;
  }
}

describe('a call that is taken in', () => {
  test.each<{ name: string; vm?: ModelVm; kind: CallKind; digest?: string; want: string | null }>([
    { name: 'a clone begins', kind: 'clone', want: 'task 1: clone 2000' },
    { name: 'a clone to an id that is taken', vm: STRANGER, kind: 'clone', want: 'exists' },
    { name: 'a change is made at once', vm: OURS, kind: 'configure', want: null },
    { name: 'a change planned on another state', vm: OURS, kind: 'configure', digest: 'old', want: 'conflict' },
    {
      name: 'a change planned on this state',
      vm: OURS,
      kind: 'configure',
      digest: digestOf(OURS),
      want: null,
    },
    { name: 'a change during the clone', vm: PLACEHOLDER, kind: 'configure', want: 'locked' },
    { name: 'a change of nothing', kind: 'configure', want: 'not-found' },
    { name: 'a start of nothing is a task too', kind: 'start', want: 'task 1: start 2000' },
    { name: 'a destroy of nothing', kind: 'destroy', want: 'not-found' },
    { name: 'a destroy of a running VM', vm: RUNNING, kind: 'destroy', want: 'conflict' },
    { name: 'a destroy of a stopped VM', vm: OURS, kind: 'destroy', want: 'task 1: destroy 2000' },
  ])('$name', ({ vm, kind, digest, want }) => {
    expect(kindOf(() => takeIn(worldWith(vm), { kind, vmid: 2000, digest }))).toBe(want);
  });

  test.each<{ kind: CallKind }>([{ kind: 'start' }, { kind: 'stop' }, { kind: 'shutdown' }, { kind: 'configure' }])(
    "$kind on a stranger's VM is noted",
    ({ kind }) => {
      const world = worldWith(STRANGER);
      takeIn(world, { kind, vmid: 2000 });
      expect(world.violations).toEqual([`${kind} is carried out on VM 2000, which is a stranger's`]);
    },
  );
});

describe('a task that ends', () => {
  test.each<{ name: string; before?: ModelVm; kind: CallKind; end: TaskEnd; want?: ModelVm; taskEnd: string }>([
    { name: 'a clone', before: undefined, kind: 'clone', end: 'ok', want: OURS, taskEnd: 'ok' },
    { name: 'a clone that fails leaves nothing', kind: 'clone', end: 'failed', taskEnd: 'failed' },
    { name: 'a clone cut off stays', kind: 'clone', end: 'cut-off', want: PLACEHOLDER, taskEnd: 'failed' },
    { name: 'a start', before: OURS, kind: 'start', end: 'ok', want: RUNNING, taskEnd: 'ok' },
    { name: 'a stop', before: RUNNING, kind: 'stop', end: 'ok', want: OURS, taskEnd: 'ok' },
    { name: 'a shutdown in vain', before: RUNNING, kind: 'shutdown', end: 'failed', want: RUNNING, taskEnd: 'failed' },
    { name: 'a destroy', before: OURS, kind: 'destroy', end: 'ok', taskEnd: 'ok' },
    { name: 'a start of nothing', kind: 'start', end: 'ok', taskEnd: 'failed' },
  ])('$name', ({ before, kind, end, want, taskEnd }) => {
    const world = worldWith(before);
    takeIn(world, { kind, vmid: 2000 });
    if (world.tasks[0]?.end === undefined) endTask(world, world.tasks[0]!, end);
    expect(world.vms[2000]).toEqual(want);
    expect(world.tasks[0]?.end).toBe(taskEnd);
  });

  test('ends the tasks that waited for the VM that it destroyed', () => {
    const world = worldWith(OURS);
    takeIn(world, { kind: 'destroy', vmid: 2000 });
    takeIn(world, { kind: 'destroy', vmid: 2000 });
    endTask(world, world.tasks[0]!, 'ok');
    expect(world.tasks.map(({ id, end }) => `${id} ${end}`)).toEqual([
      'task 1: destroy 2000 ok',
      'task 2: destroy 2000 failed',
    ]);
  });

  test('does not destroy a VM that was started since', () => {
    const world = worldWith(OURS);
    takeIn(world, { kind: 'destroy', vmid: 2000 });
    world.vms = { 2000: RUNNING };
    endTask(world, world.tasks[0]!, 'ok');
    expect(world.vms[2000]).toEqual(RUNNING);
    expect(world.tasks[0]?.end).toBe('failed');
  });
});
