// Makes and signs the certificates of the webhook (X.509, ECDSA on P-256).
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import type { CertificateSet, CertificateTimes, KeyPair } from './certificates.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
// An API server whose clock is a little behind must not find a fresh certificate "not yet valid".
const BACKDATED_MS = 3_600_000;

export interface Issuance {
  /** Names and addresses that the API server calls the webhook by. */
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly times: CertificateTimes;
}

/** A whole set, for a start from nothing. */
export async function newCertificateSet(issuance: Issuance): Promise<CertificateSet> {
  const authority = await newAuthority(issuance);
  return { authority, serving: await newServing(authority, issuance), changedAt: issuance.now };
}

/** An authority that may sign nothing but certificates of servers. */
export async function newAuthority({ now, times }: Omit<Issuance, 'names'>): Promise<KeyPair> {
  const keys = await newKeys();
  const serialNumber = newSerialNumber();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // Two authorities are trusted at a time, and are told apart by their names.
    name: `CN=pve-operator webhook authority ${serialNumber}`,
    ...validity(now, now + times.authorityMs),
    keys,
    serialNumber,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  return pem(certificate, keys);
}

/** A certificate for the webhook's names; it ends no later than its authority. */
export async function newServing(authority: KeyPair, { names, now, times }: Issuance): Promise<KeyPair> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=pve-operator webhook',
    ...validity(now, Math.min(now + times.servingMs, issuer.notAfter.getTime())),
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey: await signingKey(authority.key),
    serialNumber: newSerialNumber(),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
      ),
    ],
  });
  return pem(certificate, keys);
}

function validity(now: number, until: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now - BACKDATED_MS), notAfter: new Date(until) };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function signingKey(key: string): Promise<webcrypto.CryptoKey> {
  const [der = new ArrayBuffer(0)] = x509.PemConverter.decode(key);
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}

async function pem(certificate: x509.X509Certificate, keys: webcrypto.CryptoKeyPair): Promise<KeyPair> {
  const der = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`,
  };
}

function newSerialNumber(): string {
  // The first bit must be clear: a serial number is a positive integer (RFC 5280, 4.1.2.2).
  return `01${randomBytes(8).toString('hex')}`;
}
