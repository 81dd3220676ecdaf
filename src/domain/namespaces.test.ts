// Which namespaces may use an object.
import { describe, expect, it } from 'vitest';
import { namespaceAllowed } from './namespaces.ts';

describe('namespaceAllowed', () => {
  it.each([
    { name: 'no list', allowed: undefined, want: true },
    { name: 'an empty list', allowed: { names: [] }, want: false },
    { name: 'a list with it', allowed: { names: ['other', 'team'] }, want: true },
    { name: 'a list without it', allowed: { names: ['other', 'team-2', 'tea'] }, want: false },
  ])('$name → $want', ({ allowed, want }) => {
    expect(namespaceAllowed(allowed, 'team')).toBe(want);
  });
});
