// PowerDNS over https: a private certificate is accepted with its CA, and only with it.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import * as x509 from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPowerDns } from './powerdns.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

async function selfSigned(address: string): Promise<{ certificate: string; key: string }> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=powerdns test',
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true),
      new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: address }]),
    ],
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { certificate: certificate.toString('pem'), key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY') };
}

describe('https', () => {
  let server: Server;
  let ca = '';
  let url = '';
  beforeAll(async () => {
    const { certificate, key } = await selfSigned('127.0.0.1');
    ca = certificate;
    server = createServer({ cert: certificate, key }, (_request, response) => {
      response.end(JSON.stringify({ name: 'example.com.', kind: 'Native' }));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('trusts the given CA', async () => {
    const dns = createPowerDns({ url, apiKey: 'key', zone: 'example.com', ca });
    await expect(dns.test(new AbortController().signal)).resolves.toBeUndefined();
    await dns.close();
  });

  it('trusts nobody else, and names the reason', async () => {
    const dns = createPowerDns({ url, apiKey: 'key', zone: 'example.com' });
    await expect(dns.test(new AbortController().signal)).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT'),
    });
    await dns.close();
  });
});
