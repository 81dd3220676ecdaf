// Tests what results and errors mean for a key, and how a controller stops.
import { expect, test } from 'vitest';
import { createVirtualClock, settle } from '../../test/kube/virtual-clock.ts';
import { createController, type ReconcileOutcome, type ReconcileResult } from './controller.ts';
import { KubeError } from './errors.ts';
import type { Log } from './log.ts';
import { createWorkQueue } from './work-queue.ts';

function conflict(): KubeError {
  return new KubeError({ status: 409, reason: 'Conflict', message: 'changed' });
}

function recordingLog() {
  const lines: [string, string, object][] = [];
  const at = (level: string) => (fields: object, message: string) => void lines.push([level, message, fields]);
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { log, lines };
}

/** Runs a controller whose reconcile gives the answers in turn, then 'done'. */
function aController(answers: (ReconcileResult | Error)[] = [], workers = 1) {
  const clock = createVirtualClock();
  const queue = createWorkQueue({ clock, random: () => 0 });
  const { log, lines } = recordingLog();
  const outcomes: ReconcileOutcome[] = [];
  const visits: { key: string; at: number }[] = [];
  const abort = new AbortController();
  const controller = createController({
    name: 'test',
    queue,
    workers,
    log,
    clock,
    metrics: { reconciled: (sample) => void outcomes.push(sample.outcome) },
    reconcile(key) {
      visits.push({ key, at: clock.monotonic() });
      const answer = answers.shift() ?? { kind: 'done' as const };
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  });
  return { clock, queue, lines, outcomes, visits, abort, running: controller.run(abort.signal) };
}

test.each<{ name: string; answers: (ReconcileResult | Error)[]; visitsAt: number[]; outcomes: ReconcileOutcome[] }>([
  { name: 'done', answers: [{ kind: 'done' }], visitsAt: [0], outcomes: ['done'] },
  { name: 'after', answers: [{ kind: 'after', ms: 5_000 }], visitsAt: [0, 5_000], outcomes: ['after', 'done'] },
  { name: 'again', answers: [{ kind: 'again' }], visitsAt: [0, 0], outcomes: ['again', 'done'] },
  {
    name: 'retry backs off',
    answers: [{ kind: 'retry' }, { kind: 'retry' }],
    visitsAt: [0, 1_000, 3_000],
    outcomes: ['retry', 'retry', 'done'],
  },
  {
    name: 'success ends the row of failures',
    answers: [{ kind: 'retry' }, { kind: 'after', ms: 10_000 }, { kind: 'retry' }],
    visitsAt: [0, 1_000, 11_000, 12_000],
    outcomes: ['retry', 'after', 'retry', 'done'],
  },
  { name: 'a conflict comes back soon', answers: [conflict()], visitsAt: [0, 200], outcomes: ['conflict', 'done'] },
  { name: 'a throw backs off', answers: [new Error('odd')], visitsAt: [0, 1_000], outcomes: ['error', 'done'] },
])('$name', async ({ answers, visitsAt, outcomes }) => {
  const run = aController(answers);
  run.queue.add('a');
  await run.clock.advance(60_000);
  expect(run.visits).toEqual(visitsAt.map((at) => ({ key: 'a', at })));
  expect(run.outcomes).toEqual(outcomes);
  run.abort.abort();
  await run.running;
});

test('the same failure is logged once, another one again, and a conflict never', async () => {
  const same = (): Error => new Error('unreachable');
  const run = aController([conflict(), same(), same(), new Error('refused'), { kind: 'done' }, same()]);
  run.queue.add('a');
  await run.clock.advance(60_000);
  run.queue.add('a');
  await run.clock.advance(60_000);
  const errors = run.lines
    .filter(([level]) => level === 'error')
    .map(([, , fields]) => (fields as { err: Error }).err.message);
  expect(errors).toEqual(['unreachable', 'refused', 'unreachable']);
  expect(run.lines[0]?.[2]).toMatchObject({ controller: 'test', key: 'a', failures: 1 });
  run.abort.abort();
  await run.running;
});

test('as many keys at once as there are workers, and never one key twice', async () => {
  const clock = createVirtualClock();
  const queue = createWorkQueue({ clock });
  const abort = new AbortController();
  const gates = new Map<string, () => void>();
  const controller = createController({
    name: 'test',
    queue,
    workers: 2,
    clock,
    log: recordingLog().log,
    reconcile: (key) => new Promise((resolve) => gates.set(key, () => resolve({ kind: 'done' }))),
  });
  const running = controller.run(abort.signal);
  for (const key of ['a', 'b', 'c']) queue.add(key);
  await settle();
  expect([...gates.keys()]).toEqual(['a', 'b']);
  expect(controller.busy()).toBe(2);
  queue.add('a');
  gates.get('b')?.();
  await settle();
  expect([...gates.keys()]).toEqual(['a', 'b', 'c']);
  gates.get('a')?.();
  gates.get('c')?.();
  await settle();
  expect(controller.busy()).toBe(1);
  gates.get('a')?.();
  abort.abort();
  await running;
});

test('stopping lets the running call finish and starts no other', async () => {
  const clock = createVirtualClock();
  const queue = createWorkQueue({ clock });
  const abort = new AbortController();
  const started: string[] = [];
  let finish = (): void => undefined;
  let seen: AbortSignal | undefined;
  const controller = createController({
    name: 'test',
    queue,
    workers: 1,
    clock,
    log: recordingLog().log,
    reconcile(key, signal) {
      started.push(key);
      seen = signal;
      return new Promise((resolve) => {
        finish = () => resolve({ kind: 'after', ms: 1_000 });
      });
    },
  });
  let ended = false;
  const running = controller.run(abort.signal).then(() => {
    ended = true;
  });
  queue.add('a');
  queue.add('b');
  await settle();
  abort.abort();
  await settle();
  expect(seen?.aborted).toBe(true);
  expect(ended).toBe(false);
  finish();
  await running;
  expect(started).toEqual(['a']);
  expect(clock.pending()).toBe(0);
});

test('an idle controller stops at once, and a key handed over in that moment is not started', async () => {
  const run = aController();
  await settle();
  run.queue.add('a');
  run.abort.abort();
  await run.running;
  expect(run.visits).toEqual([]);
});

test('a reconcile that ends with the stop is no failure to log', async () => {
  const clock = createVirtualClock();
  const queue = createWorkQueue({ clock });
  const abort = new AbortController();
  const { log, lines } = recordingLog();
  const controller = createController({
    name: 'test',
    queue,
    workers: 1,
    clock,
    log,
    reconcile: (_key, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  });
  const running = controller.run(abort.signal);
  queue.add('a');
  await settle();
  abort.abort(new Error('stop'));
  await running;
  expect(lines).toEqual([]);
});
