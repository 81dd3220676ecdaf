// When which certificate is made: tables over sets that were really signed, and a whole year in virtual time.
import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { newAuthority, newCertificateSet, newServing } from './certificate-authority.ts';
import {
  bundleOf,
  type CertificateAction,
  type CertificateFacts,
  type CertificateSet,
  certificateSetOf,
  isUsable,
  nextCertificateAction,
  secretValuesOf,
  servingPairOf,
  TIMES,
} from './certificates.ts';

const DAY = 86_400_000;
const START = Date.parse('2026-03-01T10:00:00Z');
const NAMES = ['pve-operator-webhook.pve-operator-system.svc', '127.0.0.1'];
const times = { authorityMs: 300 * DAY, servingMs: 90 * DAY, overlapMs: 60_000, lookMs: 5000 };
const issuance = (now: number, names: readonly string[] = NAMES) => ({ now, names, times });

let set: CertificateSet;
let later: CertificateSet;
beforeAll(async () => {
  set = await newCertificateSet(issuance(START));
  later = await newCertificateSet(issuance(START + 200 * DAY));
});

describe('what is signed', () => {
  test('is for the names, by the authority, for its time', () => {
    const authority = new X509Certificate(set.authority.certificate);
    const serving = new X509Certificate(set.serving.certificate);
    expect(serving.verify(authority.publicKey)).toBe(true);
    expect(serving.checkIssued(authority)).toBe(true);
    expect(serving.checkHost(NAMES[0] ?? '')).toBe(NAMES[0]);
    expect(serving.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect({ authority: authority.ca, serving: serving.ca }).toEqual({ authority: true, serving: false });
    expect(serving.validToDate.getTime()).toBe(START + 90 * DAY);
    expect(authority.validToDate.getTime()).toBe(START + 300 * DAY);
    expect(serving.validFromDate.getTime()).toBe(START - 3_600_000);
    expect(serving.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  });

  test('does not outlive its authority', async () => {
    const serving = await newServing(set.authority, issuance(START + 290 * DAY));
    expect(new X509Certificate(serving.certificate).validToDate.getTime()).toBe(START + 300 * DAY);
  });

  test('has names and numbers that tell two authorities apart', async () => {
    const other = new X509Certificate((await newAuthority(issuance(START))).certificate);
    const one = new X509Certificate(set.authority.certificate);
    expect(other.subject).not.toBe(one.subject);
    expect(other.serialNumber).not.toBe(one.serialNumber);
    expect(new X509Certificate(set.serving.certificate).checkIssued(other)).toBe(false);
  });
});

describe('a pair is usable', () => {
  test.each<{ name: string; pair: () => Parameters<typeof isUsable>[0]; now?: number; want: boolean }>([
    { name: 'in its time', pair: () => set.serving, want: true },
    { name: 'at its last moment', pair: () => set.serving, now: START + 90 * DAY - 1, want: true },
    { name: 'not after it', pair: () => set.serving, now: START + 90 * DAY, want: false },
    { name: 'not before it', pair: () => set.serving, now: START - 3_600_001, want: false },
    { name: 'not with a foreign key', pair: () => ({ ...set.serving, key: set.authority.key }), want: false },
    { name: 'not when it is none', pair: () => ({ certificate: 'x', key: 'y' }), want: false },
    { name: 'not without its key', pair: () => ({ ...set.serving, key: '' }), want: false },
  ])('$name', ({ pair, now = START, want }) => expect(isUsable(pair(), now)).toBe(want));
});

describe('what is due', () => {
  const staged = async (): Promise<CertificateSet> => ({ ...set, next: later.authority, changedAt: START + 200 * DAY });

  test.each<{
    name: string;
    facts: () => Partial<CertificateFacts> | Promise<Partial<CertificateFacts>>;
    want: CertificateAction | CertificateAction['do'];
  }>([
    { name: 'nothing is stored', facts: () => ({ stored: undefined }), want: 'start' },
    { name: 'a fresh set', facts: () => ({}), want: { do: 'nothing', until: START + 60 * DAY } },
    { name: 'a third of the certificate is left', facts: () => ({ now: START + 60 * DAY }), want: 'renew' },
    { name: 'a moment more is left', facts: () => ({ now: START + 60 * DAY - 1 }), want: 'nothing' },
    { name: 'the certificate has ended', facts: () => ({ now: START + 100 * DAY }), want: 'renew' },
    { name: 'another name is called', facts: () => ({ names: [...NAMES, 'other.svc'] }), want: 'renew' },
    { name: 'another address is called', facts: () => ({ names: ['10.0.0.1'] }), want: 'renew' },
    { name: 'fewer names are called', facts: () => ({ names: ['127.0.0.1'] }), want: 'nothing' },
    { name: 'a foreign certificate', facts: () => ({ stored: { ...set, serving: later.serving } }), want: 'renew' },
    { name: 'the authority has ended', facts: () => ({ now: START + 300 * DAY }), want: 'start' },
    {
      name: 'the authority is no certificate',
      facts: () => ({ stored: { ...set, authority: { certificate: '', key: '' } } }),
      want: 'start',
    },
    {
      name: 'a third of the authority is left',
      facts: async () => ({
        stored: { ...set, serving: await newServing(set.authority, issuance(START + 200 * DAY)) },
        now: START + 200 * DAY,
      }),
      want: 'stage',
    },
    {
      name: 'the next one is trusted for too short a time',
      facts: async () => ({
        stored: { ...(await staged()), serving: await newServing(set.authority, issuance(START + 200 * DAY)) },
        now: START + 200 * DAY + 59_999,
      }),
      want: { do: 'nothing', until: START + 200 * DAY + 60_000 },
    },
    {
      name: 'the next one is trusted for long enough',
      facts: async () => ({
        stored: { ...(await staged()), serving: await newServing(set.authority, issuance(START + 200 * DAY)) },
        now: START + 200 * DAY + 60_000,
      }),
      want: 'promote',
    },
    {
      name: 'nobody has been told of the next one',
      facts: async () => ({
        stored: { ...(await staged()), serving: await newServing(set.authority, issuance(START + 200 * DAY)) },
        now: START + 201 * DAY,
        published: false,
      }),
      want: 'nothing',
    },
    {
      name: 'the next one is none',
      facts: async () => ({
        stored: {
          ...set,
          serving: await newServing(set.authority, issuance(START + 200 * DAY)),
          next: { certificate: 'x', key: 'y' },
        },
        now: START + 200 * DAY,
      }),
      want: 'stage',
    },
    {
      name: 'the previous one may still be shown',
      facts: () => ({ stored: { ...set, previous: later.authority.certificate }, now: START + 59_999 }),
      want: 'nothing',
    },
    {
      name: 'the previous one is shown by nobody',
      facts: () => ({ stored: { ...set, previous: later.authority.certificate }, now: START + 60_000 }),
      want: 'retire',
    },
  ])('$name', async ({ facts, want }) => {
    const action = nextCertificateAction({
      stored: set,
      names: NAMES,
      published: true,
      now: START,
      times,
      ...(await facts()),
    });
    if (typeof want === 'string') expect(action.do).toBe(want);
    else expect(action).toEqual(want);
  });

  test('an authority that is near its end and cannot be replaced is not asked for certificates again and again', async () => {
    const now = START + 290 * DAY;
    const stored = {
      ...set,
      serving: await newServing(set.authority, issuance(now)),
      next: later.authority,
      changedAt: now,
    };
    expect(nextCertificateAction({ stored, names: NAMES, published: false, now, times }).do).toBe('nothing');
  });

  test('the times make an authority outlive what it has signed', () => {
    expect(TIMES.authorityMs / 3).toBeGreaterThan(TIMES.servingMs);
  });
});

describe('the bundle', () => {
  test('has every authority once, each ending with a line break', () => {
    const { certificate } = set.authority;
    const bundle = bundleOf({
      ...set,
      authority: { ...set.authority, certificate: certificate.trim() },
      next: later.authority,
      previous: certificate,
    });
    expect(bundle.match(/-----BEGIN CERTIFICATE-----\n/g)).toHaveLength(3);
    expect(bundle.endsWith('-----END CERTIFICATE-----\n')).toBe(true);
    expect(bundle).not.toContain('-----END CERTIFICATE----------BEGIN');
    expect(bundle).not.toContain('PRIVATE');
  });
});

describe('the Secret', () => {
  const texts = (values: ReturnType<typeof secretValuesOf>): Record<string, string> =>
    Object.fromEntries(Object.entries(values).flatMap(([key, text]) => (text === null ? [] : [[key, text]])));

  test('gives back what was put in', () => {
    const full = { ...set, next: later.authority, previous: later.authority.certificate };
    for (const one of [set, full]) expect(certificateSetOf(texts(secretValuesOf(one)))).toEqual(one);
  });

  test('says which values are to go', () => {
    expect(secretValuesOf(set)).toMatchObject({ 'next-ca.crt': null, 'next-ca.key': null, 'previous-ca.crt': null });
  });

  test.each(['ca.crt', 'ca.key', 'tls.crt', 'tls.key', 'changed-at'])('without %s is none', (key) => {
    expect(certificateSetOf({ ...texts(secretValuesOf(set)), [key]: '' })).toBeUndefined();
  });

  test('of cert-manager has a serving certificate and no more', () => {
    const values = { 'tls.crt': 'c', 'tls.key': 'k', 'ca.crt': 'a' };
    expect(servingPairOf(values)).toEqual({ certificate: 'c', key: 'k' });
    expect(servingPairOf({ 'tls.crt': 'c' })).toBeUndefined();
    expect(certificateSetOf(values)).toBeUndefined();
  });
});
