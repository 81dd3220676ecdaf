// Tests of round-robin data: how many rows of which step, what they hold, and that they add up to the counters.
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import { Simulator } from '../simulator.ts';
import { demoTopology, Lab } from '../testing.ts';
import { bring, checkRow, fails, labWith, read, refuses, started } from './call-table.ts';
import type { CallRow } from './call-table.ts';
import { frameIn, vmFile } from './rrd-frames.ts';

type Row = Record<string, number>;
const hourMs = 3_600_000;

async function vmRows(lab: Lab, timeframe = 'hour'): Promise<Row[]> {
  return (await read(lab, 'GET qemu/100/rrddata', { timeframe })) as Row[];
}

describe('frameIn', () => {
  // Surprise 54 and behaviours.md 14; a recorded row that is not complete is cut.
  const rows: { release: '8.4' | '9.2'; timeframe: string; step: number; rows: number }[] = [
    { release: '9.2', timeframe: 'hour', step: 60, rows: 60 },
    { release: '9.2', timeframe: 'day', step: 60, rows: 1440 },
    { release: '9.2', timeframe: 'week', step: 1800, rows: 335 },
    { release: '9.2', timeframe: 'month', step: 1800, rows: 1439 },
    { release: '9.2', timeframe: 'year', step: 21_600, rows: 1439 },
    { release: '9.2', timeframe: 'decade', step: 604_800, rows: 569 },
    { release: '8.4', timeframe: 'hour', step: 60, rows: 60 },
    { release: '8.4', timeframe: 'day', step: 1800, rows: 70 },
    { release: '8.4', timeframe: 'week', step: 10_800, rows: 70 },
    { release: '8.4', timeframe: 'month', step: 43_200, rows: 70 },
    { release: '8.4', timeframe: 'year', step: 604_800, rows: 70 },
  ];
  it.each(rows)('$release $timeframe: $rows × $step s', ({ release, timeframe, step, rows: count }) => {
    expect(frameIn(release, timeframe)).toEqual({ step, rows: count });
  });

  it.each(rows.filter(({ timeframe }) => timeframe !== 'decade'))(
    '$release $timeframe is what a VM answers',
    async ({ release, timeframe, step, rows: count }) => {
      const clock = new VirtualClock();
      const version = { release, version: release === '8.4' ? '8.4.21' : '9.2.11', repoid: 'x' };
      const lab = new Lab(1, { clock, simulator: new Simulator({ topology: { ...demoTopology(), version }, clock }) });
      const reply = (await lab.call('GET', '/nodes/pve1/qemu/9000/rrddata', { timeframe })).data as Row[];
      expect(reply).toHaveLength(count);
      expect((reply[1]?.['time'] ?? 0) - (reply[0]?.['time'] ?? 0)).toBe(step);
      expect((reply.at(-1)?.['time'] ?? 1) % step).toBe(0);
    },
  );

  it('keeps its files under names of the release', () => {
    expect([vmFile('9.2', 100), vmFile('8.4', 100)]).toEqual([
      '/var/lib/rrdcached/db/pve-vm-9.0/100',
      '/var/lib/rrdcached/db/pve2-vm/100',
    ]);
  });
});

describe('a row of a VM', () => {
  it('holds only its time before the VM was known (observed: RRD)', async () => {
    const lab = await labWith((at) => at.clock.advance(20 * 60_000));
    const rows = await vmRows(lab);
    expect(Object.keys(rows[0] ?? {})).toEqual(['time']);
    expect(Object.keys(rows.at(-1) ?? {}).toSorted()).toEqual([
      'cpu',
      'disk',
      'diskread',
      'diskwrite',
      'maxcpu',
      'maxdisk',
      'maxmem',
      'mem',
      'memhost',
      'netin',
      'netout',
      'time',
    ]);
  });

  it('is zero while the VM is stopped, and not while it runs', async () => {
    const lab = await labWith(
      (at) => at.clock.advance(20 * 60_000),
      ...started,
      (at) => at.clock.advance(20 * 60_000),
    );
    const rows = await vmRows(lab);
    const [still, busy] = [rows.at(-30), rows.at(-5)];
    expect([still?.['cpu'], still?.['netin'], still?.['mem']]).toEqual([0, 0, 0]);
    expect(busy?.['cpu']).toBeGreaterThan(0);
    expect(busy?.['cpu']).toBeLessThan(1);
    expect(busy?.['netin']).toBeGreaterThan(0);
  });

  it('adds up to the difference of the counters', async () => {
    const lab = await labWith(...started, (at) => at.clock.advance(2 * hourMs));
    const counters = async (): Promise<Row> => (await read(lab, 'GET qemu/100/status/current')) as Row;
    await lab.clock.advance(60_000 - (lab.clock.now() % 60_000));
    const before = await counters();
    await lab.clock.advance(hourMs);
    const after = await counters();
    for (const name of ['netin', 'netout']) {
      const sum = (await vmRows(lab)).reduce((total, row) => total + (row[name] ?? 0) * 60, 0);
      expect(Math.abs(sum - ((after[name] ?? 0) - (before[name] ?? 0)))).toBeLessThan(10);
    }
  });

  it('belongs to the number and outlives the process', async () => {
    const lab = await labWith(
      ...started,
      (at) => at.clock.advance(hourMs),
      ['POST qemu/100/status/stop'],
      (at) => at.clock.advance(10 * 60_000),
    );
    const rows = await vmRows(lab);
    expect(rows.at(-1)?.['netin']).toBe(0);
    expect(rows[20]?.['netin']).toBeGreaterThan(0);
  });
});

describe('round-robin data', () => {
  const rows: CallRow[] = [
    {
      name: 'of a VM without a time',
      call: ['GET qemu/100/rrddata'],
      want: refuses({ timeframe: 'property is missing and it is not optional' }),
    },
    {
      name: 'of a VM for a decade',
      call: ['GET qemu/100/rrddata', { timeframe: 'decade' }],
      want: refuses({
        timeframe: "value 'decade' does not have a value in the enumeration 'hour, day, week, month, year'",
      }),
    },
    {
      name: 'of another kind',
      call: ['GET qemu/100/rrddata', { timeframe: 'hour', cf: 'LAST' }],
      want: refuses({ cf: "value 'LAST' does not have a value in the enumeration 'AVERAGE, MAX'" }),
    },
    {
      name: 'of a VM that nobody has seen yet (rrd-params)',
      call: ['GET qemu/100/rrddata', { timeframe: 'hour' }],
      want: fails(
        "RRD error: rrdcached@unix:/var/run/rrdcached.sock: rrd_fetch_r failed: opening '/var/lib/rrdcached/db/pve-vm-9.0/100': No such file or directory",
      ),
    },
    {
      name: 'of a node for a decade',
      call: ['GET rrddata', { timeframe: 'decade' }],
      want: { status: 200, data: expect.objectContaining({ length: 569 }) },
    },
    {
      name: 'of a storage',
      call: ['GET storage/shared/rrddata', { timeframe: 'hour' }],
      want: { status: 200, data: expect.arrayContaining([expect.objectContaining({ total: 2_199_023_255_552 })]) },
    },
    {
      name: 'as a picture',
      call: ['GET qemu/100/rrd', { timeframe: 'hour', ds: 'cpu' }],
      want: { status: 200, data: { filename: expect.stringMatching(/\.png$/) } },
    },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(), row);
  });

  it('of a node begins with its start', async () => {
    const lab = await labWith();
    await bring(lab, [(at) => at.clock.advance(hourMs)]);
    const day = (await read(lab, 'GET rrddata', { timeframe: 'day' })) as Row[];
    expect(Object.keys(day[0] ?? {})).toEqual(['time']);
    expect(day.at(-1)).toMatchObject({ maxcpu: 16, memtotal: 64 * 1024 ** 3 });
  });
});
