// Plays the same changes of options in several orders: whatever the path, the VM at its end is the same.
import { isDeepStrictEqual } from 'node:util';
import type { OptionName } from '../../src/api/options.ts';
import { Random } from '../sim/random.ts';
import { shuffled } from './coverage.ts';
import type { Played } from './pairs.ts';
import { Player } from './player.ts';
import { type Choice, OPTION_NAMES, PLAN_VALUES, valuesOf } from './values.ts';

/** Options whose past shows: disks do not shrink, and main addresses stay. They only go up here, one change each. */
const GROWING: ReadonlySet<OptionName> = new Set([
  'systemDiskGiB',
  'additionalDiskGiB',
  'ipv4Addresses',
  'ipv6Addresses',
]);

/** Changes in one declaration at most, so that there are several on every path. */
const MOST_AT_ONCE = 4;

export interface Journey {
  from: Choice;
  to: Choice;
}

/** A start and an end that differ in most options. */
export function journeyOf(random: Random): Journey {
  const pairs = OPTION_NAMES.map((option): [OptionName, number | undefined, number | undefined] => {
    const [from, to] = shuffled(valuesOf(option), () => random.next());
    const sizeOf = (value: number | undefined) => value ?? PLAN_VALUES[option];
    if (GROWING.has(option) && sizeOf(from) > sizeOf(to)) return [option, to, from];
    return [option, from, to];
  });
  return {
    from: Object.fromEntries(pairs.map(([option, from]) => [option, from])) as Choice,
    to: Object.fromEntries(pairs.map(([option, , to]) => [option, to])) as Choice,
  };
}

/** The declarations on a way from the start to the end: a few options at a time, in an order of its own. */
export function pathOf({ from, to }: Journey, random: Random): Choice[] {
  const path: Choice[] = [];
  const rest = shuffled(OPTION_NAMES, () => random.next());
  let current = from;
  while (rest.length > 0) {
    const step = rest.splice(0, 1 + random.below(MOST_AT_ONCE));
    current = { ...current, ...Object.fromEntries(step.map((option) => [option, to[option]])) };
    path.push(current);
  }
  return path;
}

/** Goes each journey at once and on `orders` paths, each with a VM of its own. */
export async function playJourneys(
  seed: number,
  { journeys, orders }: { journeys: number; orders: number },
): Promise<Played> {
  const random = new Random(seed);
  const findings: string[] = [];
  let transitions = 0;
  for (let count = 0; count < journeys; count += 1) {
    const journey = journeyOf(random);
    const paths = [[journey.to], ...Array.from({ length: orders }, () => pathOf(journey, random))];
    const ends: Record<string, string>[] = [];
    for (const path of paths) {
      await using player = await Player.open(random);
      for (const choice of [journey.from, ...path]) await player.declare(choice);
      transitions += player.transitions;
      findings.push(...player.findings);
      ends.push(player.configuration());
    }
    const [direct, ...others] = ends;
    findings.push(
      ...others
        .filter((end) => !isDeepStrictEqual(end, direct))
        .map((end) => `another order, another end: ${JSON.stringify(end)} instead of ${JSON.stringify(direct)}`),
    );
  }
  return { transitions, findings };
}
