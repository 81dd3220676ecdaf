// Tests of when VMs ran: the periods by number, from the first broadcast on.
import { describe, expect, it } from 'vitest';
import { RunHistory } from './run-history.ts';

type Step = ['seen' | 'started' | 'stopped', number];

describe('the history of a number', () => {
  const rows: { name: string; steps: Step[]; since: number; periods: { from: number; to?: number }[] }[] = [
    { name: 'is empty before it is seen', steps: [], since: Infinity, periods: [] },
    { name: 'begins when it is seen', steps: [['seen', 5]], since: 5, periods: [] },
    {
      name: 'is not begun again',
      steps: [
        ['seen', 5],
        ['seen', 9],
      ],
      since: 5,
      periods: [],
    },
    { name: 'has what runs still', steps: [['started', 5]], since: 5, periods: [{ from: 5 }] },
    {
      name: 'has what ran',
      steps: [
        ['started', 5],
        ['stopped', 8],
      ],
      since: 5,
      periods: [{ from: 5, to: 8 }],
    },
    {
      name: 'has several',
      steps: [
        ['started', 5],
        ['stopped', 8],
        ['started', 9],
      ],
      since: 5,
      periods: [{ from: 5, to: 8 }, { from: 9 }],
    },
    {
      name: 'does not end twice',
      steps: [
        ['started', 5],
        ['stopped', 8],
        ['stopped', 9],
      ],
      since: 5,
      periods: [{ from: 5, to: 8 }],
    },
    { name: 'does not end before it began', steps: [['stopped', 8]], since: Infinity, periods: [] },
  ];
  it.each(rows)('$name', ({ steps, since, periods }) => {
    const history = new RunHistory();
    for (const [kind, at] of steps) history[kind](100, at);
    expect([history.knownSince(100), history.of(100)]).toEqual([since, periods]);
    expect([history.knownSince(101), history.of(101)]).toEqual([Infinity, []]);
  });

  it('forgets the oldest after two hundred', () => {
    const history = new RunHistory();
    for (let turn = 0; turn < 250; turn += 1) {
      history.started(100, turn * 10);
      history.stopped(100, turn * 10 + 5);
    }
    expect([history.of(100).length, history.of(100)[0], history.knownSince(100)]).toEqual([
      200,
      { from: 500, to: 505 },
      0,
    ]);
  });

  it('comes back as it was saved', () => {
    const history = new RunHistory();
    history.started(100, 5);
    const again = new RunHistory();
    again.started(7, 1);
    again.restore(structuredClone(history.save()));
    expect([again.of(100), again.of(7)]).toEqual([[{ from: 5 }], []]);
  });
});
