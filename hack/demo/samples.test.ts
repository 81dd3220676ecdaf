// Tests of fitting the samples to the demo's servers, with small manifests and with the real ones.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  fitSamples,
  type Manifest,
  parseManifests,
  readManifests,
  type Servers,
  vmKeys,
  zoneNames,
} from './samples.ts';

const proxmox = {
  endpoints: ['https://127.0.0.1:1', 'https://127.0.0.1:2'],
  caPem: '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n',
  tokenID: 'a@pve!b',
  secret: 's',
};
const withDns: Servers = { proxmox, dns: { apiUrl: 'http://127.0.0.1:3', apiKey: 'k' } };
const withoutDns: Servers = { proxmox };

const text = `
apiVersion: v1
kind: Secret
metadata: { name: token, namespace: system }
stringData: { tokenID: example, secret: example }
---
apiVersion: pve-operator.io/v1alpha1
kind: ProxmoxCluster
metadata: { name: lab }
spec:
  endpoints: [https://pve.example.com:8006]
  tokenSecretRef: { name: token }
  limits: { clonesPerNode: 2 }
---
# only a comment
---
apiVersion: v1
kind: Secret
metadata: { name: key, namespace: system }
data: { apiKey: ZXhhbXBsZQ== }
---
apiVersion: pve-operator.io/v1alpha1
kind: DNSZone
metadata: { name: z }
spec:
  zone: example.com
  ttlSeconds: 60
  powerDNS: { url: http://pdns.example.com, serverID: x, apiKeySecretRef: { name: key } }
---
apiVersion: v1
kind: Secret
metadata: { name: other, namespace: system }
stringData: { a: b }
---
apiVersion: pve-operator.io/v1alpha1
kind: VirtualMachine
metadata: { name: web, namespace: a }
spec: {}
---
apiVersion: pve-operator.io/v1alpha1
kind: VirtualMachine
metadata: { name: db }
spec: {}
`;
const manifests = parseManifests(text);

function named(list: readonly Manifest[], kind: string, name: string): Manifest | undefined {
  return list.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
}

describe('parseManifests', () => {
  test('reads every document and passes over empty ones', () => {
    expect(manifests.map(({ kind }) => kind)).toEqual([
      'Secret',
      'ProxmoxCluster',
      'Secret',
      'DNSZone',
      'Secret',
      'VirtualMachine',
      'VirtualMachine',
    ]);
  });
  test('an empty text has none', () => {
    expect(parseManifests('')).toEqual([]);
  });
});

describe('fitSamples', () => {
  const fitted = fitSamples(manifests, withDns);

  test('a cluster gets endpoints and authority, and keeps the rest', () => {
    expect(named(fitted, 'ProxmoxCluster', 'lab')?.spec).toEqual({
      endpoints: proxmox.endpoints,
      tokenSecretRef: { name: 'token' },
      limits: { clonesPerNode: 2 },
      tls: { caBundle: proxmox.caPem },
    });
  });

  test('the Secrets that are referred to get the credentials, whatever they are called', () => {
    expect(named(fitted, 'Secret', 'token')?.stringData).toEqual({ tokenID: 'a@pve!b', secret: 's' });
    expect(named(fitted, 'Secret', 'key')).toMatchObject({ stringData: { apiKey: 'k' } });
    expect(named(fitted, 'Secret', 'key')).not.toHaveProperty('data');
  });

  test('a zone gets the address of the server and keeps the rest', () => {
    expect(named(fitted, 'DNSZone', 'z')?.spec).toEqual({
      zone: 'example.com',
      ttlSeconds: 60,
      powerDNS: { url: 'http://127.0.0.1:3', serverID: 'x', apiKeySecretRef: { name: 'key' } },
    });
  });

  test('everything else is as it was', () => {
    for (const name of ['web', 'db', 'other']) {
      const kind = name === 'other' ? 'Secret' : 'VirtualMachine';
      expect(named(fitted, kind, name)).toEqual(named(manifests, kind, name));
    }
  });

  test('without a DNS server zones and their keys are left out', () => {
    expect(fitSamples(manifests, withoutDns).map(({ metadata }) => metadata.name)).toEqual([
      'token',
      'lab',
      'other',
      'web',
      'db',
    ]);
  });

  test('what was given is not changed', () => {
    expect(manifests).toEqual(parseManifests(text));
  });
});

test('zoneNames', () => {
  expect(zoneNames(manifests)).toEqual(['example.com']);
});

test('vmKeys', () => {
  expect(vmKeys(manifests)).toEqual([
    { namespace: 'a', name: 'web' },
    { namespace: 'default', name: 'db' },
  ]);
});

test('the samples of the repository have what the demo shows', async () => {
  const samples = await readManifests(join(import.meta.dirname, '../../config/samples'));
  const fitted = fitSamples(samples, withDns);
  expect(vmKeys(fitted).length).toBeGreaterThan(0);
  expect(zoneNames(fitted).length).toBeGreaterThan(0);
  const left = JSON.stringify(fitted.filter(({ kind }) => kind === 'ProxmoxCluster' || kind === 'DNSZone'));
  expect(left).not.toMatch(/https?:\/\/[^"]*example/);
});
