// What each action becomes on the wire, to whom it may be sent, and what a refusal leads to.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  aDesign,
  aFacts,
  anOwner,
  anOwnVm,
  aSnapshot,
  aListedVm,
  aStatus,
  at,
  type FactsShape,
  UID,
  VMID,
} from '../../test/builders/facts.ts';
import { aZone, DNS_SECRET } from '../../test/builders/objects.ts';
import { createFakeContext, type FakeContext, OPERATOR_NAMESPACE } from '../../test/fakes/context.ts';
import { resources } from '../api/resources.ts';
import { DnsError } from '../dns/provider.ts';
import { StalledError, TransientError, UnknownOutcomeError, WaitingError } from '../errors.ts';
import { type Action, PASSWORD_FROM_SECRET } from '../machine/vocabulary.ts';
import type { PendingEntry } from '../pve/answer-types.ts';
import { PveError, type PveErrorKind } from '../pve/errors.ts';
import { printStamp } from '../pve/stamp.ts';
import { Allocations } from './allocations.ts';
import type { ClusterConnection } from './clusters.ts';
import { createCredentialSource } from './credentials.ts';
import { perform } from './perform.ts';

const UPID = 'UPID:pve1:00000001:00000001:65000000:qmclone:9000:op@pve!k8s:';
const OURS = { node: 'pve1', vmid: VMID };
const credentials = createCredentialSource(new Uint8Array(32));

let fake: FakeContext;
/** Calls to Proxmox VE with their arguments. */
let calls: [string, ...unknown[]][];
let answer: (call: string) => unknown;
let pending: PendingEntry[];

beforeEach(() => {
  calls = [];
  pending = [];
  answer = () => UPID;
  fake = createFakeContext({
    openDnsZone: () => ({
      read: async () => [{ name: 'web-1.example.com', type: 'A', ttlSeconds: 300, values: ['192.0.2.10'] }],
      apply: () => Promise.reject(new DnsError('unreachable', 'It does not answer.')),
      test: async () => undefined,
    }),
  });
});
afterEach(() => fake[Symbol.asyncDispose]());

/** An API whose every method is recorded. */
function connection(): ClusterConnection {
  const api = new Proxy(
    {},
    {
      get:
        (_target, name) =>
        async (...input: unknown[]) => {
          calls.push([String(name), ...input]);
          const result = String(name) === 'pending' ? pending : answer(String(name));
          if (result instanceof Error) throw result;
          return result;
        },
    },
  );
  const vms = [aListedVm(2000), aListedVm(2001)];
  const inventory = {
    snapshot: () => aSnapshot({ vms }),
    refresh: async () => {
      calls.push(['refresh']);
      return aSnapshot({ vms });
    },
  };
  return { name: 'lab', api, inventory } as unknown as ClusterConnection;
}

const vm = anOwner();
async function run(action: Action, shape: FactsShape = {}) {
  const allocations = new Allocations(fake.context);
  const hands = { context: fake.context, allocations, credentials, vm, connection };
  return perform(hands, action, aFacts({ observed: anOwnVm(), ...shape }));
}

const failing = (kind: PveErrorKind, maybeApplied = false) =>
  new PveError({ kind, call: 'POST /x', detail: 'it says so', maybeApplied });

describe('calls to Proxmox VE', () => {
  const clone: Action = { kind: 'clone', template: { node: 'pve2', vmid: 9000 }, vmid: VMID, name: 'web', full: false };

  test.each<{ action: Action; want: [string, ...unknown[]]; done?: true }>([
    {
      action: clone,
      want: [
        'clone',
        {
          source: { node: 'pve2', vmid: 9000 },
          newid: VMID,
          name: 'web',
          full: false,
          description: printStamp({ uid: UID, vmid: VMID }),
        },
      ],
    },
    {
      action: { ...clone, full: true, storage: 'fast' },
      want: ['clone', expect.objectContaining({ full: true, storage: 'fast' })],
    },
    { action: { kind: 'migrate', target: 'pve2' }, want: ['migrate', OURS, { target: 'pve2' }] },
    {
      action: { kind: 'migrate', target: 'pve2', targetStorage: 'fast' },
      want: ['migrate', OURS, { target: 'pve2', targetStorage: 'fast' }],
    },
    {
      action: { kind: 'resizeDisk', disk: 'scsi0', sizeGiB: 40 },
      want: ['resize', OURS, { disk: 'scsi0', sizeGiB: 40 }],
    },
    { action: { kind: 'start' }, want: ['start', OURS] },
    { action: { kind: 'stop' }, want: ['stop', OURS, { overruleShutdown: true }] },
    { action: { kind: 'destroy' }, want: ['destroy', OURS, { purge: true }] },
    {
      action: { kind: 'setFirewallOptions', set: { enable: 1 } },
      want: ['setFirewallOptions', OURS, { enable: 1 }],
      done: true,
    },
    { action: { kind: 'createIpset', name: 's' }, want: ['createIpset', OURS, 's'], done: true },
    { action: { kind: 'deleteIpset', name: 's' }, want: ['deleteIpset', OURS, 's'], done: true },
    {
      action: { kind: 'addToIpset', name: 's', cidr: '192.0.2.1' },
      want: ['addToIpset', OURS, 's', '192.0.2.1'],
      done: true,
    },
    {
      action: { kind: 'removeFromIpset', name: 's', cidr: '192.0.2.1' },
      want: ['removeFromIpset', OURS, 's', '192.0.2.1'],
      done: true,
    },
  ])('$action.kind', async ({ action, want, done }) => {
    expect(await run(action)).toEqual(done ? { kind: 'done' } : { kind: 'task', upid: UPID });
    expect(calls).toEqual([want]);
  });

  const writes: Action[] = [
    { kind: 'migrate', target: 'pve2' },
    { kind: 'configure', set: { cores: 1 } },
    { kind: 'revertPending', keys: [] },
    { kind: 'resizeDisk', disk: 'scsi0', sizeGiB: 1 },
    { kind: 'setFirewallOptions', set: {} },
    { kind: 'createIpset', name: 's' },
    { kind: 'deleteIpset', name: 's' },
    { kind: 'addToIpset', name: 's', cidr: 'c' },
    { kind: 'removeFromIpset', name: 's', cidr: 'c' },
    { kind: 'start' },
    { kind: 'stop' },
    { kind: 'destroy' },
  ];
  test.each(writes)('$kind is never sent to a VM that was not seen to be ours', async (action) => {
    const unseen: FactsShape[] = [
      { observed: { kind: 'foreign', node: 'pve1', stamped: true } },
      { observed: { kind: 'cloning', node: 'pve1' } },
      { observed: { kind: 'absent' } },
      { observed: undefined },
      { held: { addresses: [] } },
    ];
    for (const shape of unseen) await expect(run(action, shape)).rejects.toThrow(TypeError);
    expect(calls).toEqual([]);
  });

  test.each<{ name: string; error: PveError; want: unknown }>([
    { name: 'a lock', error: failing('locked'), want: WaitingError },
    { name: 'a refusal', error: failing('refused'), want: StalledError },
    { name: 'silence', error: failing('timeout', true), want: UnknownOutcomeError },
    { name: 'no connection', error: failing('unreachable'), want: TransientError },
  ])('$name is one of the five classes', async ({ error, want }) => {
    answer = () => error;
    await expect(run({ kind: 'start' })).rejects.toBeInstanceOf(want);
  });
});

describe('configuration', () => {
  const change: Action = { kind: 'configure', set: { cores: 2 }, remove: ['balloon'] };

  test('carries the digest of what it was planned on', async () => {
    answer = () => null;
    expect(await run(change)).toEqual({ kind: 'done', status: undefined });
    expect(calls).toEqual([['updateConfig', OURS, { set: { cores: 2 }, delete: ['balloon'], digest: 'd1' }]]);
  });

  test('that takes longer is a task', async () => {
    expect(await run(change)).toMatchObject({ kind: 'task', upid: UPID });
  });

  test('gets the password at the last moment, and remembers that it was handed over', async () => {
    answer = () => null;
    const result = await run({ kind: 'configure', set: { ciuser: 'debian', cipassword: PASSWORD_FROM_SECRET } });
    expect(calls[0]?.[2]).toMatchObject({ set: { ciuser: 'debian', cipassword: credentials.of(UID).password } });
    expect(result).toMatchObject({
      kind: 'done',
      status: { operation: { machine: 'deploy', passwordHandedOver: true } },
    });
  });

  test.each<{ kind: PveErrorKind; reason: string }>([
    { kind: 'refused', reason: 'Refused' },
    { kind: 'schema-rejected', reason: 'Refused' },
    { kind: 'no-space', reason: 'NoSpace' },
  ])('that is $kind is told to the engine', async ({ kind, reason }) => {
    answer = () => failing(kind);
    expect(await run(change)).toMatchObject({
      kind: 'refused',
      explanation: { reason, message: expect.stringContaining('it says so') },
    });
  });

  test.each<{ name: string; error: PveError; want: unknown }>([
    { name: 'a lock', error: failing('locked'), want: WaitingError },
    { name: 'somebody else was faster', error: failing('conflict'), want: TransientError },
    { name: 'a missing privilege', error: failing('forbidden'), want: StalledError },
    { name: 'a refusal that may have happened', error: failing('refused', true), want: UnknownOutcomeError },
  ])('$name is no refusal of the change', async ({ error, want }) => {
    answer = () => error;
    await expect(run(change)).rejects.toBeInstanceOf(want);
  });
});

describe('reverting', () => {
  const revert: Action = { kind: 'revertPending', keys: ['cores', 'net0', 'tags'] };

  test('takes back what is pending of ours, and nothing else', async () => {
    pending = [
      { key: 'cores', value: '1', pending: '2', deletion: false },
      { key: 'net0', value: 'virtio', deletion: false },
      { key: 'tags', value: 'x', deletion: true },
      { key: 'memory', value: '1024', pending: '2048', deletion: false },
    ];
    expect(await run(revert)).toEqual({ kind: 'done' });
    expect(calls.at(-1)).toEqual(['updateConfig', OURS, { set: {}, revert: ['cores', 'tags'] }]);
  });

  test('sends nothing when nothing is pending', async () => {
    await run(revert);
    expect(calls.map(([name]) => name)).toEqual(['pending']);
  });
});

describe('reservations', () => {
  test('a VMID that the list does not show and nobody holds', async () => {
    await run({ kind: 'reserveVmid', first: 2000 }, { held: { addresses: [] } });
    expect(fake.kube.objects(resources.vmidReservation)).toMatchObject([
      { spec: { vmid: 2002, clusterRef: { name: 'lab' } } },
    ]);
  });

  test('a VMID is given up only after a new look at the list', async () => {
    await run({ kind: 'reserveVmid', first: 2000 });
    expect(await run({ kind: 'releaseVmid', vmid: 2002, because: 'taken' })).toEqual({
      kind: 'done',
      status: { vmid: undefined },
    });
    expect(calls).toEqual([['refresh']]);
    expect(fake.kube.objects(resources.vmidReservation)).toEqual([]);
  });

  test('everything is given back at once', async () => {
    const choice = {
      poolName: 'p',
      bridge: 'vmbr0',
      vlan: 0,
      address: '192.0.2.10',
      family: 'IPv4',
      prefixLength: 24,
      order: 0,
    } as const;
    await run({ kind: 'reserveAddresses', choices: [choice] });
    await run({ kind: 'reserveVmid', first: 2000 });
    expect(fake.kube.objects(resources.ipAddressReservation)).toHaveLength(1);
    await run({ kind: 'releaseReservations' });
    expect([
      ...fake.kube.objects(resources.ipAddressReservation),
      ...fake.kube.objects(resources.vmidReservation),
    ]).toEqual([]);
  });
});

describe('credentials', () => {
  const create: Action = { kind: 'createCredentials', user: 'admin' };
  const attempt = (count: number): FactsShape => ({
    status: aStatus({ operation: { intent: { action: 'createCredentials', sentAt: at(0), attempt: count } } }),
  });

  test('go into a Secret that the VM owns', async () => {
    const want = { kind: 'done', status: { credentialsSecret: 'web-1-credentials', osUser: 'admin' } };
    expect(await run(create, attempt(1))).toEqual(want);
    expect(fake.kube.objects(resources.secret)).toMatchObject([
      {
        metadata: {
          name: 'web-1-credentials',
          namespace: 'customer-1',
          ownerReferences: [{ uid: UID, controller: true }],
        },
      },
    ]);
  });

  test('have a random user when none is asked for', async () => {
    expect(await run({ kind: 'createCredentials' }, attempt(1))).toMatchObject({
      status: { osUser: credentials.of(UID).user },
    });
  });

  test('that an earlier attempt made are ours', async () => {
    await run(create, attempt(1));
    expect(await run(create, attempt(2))).toMatchObject({ kind: 'done', status: { osUser: 'admin' } });
  });

  test('do not take the Secret of somebody else; one that may be on its way out is waited for', async () => {
    fake.kube.seed(resources.secret, { metadata: { name: 'web-1-credentials', namespace: 'customer-1' } });
    await expect(run(create, attempt(1))).rejects.toMatchObject({ name: 'WaitingError', reason: 'NameTaken' });
    await fake.clock.advance(2 * 60_000);
    await expect(run(create, attempt(1))).rejects.toMatchObject({ name: 'StalledError', reason: 'NameTaken' });
  });
});

describe('DNS', () => {
  beforeEach(() => {
    const data = { apiKey: Buffer.from('key').toString('base64') };
    fake.kube.seed(resources.secret, { metadata: { name: DNS_SECRET, namespace: OPERATOR_NAMESPACE }, data });
    fake.kube.seed(resources.dnsZone, aZone('example.com', 'http://dns'));
  });
  const address = { address: '192.0.2.10', prefixLength: 24, pool: 'ipv4', primary: true };
  const shape: FactsShape = { design: aDesign(), status: aStatus({ addresses: [address], fqdn: 'web-1.example.com' }) };

  test('that fails is data', async () => {
    const longer: FactsShape = {
      ...shape,
      status: aStatus({ addresses: [address, { ...address, address: '192.0.2.11' }] }),
    };
    expect(await run({ kind: 'publishDns' }, longer)).toMatchObject({
      kind: 'done',
      status: { dns: { forward: { ok: 0, failed: 1 } } },
    });
  });

  test('of other addresses makes the status know them', async () => {
    const addresses = [address, { ...address, address: '192.0.2.11', primary: false }];
    expect(await run({ kind: 'publishDns', addresses }, shape)).toMatchObject({
      kind: 'done',
      status: { addresses, dns: { forward: { failed: 1 } } },
    });
  });

  test('that cannot be withdrawn holds nothing up, and is told', async () => {
    expect(await run({ kind: 'withdrawDns' }, shape)).toMatchObject({ kind: 'done', status: { dns: { zones: [] } } });
    expect(fake.events).toMatchObject([
      { type: 'Warning', reason: 'LeftBehind', message: 'DNS records may be left in example.com.' },
    ]);
  });
});
