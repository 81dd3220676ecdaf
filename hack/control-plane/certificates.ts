// Makes the key pairs of a throw-away control plane: its own CA, the API server's certificate, client certificates.
import 'reflect-metadata';
import { generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const validMs = 365 * 24 * 3_600_000;
// A clock that is a little behind must not make a fresh certificate "not yet valid".
const backdatedMs = 3_600_000;

/** A certificate and its private key, both as PEM text. */
interface KeyPair {
  certificate: string;
  key: string;
}

/** A certificate authority that signs certificates for this control plane only. */
export interface Authority {
  certificate: string;
  /** A certificate for a server on loopback with these names. */
  server(names: readonly string[]): Promise<KeyPair>;
  /** A certificate by which the API server knows a user and its group. */
  client(user: string, group?: string): Promise<KeyPair>;
}

/** Makes an authority; `now` in milliseconds since 1970. */
export async function createAuthority(now: number): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const validity = { notBefore: new Date(now - backdatedMs), notAfter: new Date(now + validMs) };
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: 'CN=local-control-plane',
    keys,
    serialNumber: serialNumber(),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });

  async function issue(subject: string, extensions: x509.Extension[]): Promise<KeyPair> {
    const own = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.create({
      ...validity,
      subject,
      issuer: authority.subject,
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      serialNumber: serialNumber(),
      signingAlgorithm: algorithm,
      extensions: [...extensions, new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true)],
    });
    const der = await webcrypto.subtle.exportKey('pkcs8', own.privateKey);
    return {
      certificate: `${certificate.toString('pem')}\n`,
      key: `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`,
    };
  }

  return {
    certificate: `${authority.toString('pem')}\n`,
    server: (names) =>
      issue('CN=kube-apiserver', [
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([
          { type: 'ip', value: '127.0.0.1' },
          ...names.map((value) => ({ type: 'dns' as const, value })),
        ]),
      ]),
    client: (user, group) =>
      issue(group === undefined ? `CN=${user}` : `O=${group}, CN=${user}`, [
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      ]),
  };
}

/** A key pair for signing service-account tokens, as PEM text. */
export function serviceAccountKeys(): { privateKey: string; publicKey: string } {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
  });
}

function serialNumber(): string {
  // The first bit must be clear: a serial number is a positive integer.
  return `01${randomBytes(8).toString('hex')}`;
}
