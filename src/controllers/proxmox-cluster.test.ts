// What a ProxmoxCluster says of itself, how often Proxmox VE is asked for it, and how long the object stays.
import { neededPrivileges } from '../pve/privileges.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFakeContext, type FakeContext, OPERATOR_NAMESPACE } from '../../test/fakes/context.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { resources } from '../api/resources.ts';
import { findCondition } from '../kube/conditions.ts';
import { PveError, type PveErrorKind } from '../pve/errors.ts';
import { IN_USE_FINALIZER } from './readiness.ts';
import { reconcileProxmoxCluster } from './proxmox-cluster.ts';

const { signal } = new AbortController();
const AGAIN = { kind: 'after', ms: 60_000 };

const allRights = Object.fromEntries(neededPrivileges.map((privilege) => [privilege, 1]));
const resourceList = [
  { type: 'node', node: 'pve1', status: 'online', maxmem: 8_589_934_592, mem: 1_000 },
  { type: 'storage', storage: 'local', node: 'pve1', status: 'available', plugintype: 'dir', content: 'images' },
];

let fake: FakeContext;
/** What each call answers; an Error is thrown. */
let answers: Record<string, unknown>;
let calls: string[];

beforeEach(() => {
  calls = [];
  answers = {
    'GET /cluster/resources': resourceList,
    'GET /version': { version: '9.2.11', release: '9.2' },
    'GET /cluster/status': [{ type: 'cluster', name: 'c', quorate: 1 }],
    'GET /access/permissions': { '/': allRights },
  };
  fake = createFakeContext({
    transport: () => (request) => {
      const call = request.call ?? '';
      calls.push(call);
      const answer = answers[call];
      if (answer instanceof Error) return Promise.reject(answer);
      return Promise.resolve({ status: 200, reason: 'OK', body: JSON.stringify({ data: answer }) });
    },
  });
  aSecret({ tokenID: 'op@pve!k8s', secret: 's' });
  const spec = { endpoints: ['https://pve1:8006'], tokenSecretRef: { name: 'token' } };
  fake.kube.seed(resources.proxmoxCluster, { metadata: { name: 'pve' }, spec });
});
afterEach(() => fake[Symbol.asyncDispose]());

function aSecret(values: Record<string, string>): void {
  const data = Object.entries(values).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  const metadata = { name: 'token', namespace: OPERATOR_NAMESPACE };
  fake.kube.seed(resources.secret, { metadata, data: Object.fromEntries(data) as Record<string, string> });
}

function aVm(name: string): VirtualMachine {
  const metadata = { name, namespace: 'n' };
  const status = { clusterName: 'pve' };
  return fake.kube.seed(resources.virtualMachine, { metadata, spec: { planRef: { name: 'small' } }, status });
}

function failing(kind: PveErrorKind, call = 'GET /cluster/resources'): void {
  answers[call] = new PveError({ kind, call, detail: 'as the test says' });
}

/** The inventory is polled every ten seconds, and the connection retries reads with pauses: both take virtual time. */
async function reconcile(): Promise<unknown> {
  const result = reconcileProxmoxCluster('pve', fake.context, signal);
  await fake.clock.advance(2_000);
  return result;
}
const cluster = () => fake.context.stores.clusters.get('pve');
const open = () => fake.context.clusters.open().map(({ name }) => name);
const ready = () => findCondition(cluster()?.status?.conditions, 'Ready');
const checks = () => calls.filter((call) => call === 'GET /access/permissions').length;

describe('a cluster that answers', () => {
  test('is ready and shows what was seen, without what moves at every poll', async () => {
    expect(await reconcile()).toEqual(AGAIN);
    expect(cluster()?.status).toMatchObject({
      observedGeneration: 1,
      version: '9.2.11',
      quorate: true,
      nodesOnline: 1,
      nodesTotal: 1,
      virtualMachines: 0,
      nodes: [
        {
          name: 'pve1',
          status: 'online',
          memoryTotalMiB: 8_192,
          storages: [{ name: 'local', type: 'dir', shared: false, available: true, content: 'images' }],
        },
      ],
    });
    expect(ready()).toMatchObject({ status: 'True', reason: 'Ready' });
    expect(fake.events).toMatchObject([{ type: 'Normal', reason: 'Ready', about: 'pve' }]);
  });

  test('costs one write and one check, however often it is looked at', async () => {
    await reconcile();
    for (let polls = 0; polls < 20; polls += 1) {
      answers['GET /cluster/resources'] = [{ ...resourceList[0], mem: polls }, resourceList[1]];
      await fake.clock.advance(10_000);
      await reconcile();
    }
    expect(fake.kube.writes).toHaveLength(1);
    expect(checks()).toBe(1);
    await fake.clock.advance(300_000);
    await reconcile();
    expect(checks()).toBe(2);
  });

  test('is checked anew when the token changes, and when a node comes or goes', async () => {
    await reconcile();
    aSecret({ tokenID: 'op@pve!k8s', secret: 'new' });
    await reconcile();
    expect(checks()).toBe(2);
    answers['GET /cluster/resources'] = [{ ...resourceList[0], status: 'offline' }, resourceList[1]];
    await fake.clock.advance(10_000);
    await reconcile();
    expect(checks()).toBe(3);
    expect(cluster()?.status).toMatchObject({ nodesOnline: 0, nodesTotal: 1, nodes: [{ status: 'offline' }] });
  });
});

describe('a cluster that cannot be used', () => {
  const rows: { name: string; arrange(): void; want: { reason: string; stalled: boolean; says?: RegExp } }[] = [
    {
      name: 'nobody answers',
      arrange: () => failing('unreachable'),
      want: { reason: 'ClusterUnreachable', stalled: false },
    },
    {
      name: 'the certificate is another one',
      arrange: () => failing('certificate'),
      want: { reason: 'CertificateInvalid', stalled: true },
    },
    {
      name: 'the token is not accepted',
      arrange: () => failing('unauthorized'),
      want: { reason: 'Unauthorized', stalled: true },
    },
    {
      name: 'the inventory answers and the check does not',
      arrange: () => failing('timeout', 'GET /cluster/status'),
      want: { reason: 'ClusterUnreachable', stalled: false },
    },
    {
      name: 'there is no quorum',
      arrange: () => {
        answers['GET /cluster/status'] = [{ type: 'cluster', name: 'c', quorate: 0 }];
      },
      want: { reason: 'WaitingForQuorum', stalled: false },
    },
    {
      name: 'privileges are missing, each is named with its path',
      arrange: () => {
        const { 'VM.Clone': _clone, 'VM.Migrate': _migrate, 'SDN.Use': _use, ...rest } = allRights;
        answers['GET /access/permissions'] = { '/': rest };
      },
      want: { reason: 'Forbidden', stalled: true, says: /VM\.Clone, VM\.Migrate on \/vms; SDN\.Use on \/sdn/ },
    },
    {
      name: 'the Secret is missing',
      arrange: () => {
        fake.kube.seed(resources.proxmoxCluster, {
          metadata: { name: 'pve' },
          spec: { endpoints: ['https://pve1:8006'], tokenSecretRef: { name: 'other' } },
        });
      },
      want: { reason: 'SecretMissing', stalled: true, says: /Secret other / },
    },
    {
      name: 'the Secret lacks a key',
      arrange: () => aSecret({ tokenID: 'op@pve!k8s' }),
      want: { reason: 'SecretMissing', stalled: true, says: /key secret/ },
    },
    {
      name: 'the answer cannot be read',
      arrange: () => {
        answers['GET /version'] = 'nonsense';
      },
      want: { reason: 'InternalError', stalled: true },
    },
  ];

  test.each(rows)('$name', async ({ arrange, want }) => {
    arrange();
    expect(await reconcile()).toEqual(AGAIN);
    expect(ready()).toMatchObject({ status: 'False', reason: want.reason });
    if (want.says !== undefined) expect(ready()?.message).toMatch(want.says);
    expect(findCondition(cluster()?.status?.conditions, 'Stalled')?.status).toBe(want.stalled ? 'True' : undefined);
    expect(fake.events).toMatchObject([{ type: 'Warning', reason: want.reason }]);
    await reconcile();
    expect(fake.kube.writes).toHaveLength(1);
  });

  test('an unreachable cluster keeps what was seen last, and comes back by itself', async () => {
    await reconcile();
    failing('unreachable');
    await fake.clock.advance(12_000);
    await reconcile();
    expect(ready()?.reason).toBe('ClusterUnreachable');
    expect(cluster()?.status).toMatchObject({ version: '9.2.11', nodesTotal: 1, nodes: [{ name: 'pve1' }] });
    answers['GET /cluster/resources'] = resourceList;
    await fake.clock.advance(12_000);
    await reconcile();
    expect(ready()?.status).toBe('True');
    expect(fake.events.map(({ type }) => type)).toEqual(['Normal', 'Warning', 'Normal']);
  });

  test('a privilege that was granted is seen within half a minute', async () => {
    answers['GET /access/permissions'] = {};
    await reconcile();
    expect(ready()?.reason).toBe('Forbidden');
    answers['GET /access/permissions'] = { '/': allRights };
    await fake.clock.advance(30_000);
    await reconcile();
    expect(ready()?.status).toBe('True');
  });
});

describe('a cluster in use', () => {
  test('is kept while machines live on it, also when it is deleted', async () => {
    aVm('a');
    aVm('b');
    await reconcile();
    expect(cluster()).toMatchObject({ metadata: { finalizers: [IN_USE_FINALIZER] }, status: { virtualMachines: 2 } });
    await fake.kube.client.delete(resources.proxmoxCluster, 'pve');
    await reconcile();
    expect(ready()).toMatchObject({
      status: 'False',
      reason: 'InUse',
      message: expect.stringContaining('2') as string,
    });
    expect(open()).toEqual(['pve']);
    for (const name of ['a', 'b']) await fake.kube.client.delete(resources.virtualMachine, name, 'n');
    expect(await reconcile()).toEqual({ kind: 'done' });
    expect(cluster()).toBeUndefined();
    expect(open()).toEqual([]);
  });

  test('is free to go when the last machine is gone', async () => {
    aVm('a');
    await reconcile();
    await fake.kube.client.delete(resources.virtualMachine, 'a', 'n');
    await reconcile();
    expect(cluster()).toMatchObject({ status: { virtualMachines: 0 } });
    expect(cluster()?.metadata.finalizers ?? []).toEqual([]);
  });

  test('the connection is closed when the object is gone', async () => {
    await reconcile();
    await fake.kube.client.delete(resources.proxmoxCluster, 'pve');
    expect(await reconcile()).toEqual({ kind: 'done' });
    expect(open()).toEqual([]);
  });

  test('nothing is written after the stop', async () => {
    const result = reconcileProxmoxCluster('pve', fake.context, AbortSignal.abort());
    await fake.clock.advance(2_000);
    expect(await result).toEqual({ kind: 'done' });
    expect(fake.kube.writes).toEqual([]);
  });
});
