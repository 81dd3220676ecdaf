// Which operation comes first, and which makes another one pointless.
import { describe, expect, test } from 'vitest';
import { anOperation } from '../../test/builders/operations.ts';
import { OPERATION_TYPES, type OperationType } from '../api/virtual-machine-operation.ts';
import { isLater, supersedes } from './operations-order.ts';

const made = (name: string, creationTimestamp: string | undefined, type: OperationType = 'Start') =>
  anOperation(type, { metadata: { name, creationTimestamp } });

describe('the order', () => {
  test.each([
    { name: 'by time', left: made('a', '2026-03-01T10:00:01Z'), right: made('b', '2026-03-01T10:00:00Z'), want: true },
    {
      name: 'by time, the other way',
      left: made('b', '2026-03-01T10:00:00Z'),
      right: made('a', '2026-03-01T10:00:01Z'),
      want: false,
    },
    {
      name: 'by name within a second',
      left: made('b', '2026-03-01T10:00:00Z'),
      right: made('a', '2026-03-01T10:00:00Z'),
      want: true,
    },
    {
      name: 'not after itself',
      left: made('a', '2026-03-01T10:00:00Z'),
      right: made('a', '2026-03-01T10:00:00Z'),
      want: false,
    },
    {
      name: 'across midnight',
      left: made('a', '2026-03-02T00:00:00Z'),
      right: made('b', '2026-03-01T23:59:59Z'),
      want: true,
    },
  ])('$name: later is $want', ({ left, right, want }) => {
    expect(isLater(left, right)).toBe(want);
  });
});

const POWER: readonly OperationType[] = ['Start', 'Stop', 'Reboot', 'Reset'];
const STEPS = OPERATION_TYPES.filter((type) => /^(Set|Create)/.test(type));
const UNTOUCHED: readonly OperationType[] = ['ResetStatus', 'RetryTerminate', 'Adopt'];

describe('a later operation', () => {
  const rows = OPERATION_TYPES.map((type): { type: OperationType; want: readonly OperationType[] } => {
    if (POWER.includes(type)) return { type, want: POWER };
    if (type === 'Reinstall' || type === 'Redeploy') {
      return { type, want: [type, ...POWER, ...STEPS, 'ChangePackage', 'ResetPassword'] };
    }
    return { type, want: [type] };
  });

  test.each(rows)('$type takes the place of $want', ({ type, want }) => {
    const later = made('z', '2026-03-01T10:00:01Z', type);
    const replaced = OPERATION_TYPES.filter((earlier) => supersedes(later, made('a', '2026-03-01T10:00:00Z', earlier)));
    expect(replaced.toSorted()).toEqual([...want].toSorted());
  });

  test('of single steps there are eleven, DNS records among them', () => {
    expect(STEPS).toHaveLength(11);
    expect(STEPS).toContain('SetDNSRecords');
  });

  test.each(UNTOUCHED)('never takes the place of %s by being a reinstallation', (type) => {
    expect(supersedes(made('z', '2026-03-01T10:00:01Z', 'Reinstall'), made('a', '2026-03-01T10:00:00Z', type))).toBe(
      false,
    );
  });

  test('only if it is later', () => {
    expect(supersedes(made('a', '2026-03-01T10:00:00Z'), made('b', '2026-03-01T10:00:00Z'))).toBe(false);
    const one = made('a', '2026-03-01T10:00:00Z');
    expect(supersedes(one, one)).toBe(false);
  });
});
