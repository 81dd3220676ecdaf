// Messages for people: no secrets, one line, bounded.
import { describe, expect, it } from 'vitest';
import { DnsError, MAX_MESSAGE_LENGTH, presentable } from './provider.ts';

describe('presentable', () => {
  it.each([
    { name: 'nothing to do', message: 'A sentence.', secrets: [], want: 'A sentence.' },
    { name: 'a secret', message: 'key s3cret and s3cret', secrets: ['s3cret'], want: 'key [redacted] and [redacted]' },
    { name: 'an empty secret is none', message: 'abc', secrets: [''], want: 'abc' },
    { name: 'a secret that looks like a pattern', message: 'a.b axb', secrets: ['a.b'], want: '[redacted] axb' },
    { name: 'several lines', message: ' one\n\ttwo\u0007three ', secrets: [], want: 'one two three' },
  ])('$name', ({ message, secrets, want }) => {
    expect(presentable(message, secrets)).toBe(want);
  });

  it('shortens', () => {
    expect(presentable('x'.repeat(MAX_MESSAGE_LENGTH))).toHaveLength(MAX_MESSAGE_LENGTH);
    const shortened = presentable('x'.repeat(MAX_MESSAGE_LENGTH + 1));
    expect(shortened).toHaveLength(MAX_MESSAGE_LENGTH);
    expect(shortened.endsWith('…')).toBe(true);
  });
});

describe('DnsError', () => {
  it('carries its kind and keeps secrets out of message and stack', () => {
    const error = new DnsError('refused', 'The server said: bad key hunter2', ['hunter2']);
    expect(error).toMatchObject({ name: 'DnsError', kind: 'refused', message: 'The server said: bad key [redacted]' });
    expect(`${error.stack}`).not.toContain('hunter2');
  });
});
