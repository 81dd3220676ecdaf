// The server under requests as they come from the API server, and as they come from anybody else.
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newCertificateSet } from './certificate-authority.ts';
import { bundleOf, type CertificateSet, TIMES } from './certificates.ts';
import type { Judgement } from './review.ts';
import { type AdmissionSample, type AdmissionServer, type AdmissionServerOptions, serveAdmission } from './server.ts';

const ALLOWED: Judgement = { allowed: true, reasons: [], warnings: [] };
const vm = { apiVersion: 'pve-operator.io/v1alpha1', kind: 'VirtualMachine', metadata: { name: 'web' }, spec: {} };
const question = (more: object = {}) =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'r-1',
      kind: { group: 'pve-operator.io', kind: 'VirtualMachine' },
      operation: 'CREATE',
      userInfo: { username: 'anna' },
      object: vm,
      ...more,
    },
  });

let set: CertificateSet;
let other: CertificateSet;
beforeAll(async () => {
  const issuance = { names: ['127.0.0.1'], now: Date.now(), times: TIMES };
  set = await newCertificateSet(issuance);
  other = await newCertificateSet(issuance);
});

let judge: AdmissionServerOptions['judge'];
let samples: AdmissionSample[];
let logged: string[];
let server: AdmissionServer;
let limits: AdmissionServerOptions['limits'];
async function serve(): Promise<void> {
  const note = (_: object, text: string) => void logged.push(text);
  server = await serveAdmission({
    host: '127.0.0.1',
    port: 0,
    pair: set.serving,
    judge: (request, signal) => judge(request, signal),
    log: { debug: note, info: note, warn: note, error: note },
    monotonic: () => 0,
    onAnswer: (sample) => samples.push(sample),
    limits: { judgeMs: 200, receiveMs: 300, ...limits },
  });
}
beforeEach(async () => {
  judge = () => Promise.resolve(ALLOWED);
  samples = [];
  logged = [];
  limits = {};
  await serve();
});
afterEach(() => server.close(0));

interface Sent {
  method?: string;
  path?: string;
  type?: string;
  body?: string;
  /** Sent in place of the body's own length. */
  length?: number;
  ca?: string;
}

function send({ method = 'POST', path = '/validate?timeout=5s', type = 'application/json', ...rest }: Sent = {}) {
  const { body = question(), length, ca = bundleOf(set) } = rest;
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const headers = { 'content-type': type, 'content-length': length ?? Buffer.byteLength(body) };
    const options = { host: '127.0.0.1', port: server.port, path, method, ca, headers, agent: false as const };
    const sent = httpsRequest(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const response = async (sent?: Sent) => {
  const { status, text } = await send(sent);
  return { ...(JSON.parse(text) as { response: object }).response, status };
};

describe('a question', () => {
  test('is answered', async () => {
    expect(await response()).toEqual({ status: 200, uid: 'r-1', allowed: true });
    expect(samples).toEqual([{ kind: 'VirtualMachine', verb: 'CREATE', verdict: 'allowed', durationMs: 0 }]);
  });

  test('that is refused is answered with 200 as well: the refusal is in the answer', async () => {
    const reason = { path: 'spec', code: 'DiskShrink' as const, message: 'No.' };
    judge = () => Promise.resolve({ allowed: false, reasons: [reason], warnings: [] });
    expect(await response()).toMatchObject({ status: 200, allowed: false });
    expect(samples).toMatchObject([{ verdict: 'refused' }]);
  });

  test('that cannot be judged is refused, without a word of what went wrong', async () => {
    judge = () => Promise.reject(new Error('s3cret'));
    const answer = await send();
    expect(JSON.parse(answer.text)).toMatchObject({ response: { allowed: false, status: { code: 500 } } });
    expect(answer.text).not.toContain('s3cret');
    expect(logged).toEqual(['Judging an admission request failed']);
    expect(samples).toMatchObject([{ verdict: 'failed' }]);
  });

  test('that takes too long is refused in time, and the judge is told to stop', async () => {
    let told: AbortSignal | undefined;
    judge = (_, signal) => {
      told = signal;
      return new Promise(() => undefined);
    };
    const answer = await send();
    expect(JSON.parse(answer.text)).toMatchObject({
      response: { allowed: false, status: { code: 504, reason: 'Timeout' } },
    });
    expect(told?.aborted).toBe(true);
  });
});

describe('what is no question', () => {
  test.each<{ name: string; sent: Sent; want: number }>([
    { name: 'another path', sent: { path: '/' }, want: 404 },
    { name: 'a path that leads up', sent: { path: '/validate/../metrics' }, want: 404 },
    { name: 'GET', sent: { method: 'GET', body: '' }, want: 405 },
    { name: 'a form', sent: { type: 'application/x-www-form-urlencoded' }, want: 415 },
    { name: 'YAML', sent: { type: 'application/yaml' }, want: 415 },
    { name: 'nothing', sent: { body: '' }, want: 400 },
    { name: 'half of one', sent: { body: question().slice(0, 40) }, want: 400 },
    { name: 'zeros', sent: { body: '\0'.repeat(1000) }, want: 400 },
    { name: 'an object of another kind', sent: { body: question({ object: { ...vm, kind: 'Plan' } }) }, want: 400 },
    { name: 'a body that says how large it is', sent: { body: '', length: 3 * 2 ** 20 + 1 }, want: 413 },
    { name: 'a body that is too large', sent: { body: ' '.repeat(3 * 2 ** 20 + 1) }, want: 413 },
  ])('$name is answered with $want', async ({ sent, want }) => {
    judge = () => Promise.reject(new Error('It must not be asked.'));
    // The server may hang up on a body that it does not want, before the client has read the answer.
    const answer = await send(sent).catch((error: NodeJS.ErrnoException) => ({ status: error.code, text: '' }));
    expect(want === 413 ? [413, 'EPIPE', 'ECONNRESET'] : [want]).toContain(answer.status);
    expect(samples).toMatchObject([{ verdict: 'unreadable', kind: '' }]);
    judge = () => Promise.resolve(ALLOWED);
    expect(await response()).toMatchObject({ allowed: true });
  });

  test('the largest question is read', async () => {
    const body = question();
    expect(await response({ body: body.padEnd(3 * 2 ** 20) })).toMatchObject({ allowed: true });
  });

  test('many large ones at once do not fill the memory', async () => {
    await server.close(0);
    limits = { bufferedBytes: 100_000 };
    await serve();
    const body = question().padEnd(90_000);
    const held = openRequest(body.slice(0, 60_000), body.length);
    await held.sent;
    const answer = await send({ body }).catch(() => ({ status: 503, text: '' }));
    expect(answer.status).toBe(503);
    held.end();
  });

  test('one that never ends is ended', async () => {
    const held = openRequest(question().slice(0, 10), 1000);
    expect(await held.answer).toMatch(/^(HTTP\/1\.1 408 |$)/);
    expect(await response()).toMatchObject({ allowed: true });
  });

  test('plain text on the port of TLS', async () => {
    await expect(fetch(`http://127.0.0.1:${server.port}/validate`)).rejects.toThrow();
    expect(await response()).toMatchObject({ allowed: true });
  });
});

/** Sends headers and a part of the body, and keeps the rest. */
function openRequest(part: string, length: number) {
  const sent = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<string>();
  let text = '';
  const socket = connect({ host: '127.0.0.1', port: server.port, ca: bundleOf(set) }, () => {
    const head = ['POST /validate HTTP/1.1', 'host: x', 'content-type: application/json', `content-length: ${length}`];
    socket.write(`${head.join('\r\n')}\r\n\r\n${part}`, () => sent.resolve());
  });
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  socket.on('error', () => undefined).on('close', () => answer.resolve(text));
  return { sent: sent.promise, answer: answer.promise, end: () => socket.destroy() };
}

describe('the certificate', () => {
  test('is another one for whoever comes next', async () => {
    await expect(send({ ca: bundleOf(other) })).rejects.toThrow(/certificate/);
    server.use(other.serving);
    expect((await send({ ca: bundleOf(other) })).status).toBe(200);
    await expect(send()).rejects.toThrow(/certificate/);
  });

  test('is for the names that were asked for and no others', async () => {
    const options = { host: '127.0.0.1', port: server.port, ca: bundleOf(set), servername: 'localhost' };
    const failed = new Promise<Error>((resolve) => connect(options).once('error', resolve));
    expect(await failed).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });
});

describe('the end', () => {
  test('what is being judged gets its answer', async () => {
    const asked = Promise.withResolvers<void>();
    const told = Promise.withResolvers<Judgement>();
    judge = () => {
      asked.resolve();
      return told.promise;
    };
    const answer = response();
    await asked.promise;
    const closed = server.close(0);
    told.resolve(ALLOWED);
    expect(await answer).toMatchObject({ allowed: true });
    await closed;
    await expect(send()).rejects.toThrow('ECONNREFUSED');
  });

  test('questions are answered while it drains, and told to come no more', async () => {
    const closed = server.close(300);
    expect(await response()).toMatchObject({ allowed: true });
    await closed;
    await expect(send()).rejects.toThrow('ECONNREFUSED');
  });

  test('a port that is taken is told', async () => {
    const options = { host: '127.0.0.1', port: server.port, pair: set.serving, judge, monotonic: () => 0 };
    const silent = () => undefined;
    const log = { debug: silent, info: silent, warn: silent, error: silent };
    await expect(serveAdmission({ ...options, log })).rejects.toThrow('EADDRINUSE');
  });
});
