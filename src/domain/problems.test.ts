// Values from outside in messages.
import { describe, expect, it } from 'vitest';
import { quoted } from './problems.ts';

describe('quoted', () => {
  it.each([
    { name: 'a word', text: 'web', want: '"web"' },
    { name: 'nothing', text: '', want: '""' },
    { name: 'control characters', text: 'a\nb\u0000"c"', want: '"a\\nb\\u0000\\"c\\""' },
    { name: 'the longest text that fits', text: 'x'.repeat(60), want: `"${'x'.repeat(60)}"` },
    { name: 'a longer text', text: 'x'.repeat(61), want: `"${'x'.repeat(57)}..."` },
  ])('shows $name', ({ text, want }) => {
    expect(quoted(text)).toBe(want);
  });
});
