// Tests of the certificates, read by Node's own parser.
import { createPrivateKey, createPublicKey, createSign, createVerify, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createAuthority, serviceAccountKeys } from './certificates.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const authority = await createAuthority(now);
const ca = new X509Certificate(authority.certificate);

describe('the authority', () => {
  test('may sign, and signed itself', () => {
    expect(ca.ca).toBe(true);
    expect(ca.verify(ca.publicKey)).toBe(true);
  });
  test('is valid a little before now', () => {
    expect(Date.parse(ca.validFrom)).toBe(now - 3_600_000);
    expect(Date.parse(ca.validTo)).toBeGreaterThan(now + 300 * 24 * 3_600_000);
  });
});

describe('a server certificate', async () => {
  const pair = await authority.server(['localhost', 'kubernetes.default.svc']);
  const certificate = new X509Certificate(pair.certificate);
  test('is signed by the authority and no authority itself', () => {
    expect(certificate.checkIssued(ca)).toBe(true);
    expect(certificate.verify(ca.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
  });
  test('fits its key', () => {
    expect(certificate.checkPrivateKey(createPrivateKey(pair.key))).toBe(true);
  });
  test('is for loopback and its names only', () => {
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.checkHost('localhost')).toBe('localhost');
    expect(certificate.checkHost('kubernetes.default.svc')).toBe('kubernetes.default.svc');
    expect(certificate.checkHost('example.com')).toBeUndefined();
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  });
});

describe('a client certificate', () => {
  test.each([
    ['admin', 'system:masters', 'O=system:masters\nCN=admin'],
    ['system:kube-controller-manager', undefined, 'CN=system:kube-controller-manager'],
  ])('of %s', async (user, group, subject) => {
    const certificate = new X509Certificate((await authority.client(user, group)).certificate);
    expect(certificate.subject).toBe(subject);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(certificate.verify(ca.publicKey)).toBe(true);
  });
  test('serial numbers differ', async () => {
    const [one, two] = await Promise.all([authority.client('a'), authority.client('a')]);
    expect(new X509Certificate(one.certificate).serialNumber).not.toBe(
      new X509Certificate(two.certificate).serialNumber,
    );
  });
});

test('service-account keys are a pair', () => {
  const { privateKey, publicKey } = serviceAccountKeys();
  const signature = createSign('sha256').update('x').sign(createPrivateKey(privateKey));
  expect(createVerify('sha256').update('x').verify(createPublicKey(publicKey), signature)).toBe(true);
});
