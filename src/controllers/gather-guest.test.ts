// Facts about a VM that lives: its agent, its snapshots, what waits for its next start, and the times of its cluster.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aListedVm, anOwner, aSnapshot, aStatus, at, NOW, UID, VMID } from '../../test/builders/facts.ts';
import { aPlan, aProxmoxCluster } from '../../test/builders/objects.ts';
import { createFakeContext, type FakeContext } from '../../test/fakes/context.ts';
import { resources } from '../api/resources.ts';
import type { OperationStatus } from '../api/virtual-machine-status.ts';
import type { Facts, Need } from '../machine/facts.ts';
import type { PendingEntry } from '../pve/answer-types.ts';
import { PveError } from '../pve/errors.ts';
import { printStamp } from '../pve/stamp.ts';
import { Allocations } from './allocations.ts';
import type { ClusterConnection } from './clusters.ts';
import { Gatherer } from './gather.ts';
import { newRevision } from './plan-revisions.ts';

let fake: FakeContext;
let calls: string[];
let answers: Record<string, unknown>;
let timeouts: object | undefined;

beforeEach(() => {
  fake = createFakeContext();
  calls = [];
  timeouts = undefined;
  answers = {
    config: { digest: 'd', values: new Map([['description', printStamp({ uid: UID, vmid: VMID })]]) },
    status: { status: 'running' },
    agentPing: true,
    pending: [],
    snapshots: [],
  };
  const plan = fake.kube.seed(resources.plan, aPlan());
  fake.kube.seed(resources.planRevision, newRevision(plan, 1));
  fake.kube.seed(resources.proxmoxCluster, aProxmoxCluster({ endpoints: ['https://pve1:8006'] }));
  fake.context.clusters.connection = () => connection();
  fake.context.clusters.open = () => [connection()];
});
afterEach(() => fake[Symbol.asyncDispose]());

function connection(): ClusterConnection {
  const api = new Proxy(
    {},
    {
      get: (_target, name) => async () => {
        calls.push(String(name));
        const answer = answers[String(name)];
        if (answer instanceof Error) throw answer;
        return answer;
      },
    },
  );
  const shown = () => aSnapshot({ vms: [aListedVm(VMID)] });
  const inventory = { snapshot: shown, refresh: async () => shown(), health: {} };
  return { name: 'lab', api, inventory, spec: { timeouts } } as unknown as ClusterConnection;
}

async function gather(...needs: Need[]): Promise<Facts> {
  return gatherFor({}, ...needs);
}

async function gatherFor(operation: Partial<OperationStatus>, ...needs: Need[]): Promise<Facts> {
  const parts = { context: fake.context, allocations: new Allocations(fake.context), vm: anOwner() };
  const gatherer = new Gatherer({ ...parts, deleting: false, wake: () => undefined });
  return gatherer.facts(aStatus({ vmid: VMID, node: 'pve1', operation }), needs);
}

const stranger = () => void (answers['config'] = { digest: 'd', values: new Map([['description', 'theirs']]) });

describe('the guest agent', () => {
  const asked = () => gather('observed', 'power', 'guestAgent');

  test.each([true, false])('answers: %s', async (answer) => {
    answers['agentPing'] = answer;
    expect((await asked()).guestAgent).toEqual({ answers: answer });
  });

  test('of a stopped VM is not asked: that costs ten seconds', async () => {
    answers['status'] = { status: 'stopped' };
    expect((await asked()).guestAgent).toBeUndefined();
    expect(calls).not.toContain('agentPing');
  });

  test("of somebody else's VM is not asked", async () => {
    stranger();
    expect((await asked()).guestAgent).toBeUndefined();
    expect(calls).toEqual(['config']);
  });

  test('that cannot be asked is a failure of the cluster, not of the guest', async () => {
    answers['agentPing'] = new PveError({ kind: 'unreachable', call: 'POST ping', detail: 'no route' });
    await expect(asked()).rejects.toMatchObject({ kind: 'unreachable' });
  });
});

describe('what waits for the next start', () => {
  const entry = (change: Partial<PendingEntry> & { key: string }): PendingEntry => ({ deletion: false, ...change });

  test('is what has another value then, or none', async () => {
    answers['pending'] = [
      entry({ key: 'memory', value: '2048', pending: '4096' }),
      entry({ key: 'cores', value: '2' }),
      entry({ key: 'net1', value: 'virtio', deletion: true }),
      entry({ key: 'net2', pending: 'virtio' }),
    ];
    const { pending, inForce } = await gather('observed', 'power', 'pending');
    expect(pending).toEqual(['memory', 'net1', 'net2']);
    expect(inForce).toEqual(
      new Map([
        ['memory', '2048'],
        ['net1', 'virtio'],
      ]),
    );
  });

  test('is nothing where the VM is stopped, and is not asked', async () => {
    answers['status'] = { status: 'stopped' };
    expect((await gather('observed', 'power', 'pending')).pending).toEqual([]);
    expect(calls).not.toContain('pending');
  });

  test("is nobody's business of a stranger", async () => {
    stranger();
    expect((await gather('observed', 'pending')).pending).toEqual([]);
    expect(calls).toEqual(['config']);
  });
});

describe('snapshots', () => {
  test('are known by their names', async () => {
    answers['snapshots'] = [{ name: 'weekly' }, { name: 'before' }];
    expect((await gather('observed', 'snapshots')).snapshots).toEqual(['weekly', 'before']);
  });

  test('of a stranger are not looked at', async () => {
    stranger();
    expect((await gather('observed', 'snapshots')).snapshots).toBeUndefined();
    expect(calls).toEqual(['config']);
  });
});

test.each([
  { name: 'nothing said', given: undefined, want: { shutdownSeconds: 120, forceStopSeconds: 60, startSeconds: 60 } },
  {
    name: 'all said',
    given: { shutdownSeconds: 1, forceStopSeconds: 2, startSeconds: 3 },
    want: { shutdownSeconds: 1, forceStopSeconds: 2, startSeconds: 3 },
  },
  {
    name: 'one said',
    given: { startSeconds: 9 },
    want: { shutdownSeconds: 120, forceStopSeconds: 60, startSeconds: 9 },
  },
])('times of the cluster: $name', async ({ given, want }) => {
  timeouts = given;
  expect((await gather()).cluster.times).toMatchObject(want);
});

describe('a restart whose call got no answer', () => {
  const task = (secondsAfter: number, state: string) => ({
    type: 'qmreboot',
    startTime: NOW / 1_000 + secondsAfter,
    state: { state },
  });
  test.each([
    { name: 'left no task', tasks: [], want: 'none' },
    { name: 'runs', tasks: [task(0, 'running')], want: 'running' },
    { name: 'has ended, by a clock that is a little behind', tasks: [task(-59, 'ok')], want: 'ok' },
    { name: 'failed', tasks: [task(1, 'failed')], want: 'failed' },
    { name: 'is not the one of an hour ago', tasks: [task(-3_600, 'ok')], want: 'none' },
    { name: 'is the newest of several', tasks: [task(2, 'failed'), task(1, 'ok')], want: 'failed' },
  ])('$name', async ({ tasks, want }) => {
    answers['vmTasks'] = tasks;
    const intent = { action: 'reboot', sentAt: at(0), attempt: 1 };
    expect((await gatherFor({ intent }, 'observed', 'restartTask')).restartTask).toBe(want);
  });
});
