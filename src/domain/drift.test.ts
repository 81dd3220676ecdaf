// What is remembered of a VM that was changed by hand, what is shown of it, and when it is changed back.
import { assert, property, subarray } from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  corrected,
  correctionDueMs,
  correctionHistory,
  correctionTrigger,
  type Difference,
  driftAfter,
  driftConditions,
  type DriftSight,
  type DriftStatus,
} from './drift.ts';

const NOW = Date.parse('2026-03-01T10:00:00Z');
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const at = (minutes: number): string => new Date(NOW + minutes * MINUTE_MS).toISOString();

const CORES: Difference = { step: 'set-cpu-and-memory', message: 'cores is 4 instead of 2', correction: 'Automatic' };
const FIREWALL: Difference = { step: 'set-firewall', message: 'enable is not 1', correction: 'Automatic' };
const DISK: Difference = { step: 'change-additional-disk', message: 'scsi1 is missing', correction: 'OnRequest' };
const GROWN: Difference = { step: 'grow-system-disk', message: 'scsi0 is larger', correction: 'None' };

function compared(differences: Difference[], steps = ['set-cpu-and-memory', 'set-firewall'], pending?: string[]) {
  return { kind: 'compared', steps, differences, ...(pending === undefined ? {} : { pending }) } as const;
}

describe('what is remembered', () => {
  test.each<{ name: string; before?: DriftStatus; sight: DriftSight; want: DriftStatus | undefined }>([
    { name: 'nothing of a VM as declared', sight: compared([]), want: undefined },
    { name: 'a first difference', sight: compared([CORES]), want: { detectedAt: at(0), differences: [CORES] } },
    {
      name: 'the same difference since it was first seen',
      before: { detectedAt: at(-5), differences: [CORES] },
      sight: compared([CORES]),
      want: { detectedAt: at(-5), differences: [CORES] },
    },
    {
      name: 'nothing when it is over',
      before: { detectedAt: at(-5), differences: [CORES] },
      sight: compared([]),
      want: undefined,
    },
    {
      name: 'a difference that was not looked at this time',
      before: { detectedAt: at(-5), differences: [FIREWALL] },
      sight: compared([CORES], ['set-cpu-and-memory']),
      want: { detectedAt: at(-5), differences: [FIREWALL, CORES] },
    },
    {
      name: 'what waits for a start',
      sight: compared([], [], ['cores']),
      want: { detectedAt: at(0), pending: ['cores'] },
    },
    {
      name: 'what waits, when that was not looked at this time',
      before: { detectedAt: at(-5), pending: ['cores'] },
      sight: compared([]),
      want: { detectedAt: at(-5), pending: ['cores'] },
    },
    {
      name: 'nothing when nothing waits any more',
      before: { detectedAt: at(-5), pending: ['cores'] },
      sight: compared([], [], []),
      want: undefined,
    },
    {
      name: 'a VM without stamp, and nothing of what differed before',
      before: { detectedAt: at(-5), differences: [CORES], pending: ['cores'] },
      sight: { kind: 'stranger', stamped: false },
      want: { detectedAt: at(0), identity: 'Unstamped' },
    },
    {
      name: 'a VM with the stamp of another object, since when',
      before: { detectedAt: at(-5), identity: 'Foreign' },
      sight: { kind: 'stranger', stamped: true },
      want: { detectedAt: at(-5), identity: 'Foreign' },
    },
    {
      name: 'a difference of one that is ours again, from now on',
      before: { detectedAt: at(-5), identity: 'Foreign' },
      sight: compared([CORES]),
      want: { detectedAt: at(0), differences: [CORES] },
    },
    {
      name: 'how often it was corrected, also when all is well',
      before: { detectedAt: at(-5), differences: [CORES], correctedAt: at(-9), corrections: 2 },
      sight: compared([]),
      want: { correctedAt: at(-9), corrections: 2 },
    },
  ])('$name', ({ before, sight, want }) => {
    expect(driftAfter(before, sight, at(0))).toEqual(want);
  });

  test('never grows beyond what the schema takes', () => {
    const many = Array.from({ length: 80 }, (_, index) => ({ ...CORES, step: `step-${index}` }));
    const after = driftAfter(undefined, compared(many, [], Array.from({ length: 80 }, String)), at(0));
    expect(after?.differences).toHaveLength(32);
    expect(after?.pending).toHaveLength(64);
  });

  test('the same look twice changes nothing', () => {
    const steps = subarray(['a', 'b', 'c', 'd'], { minLength: 0 });
    assert(
      property(steps, steps, steps, (before, looked, differing) => {
        const of = (names: string[]) => names.map((step) => ({ ...CORES, step }));
        const sight = compared(of(differing.filter((step) => looked.includes(step))), looked);
        const once = driftAfter({ detectedAt: at(-1), differences: of(before) }, sight, at(0));
        expect(
          driftAfter(once, sight, at(1))
            ?.differences?.map(({ step }) => step)
            .toSorted(),
        ).toEqual(once?.differences?.map(({ step }) => step).toSorted());
      }),
    );
  });
});

describe('when a VM is changed back', () => {
  const found = (differences: Difference[], rest: DriftStatus = {}): DriftStatus => ({ differences, ...rest });

  test.each<{ name: string; policy?: 'Report' | 'Correct'; drift?: DriftStatus; want: number | undefined }>([
    { name: 'never unless that is declared', drift: found([CORES]), want: undefined },
    { name: 'never where it is only reported', policy: 'Report', drift: found([CORES]), want: undefined },
    { name: 'at once the first time', policy: 'Correct', drift: found([CORES]), want: 0 },
    { name: 'never when nothing differs', policy: 'Correct', want: undefined },
    { name: 'never for its history alone', policy: 'Correct', drift: { correctedAt: at(-60) }, want: undefined },
    {
      name: 'never when it is not ours',
      policy: 'Correct',
      drift: { differences: [CORES], identity: 'Unstamped' },
      want: undefined,
    },
    { name: 'never when nothing can be changed back', policy: 'Correct', drift: found([GROWN]), want: undefined },
    { name: 'also next to what cannot be', policy: 'Correct', drift: found([GROWN, CORES]), want: 0 },
    {
      name: 'never when a disk would be made anew with it',
      policy: 'Correct',
      drift: found([CORES, DISK]),
      want: undefined,
    },
    {
      name: 'ten minutes after the first correction',
      policy: 'Correct',
      drift: found([CORES], { correctedAt: at(-4), corrections: 1 }),
      want: 6 * MINUTE_MS,
    },
    {
      name: 'twenty after the second',
      policy: 'Correct',
      drift: found([CORES], { correctedAt: at(-4), corrections: 2 }),
      want: 16 * MINUTE_MS,
    },
    {
      name: 'a day after the hundredth',
      policy: 'Correct',
      drift: found([CORES], { correctedAt: at(0), corrections: 100 }),
      want: 24 * HOUR_MS,
    },
    {
      name: 'now when the pause is over',
      policy: 'Correct',
      drift: found([CORES], { correctedAt: at(-11), corrections: 1 }),
      want: 0,
    },
  ])('$name', ({ policy, drift, want }) => {
    expect(correctionDueMs({ driftPolicy: policy }, drift, NOW)).toBe(want);
  });

  test('each correction counts, and one long after the last is the first again', () => {
    const first = corrected(undefined, NOW);
    expect(first).toEqual({ correctedAt: at(0), corrections: 1 });
    const second = corrected(first, NOW + HOUR_MS);
    expect(second).toEqual({ correctedAt: at(60), corrections: 2 });
    expect(corrected(second, NOW + 26 * HOUR_MS)).toMatchObject({ corrections: 1 });
  });

  test('no more than eight corrections a day, however fast somebody changes it again', () => {
    let drift = found([CORES]);
    let count = 0;
    for (let minute = 0; minute < 24 * 60; minute += 1) {
      const nowMs = NOW + minute * MINUTE_MS;
      if (correctionDueMs({ driftPolicy: 'Correct' }, drift, nowMs) !== 0) continue;
      count += 1;
      drift = { ...corrected(drift, nowMs), differences: [CORES] };
    }
    expect(count).toBe(8);
  });

  test('a pipeline that compares everything keeps the history alone', () => {
    expect(correctionHistory({ detectedAt: at(0), differences: [CORES] })).toBeUndefined();
    expect(correctionHistory({ differences: [CORES], correctedAt: at(0) })).toEqual({
      correctedAt: at(0),
      corrections: 1,
    });
  });

  test('the record says what was changed back', () => {
    expect(correctionTrigger({ differences: [CORES, GROWN, FIREWALL] })).toBe(
      'drift: cores is 4 instead of 2; enable is not 1',
    );
    const long = { ...CORES, message: 'x'.repeat(300) };
    expect(correctionTrigger({ differences: [long] })).toHaveLength(128);
  });
});

describe('what is shown', () => {
  test.each<{ name: string; drift?: DriftStatus; want: { type: string; reason: string; message: string }[] }>([
    { name: 'nothing', want: [] },
    { name: 'nothing of its history', drift: { correctedAt: at(0), corrections: 3 }, want: [] },
    {
      name: 'differences',
      drift: { differences: [CORES, FIREWALL] },
      want: [{ type: 'DriftDetected', reason: 'Drifted', message: 'cores is 4 instead of 2; enable is not 1.' }],
    },
    {
      name: 'differences that have come back',
      drift: { differences: [CORES], correctedAt: at(-5), corrections: 1 },
      want: [
        {
          type: 'DriftDetected',
          reason: 'Drifted',
          message: 'Changed again after it was corrected: cores is 4 instead of 2.',
        },
      ],
    },
    {
      name: 'what waits for a start',
      drift: { pending: ['cores', 'net0'] },
      want: [
        {
          type: 'RestartRequired',
          reason: 'RestartRequired',
          message: 'Changes wait for the next start of the VM: cores, net0.',
        },
      ],
    },
    {
      name: 'a VM without stamp',
      drift: { identity: 'Unstamped' },
      want: [
        {
          type: 'IdentityMismatch',
          reason: 'IdentityMismatch',
          message:
            'VM 2000 carries no stamp of this operator. Nothing is touched until its description has the line again.',
        },
      ],
    },
  ])('$name', ({ drift, want }) => {
    expect(driftConditions(drift, 2000)).toEqual(want);
  });

  test('in messages that stay short', () => {
    const long = Array.from({ length: 9 }, (_, index) => ({ ...CORES, message: `${index}`.repeat(200) }));
    for (const { message } of driftConditions({ differences: long, pending: long.map((one) => one.message) }, 1))
      expect(message.length).toBeLessThanOrEqual(300);
  });
});
