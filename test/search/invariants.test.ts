import { describe, expect, test } from 'vitest';
import { isGoal, isStalled, judge } from './invariants.ts';
import { events, TICK } from './model-events.ts';
import { initialWorld, type ModelVm, type World } from './model-world.ts';

const OURS: ModelVm = { stamp: 'ours', running: true, cores: 2 };
const PLACEHOLDER: ModelVm = { stamp: 'placeholder', running: false, cores: 1 };
const STRANGER: ModelVm = { stamp: 'stranger', running: true, cores: 8 };

function aWorld(change: Partial<World> = {}): World {
  return { ...initialWorld({ interruptions: 1, foreign: 1 }), ...change };
}

describe('what must hold', () => {
  test.each<{ name: string; world: World; want: RegExp[] }>([
    { name: 'nothing is there', world: aWorld(), want: [] },
    { name: 'our VM is reserved', world: aWorld({ vms: { 2000: OURS }, reserved: [2000] }), want: [] },
    { name: 'our VM is not reserved', world: aWorld({ vms: { 2000: OURS } }), want: [/2000 is not reserved/] },
    { name: 'nor is a clone', world: aWorld({ vms: { 2000: PLACEHOLDER } }), want: [/2000 is not reserved/] },
    {
      name: 'a clone may still come',
      world: aWorld({ late: [{ kind: 'clone', vmid: 2000, age: 0 }] }),
      want: [/2000 is not reserved/],
    },
    { name: 'a start may still come', world: aWorld({ late: [{ kind: 'start', vmid: 2000, age: 0 }] }), want: [] },
    { name: "a stranger's VM is not reserved", world: aWorld({ vms: { 2000: STRANGER } }), want: [] },
    {
      name: 'two are ours',
      world: aWorld({ vms: { 2000: OURS, 2001: PLACEHOLDER }, reserved: [2000, 2001] }),
      want: [/2000 and 2001 are both ours/],
    },
  ])('$name', ({ world, want }) => {
    judge(world);
    judge(world);
    expect(world.violations).toHaveLength(want.length);
    want.forEach((pattern, index) => expect(world.violations[index]).toMatch(pattern));
  });
});

describe('where a run may end', () => {
  const ready: World['views'] = [{ status: { state: 'ready' }, deleting: false }];
  test.each<{ name: string; world: World; goal: boolean; stalled?: boolean }>([
    { name: 'not at its beginning', world: aWorld(), goal: false },
    { name: 'ready', world: aWorld({ views: ready }), goal: true },
    { name: 'not when it is deleted', world: aWorld({ views: [{ ...ready[0]!, deleting: true }] }), goal: false },
    { name: 'gone', world: aWorld({ gone: true }), goal: true },
    { name: 'not while something is reserved', world: aWorld({ gone: true, reserved: [2000] }), goal: false },
    { name: 'not while our VM is there', world: aWorld({ gone: true, vms: { 2000: OURS } }), goal: false },
    {
      name: 'with a reason that is shown',
      world: aWorld({ views: [{ status: {}, deleting: false, stalled: 'CloneBroken' }] }),
      goal: false,
      stalled: true,
    },
  ])('$name', ({ world, goal, stalled = false }) => {
    expect(isGoal(world)).toBe(goal);
    expect(isStalled(world)).toBe(stalled);
  });
});

describe('what can happen', () => {
  test.each<{ name: string; world: World; want: string[] }>([
    { name: 'at first', world: aWorld(), want: ['a stranger makes VM 2000', 'the object is deleted'] },
    { name: 'without trouble left', world: aWorld({ foreignLeft: 0 }), want: ['the object is deleted'] },
    {
      name: 'to our VM',
      world: aWorld({ vms: { 2000: OURS } }),
      want: [
        'a person destroys VM 2000',
        'a person changes VM 2000',
        'a person takes the stamp off VM 2000',
        'a person stops VM 2000',
        'the object is deleted',
      ],
    },
    {
      name: 'while a task holds the lock, and another waits for it',
      world: aWorld({
        vms: { 2000: OURS },
        tasks: [
          { id: 'first', call: { kind: 'stop', vmid: 2000 } },
          { id: 'second', call: { kind: 'destroy', vmid: 2000 } },
        ],
      }),
      want: ['first ends', 'the object is deleted', 'first: failed'],
    },
    {
      name: 'to an object that is gone',
      world: aWorld({ gone: true, foreignLeft: 0, late: [{ kind: 'clone', vmid: 2000, age: 2 }] }),
      want: ['the clone of VM 2000 that got no answer is carried out'],
    },
  ])('$name', ({ world, want }) => {
    expect(events(world, true).map(({ label }) => label)).toEqual([...want, TICK.label]);
  });

  test.each([
    { quietIds: true, kind: 'destroy' as const, want: false },
    { quietIds: false, kind: 'destroy' as const, want: true },
    { quietIds: true, kind: 'clone' as const, want: true },
  ])('a stranger takes an id that a $kind is on its way to ($quietIds: $want)', ({ quietIds, kind, want }) => {
    const world = aWorld({ late: [{ kind, vmid: 2000, age: 0 }] });
    expect(events(world, quietIds).some(({ label }) => label.startsWith('a stranger'))).toBe(want);
  });

  test('a call without an answer is carried out in time or never', () => {
    const world = aWorld({ late: [{ kind: 'clone', vmid: 2000, age: 0 }], vms: { 2001: STRANGER } });
    const ages: (number | undefined)[] = [];
    for (let tick = 0; tick < 3; tick += 1) {
      TICK.happen(world);
      ages.push(world.late[0]?.age);
    }
    expect(ages).toEqual([1, 2, undefined]);
    expect(world.listed).toEqual([2001]);
  });
});
