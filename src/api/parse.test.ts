import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { dnsZone } from './dns-zone.ts';
import { ipPool } from './ip-pool.ts';
import type { Kind } from './object.ts';
import { parseSpec, type Problem } from './parse.ts';
import { plan } from './plan.ts';
import { proxmoxCluster } from './proxmox-cluster.ts';
import { virtualMachine } from './virtual-machine.ts';

const vmSpec = { planRef: { name: 'kvm-small' } };
const poolSpec = {
  clusterRef: { name: 'lab' },
  family: 'IPv4',
  bridge: 'vmbr0',
  prefixLength: 24,
  first: '192.0.2.10',
  last: '192.0.2.50',
};
const clusterSpec = { endpoints: ['https://pve1.example.com:8006'], tokenSecretRef: { name: 'token' } };
const planSpec = { clusterRef: { name: 'lab' }, template: { vmid: 9000 } };
const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f';

function problems(kind: Kind, value: unknown): readonly Problem[] {
  const parsed = parseSpec(kind, value);
  return parsed.ok ? [] : parsed.problems;
}

describe('parseSpec', () => {
  test.each<{ name: string; kind: Kind; value: unknown }>([
    { name: 'machine', kind: virtualMachine, value: vmSpec },
    { name: 'options of 0', kind: virtualMachine, value: { ...vmSpec, options: { systemDiskGiB: 0, backups: 0 } } },
    { name: 'panel options', kind: virtualMachine, value: { ...vmSpec, configurableOptions: { 'B|Backup': '3|3' } } },
    { name: 'key with a comment', kind: virtualMachine, value: { ...vmSpec, sshAuthorizedKeys: [`${key} me@home`] } },
    { name: 'key without a comment', kind: virtualMachine, value: { ...vmSpec, sshAuthorizedKeys: [key] } },
    { name: 'pool', kind: ipPool, value: poolSpec },
    {
      name: 'IPv6 pool',
      kind: ipPool,
      value: { ...poolSpec, family: 'IPv6', first: '2001:DB8::1', last: '2001:db8::f' },
    },
    {
      name: 'endpoint by IPv6',
      kind: proxmoxCluster,
      value: { ...clusterSpec, endpoints: ['https://[2001:db8::1]:8006/'] },
    },
    { name: 'plan', kind: plan, value: planSpec },
    {
      name: 'all macros',
      kind: plan,
      value: { ...planSpec, nameRule: 'vm-{client_id}-{random_digit_4}-{random_letter_12}.{year}' },
    },
    { name: 'classless reverse zone', kind: dnsZone, value: { zone: '0/26.2.0.192.in-addr.arpa.' } },
  ])('takes $name as it is', ({ kind, value }) => {
    expect(parseSpec(kind, value)).toEqual({ ok: true, value });
  });

  test('drops what the schema does not know, as the API server does', () => {
    expect(parseSpec(virtualMachine, { ...vmSpec, colour: 'red' })).toEqual({ ok: true, value: vmSpec });
  });

  test.each<{ name: string; kind: Kind; value: unknown; want: Problem }>([
    { name: 'nothing', kind: virtualMachine, value: undefined, want: { path: 'spec', message: 'is missing' } },
    { name: 'a text', kind: virtualMachine, value: 'x', want: { path: 'spec', message: 'must be an object' } },
    { name: 'no plan', kind: virtualMachine, value: {}, want: { path: 'spec.planRef', message: 'is missing' } },
    {
      name: 'no core',
      kind: virtualMachine,
      value: { ...vmSpec, options: { cpuCores: 0 } },
      want: { path: 'spec.options.cpuCores', message: 'must be at least 1' },
    },
    {
      name: 'half a core',
      kind: virtualMachine,
      value: { ...vmSpec, options: { cpuCores: 1.5 } },
      want: { path: 'spec.options.cpuCores', message: 'must be a whole number' },
    },
    {
      name: 'cores as a text',
      kind: virtualMachine,
      value: { ...vmSpec, options: { cpuCores: '4' } },
      want: { path: 'spec.options.cpuCores', message: 'must be a number' },
    },
    {
      name: 'null',
      kind: virtualMachine,
      value: { ...vmSpec, options: null },
      want: { path: 'spec.options', message: 'must be an object' },
    },
    {
      name: 'panel option that is a number',
      kind: virtualMachine,
      value: { ...vmSpec, configurableOptions: { 'CPU Cores': 4 } },
      want: { path: 'spec.configurableOptions["CPU Cores"]', message: 'must be a text' },
    },
    {
      name: 'panel option without a name',
      kind: virtualMachine,
      value: { ...vmSpec, configurableOptions: { '': '4' } },
      want: { path: 'spec.configurableOptions[""]', message: 'as a name must have at least 1 characters' },
    },
    {
      name: 'key with a newline',
      kind: virtualMachine,
      value: { ...vmSpec, sshAuthorizedKeys: [key, `${key} a\nb`] },
      want: {
        path: 'spec.sshAuthorizedKeys[1]',
        message: 'must be one public key on one line, as in a .pub file: type, key, comment; no options before it',
      },
    },
    {
      name: 'VLAN 4095',
      kind: ipPool,
      value: { ...poolSpec, vlan: 4095 },
      want: { path: 'spec.vlan', message: 'must be at most 4094' },
    },
    {
      name: 'unknown family',
      kind: ipPool,
      value: { ...poolSpec, family: 'ipv4' },
      want: { path: 'spec.family', message: 'must be one of IPv4, IPv6' },
    },
    {
      name: 'three name servers',
      kind: ipPool,
      value: { ...poolSpec, nameservers: ['192.0.2.1', '192.0.2.2', '192.0.2.3'] },
      want: { path: 'spec.nameservers', message: 'must have at most 2 entries' },
    },
    {
      name: 'bridge with a long name',
      kind: ipPool,
      value: { ...poolSpec, bridge: 'vmbr-of-customers' },
      want: { path: 'spec.bridge', message: 'must have at most 15 characters' },
    },
    {
      name: 'http endpoint',
      kind: proxmoxCluster,
      value: { ...clusterSpec, endpoints: ['http://pve1.example.com:8006'] },
      want: {
        path: 'spec.endpoints[0]',
        message:
          'must be https://HOST:PORT: no http (the API token is only sent encrypted), no user, no path, no query',
      },
    },
    {
      name: 'authority that is no PEM',
      kind: proxmoxCluster,
      value: { ...clusterSpec, tls: { caBundle: 'MIIB' } },
      want: { path: 'spec.tls.caBundle', message: 'must hold PEM certificates (-----BEGIN CERTIFICATE-----)' },
    },
    {
      name: 'a flag that is a text',
      kind: plan,
      value: { ...planSpec, network: { autoNetwork: 'yes' } },
      want: { path: 'spec.network.autoNetwork', message: 'must be true or false' },
    },
    {
      name: 'a list that is a text',
      kind: plan,
      value: { ...planSpec, allowedTemplates: '9001' },
      want: { path: 'spec.allowedTemplates', message: 'must be a list' },
    },
    {
      name: 'a field in a list',
      kind: plan,
      value: { ...planSpec, allowedTemplates: [{ vmid: 9001 }, {}] },
      want: { path: 'spec.allowedTemplates[1].vmid', message: 'is missing' },
    },
  ])('$name: names the field and what to write', ({ kind, value, want }) => {
    expect(problems(kind, value)).toEqual([{ path: want.path, message: `${want.path} ${want.message}.` }]);
  });

  test('reports every field that is wrong', () => {
    const value = { options: { cpuCores: 0, memoryGiB: 5000 } };
    expect(problems(virtualMachine, value).map(({ path }) => path)).toEqual([
      'spec.planRef',
      'spec.options.cpuCores',
      'spec.options.memoryGiB',
    ]);
  });

  test('never throws and never repeats a value, which may be a secret', () => {
    const secret = 'S3CR3T-S3CR3T';
    const anything = fc.anything({ values: [fc.constant(secret), fc.integer()], withNullPrototype: true });
    fc.assert(
      fc.property(anything, anything, (options, hostname) => {
        const found = problems(virtualMachine, { planRef: secret, options, hostname });
        expect(found.length).toBeGreaterThan(0);
        expect(found.map(({ message }) => message).join()).not.toContain(secret);
      }),
    );
  });

  test('carries the type of the spec', () => {
    const parsed = parseSpec({ spec: z.object({ a: z.int() }) }, { a: 1 });
    expect(parsed.ok && parsed.value.a + 1).toBe(2);
  });
});
