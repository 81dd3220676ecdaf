// Tests that credentials are read rarely, anew when refused, and that changed certificates are noticed.
import { KubeConfig } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { createVirtualClock } from '../../test/kube/virtual-clock.ts';
import { createCredentialSource } from './credentials.ts';

interface User {
  name: string;
  token?: string;
  username?: string;
  password?: string;
  certData?: string;
  keyData?: string;
}

function aSource(user: Omit<User, 'name'>) {
  const clock = createVirtualClock();
  const kubeConfig = new KubeConfig();
  const given: User = { name: 'u', ...user };
  kubeConfig.loadFromClusterAndUser(
    { name: 'c', server: 'https://192.0.2.1', skipTLSVerify: false, tlsServerName: 'api' },
    given,
  );
  let reads = 0;
  const apply = kubeConfig.applyToHTTPSOptions.bind(kubeConfig);
  kubeConfig.applyToHTTPSOptions = (options) => {
    reads += 1;
    return apply(options);
  };
  return { clock, user: given, source: createCredentialSource(kubeConfig, clock), reads: () => reads };
}

test.each([
  { name: 'token', user: { token: 't' }, want: 'Bearer t' },
  { name: 'password', user: { username: 'u', password: 'p' }, want: `Basic ${Buffer.from('u:p').toString('base64')}` },
])('$name', async ({ user, want }) => {
  expect((await aSource(user).source.current()).headers).toEqual({ Authorization: want });
});

test('client certificates and the server name reach TLS', async () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const { source } = aSource({ certData: base64('cert'), keyData: base64('key') });
  const { tls, headers } = await source.current();
  expect([tls.cert, tls.key, tls.servername]).toEqual([Buffer.from('cert'), Buffer.from('key'), 'api']);
  expect(headers).toEqual({});
});

test('is read once in ten seconds, and anew after a refusal', async () => {
  const { clock, user, source, reads } = aSource({ token: 'first' });
  await Promise.all([source.current(), source.current()]);
  user.token = 'second';
  expect((await source.current()).headers['Authorization']).toBe('Bearer first');
  expect(reads()).toBe(1);
  source.invalidate();
  expect((await source.current()).headers['Authorization']).toBe('Bearer second');
  user.token = 'third';
  await clock.advance(10_001);
  expect((await source.current()).headers['Authorization']).toBe('Bearer third');
});

test('the fingerprint changes with the certificate, not with the token', async () => {
  const { user, source } = aSource({ token: 'first' });
  const fingerprint = async (): Promise<string> => {
    source.invalidate();
    return (await source.current()).tlsFingerprint;
  };
  const before = await fingerprint();
  user.token = 'second';
  expect(await fingerprint()).toBe(before);
  user.certData = Buffer.from('new').toString('base64');
  expect(await fingerprint()).not.toBe(before);
});

test('a failed read is not kept', async () => {
  const { source, user } = aSource({});
  const broken = user as User & { certFile?: string };
  broken.certFile = '/nonexistent/cert';
  await expect(source.current()).rejects.toThrow('ENOENT');
  broken.certFile = undefined;
  expect((await source.current()).headers).toEqual({});
});
