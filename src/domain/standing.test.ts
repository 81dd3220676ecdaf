// What Ready says of a VM that is in place: who wants it as it is.
import { describe, expect, test } from 'vitest';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { type PowerSpec, standing } from './standing.ts';

const unpaid = { reason: 'unpaid' };

describe('a VM that is in place', () => {
  const rows: {
    name: string;
    spec?: PowerSpec;
    seen: VirtualMachineStatus['powerState'];
    want: string;
    says: RegExp;
  }[] = [
    { name: 'runs', seen: 'Running', want: 'Ready', says: /up as declared/ },
    { name: 'runs, as far as was ever seen', seen: undefined, want: 'Ready', says: /up as declared/ },
    { name: 'may run or not', seen: 'Unknown', want: 'Ready', says: /not known/ },
    {
      name: 'may run or not, and is to be stopped',
      spec: { runStrategy: 'Halted' },
      seen: 'Unknown',
      want: 'Ready',
      says: /not known/,
    },
    { name: 'is stopped', seen: 'Stopped', want: 'StoppedByHand', says: /it is stopped.*type Start/ },
    {
      name: 'is stopped, power being left to people',
      spec: { runStrategy: 'Manual' },
      seen: 'Stopped',
      want: 'StoppedByHand',
      says: /it is stopped/,
    },
    {
      name: 'is stopped as declared',
      spec: { runStrategy: 'Halted' },
      seen: 'Stopped',
      want: 'Halted',
      says: /runStrategy is Halted/,
    },
    {
      name: 'is suspended',
      spec: { suspension: unpaid },
      seen: 'Stopped',
      want: 'Suspended',
      says: /suspended.*: unpaid$/,
    },
    {
      name: 'is suspended, which beats the strategy',
      spec: { suspension: unpaid, runStrategy: 'Halted' },
      seen: 'Stopped',
      want: 'Suspended',
      says: /suspended/,
    },
    {
      name: 'is to be suspended and runs still',
      spec: { suspension: unpaid },
      seen: 'Running',
      want: 'Ready',
      says: /up/,
    },
  ];
  test.each(rows)('$name: $want', ({ spec = {}, seen, want, says }) => {
    const { reason, message } = standing(spec, seen);
    expect(reason).toBe(want);
    expect(message).toMatch(says);
  });

  test('is told in as many characters as a message may have', () => {
    expect(standing({ suspension: { reason: 'x'.repeat(256) } }, 'Stopped').message).toHaveLength(300);
  });
});
