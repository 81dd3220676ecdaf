// Turns: one at a time, in order, whatever happens to the others.
import { describe, expect, it } from 'vitest';
import { Turns } from './turns.ts';

describe('Turns', () => {
  it('runs one task at a time, in order', async () => {
    const turns = new Turns();
    const log: string[] = [];
    const first = Promise.withResolvers<void>();
    const one = turns.run(async () => {
      log.push('one begins');
      await first.promise;
      log.push('one ends');
      return 1;
    });
    const two = turns.run(async () => {
      log.push('two');
      return 2;
    });
    await Promise.resolve();
    first.resolve();
    expect(await Promise.all([one, two])).toEqual([1, 2]);
    expect(log).toEqual(['one begins', 'one ends', 'two']);
  });

  it('goes on after a failure, which only its caller sees', async () => {
    const turns = new Turns();
    const failing = turns.run(() => Promise.reject(new Error('broken')));
    const next = turns.run(() => Promise.resolve('next'));
    await expect(failing).rejects.toThrow('broken');
    expect(await next).toBe('next');
  });
});
