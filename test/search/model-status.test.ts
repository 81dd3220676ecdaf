import { describe, expect, test } from 'vitest';
import { aStatus, at } from '../builders/facts.ts';
import { aTickOlder, canonicalStatus, statusNumber } from './model-status.ts';
import { TICK_MS, type VmStatus } from './model-world.ts';

function withIntent(action: string, sentAt: string, attempt = 1): VmStatus {
  return aStatus({ operation: { intent: { action, sentAt, attempt } } });
}

describe('statuses that are the same for the search', () => {
  test.each<{ name: string; one: VmStatus; other: VmStatus; same: boolean }>([
    { name: 'in another order', one: { state: 'clone', vmid: 1 }, other: { vmid: 1, state: 'clone' }, same: true },
    { name: 'with a field that is not set', one: { vmid: 1 }, other: { vmid: 1, node: undefined }, same: true },
    { name: 'with another VMID', one: { vmid: 1 }, other: { vmid: 2 }, same: false },
    { name: 'cloned at another time', one: { clonedAt: at(0) }, other: { clonedAt: at(-9) }, same: true },
    { name: 'cloned or not', one: { clonedAt: at(0) }, other: {}, same: false },
    {
      name: 'a clone sent a while ago',
      one: withIntent('clone', at(0)),
      other: withIntent('clone', at(-70)),
      same: false,
    },
    {
      name: 'a clone sent long ago',
      one: withIntent('clone', at(-110)),
      other: withIntent('clone', at(-900)),
      same: true,
    },
    {
      name: 'a start sent a while ago',
      one: withIntent('start', at(0)),
      other: withIntent('start', at(-70)),
      same: true,
    },
    { name: 'another attempt', one: withIntent('clone', at(0)), other: withIntent('clone', at(0), 3), same: true },
    { name: 'another action', one: withIntent('clone', at(0)), other: withIntent('stop', at(0)), same: false },
  ])('$name: $same', ({ one, other, same }) => {
    const numbers = [canonicalStatus(one), canonicalStatus(other)].map(statusNumber);
    expect(numbers[0] === numbers[1]).toBe(same);
  });

  test('are one object', () => {
    expect(canonicalStatus({ state: 'clone', vmid: 1 })).toBe(canonicalStatus({ vmid: 1, state: 'clone' }));
  });
});

test('a status grows older until nothing is told apart any more', () => {
  const ages: VmStatus[] = [canonicalStatus(withIntent('clone', at(0)))];
  for (let tick = 0; tick < 5; tick += 1) ages.push(aTickOlder(ages.at(-1)!));
  const sent = ages.map(({ operation }) => operation?.intent?.sentAt);
  const seconds = TICK_MS / 1000;
  expect(sent).toEqual([0, 1, 2, 3, 3, 3].map((ticks) => at(-ticks * seconds)));
});

test('a status that was not made canonical has no number', () => {
  expect(() => statusNumber({ state: 'clone' })).toThrow(TypeError);
});
