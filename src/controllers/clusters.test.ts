// Connections: when one is made, when it is renewed, and what outlives that.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aProxmoxCluster, aTokenSecret, TOKEN_SECRET } from '../../test/builders/objects.ts';
import type { ProxmoxCluster, ProxmoxClusterSpec } from '../api/proxmox-cluster.ts';
import { StalledError } from '../errors.ts';
import type { Secret } from '../kube/secrets.ts';
import { PveError } from '../pve/errors.ts';
import { type VirtualClock, virtualClock } from '../pve/testing/virtual-clock.ts';
import type { PveRequest } from '../pve/transport.ts';
import { type ClusterCredentials, ClusterRegistry } from './clusters.ts';

let clock: VirtualClock;
let cluster: ProxmoxCluster | undefined;
let secret: Secret | undefined;
let opened: ClusterCredentials[];
let closed: number;
let requests: PveRequest[];
let polled: string[];
let stop: AbortController;
let registry: ClusterRegistry;
let breakTransport: boolean;
let signals: AbortSignal[];

function token(values: Record<string, string>): Secret {
  const data = Object.entries(values).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  return {
    ...aTokenSecret({ id: 'x', secret: 'y' }),
    stringData: undefined,
    data: Object.fromEntries(data) as Record<string, string>,
  };
}

const declare = (spec: Partial<ProxmoxClusterSpec> = {}, uid = 'uid-1'): void => {
  const base = aProxmoxCluster({ endpoints: ['https://pve1:8006'], ...spec });
  cluster = { ...base, metadata: { ...base.metadata, uid } };
};

beforeEach(() => {
  clock = virtualClock();
  opened = [];
  closed = 0;
  requests = [];
  polled = [];
  breakTransport = false;
  signals = [];
  stop = new AbortController();
  declare();
  secret = token({ tokenID: 'op@pve!k8s\n', secret: ' s3cret ' });
  const silent = () => undefined;
  registry = new ClusterRegistry({
    lookUp: { cluster: () => cluster, secret: (name) => (name === TOKEN_SECRET ? secret : undefined) },
    operatorNamespace: 'ops',
    clock,
    random: () => 0.5,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    signal: stop.signal,
    onInventory: (name) => void polled.push(name),
    onOpen: (_connection, signal) => void signals.push(signal),
    transport: (_spec, credentials) => {
      if (breakTransport) throw new Error('The certificate is none.');
      opened.push(credentials);
      const send = async (request: PveRequest) => {
        requests.push(request);
        return { status: 200, reason: 'OK', body: JSON.stringify({ data: [] }) };
      };
      return Object.assign(send, { [Symbol.asyncDispose]: async () => void (closed += 1) });
    },
  });
});
afterEach(async () => {
  stop.abort();
  await clock.advance(0);
});

describe('a connection', () => {
  test('is told of when it is opened, with the signal of its end', () => {
    registry.connection('lab');
    registry.connection('lab');
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    declare({ sweep: { callsPerMinute: 10 } });
    registry.connection('lab');
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    registry.close('lab');
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  });

  test('is made once, with the token of the Secret, trimmed', () => {
    expect(registry.connection('lab')).toBe(registry.connection('lab'));
    expect(opened).toEqual([{ tokenID: 'op@pve!k8s', secret: 's3cret' }]);
    expect(registry.open().map(({ name }) => name)).toEqual(['lab']);
  });

  test('polls the inventory by itself and tells of every poll', async () => {
    registry.connection('lab');
    await clock.advance(25_000);
    expect(polled).toEqual(['lab', 'lab', 'lab']);
    expect(requests.map(({ call }) => call)).toEqual(Array(3).fill('GET /cluster/resources'));
  });

  test.each<{ name: string; change: () => void }>([
    { name: 'another token', change: () => void (secret = token({ tokenID: 'op@pve!k8s', secret: 'new' })) },
    { name: 'another endpoint', change: () => declare({ endpoints: ['https://pve2:8006'] }) },
    { name: 'another object of the same name', change: () => declare({}, 'uid-2') },
  ])('is renewed for $name; the old one is closed', async ({ change }) => {
    const before = registry.connection('lab');
    change();
    expect(registry.connection('lab')).not.toBe(before);
    await clock.advance(0);
    expect([opened.length, closed, registry.open().length]).toEqual([2, 1, 1]);
  });

  test('keeps count of clones over its renewal, with the new limits', () => {
    declare({ limits: { clonesPerStorage: 1, clonesPerNode: 1 } });
    const place = { node: 'pve1', storage: 'local' };
    const take = (uid: string) => registry.connection('lab').cloneSlots.take(uid, place, () => undefined).free;
    expect(take('a')).toBe(true);
    secret = token({ tokenID: 'op@pve!k8s', secret: 'new' });
    expect(take('b')).toBe(false);
    declare({ limits: { clonesPerStorage: 2, clonesPerNode: 2 } });
    expect(take('b')).toBe(true);
  });

  test('waits for answers as long as the object says', async () => {
    declare({ timeouts: { readSeconds: 3, writeSeconds: 7, migrationSeconds: 9 } });
    const { api, migrationMs } = registry.connection('lab');
    await api.start({ node: 'pve1', vmid: 100 }).catch(() => undefined);
    await api.clusterTasks();
    const timeouts = requests.map(({ method, timeoutMs }) => [method, timeoutMs]);
    expect(timeouts).toContainEqual(['POST', 7_000]);
    expect(timeouts).toContainEqual(['GET', 3_000]);
    expect(migrationMs).toBe(9_000);
  });

  test('has limits of its own when nothing is said', async () => {
    const { api, migrationMs } = registry.connection('lab');
    await api.start({ node: 'pve1', vmid: 100 }).catch(() => undefined);
    await api.clusterTasks();
    expect(new Set(requests.map(({ method, timeoutMs }) => `${method} ${timeoutMs}`))).toEqual(
      new Set(['POST 60000', 'GET 10000']),
    );
    expect(migrationMs).toBe(300_000);
  });

  test('that is closed is gone, and polls no more', async () => {
    registry.connection('lab');
    await clock.advance(0);
    registry.close('lab');
    const before = requests.length;
    await clock.advance(60_000);
    expect([registry.open(), requests.length, closed]).toEqual([[], before, 1]);
    expect(() => registry.close('lab')).not.toThrow();
  });
});

describe('no connection', () => {
  const reason = (): unknown => {
    try {
      registry.connection('lab');
      return undefined;
    } catch (error) {
      expect(error).toBeInstanceOf(StalledError);
      return { reason: (error as StalledError).reason, message: (error as StalledError).message };
    }
  };

  test.each<{ name: string; change: () => void; want: object }>([
    { name: 'without the object', change: () => void (cluster = undefined), want: { reason: 'ClusterNotFound' } },
    {
      name: 'without the Secret',
      change: () => void (secret = undefined),
      want: {
        reason: 'SecretMissing',
        message: 'Secret lab-token in namespace ops does not exist. Create it with the keys tokenID and secret.',
      },
    },
    {
      name: 'without the token',
      change: () => void (secret = token({ secret: 'x' })),
      want: { reason: 'SecretMissing', message: 'Secret lab-token in namespace ops lacks the key tokenID.' },
    },
    {
      name: 'without its secret',
      change: () => void (secret = token({ tokenID: 'x' })),
      want: { reason: 'SecretMissing', message: 'Secret lab-token in namespace ops lacks the key secret.' },
    },
    {
      name: 'when it cannot even be set up',
      change: () => void (breakTransport = true),
      want: { reason: 'Refused', message: 'ProxmoxCluster lab cannot be connected to: The certificate is none.' },
    },
  ])('$name', ({ change, want }) => {
    change();
    expect(reason()).toMatchObject(want);
  });

  test('a call that fails is an error of Proxmox VE, not of the connection', async () => {
    const { api } = registry.connection('lab');
    await expect(api.version()).rejects.toBeInstanceOf(PveError);
  });
});
