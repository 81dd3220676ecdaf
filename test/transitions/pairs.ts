// Plays a share of the changes in which every two transitions of any two options meet.
import type { OptionName } from '../../src/api/options.ts';
import { Random } from '../sim/random.ts';
import { pairwiseRows, type Row } from './coverage.ts';
import { Player } from './player.ts';
import { type Choice, OPTION_NAMES, valuesOf } from './values.ts';

/** Absence, the least value, and more; which of the larger values is meant is drawn for each row. */
const KINDS = 3;

/** A transition of one option: from one kind of value to another, or the same. */
const TRANSITIONS = KINDS ** 2;

const SEED = 20_260_301;

/** Every pair of transitions of any two of the 18 options, in as few rows as the search finds. */
export function transitionRows(): Row[] {
  const random = new Random(SEED);
  return pairwiseRows(
    OPTION_NAMES.map(() => TRANSITIONS),
    () => random.next(),
  );
}

/** What a row declares before the change, and after it. */
export function choicesOf(row: Row, random: Random): { before: Choice; after: Choice } {
  const choice = (kindOf: (level: number) => number): Choice =>
    Object.fromEntries(
      OPTION_NAMES.map((option, factor) => [option, valueOf(option, kindOf(row[factor] ?? 0), random)]),
    ) as Choice;
  return { before: choice((level) => Math.floor(level / KINDS)), after: choice((level) => level % KINDS) };
}

function valueOf(option: OptionName, kind: number, random: Random): number | undefined {
  const values = valuesOf(option);
  return kind < KINDS - 1 ? values[kind] : values[kind + random.below(values.length - kind)];
}

export interface Played {
  transitions: number;
  findings: readonly string[];
}

/** Plays each row on a VM of its own: a deploy, the change, and the removal of a disk that was kept. */
export async function playRows(share: { part: number; of: number }): Promise<Played> {
  const random = new Random(SEED + share.part);
  const findings: string[] = [];
  let transitions = 0;
  for (const row of transitionRows().filter((_, index) => index % share.of === share.part - 1)) {
    await using player = await Player.open(random);
    const { before, after } = choicesOf(row, random);
    await player.declare(before);
    await player.declare(after, { consent: random.next() < 0.3 });
    if (player.keepsDisk) await player.declare(after, { consent: true });
    findings.push(...player.findings);
    transitions += player.transitions;
  }
  return { transitions, findings };
}
