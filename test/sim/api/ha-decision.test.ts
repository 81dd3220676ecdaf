// Tests of what the high-availability managers decide: pve-ha-manager's states, restart and relocate policy.
import { describe, expect, it } from 'vitest';
import type { HaService } from '../state/ha-services.ts';
import { afterFailedStart, nextStep } from './ha-decision.ts';
import type { HaStep } from './ha-decision.ts';

const fresh: HaService = {
  state: 'stopped',
  failedStarts: 0,
  failedNodes: [],
  stopTimeoutS: undefined,
  target: undefined,
};

describe('the next step', () => {
  const rows: {
    name: string;
    wanted: string;
    service?: Partial<HaService>;
    isRunning: boolean;
    want: { state: HaService['state']; step: HaStep };
  }[] = [
    {
      name: 'starts what is to be started',
      wanted: 'started',
      isRunning: false,
      want: { state: 'started', step: { do: 'start' } },
    },
    {
      name: 'leaves alone what runs and is to run',
      wanted: 'started',
      isRunning: true,
      want: { state: 'started', step: { do: 'nothing' } },
    },
    {
      name: 'gives a guest a minute when nobody said otherwise',
      wanted: 'stopped',
      isRunning: true,
      want: { state: 'request_stop', step: { do: 'stop', timeoutS: 60 } },
    },
    {
      name: 'gives a guest the time that was asked for',
      wanted: 'stopped',
      service: { stopTimeoutS: 5 },
      isRunning: true,
      want: { state: 'request_stop', step: { do: 'stop', timeoutS: 5 } },
    },
    {
      name: 'gives no time at all for a hard stop',
      wanted: 'stopped',
      service: { stopTimeoutS: 0 },
      isRunning: true,
      want: { state: 'request_stop', step: { do: 'stop', timeoutS: 0 } },
    },
    {
      name: 'stops what is disabled',
      wanted: 'disabled',
      isRunning: true,
      want: { state: 'request_stop', step: { do: 'stop', timeoutS: 60 } },
    },
    {
      name: 'leaves alone what is stopped and is to be',
      wanted: 'stopped',
      isRunning: false,
      want: { state: 'stopped', step: { do: 'nothing' } },
    },
    {
      name: 'moves before anything else',
      wanted: 'started',
      service: { target: 'pve2' },
      isRunning: false,
      want: { state: 'migrate', step: { do: 'migrate', target: 'pve2' } },
    },
    {
      name: 'moves what runs, running',
      wanted: 'started',
      service: { target: 'pve2' },
      isRunning: true,
      want: { state: 'migrate', step: { do: 'migrate', target: 'pve2' } },
    },
    {
      name: 'does nothing to what is in error',
      wanted: 'started',
      service: { state: 'error' },
      isRunning: false,
      want: { state: 'error', step: { do: 'nothing' } },
    },
    {
      name: 'does not stop what is in error',
      wanted: 'stopped',
      service: { state: 'error' },
      isRunning: true,
      want: { state: 'error', step: { do: 'nothing' } },
    },
    {
      name: 'does not move what is in error',
      wanted: 'started',
      service: { state: 'error', target: 'pve2' },
      isRunning: false,
      want: { state: 'error', step: { do: 'nothing' } },
    },
    {
      name: 'takes an error back when the resource is disabled',
      wanted: 'disabled',
      service: { state: 'error' },
      isRunning: false,
      want: { state: 'stopped', step: { do: 'nothing' } },
    },
  ];
  it.each(rows)('$name', ({ wanted, service, isRunning, want }) => {
    expect(nextStep(wanted, { ...fresh, ...service }, isRunning)).toEqual(want);
  });
});

describe('after a failed start', () => {
  const usual = { maxRestart: 1, maxRelocate: 1 };
  const rows: {
    name: string;
    service?: Partial<HaService>;
    limits?: { maxRestart: number; maxRelocate: number };
    elsewhere?: string;
    want: Partial<HaService>;
  }[] = [
    {
      name: 'it is tried again on its node',
      elsewhere: 'pve2',
      want: { failedStarts: 1, failedNodes: [], target: undefined },
    },
    {
      name: 'it is moved when it failed there too often',
      service: { failedStarts: 1 },
      elsewhere: 'pve2',
      want: { failedStarts: 0, failedNodes: ['pve1'], target: 'pve2' },
    },
    {
      name: 'it is in error when it was moved often enough',
      service: { failedStarts: 1, failedNodes: ['pve3'] },
      elsewhere: 'pve2',
      want: { state: 'error', failedNodes: ['pve3', 'pve1'] },
    },
    {
      name: 'it is tried where it is when there is nowhere else',
      service: { failedStarts: 1 },
      want: { state: 'started', failedStarts: 0, failedNodes: ['pve1'], target: undefined },
    },
    {
      name: 'it is moved at once without restarts',
      limits: { maxRestart: 0, maxRelocate: 1 },
      elsewhere: 'pve3',
      want: { failedStarts: 0, target: 'pve3' },
    },
    {
      name: 'it is in error at once without restarts and moves',
      limits: { maxRestart: 0, maxRelocate: 0 },
      elsewhere: 'pve3',
      want: { state: 'error' },
    },
    {
      name: 'more patience counts on',
      service: { failedStarts: 3 },
      limits: { maxRestart: 5, maxRelocate: 0 },
      elsewhere: 'pve3',
      want: { failedStarts: 4 },
    },
  ];
  it.each(rows)('$name', ({ service, limits = usual, elsewhere, want }) => {
    const before: HaService = { ...fresh, state: 'started', ...service };
    expect(afterFailedStart(before, limits, { node: 'pve1', elsewhere })).toMatchObject(want);
  });

  it('the number of starts is bounded, whatever the limits', () => {
    for (const maxRestart of [0, 1, 3]) {
      for (const maxRelocate of [0, 1, 2]) {
        let service: HaService = { ...fresh, state: 'started' };
        let starts = 0;
        for (; service.state !== 'error'; starts += 1)
          service = afterFailedStart(
            { ...service, target: undefined },
            { maxRestart, maxRelocate },
            {
              node: 'pve1',
              elsewhere: 'pve2',
            },
          );
        expect({ maxRestart, maxRelocate, starts }).toEqual({
          maxRestart,
          maxRelocate,
          starts: (maxRestart + 1) * (maxRelocate + 1),
        });
      }
    }
  });
});
