// Tests of calendar events: when a job is due, and when next.
import { describe, expect, it } from 'vitest';
import { isDue, nextRun } from './calendar-event.ts';

describe('an event', () => {
  const rows: { event: string; due: string[]; not: string[] }[] = [
    { event: '21:00', due: ['2026-11-22T21:00'], not: ['2026-11-22T21:01', '2026-11-22T20:00'] },
    { event: '2,14:30', due: ['2026-11-22T02:30', '2026-11-22T14:30'], not: ['2026-11-22T03:30'] },
    { event: '*/15', due: ['2026-11-22T07:00', '2026-11-22T07:45'], not: ['2026-11-22T07:10'] },
    { event: '*/2:00', due: ['2026-11-22T00:00', '2026-11-22T22:00'], not: ['2026-11-22T01:00', '2026-11-22T02:01'] },
    {
      event: '8..17:5/20',
      due: ['2026-11-22T08:05', '2026-11-22T17:45'],
      not: ['2026-11-22T18:05', '2026-11-22T08:00'],
    },
    { event: 'mon..fri 02:30', due: ['2026-11-23T02:30', '2026-11-27T02:30'], not: ['2026-11-22T02:30'] },
    { event: 'sat,sun 01:00', due: ['2026-11-21T01:00', '2026-11-22T01:00'], not: ['2026-11-23T01:00'] },
    { event: 'fri..mon 01:00', due: ['2026-11-20T01:00', '2026-11-23T01:00'], not: ['2026-11-24T01:00'] },
    { event: 'sunday', due: ['2026-11-22T00:00'], not: ['2026-11-22T00:01', '2026-11-23T00:00'] },
    { event: 'hourly', due: ['2026-11-22T05:00'], not: ['2026-11-22T05:30'] },
    { event: 'daily', due: ['2026-11-22T00:00'], not: ['2026-11-22T12:00'] },
    { event: 'monthly', due: ['2026-12-01T00:00'], not: ['2026-12-02T00:00'] },
    { event: '2026-12-*/7 06:00', due: ['2026-12-07T06:00'], not: ['2026-11-07T06:00', '2026-12-08T06:00'] },
    { event: 'nonsense', due: [], not: ['2026-11-22T00:00'] },
  ];
  it.each(rows)('$event', ({ event, due, not }) => {
    const at = (time: string): boolean => isDue(event, Date.parse(`${time}:00Z`));
    expect(due.filter((time) => !at(time))).toEqual([]);
    expect(not.filter(at)).toEqual([]);
  });

  it('knows its next run, the present minute excluded', () => {
    const now = Date.parse('2026-11-22T21:00:30Z');
    expect(nextRun('21:00', now)).toBe(Date.parse('2026-11-23T21:00:00Z') / 1000);
    expect(nextRun('*/5', now)).toBe(Date.parse('2026-11-22T21:05:00Z') / 1000);
    expect(nextRun('2020-01-01 00:00', now)).toBeUndefined();
  });
});
