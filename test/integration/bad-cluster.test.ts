// Clusters that cannot be used as they are declared: the cluster says why, its machines say the same, nothing is hammered, and a correction is enough.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ProxmoxCluster } from '../../src/api/proxmox-cluster.ts';
import { resources } from '../../src/api/resources.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import {
  aPlan,
  aPool,
  aProxmoxCluster,
  aTokenSecret,
  aVirtualMachine,
  OPERATOR_NAMESPACE,
} from '../builders/objects.ts';
import { aTopology } from '../builders/topology.ts';
import { until } from '../kube/until.ts';
import { makeCertificate } from '../sim/http/certificate.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { condition, startWorld, type World } from './harness-world.ts';

const LESSER_TOKEN = { id: 'lesser@pve!k8s', secret: 'd3e0a7b5-0000-4000-8000-000000000001' };
const REVOKED_TOKEN = { id: 'operator@pve!gone', secret: 'd3e0a7b5-0000-4000-8000-000000000002' };
const LESSER_ROLE = 'Lesser';

interface Trouble {
  name: string;
  /** What the ProxmoxCluster differs in from one that works. */
  spec?: (world: World) => Promise<Partial<ProxmoxCluster['spec']>> | Partial<ProxmoxCluster['spec']>;
  /** The token in its Secret; null for no Secret. */
  token?: { id: string; secret: string } | null;
  reason: string;
  says: readonly string[];
  isStalled: boolean;
  cure: (world: World, name: string) => Promise<unknown>;
}

const cureSpec =
  (spec: (world: World) => object): Trouble['cure'] =>
  (world, name) =>
    world.patch(resources.proxmoxCluster, name, { spec: spec(world) });

const cureToken: Trouble['cure'] = (world, name) =>
  world.patch(
    resources.secret,
    name,
    { stringData: { tokenID: world.token.id, secret: world.token.secret } },
    OPERATOR_NAMESPACE,
  );

const TROUBLES: readonly Trouble[] = [
  {
    name: 'wrong-authority',
    spec: async () => ({ tls: { caBundle: (await makeCertificate(['stranger'])).caPem } }),
    reason: 'CertificateInvalid',
    says: ['wrong-authority', 'certificate'],
    isStalled: true,
    cure: cureSpec(({ access }) => ({ tls: access.tls })),
  },
  {
    name: 'wrong-fingerprint',
    spec: () => ({ tls: { fingerprint: Array.from({ length: 32 }, () => 'AB').join(':') } }),
    reason: 'CertificateInvalid',
    says: ['wrong-fingerprint', 'AB:AB', 'fingerprint'],
    isStalled: true,
    cure: cureSpec(({ listening }) => ({ tls: { fingerprint: listening.fingerprint } })),
  },
  {
    name: 'revoked-token',
    token: REVOKED_TOKEN,
    reason: 'Unauthorized',
    says: ['revoked-token', 'token'],
    isStalled: true,
    cure: cureToken,
  },
  {
    name: 'lesser-token',
    token: LESSER_TOKEN,
    reason: 'Forbidden',
    says: ['VM.Clone', '/vms', 'Datastore.AllocateSpace', '/storage'],
    isStalled: true,
    cure: cureToken,
  },
  {
    name: 'no-secret',
    token: null,
    reason: 'SecretMissing',
    says: ['no-secret', OPERATOR_NAMESPACE, 'tokenID', 'secret'],
    isStalled: true,
    cure: (world) => world.create(aTokenSecret(world.token, 'no-secret')),
  },
  {
    name: 'unreachable',
    // Port 9 is discard: nobody listens there.
    spec: () => ({ endpoints: ['https://127.0.0.1:9'] }),
    reason: 'ClusterUnreachable',
    says: ['unreachable'],
    isStalled: false,
    cure: cureSpec(({ access }) => ({ endpoints: access.endpoints })),
  },
];

let bed: TestBed;
let world: World;

beforeAll(async () => {
  bed = await startTestBed();
});

afterAll(async () => {
  await bed?.[Symbol.asyncDispose]();
});

// All of them are the same cluster in truth, so that each has its own VMIDs and its own network.
async function objectsOf({ name, spec, token }: Trouble, index: number): Promise<KubeObject[]> {
  const clusterRef = { name };
  const network = { bridge: 'vmbr0', vlan: index + 1 };
  const secret = token === null ? [] : [aTokenSecret(token ?? world.token, name)];
  const declared = { ...world.access, tokenSecretRef: { name }, ...(await spec?.(world)) };
  return [
    ...secret,
    aProxmoxCluster(declared, name),
    aPool({ clusterRef, ...network }, name),
    aPlan({ clusterRef, firstVMID: 2000 + 100 * index }, name),
    aVirtualMachine(name, { planRef: { name } }),
  ];
}

function isPoll(path: string): boolean {
  return path.startsWith('/cluster/resources');
}

describe('clusters that cannot be used', () => {
  beforeAll(async () => {
    const base = aTopology();
    const privileges = base.roles['PveOperator'] ?? [];
    world = await startWorld(bed, {
      cluster: null,
      topology: {
        ...base,
        users: [...base.users, 'lesser@pve'],
        roles: {
          ...base.roles,
          [LESSER_ROLE]: privileges.filter((one) => one !== 'VM.Clone' && one !== 'Datastore.AllocateSpace'),
        },
        tokens: [...base.tokens, { ...LESSER_TOKEN, privilegeSeparation: false }],
        acl: [...base.acl, { path: '/', role: LESSER_ROLE, who: 'lesser@pve', propagate: true }],
      },
    });
    for (const [index, trouble] of TROUBLES.entries()) await world.create(...(await objectsOf(trouble, index)));
  });

  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
  });

  describe.each(TROUBLES)('$name', ({ name, reason, says, isStalled }) => {
    test(`the cluster says ${reason}`, async () => {
      const wanted = (cluster: ProxmoxCluster): boolean => condition(cluster, 'Ready')?.reason === reason;
      const cluster = await world.untilObject(resources.proxmoxCluster, name, reason, { wanted });
      expect(condition(cluster, 'Ready')?.status).toBe('False');
      for (const text of says) expect(condition(cluster, 'Ready')?.message).toContain(text);
      expect(condition(cluster, 'Stalled')?.reason).toBe(isStalled ? reason : undefined);
    });

    test('its machine says the same', async () => {
      const vm = await world.untilVm(name, reason, (seen) => condition(seen, 'Ready')?.reason === reason);
      expect(condition(vm, isStalled ? 'Stalled' : 'Reconciling')).toMatchObject({ status: 'True', reason });
      expect(condition(vm, 'Cloned')).toMatchObject({ status: 'False', reason });
      expect(vm.status?.state).toBe('set_ip');
    });
  });

  test('nobody is hammered, and no token goes to a stranger', async () => {
    const lesserPolls = () =>
      world.sim.requests.filter(({ path, caller }) => isPoll(path) && caller === LESSER_TOKEN.id).length;
    const polled = lesserPolls();
    // The time from one look at a cluster that answers to the next is ten seconds.
    await until('the cluster that answers is looked at again', () => lesserPolls() > polled, 15_000);
    const refused = world.sim.requests.filter(({ status }) => status === 401);
    expect(refused.length).toBeLessThanOrEqual(6);
    const others = world.sim.requests.filter(({ status, caller }) => status !== 401 && caller !== LESSER_TOKEN.id);
    // Certificates are checked before anything is sent.
    expect(others).toEqual([]);
    const clones = world.requests({ method: 'POST', path: /\/clone$/ });
    expect(clones.length).toBeLessThanOrEqual(2);
    expect(world.madeVmids).toEqual([]);
  });

  /** A clone call that got no answer is not sent again for 100 s. */
  const CURED_MS = 150_000;

  test('each goes on by itself when its cause is corrected', async () => {
    for (const { name, cure } of TROUBLES) await cure(world, name);
    await Promise.all(TROUBLES.map(({ name }) => world.untilReady(name, CURED_MS)));
    const isReady = (cluster: ProxmoxCluster): boolean => condition(cluster, 'Ready')?.status === 'True';
    for (const { name } of TROUBLES) {
      const cluster = await world.untilObject(resources.proxmoxCluster, name, 'is ready', { wanted: isReady });
      expect(condition(cluster, 'Stalled')).toBeUndefined();
    }
    await world.stop();
  });
});
