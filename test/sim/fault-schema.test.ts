// Tests of faults as JSON and of which request a fault strikes: a round trip, every wrong field, and a model of the counting.
import { array, assert as holds, constantFrom, integer, nat, option, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { faultJson, faultOf, faultSchema } from './fault-schema.ts';
import { Faults } from './faults.ts';
import type { FaultEffect } from './faults.ts';
import { Lab, operatorToken } from './testing.ts';

const fault = { match: {}, when: 'before', effect: 'reset' };

/** Paths of the wrong fields; none when it was taken. */
function wrongFields(json: unknown): string[] {
  const result = faultSchema.safeParse(json);
  return result.success ? [] : result.error.issues.map((issue) => issue.path.join('.'));
}

describe('a fault as JSON', () => {
  const good: { name: string; json: object }[] = [
    { name: 'the least', json: fault },
    { name: 'of a method', json: { ...fault, match: { method: 'PUT' } } },
    { name: 'of a path', json: { ...fault, match: { path: '^/nodes/[^/]+/qemu/\\d+/clone$' } } },
    { name: 'of a path with slashes in a class', json: { ...fault, match: { path: '[/]config$' } } },
    { name: 'of the third request', json: { ...fault, match: { nth: 3 } } },
    { name: 'of a share', json: { ...fault, match: { share: 0.01 } } },
    { name: 'afterwards', json: { ...fault, when: 'after' } },
    { name: 'several times', json: { ...fault, times: 1000 } },
    { name: 'no answer', json: { ...fault, effect: 'timeout' } },
    { name: 'half an answer', json: { ...fault, effect: 'truncate' } },
    { name: 'a delay', json: { ...fault, effect: { delayMs: 0 } } },
    { name: 'a drip', json: { ...fault, effect: { dripMs: 5000 } } },
    { name: 'another answer', json: { ...fault, effect: { status: 596, reason: 'Broken pipe' } } },
    { name: 'another answer with a body', json: { ...fault, effect: { status: 500, reason: '', body: '{}' } } },
    { name: 'a kill', json: { ...fault, effect: { kill: 4711 } } },
    { name: 'a stop', json: { ...fault, effect: { kill: 4711, signal: 'SIGSTOP' } } },
  ];
  it.each(good)('$name is taken, and listed as it was given', ({ json }) => {
    expect(wrongFields(json)).toEqual([]);
    expect(faultJson(faultOf(faultSchema.parse(json)))).toEqual(json);
  });

  const bad: { name: string; json: unknown; at: string }[] = [
    { name: 'no match', json: { ...fault, match: undefined }, at: 'match' },
    { name: 'no moment', json: { ...fault, when: undefined }, at: 'when' },
    { name: 'another moment', json: { ...fault, when: 'during' }, at: 'when' },
    { name: 'no effect', json: { ...fault, effect: undefined }, at: 'effect' },
    { name: 'an unknown effect', json: { ...fault, effect: 'explode' }, at: 'effect' },
    { name: 'two effects at once', json: { ...fault, effect: { delayMs: 1, dripMs: 1 } }, at: 'effect' },
    { name: 'a delay below zero', json: { ...fault, effect: { delayMs: -1 } }, at: 'effect.delayMs' },
    { name: 'an answer without a reason', json: { ...fault, effect: { status: 500 } }, at: 'effect' },
    { name: 'a status of two digits', json: { ...fault, effect: { status: 99, reason: '' } }, at: 'effect.status' },
    { name: 'a status of four digits', json: { ...fault, effect: { status: 1000, reason: '' } }, at: 'effect.status' },
    { name: 'the kill of every process', json: { ...fault, effect: { kill: -1 } }, at: 'effect.kill' },
    { name: 'the kill of the first process', json: { ...fault, effect: { kill: 1 } }, at: 'effect.kill' },
    { name: 'the kill of the own group', json: { ...fault, effect: { kill: 0 } }, at: 'effect.kill' },
    { name: 'another signal', json: { ...fault, effect: { kill: 4711, signal: 'SIGHUP' } }, at: 'effect' },
    { name: 'a broken pattern', json: { ...fault, match: { path: '[' } }, at: 'match.path' },
    { name: 'a zeroth request', json: { ...fault, match: { nth: 0 } }, at: 'match.nth' },
    { name: 'a share above one', json: { ...fault, match: { share: 1.1 } }, at: 'match.share' },
    { name: 'a share below zero', json: { ...fault, match: { share: -0.1 } }, at: 'match.share' },
    { name: 'no times', json: { ...fault, times: 0 }, at: 'times' },
    { name: 'half a time', json: { ...fault, times: 0.5 }, at: 'times' },
    { name: 'an unknown field', json: { ...fault, node: 'pve1' }, at: '' },
    { name: 'an unknown condition', json: { ...fault, match: { vmid: 100 } }, at: 'match' },
  ];
  it.each(bad)('$name is refused at its field', ({ json, at }) => {
    expect(wrongFields(json)).toContain(at);
  });
});

describe('which request is struck', () => {
  const kind = constantFrom<[string, string]>(['GET', '/version'], ['POST', '/clone'], ['GET', '/nodes']);
  const match = record({
    method: option(constantFrom('GET', 'POST'), { nil: undefined }),
    path: option(constantFrom(/version/, /clone/, /./), { nil: undefined }),
    nth: option(integer({ min: 1, max: 4 }), { nil: undefined }),
  });

  it('follows from counting what matches: the nth, and as many after it as asked for', () => {
    holds(
      property(array(kind, { maxLength: 20 }), match, integer({ min: 1, max: 5 }), (requests, condition, times) => {
        const faults = new Faults();
        faults.add({ match: condition, when: 'before', effect: 'reset', times });
        const struck = requests.map(([method, path]) => faults.take(method, path) !== undefined);
        let seen = 0;
        const want = requests.map(([method, path]) => {
          const fits = (condition.method ?? method) === method && (condition.path?.test(path) ?? true);
          if (!fits) return false;
          seen += 1;
          const first = condition.nth ?? 1;
          return seen >= first && seen < first + times;
        });
        expect(struck).toEqual(want);
      }),
    );
  });

  it('is decided by the fault that was armed first', () => {
    holds(
      property(nat({ max: 5 }), nat({ max: 5 }), (first, second) => {
        const faults = new Faults();
        const effects: FaultEffect[] = ['reset', 'timeout'];
        for (const [index, times] of [first + 1, second + 1].entries())
          faults.add({ match: {}, when: 'before', effect: effects[index] ?? 'reset', times });
        const taken = Array.from({ length: first + second + 4 }, () => faults.take('GET', '/x')?.effect);
        expect(taken.filter((effect) => effect === 'reset')).toHaveLength(first + 1);
        expect(taken.lastIndexOf('reset')).toBeLessThan(taken.indexOf('timeout'));
        expect(faults.list()).toEqual([]);
      }),
    );
  });

  it('by a share is about that share, for any seed', () => {
    holds(
      property(integer({ min: 1, max: 1000 }), constantFrom(0.1, 0.5, 0.9), (seed, share) => {
        const faults = new Faults(seed);
        faults.add({ match: { share }, when: 'before', effect: 'reset', times: 10_000 });
        const count = Array.from({ length: 1000 }, () => faults.take('GET', '/x')).filter(Boolean).length;
        expect(Math.abs(count / 1000 - share)).toBeLessThan(0.08);
      }),
      { numRuns: 20 },
    );
  });
});

describe('an effect on a call without a socket', () => {
  const path = '/nodes/pve1/qemu/9000/config';
  const change = { method: 'PUT', path, params: { cores: 3 }, authorization: operatorToken };

  const breaking: { effect: FaultEffect; want: string }[] = [
    { effect: 'reset', want: 'the connection was broken on purpose (reset)' },
    { effect: 'timeout', want: 'the connection was broken on purpose (hang)' },
    { effect: 'truncate', want: 'the connection was broken on purpose (truncate)' },
  ];
  for (const when of ['before', 'after'] as const) {
    it.each(breaking)(`$effect ${when} the change`, async ({ effect, want }) => {
      const lab = new Lab();
      lab.simulator.faults.add({ match: { method: 'PUT' }, when, effect });
      await expect(lab.clock.runUntil(lab.simulator.handle(change))).rejects.toThrow(want);
      expect(await lab.config(9000)).toMatchObject({ cores: when === 'after' ? 3 : 1 });
      expect(lab.simulator.requests[0]).toMatchObject({ status: 0, reason: expect.stringContaining('broken') });
    });
  }

  const answers = [595, 596, 599, 500, 502, 503, 504].flatMap((status) =>
    (['before', 'after'] as const).map((when) => ({ status, when })),
  );
  it.each(answers)('$status $when the change', async ({ status, when }) => {
    const lab = new Lab();
    lab.simulator.faults.add({ match: { method: 'PUT' }, when, effect: { status, reason: 'as told', body: 'x' } });
    const answer = await lab.clock.runUntil(lab.simulator.handle(change));
    expect(answer).toEqual({ status, reason: 'as told', body: 'x', headers: {} });
    expect(await lab.config(9000)).toMatchObject({ cores: when === 'after' ? 3 : 1 });
    expect(lab.simulator.requests[0]).toMatchObject({ status, reason: 'as told' });
  });

  it('a delay before the change leaves time for others, a delay after it does not', async () => {
    for (const when of ['before', 'after'] as const) {
      const lab = new Lab();
      lab.simulator.faults.add({ match: { method: 'PUT' }, when, effect: { delayMs: 5000 } });
      const sent = lab.simulator.handle(change);
      await lab.clock.advance(2000);
      const meanwhile = (await lab.config(9000))['cores'];
      await lab.clock.runUntil(sent);
      expect({ when, meanwhile, at: lab.clock.now() - Date.UTC(2026, 10, 22, 5) }).toEqual({
        when,
        meanwhile: when === 'before' ? 1 : 3,
        at: 5000,
      });
    }
  });

  it('a pause shows the test what is held, and waits for it', async () => {
    const lab = new Lab();
    const held: unknown[] = [];
    lab.simulator.faults.add({
      match: { method: 'PUT' },
      when: 'before',
      effect: {
        meanwhile: async (request) => {
          held.push(request.method, request.path, request.params);
          await lab.clock.sleep(3000);
          lab.simulator.setLock(9000, 'backup');
        },
      },
    });
    expect(await lab.clock.runUntil(lab.simulator.handle(change))).toMatchObject({ reason: 'VM is locked (backup)' });
    expect(held).toEqual(['PUT', path, { cores: 3 }]);
  });

  it('a fault does not strike what goes to a node that is down', async () => {
    const lab = new Lab();
    lab.simulator.nodeDown('pve1');
    lab.simulator.faults.add({ match: {}, when: 'before', effect: { status: 599, reason: 'x' }, times: 9 });
    await expect(lab.simulator.handle(change)).rejects.toThrow('reset');
  });
});
