// Tests what the client sends for every call, what it makes of answers, and what it repeats.
import { expect, test } from 'vitest';
import { createVirtualClock } from '../../test/kube/virtual-clock.ts';
import { createClientOn, type KubeClient, type RequestSample, type WatchEvent } from './client.ts';
import { KubeError } from './errors.ts';
import type { Transport, TransportAnswer, TransportRequest } from './transport.ts';
import type { KubeObject, ResourceType } from './types.ts';

interface Thing extends KubeObject {
  spec?: { size: number };
}
const things: ResourceType<Thing> = { group: 'x.io', version: 'v1', kind: 'Thing', plural: 'things', namespaced: true };
const base = '/apis/x.io/v1/namespaces/n/things';
const stored = { metadata: { name: 'a', namespace: 'n', resourceVersion: '5' }, spec: { size: 1 } };
const typed = { apiVersion: 'x.io/v1', kind: 'Thing' };

type Answer = Partial<TransportAnswer> | Error;

function answer(status: number, body: unknown, headers: TransportAnswer['headers'] = {}): Answer {
  return { status, text: JSON.stringify(body), headers };
}

function refusalAnswer(status: number, reason: string, headers: TransportAnswer['headers'] = {}): Answer {
  return answer(status, { kind: 'Status', code: status, reason, message: `it is ${reason}` }, headers);
}

function aClient(...answers: Answer[]) {
  const sent: TransportRequest[] = [];
  const samples: RequestSample[] = [];
  const warnings: string[] = [];
  const clock = createVirtualClock();
  let refreshes = 0;
  const next = async (request: TransportRequest): Promise<Partial<TransportAnswer>> => {
    sent.push(request);
    await Promise.resolve();
    request.signal?.throwIfAborted();
    const given = answers.shift() ?? answer(200, stored);
    if (given instanceof Error) throw given;
    return given;
  };
  const transport: Transport = {
    request: async (request) => ({ status: 200, headers: {}, text: '{}', ...(await next(request)) }),
    async stream(request) {
      const given = await next(request);
      async function* body(): AsyncGenerator<Uint8Array> {
        if (given.text !== undefined) yield new TextEncoder().encode(given.text);
      }
      return { status: given.status ?? 200, headers: given.headers ?? {}, body: body(), close: () => undefined };
    },
    refreshCredentials: () => {
      refreshes += 1;
    },
    close: () => Promise.resolve(),
  };
  const client = createClientOn({
    transport,
    clock,
    fieldManager: 'tests',
    onRequest: (sample) => samples.push(sample),
    onWarning: (warning) => warnings.push(warning),
  });
  const line = (): unknown => {
    const [request] = sent;
    const body: unknown = request?.body === undefined ? undefined : JSON.parse(request.body);
    return [`${request?.method} ${request?.path}`, request?.headers?.['content-type'], body];
  };
  return { client, clock, sent, samples, warnings, line, refreshes: () => refreshes };
}

const target = { name: 'a', namespace: 'n' };

test.each<{ name: string; call: (client: KubeClient) => Promise<unknown>; want: unknown[] }>([
  { name: 'get', call: (client) => client.get(things, 'a', 'n'), want: [`GET ${base}/a`, undefined, undefined] },
  {
    name: 'list of all namespaces',
    call: (client) => client.list(things),
    want: ['GET /apis/x.io/v1/things', undefined, undefined],
  },
  {
    name: 'list with everything',
    call: (client) =>
      client.list(things, {
        namespace: 'n',
        labelSelector: 'a=b,c',
        fieldSelector: 'metadata.name=a',
        limit: 5,
        continueToken: 't',
        resourceVersion: '0',
      }),
    want: [
      `GET ${base}?labelSelector=a%3Db%2Cc&fieldSelector=metadata.name%3Da&limit=5&continue=t&resourceVersion=0`,
      undefined,
      undefined,
    ],
  },
  {
    name: 'create',
    call: (client) => client.create(things, { metadata: target, spec: { size: 2 } }),
    want: [`POST ${base}?fieldManager=tests`, 'application/json', { metadata: target, spec: { size: 2 }, ...typed }],
  },
  {
    name: 'create, dry run',
    call: (client) => client.create(things, { metadata: target }, { dryRun: true }),
    want: [`POST ${base}?fieldManager=tests&dryRun=All`, 'application/json', { metadata: target, ...typed }],
  },
  {
    name: 'merge patch of the status',
    call: (client) => client.patch(things, target, { status: {} }, { kind: 'merge', subresource: 'status' }),
    want: [`PATCH ${base}/a/status?fieldManager=tests`, 'application/merge-patch+json', { status: {} }],
  },
  {
    name: 'json patch',
    call: (client) => client.patch(things, target, [{ op: 'remove', path: '/spec' }], { kind: 'json' }),
    want: [`PATCH ${base}/a?fieldManager=tests`, 'application/json-patch+json', [{ op: 'remove', path: '/spec' }]],
  },
  {
    name: 'apply',
    call: (client) => client.patch(things, target, { spec: { size: 3 } }, { kind: 'apply', force: true }),
    want: [
      `PATCH ${base}/a?fieldManager=tests&force=true`,
      'application/apply-patch+yaml',
      { ...typed, spec: { size: 3 } },
    ],
  },
  {
    name: 'replace',
    call: (client) => client.replace(things, { ...typed, ...stored }),
    want: [`PUT ${base}/a?fieldManager=tests`, 'application/json', { ...typed, ...stored }],
  },
  {
    name: 'delete with preconditions',
    call: (client) =>
      client.delete(things, 'a', 'n', { uid: 'u', resourceVersion: '5', propagationPolicy: 'Background' }),
    want: [
      `DELETE ${base}/a`,
      'application/json',
      {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        preconditions: { uid: 'u', resourceVersion: '5' },
        propagationPolicy: 'Background',
      },
    ],
  },
])('$name', async ({ call, want }) => {
  const { client, line } = aClient();
  await call(client);
  expect(line()).toEqual(want);
});

test('objects of lists are completed with their kind', async () => {
  const list = { metadata: { resourceVersion: '9', continue: 'more' }, items: [stored] };
  const { client } = aClient(
    answer(200, list),
    answer(200, { metadata: { resourceVersion: '9', continue: '' }, items: null }),
  );
  expect(await client.list(things)).toEqual({
    items: [{ ...stored, ...typed }],
    resourceVersion: '9',
    continueToken: 'more',
  });
  expect(await client.list(things)).toEqual({ items: [], resourceVersion: '9', continueToken: undefined });
});

test.each([
  { name: 'not found', given: refusalAnswer(404, 'NotFound'), want: { status: 404, reason: 'NotFound' } },
  { name: 'conflict', given: refusalAnswer(409, 'Conflict'), want: { status: 409, reason: 'Conflict' } },
  { name: 'a page of a proxy', given: { status: 502, text: '<html>' }, want: { status: 502, reason: 'BadGateway' } },
  { name: 'success without JSON', given: { status: 200, text: '<html>' }, want: { status: 0, reason: 'Unreadable' } },
])('$name is a KubeError that names the call', async ({ given, want }) => {
  const { client } = aClient(given);
  const error: unknown = await client.get(things, 'a', 'n').catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(KubeError);
  expect(error).toMatchObject(want);
  expect((error as KubeError).message).toMatch(/^get things n\/a: /);
});

const reset = new Error('ECONNRESET');
const patch = (client: KubeClient): Promise<unknown> => client.patch(things, target, {}, { kind: 'merge' });
const get = (client: KubeClient): Promise<unknown> => client.get(things, 'a', 'n');

test.each<{
  name: string;
  call: (client: KubeClient) => Promise<unknown>;
  answers: Answer[];
  requests: number;
  fails?: object;
  waitedMs: number;
}>([
  { name: 'a read after a broken connection', call: get, answers: [reset], requests: 2, waitedMs: 0 },
  {
    name: 'a read only once',
    call: get,
    answers: [reset, reset],
    requests: 2,
    fails: { reason: 'Network', status: 0 },
    waitedMs: 0,
  },
  {
    name: 'never a write: it may have happened',
    call: patch,
    answers: [reset],
    requests: 1,
    fails: { reason: 'Network' },
    waitedMs: 0,
  },
  {
    name: 'a throttled write, after the time the server names',
    call: patch,
    answers: [refusalAnswer(429, 'TooManyRequests', { 'retry-after': '3' })],
    requests: 2,
    waitedMs: 3_000,
  },
  {
    name: 'a throttled call not for ever',
    call: patch,
    answers: Array.from({ length: 9 }, () => refusalAnswer(429, 'TooManyRequests')),
    requests: 5,
    fails: { reason: 'TooManyRequests' },
    waitedMs: 4_000,
  },
  {
    name: 'an absurd wait is cut short',
    call: get,
    answers: [refusalAnswer(429, 'TooManyRequests', { 'retry-after': '3600' })],
    requests: 2,
    waitedMs: 10_000,
  },
  {
    name: 'an expired token, once',
    call: patch,
    answers: [refusalAnswer(401, 'Unauthorized')],
    requests: 2,
    waitedMs: 0,
  },
  {
    name: 'a token that stays refused',
    call: get,
    answers: [refusalAnswer(401, 'Unauthorized'), refusalAnswer(401, 'Unauthorized')],
    requests: 2,
    fails: { reason: 'Unauthorized' },
    waitedMs: 0,
  },
  {
    name: 'not a server error',
    call: get,
    answers: [refusalAnswer(500, 'InternalError')],
    requests: 1,
    fails: { status: 500 },
    waitedMs: 0,
  },
])('repeats $name', async ({ call, answers, requests, fails, waitedMs }) => {
  const { client, clock, sent } = aClient(...answers);
  const outcome = call(client).then(
    () => undefined,
    (error: unknown) => error,
  );
  await clock.advance(waitedMs);
  const error = await outcome;
  expect(sent).toHaveLength(requests);
  if (fails === undefined) expect(error).toBeUndefined();
  else expect(error).toMatchObject(fails);
});

test('a 401 makes the next attempt read the credentials anew', async () => {
  const { client, refreshes } = aClient(refusalAnswer(401, 'Unauthorized'));
  await client.get(things, 'a', 'n');
  expect(refreshes()).toBe(1);
});

test("an abort rejects with the caller's own reason, also while throttled", async () => {
  const { client, clock } = aClient(refusalAnswer(429, 'TooManyRequests', { 'retry-after': '5' }));
  const abort = new AbortController();
  const outcome = client.get(things, 'a', 'n', { signal: abort.signal }).catch((error: unknown) => error);
  await clock.advance(1_000);
  abort.abort(new Error('stopping'));
  expect(await outcome).toMatchObject({ message: 'stopping' });
});

test('every request is counted and timed, warnings are passed on', async () => {
  const { client, samples, warnings } = aClient(
    answer(200, stored, { warning: '299 - "deprecated"' }),
    refusalAnswer(404, 'NotFound'),
  );
  await client.get(things, 'a', 'n');
  await client.get(things, 'b', 'n').catch(() => undefined);
  await client.patch(things, target, {}, { kind: 'merge', subresource: 'status' });
  expect(client.requestCounts()).toEqual({ 'get things': 2, 'patch things/status': 1 });
  expect(samples.map(({ verb, resource, status }) => [verb, resource, status])).toEqual([
    ['get', 'things', 200],
    ['get', 'things', 404],
    ['patch', 'things/status', 200],
  ]);
  expect(warnings).toEqual(['299 - "deprecated"']);
});

async function watched(given: Answer) {
  const { client, line } = aClient(given);
  const events: WatchEvent<Thing>[] = [];
  let opened = 0;
  const options = { namespace: 'n', resourceVersion: '5', timeoutSeconds: 300, signal: new AbortController().signal };
  const outcome = await client
    .watch(things, { ...options, onOpen: () => (opened += 1) }, (event) => events.push(event))
    .catch((error: unknown) => error);
  return { events, outcome, opened, line };
}

const lines = (...events: object[]): Answer => ({ text: events.map((event) => `${JSON.stringify(event)}\n`).join('') });

test('a watch delivers events until it ends', async () => {
  const { events, outcome, opened, line } = await watched(
    lines(
      { type: 'ADDED', object: stored },
      { type: 'BOOKMARK', object: { kind: 'Thing', metadata: { resourceVersion: '8' } } },
    ),
  );
  expect(line()).toEqual([
    `GET ${base}?watch=true&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=300`,
    undefined,
    undefined,
  ]);
  expect(events.map((event) => [event.type, event.object.metadata.resourceVersion])).toEqual([
    ['ADDED', '5'],
    ['BOOKMARK', '8'],
  ]);
  expect(events[0]?.object).toMatchObject(typed);
  expect([outcome, opened]).toEqual([undefined, 1]);
});

test.each([
  { name: 'refused', given: refusalAnswer(410, 'Expired'), opened: 0, want: { status: 410 } },
  {
    name: 'an error inside the stream',
    given: lines({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } }),
    opened: 1,
    want: { status: 410, reason: 'Expired' },
  },
  {
    name: 'throttled',
    given: refusalAnswer(429, 'TooManyRequests', { 'retry-after': '7' }),
    opened: 0,
    want: { retryAfterMs: 7_000 },
  },
  { name: 'no connection', given: reset, opened: 0, want: { status: 0, reason: 'Network' } },
  { name: 'a line that is no JSON', given: { text: 'oops\n' }, opened: 1, want: { reason: 'Unreadable' } },
])('a watch ends with: $name', async ({ given, opened, want }) => {
  const result = await watched(given);
  expect(result.outcome).toMatchObject(want);
  expect(result.opened).toBe(opened);
});
