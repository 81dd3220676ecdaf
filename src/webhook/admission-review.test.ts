// Reading questions of the API server and writing answers: what is understood, what is turned away, what clients can read.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AdmissionRequest, answerOf, failureOf, readAdmissionReview } from './admission-review.ts';
import type { Reason } from './rule.ts';

const vm = (cpuCores: number) => ({
  apiVersion: 'pve-operator.io/v1alpha1',
  kind: 'VirtualMachine',
  metadata: { name: 'web', namespace: 'customer-1' },
  spec: { planRef: { name: 'kvm' }, options: { cpuCores } },
});
const user = { username: 'anna', uid: 'u-1', groups: ['customers'], extra: { scopes: ['a'] } };
const base = {
  uid: 'r-1',
  kind: { group: 'pve-operator.io', version: 'v1alpha1', kind: 'VirtualMachine' },
  resource: { group: 'pve-operator.io', version: 'v1alpha1', resource: 'virtualmachines' },
  requestKind: {},
  name: 'web',
  namespace: 'customer-1',
  operation: 'CREATE',
  userInfo: user,
  object: vm(1),
  oldObject: null,
  dryRun: false,
  options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
};
const body = (request: unknown, envelope: object = {}) =>
  JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request, ...envelope });

function read(request: object): AdmissionRequest {
  const result = readAdmissionReview(body({ ...base, ...request }));
  if (!result.ok) throw new Error(result.problem);
  return result.request;
}

describe('a question', () => {
  const anna = { name: 'anna', uid: 'u-1', groups: ['customers'], extra: { scopes: ['a'] } };

  test.each<{ name: string; request: object; want: object }>([
    { name: 'CREATE', request: {}, want: { verb: 'CREATE', object: vm(1), user: anna, namespace: 'customer-1' } },
    {
      name: 'UPDATE',
      request: { operation: 'UPDATE', object: vm(2), oldObject: vm(1) },
      want: { verb: 'UPDATE', object: vm(2), old: vm(1) },
    },
    {
      name: 'DELETE: the object is the one that would go',
      request: { operation: 'DELETE', object: null, oldObject: vm(1) },
      want: { verb: 'DELETE', object: vm(1) },
    },
    { name: 'a trial', request: { dryRun: true }, want: { dryRun: true } },
    { name: 'an object of the whole cluster', request: { namespace: undefined }, want: { namespace: '' } },
    { name: 'nobody in particular', request: { userInfo: {} }, want: { user: { name: '', groups: [] } } },
    { name: 'fields of a newer API server', request: { novelty: [1] }, want: { verb: 'CREATE' } },
  ])('$name', ({ request, want }) => expect(read(request)).toMatchObject({ uid: 'r-1', review: want }));

  test('has no old object but in an UPDATE', () => {
    expect(read({ oldObject: vm(1) }).review).not.toHaveProperty('old');
    expect(read({ operation: 'DELETE', object: vm(2), oldObject: vm(1) }).review).not.toHaveProperty('old');
  });

  test('has no name yet where the API server makes it', () => {
    const object = { ...vm(1), metadata: { generateName: 'web-' } };
    expect(read({ object }).review.object.metadata).toEqual({ name: '', generateName: 'web-' });
  });
});

describe('what is none', () => {
  test.each<{ name: string; text: string; problem: string }>([
    { name: 'nothing', text: '', problem: 'no JSON' },
    { name: 'half a text', text: body(base).slice(0, 100), problem: 'no JSON' },
    { name: 'a list', text: '[]', problem: 'see the body' },
    { name: 'null', text: 'null', problem: 'see the body' },
    { name: 'an older version', text: body(base, { apiVersion: 'admission.k8s.io/v1beta1' }), problem: 'apiVersion' },
    { name: 'another kind', text: body(base, { kind: 'Pod' }), problem: 'see kind' },
    { name: 'no request', text: body(undefined), problem: 'see request' },
    { name: 'no uid', text: body({ ...base, uid: '' }), problem: 'request.uid' },
    { name: 'CONNECT', text: body({ ...base, operation: 'CONNECT' }), problem: 'request.operation' },
    { name: 'an object without kind', text: body({ ...base, object: { metadata: {} } }), problem: 'request.object' },
    {
      name: 'metadata that is a text',
      text: body({ ...base, object: { ...vm(1), metadata: 'x' } }),
      problem: 'metadata',
    },
    { name: 'groups that are no list', text: body({ ...base, userInfo: { groups: 'x' } }), problem: 'groups' },
    { name: 'a CREATE of nothing', text: body({ ...base, object: null }), problem: 'lacks its object' },
    {
      name: 'an UPDATE of nothing',
      text: body({ ...base, operation: 'UPDATE' }),
      problem: 'lacks its object or oldObject',
    },
    {
      name: 'a DELETE of nothing',
      text: body({ ...base, operation: 'DELETE' }),
      problem: 'lacks its object or oldObject',
    },
    {
      name: 'an object of another kind',
      text: body({ ...base, object: { ...vm(1), kind: 'Plan' } }),
      problem: 'another kind',
    },
    {
      name: 'an object of another group',
      text: body({ ...base, object: { ...vm(1), apiVersion: 'example.com/v1' } }),
      problem: 'another kind',
    },
  ])('$name', ({ text, problem }) => {
    expect(readAdmissionReview(text)).toEqual({ ok: false, problem: expect.stringContaining(problem) });
  });

  test('is told without a word of what was sent', () => {
    const text = body({ ...base, operation: 's3cret', uid: { s3cret: 1 }, userInfo: 's3cret' });
    expect(JSON.stringify(readAdmissionReview(text))).not.toContain('s3cret');
  });

  test('whatever it is, is turned away and never thrown at the server', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((value) => body(value)),
    );
    fc.assert(fc.property(anything, (text) => !readAdmissionReview(text).ok));
  });

  test('deep nesting is read or turned away', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    expect(readAdmissionReview(deep).ok).toBe(false);
    expect(readAdmissionReview(body(base).replace('"dryRun":false', `"deep":${deep}`))).toMatchObject({ ok: true });
  });
});

const reason = (code: Reason['code'], path = 'spec.options.cpuCores', message = `${code} it is.`): Reason => ({
  code,
  path,
  message,
});

describe('an answer', () => {
  const ask = () => read({});

  test('allows', () => {
    expect(answerOf(ask(), { allowed: true, reasons: [], warnings: [] })).toEqual({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: 'r-1', allowed: true },
    });
  });

  test('allows with warnings, as many and as long as the API server takes', () => {
    const warnings = Array.from({ length: 20 }, () => 'w'.repeat(500));
    const { response } = answerOf(ask(), { allowed: true, reasons: [], warnings }) as {
      response: { warnings: string[] };
    };
    expect(response.warnings).toHaveLength(8);
    expect(response.warnings.every((text) => text.length === 256 && text.endsWith('…'))).toBe(true);
  });

  test('refuses with everything that a machine needs: field, code, sentence', () => {
    const reasons = [reason('DiskShrink', 'spec.options.systemDiskGiB'), reason('OptionUnknown', 'spec.options.x')];
    expect(answerOf(ask(), { allowed: false, reasons, warnings: [] })).toMatchObject({
      response: {
        uid: 'r-1',
        allowed: false,
        status: {
          status: 'Failure',
          code: 422,
          reason: 'Invalid',
          message: 'DiskShrink it is. OptionUnknown it is.',
          details: {
            name: 'web',
            group: 'pve-operator.io',
            kind: 'VirtualMachine',
            causes: [
              { reason: 'DiskShrink', field: 'spec.options.systemDiskGiB', message: 'DiskShrink it is.' },
              { reason: 'OptionUnknown', field: 'spec.options.x', message: 'OptionUnknown it is.' },
            ],
          },
        },
      },
    });
  });

  test.each<{ codes: Reason['code'][]; want: { code: number; reason: string } }>([
    { codes: ['AccessDenied'], want: { code: 403, reason: 'Forbidden' } },
    { codes: ['InUse'], want: { code: 409, reason: 'Conflict' } },
    { codes: ['InUse', 'AccessDenied'], want: { code: 403, reason: 'Forbidden' } },
    { codes: ['AccessDenied', 'DiskShrink'], want: { code: 422, reason: 'Invalid' } },
    { codes: ['InUse', 'DiskShrink'], want: { code: 422, reason: 'Invalid' } },
  ])('for $codes has the status $want.code', ({ codes, want }) => {
    const judgement = { allowed: false, reasons: codes.map((code) => reason(code)), warnings: [] };
    expect(answerOf(ask(), judgement)).toMatchObject({ response: { status: want } });
  });

  test('has bounds, however much there is to say', () => {
    const reasons = Array.from({ length: 100 }, () => reason('DiskShrink', 'spec', 'x'.repeat(300)));
    const { response } = answerOf(ask(), { allowed: false, reasons, warnings: [] }) as {
      response: { status: { message: string; details: { causes: unknown[] } } };
    };
    expect(response.status.message).toHaveLength(2048);
    expect(response.status.details.causes).toHaveLength(32);
  });

  test.each([
    { code: 500 as const, reason: 'InternalError' },
    { code: 503 as const, reason: 'ServiceUnavailable' },
    { code: 504 as const, reason: 'Timeout' },
  ])('that could not be judged has the status $code', ({ code, reason: word }) => {
    expect(failureOf(ask(), { code, message: 'Try again.' })).toMatchObject({
      response: { uid: 'r-1', allowed: false, status: { code, reason: word, message: 'Try again.' } },
    });
  });
});
