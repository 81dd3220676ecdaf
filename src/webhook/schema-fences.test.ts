// What the schemas keep away from the rules and from Proxmox VE: no text that reaches it can end a property or climb out of a path.
import { describe, expect, test } from 'vitest';
import { aCluster, aNewVm } from '../../test/builders/admission.ts';
import { aPlan, aPool, aZone } from '../../test/builders/objects.ts';
import { anOperation } from '../../test/builders/operations.ts';
import { dnsZone } from '../api/dns-zone.ts';
import { ipPool } from '../api/ip-pool.ts';
import type { Kind } from '../api/object.ts';
import { parseSpec } from '../api/parse.ts';
import { plan } from '../api/plan.ts';
import { proxmoxCluster } from '../api/proxmox-cluster.ts';
import { virtualMachineOperation } from '../api/virtual-machine-operation.ts';
import { virtualMachine } from '../api/virtual-machine.ts';

const HOSTILE = [',', '=', '\n', '\r', '\0', '../', '/..', ' ', ';', '%2e%2e/', '"', "'", '`', '$(x)', '\u202e', 'é'];

interface Field {
  readonly name: string;
  readonly kind: Kind;
  /** A value that is right. */
  readonly good: string;
  spec(value: string): object;
}

const FIELDS: readonly Field[] = [
  { name: 'planRef', kind: virtualMachine, good: 'kvm', spec: (name) => aNewVm({ planRef: { name } }).spec },
  { name: 'hostname', kind: virtualMachine, good: 'web.example.com', spec: (hostname) => aNewVm({ hostname }).spec },
  {
    name: 'client id',
    kind: virtualMachine,
    good: '142',
    spec: (clientID) => aNewVm({ billing: { clientID, serviceID: '1' } }).spec,
  },
  {
    name: 'service id',
    kind: virtualMachine,
    good: '5546',
    spec: (serviceID) => aNewVm({ billing: { clientID: '1', serviceID } }).spec,
  },
  {
    name: 'volume',
    kind: virtualMachine,
    good: 'local:2000/vm-2000-disk-1.qcow2',
    spec: (volume) => aNewVm({ consent: { destroyVolumes: [volume] } }).spec,
  },
  {
    name: 'snapshot',
    kind: virtualMachine,
    good: 'before_upgrade-1',
    spec: (name) => aNewVm({ consent: { deleteSnapshots: [name] } }).spec,
  },
  { name: 'target node', kind: plan, good: 'pve1', spec: (targetNode) => aPlan({ targetNode }).spec },
  { name: 'storage', kind: plan, good: 'local-lvm', spec: (storage) => aPlan({ systemDisk: { storage } }).spec },
  {
    name: 'additional storage',
    kind: plan,
    good: 'ceph_1',
    spec: (storage) => aPlan({ additionalDisk: { storage } }).spec,
  },
  { name: 'bridge of a plan', kind: plan, good: 'vmbr0', spec: (bridge) => aPlan({ network: { bridge } }).spec },
  { name: 'user', kind: plan, good: 'debian', spec: (osUser) => aPlan({ osUser }).spec },
  { name: 'name rule', kind: plan, good: '{client_id}-{service_id}', spec: (nameRule) => aPlan({ nameRule }).spec },
  { name: 'domain', kind: plan, good: 'example.com', spec: (domain) => aPlan({ domain }).spec },
  { name: 'bridge of a pool', kind: ipPool, good: 'vmbr0', spec: (bridge) => aPool({ bridge }).spec },
  { name: 'first', kind: ipPool, good: '192.0.2.10', spec: (first) => aPool({ first }).spec },
  { name: 'gateway', kind: ipPool, good: '192.0.2.1', spec: (gateway) => aPool({ gateway }).spec },
  {
    name: 'endpoint',
    kind: proxmoxCluster,
    good: 'https://pve1:8006',
    spec: (url) => ({ ...aCluster().spec, endpoints: [url] }),
  },
  {
    name: 'secret',
    kind: proxmoxCluster,
    good: 'token',
    spec: (name) => ({ ...aCluster().spec, tokenSecretRef: { name } }),
  },
  {
    name: 'machine',
    kind: virtualMachineOperation,
    good: 'web-1',
    spec: (name) => anOperation('Start', { spec: { virtualMachineName: name } }).spec,
  },
  {
    name: 'server id',
    kind: dnsZone,
    good: 'localhost',
    spec: (serverID) => {
      const zone = aZone('example.com', 'https://pdns.example.net');
      return { ...zone.spec, powerDNS: { ...zone.spec.powerDNS, serverID } };
    },
  },
];

describe.each(FIELDS)('$name', ({ kind, good, spec }) => {
  test('takes what is right', () => {
    expect(parseSpec(kind, spec(good))).toMatchObject({ ok: true });
  });

  test.each(HOSTILE)('takes no %j', (part) => {
    for (const value of [part, `${part}${good}`, `${good}${part}`, `${good}${part}${good}`]) {
      expect(parseSpec(kind, spec(value)).ok, JSON.stringify(value)).toBe(false);
    }
  });
});

describe('URLs of clusters', () => {
  test.each([
    'http://pve1:8006',
    'ftp://pve1',
    'https://root@pve1:8006',
    'https://root:secret@pve1',
    'https://pve1/path',
    'https://pve1?x=1',
    'https://pve1#x',
    'HTTPS://pve1',
    '//pve1',
    'javascript:alert(1)',
  ])('not %s', (url) => {
    expect(parseSpec(proxmoxCluster, { ...aCluster().spec, endpoints: [url] }).ok).toBe(false);
  });
});

describe('names that are paths', () => {
  const cases: readonly { name: string; kind: Kind; spec: object }[] = [
    {
      name: 'server id ..',
      kind: dnsZone,
      spec: {
        ...aZone('example.com', 'https://p').spec,
        powerDNS: { url: 'https://pdns', apiKeySecretRef: { name: 'k' }, serverID: '..' },
      },
    },
    {
      name: 'volume that climbs',
      kind: virtualMachine,
      spec: aNewVm({ consent: { destroyVolumes: ['local:../../etc/passwd'] } }).spec,
    },
    { name: 'snapshot ..', kind: virtualMachine, spec: aNewVm({ consent: { deleteSnapshots: ['..'] } }).spec },
    { name: 'storage ..', kind: plan, spec: aPlan({ systemDisk: { storage: '..' } }).spec },
  ];

  test.each(cases)('$name', ({ kind, spec }) => {
    expect(parseSpec(kind, spec).ok).toBe(false);
  });
});
