// Tests that events are counted instead of repeated, bounded, and never in the way.
import { expect, test } from 'vitest';
import { createFakeKube, refusal } from '../../test/kube/fake-kube.ts';
import { createVirtualClock, settle } from '../../test/kube/virtual-clock.ts';
import {
  createEventRecorder,
  type EventInput,
  type EventRecorderOptions,
  eventType,
  type KubeEvent,
} from './events.ts';
import type { KubeObject } from './types.ts';

const vm: KubeObject = {
  apiVersion: 'x/v1',
  kind: 'Thing',
  metadata: { name: 'web', namespace: 'n', uid: 'uid-1', resourceVersion: '7' },
};
const started: EventInput = { type: 'Normal', reason: 'Started', message: 'The thing was started.' };

function aRecorder(options: Partial<EventRecorderOptions> = {}) {
  const kube = createFakeKube();
  const clock = createVirtualClock();
  const errors: unknown[] = [];
  const recorder = createEventRecorder({
    client: kube.client,
    component: 'example.io/operator',
    instance: 'pod-1',
    clock,
    onError: (error) => errors.push(error),
    ...options,
  });
  const stored = async (): Promise<KubeEvent[]> => (await kube.client.list<KubeEvent>(eventType)).items;
  const writes = (): string[] => kube.calls.map((call) => call.split(' ')[0] ?? '').filter((verb) => verb !== 'list');
  return { kube, clock, errors, recorder, stored, writes };
}

test('one event', async () => {
  const { recorder, stored } = aRecorder();
  recorder.emit(vm, { ...started, action: 'Deploy' });
  await recorder.flush();
  const [event, ...others] = await stored();
  expect(others).toEqual([]);
  expect(event).toMatchObject({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    eventTime: '2026-01-01T00:00:00.000000Z',
    reportingController: 'example.io/operator',
    reportingInstance: 'pod-1',
    action: 'Deploy',
    reason: 'Started',
    note: 'The thing was started.',
    type: 'Normal',
    regarding: { apiVersion: 'x/v1', kind: 'Thing', name: 'web', namespace: 'n', uid: 'uid-1', resourceVersion: '7' },
  });
  expect(event?.series).toBeUndefined();
  expect(event?.metadata.namespace).toBe('n');
  expect(event?.metadata.name).toMatch(/^web\.[0-9a-f]{16}$/);
});

test('events about cluster-scoped objects are in namespace default, and the action is the reason when not given', async () => {
  const { recorder, stored } = aRecorder();
  recorder.emit({ ...vm, metadata: { name: 'cluster', uid: 'u' } }, started);
  await recorder.flush();
  expect((await stored())[0]).toMatchObject({ metadata: { namespace: 'default' }, action: 'Started' });
});

test('repetitions are one object and at most one write per interval', async () => {
  const { clock, recorder, stored, writes } = aRecorder();
  for (let second = 0; second < 180; second += 1) {
    recorder.emit(vm, started);
    await clock.advance(1_000);
    expect(clock.pending()).toBeLessThanOrEqual(1);
  }
  await recorder.flush();
  const events = await stored();
  expect(events).toHaveLength(1);
  expect(events[0]?.series).toEqual({ count: 180, lastObservedTime: '2026-01-01T00:02:59.000000Z' });
  expect(writes()[0]).toBe('create');
  expect(writes().length).toBeLessThanOrEqual(5);
});

test.each<{ name: string; other: [KubeObject, EventInput] }>([
  { name: 'reason', other: [vm, { ...started, reason: 'Stopped' }] },
  { name: 'message', other: [vm, { ...started, message: 'Another.' }] },
  { name: 'type', other: [vm, { ...started, type: 'Warning' }] },
  { name: 'object', other: [{ ...vm, metadata: { ...vm.metadata, uid: 'uid-2' } }, started] },
])('another $name is another event', async ({ other }) => {
  const { recorder, stored } = aRecorder();
  recorder.emit(vm, started);
  recorder.emit(...other);
  await recorder.flush();
  expect(await stored()).toHaveLength(2);
});

test('after a long pause it is news again', async () => {
  const { clock, recorder, stored } = aRecorder();
  recorder.emit(vm, started);
  await clock.advance(600_001);
  recorder.emit(vm, started);
  await recorder.flush();
  expect(await stored()).toHaveLength(2);
});

test('a count for an event that the server has forgotten makes it anew', async () => {
  const { kube, clock, recorder, stored } = aRecorder();
  recorder.emit(vm, started);
  await recorder.flush();
  const [event] = await stored();
  kube.drop(eventType, `n/${event?.metadata.name}`);
  recorder.emit(vm, started);
  await clock.advance(60_000);
  await recorder.flush();
  expect((await stored())[0]?.series?.count).toBe(2);
});

test('ever new texts about one object are cut off, those about others are not', async () => {
  const { clock, recorder, stored } = aRecorder({ burst: 3, refillMs: 10_000 });
  for (let count = 0; count < 50; count += 1) recorder.emit(vm, { ...started, message: `Try ${count}.` });
  recorder.emit({ ...vm, metadata: { ...vm.metadata, uid: 'uid-2' } }, started);
  await recorder.flush();
  expect(await stored()).toHaveLength(4);
  await clock.advance(20_000);
  for (let count = 100; count < 150; count += 1) recorder.emit(vm, { ...started, message: `Try ${count}.` });
  await recorder.flush();
  expect(await stored()).toHaveLength(6);
});

test('a failing API server is reported, never thrown, and does not stop later events', async () => {
  const { kube, recorder, errors, stored } = aRecorder();
  kube.failNext('create', { kind: 'refuse', error: refusal(403, 'Forbidden') });
  recorder.emit(vm, started);
  recorder.emit(vm, { ...started, reason: 'Stopped' });
  await recorder.flush();
  expect(errors).toHaveLength(1);
  expect(await stored()).toHaveLength(1);
});

test('a flush leaves no timer behind', async () => {
  const { clock, recorder, stored } = aRecorder();
  recorder.emit(vm, started);
  recorder.emit(vm, started);
  await settle();
  expect(clock.pending()).toBe(1);
  await recorder.flush();
  expect(clock.pending()).toBe(0);
  expect((await stored())[0]?.series?.count).toBe(2);
});

test.each([
  { name: 'a long note', message: 'x'.repeat(5_000) },
  { name: 'a long note of wide characters', message: 'ż'.repeat(1_000) },
])('$name is cut to what the API server takes, at a whole character', async ({ message }) => {
  const { recorder, stored } = aRecorder();
  recorder.emit(vm, { ...started, message });
  await recorder.flush();
  const note = (await stored())[0]?.note ?? '';
  expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1_024);
  expect(Buffer.byteLength(note)).toBeGreaterThan(1_000);
  expect(note).toMatch(/^(x+|ż+)…$/u);
});
