// The looks of the sweep on their way to the reconciles: the newest counts, and none is lost before it is written down.
import { expect, test } from 'vitest';
import { anOwnVm } from '../../test/builders/facts.ts';
import { Sightings } from './sweep-sightings.ts';

const aLook = (seenAt: number) => ({ seenAt, observed: anOwnVm() });

test('the newest look at a VM counts', () => {
  const sightings = new Sightings();
  const newest = aLook(2);
  sightings.put('a', aLook(1));
  sightings.put('a', newest);
  expect(sightings.get('a')).toBe(newest);
  expect(sightings.get('b')).toBeUndefined();
  expect(sightings.get(undefined)).toBeUndefined();
});

test('a look that was written down goes, and one that came meanwhile stays', () => {
  const sightings = new Sightings();
  const [first, second] = [aLook(1), aLook(2)];
  sightings.put('a', first);
  sightings.put('a', second);
  sightings.done('a', first);
  expect(sightings.get('a')).toBe(second);
  sightings.done('a', undefined);
  expect(sightings.get('a')).toBe(second);
  sightings.done('a', second);
  expect(sightings.get('a')).toBeUndefined();
});

test('a VM that is gone is forgotten', () => {
  const sightings = new Sightings();
  sightings.put('a', aLook(1));
  sightings.forget('a');
  expect(sightings.get('a')).toBeUndefined();
});
