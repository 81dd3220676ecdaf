// Facts: each gathered when it is asked for, once a pass, and only from what can be trusted.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  aListedVm,
  aNode,
  anOwner,
  aPackage,
  aSnapshot,
  aStatus,
  at,
  type SnapshotShape,
  UID,
  VMID,
} from '../../test/builders/facts.ts';
import { aPlan, aPool, aProxmoxCluster, aZone } from '../../test/builders/objects.ts';
import { createFakeContext, type FakeContext } from '../../test/fakes/context.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { Need } from '../machine/facts.ts';
import type { VmRef } from '../pve/client.ts';
import { PveError } from '../pve/errors.ts';
import { CLONE_PLACEHOLDER, printStamp } from '../pve/stamp.ts';
import { Allocations } from './allocations.ts';
import { CloneSlots } from './clone-slots.ts';
import type { ClusterConnection } from './clusters.ts';
import { Gatherer } from './gather.ts';
import { newRevision } from './plan-revisions.ts';

const GIB = 2 ** 30;
const TEMPLATE = {
  template: '1',
  boot: 'order=scsi0',
  scsi0: 'local:9000/base.qcow2,size=2G',
  ide2: 'local:9000/ci,media=cdrom',
};

let fake: FakeContext;
let snapshot: SnapshotShape | undefined;
let pollError: PveError | undefined;
let configs: Record<string, Record<string, string>>;
let calls: string[];
let tasks: { type: string; id: string; state: { state: string } }[];
let slots: CloneSlots;

beforeEach(() => {
  fake = createFakeContext();
  snapshot = { vms: [aListedVm(9000, { template: true })] };
  pollError = undefined;
  configs = { 'pve1/9000': TEMPLATE };
  calls = [];
  tasks = [];
  slots = new CloneSlots(() => 0);
  const plan = fake.kube.seed(resources.plan, aPlan());
  fake.kube.seed(resources.planRevision, newRevision(plan, 1));
  fake.kube.seed(resources.proxmoxCluster, aProxmoxCluster({ endpoints: ['https://pve1:8006'] }));
  fake.context.clusters.connection = () => connection();
  fake.context.clusters.open = () => [connection()];
});
afterEach(() => fake[Symbol.asyncDispose]());

function connection(): ClusterConnection {
  const config = async ({ node, vmid }: VmRef) => {
    calls.push(`config ${vmid}`);
    const found = configs[`${node}/${vmid}`];
    if (found === undefined) throw new PveError({ kind: 'not-found', call: 'GET config', detail: 'does not exist' });
    return { digest: 'd', values: new Map(Object.entries(found)) };
  };
  const call = (name: string, answer: () => unknown) => async () => {
    calls.push(name);
    return answer();
  };
  const api = {
    config,
    clusterStatus: call('quorum', () => ({ quorate: true, nodes: [] })),
    clusterTasks: call('tasks', () => tasks),
    status: call('status', () => ({ status: 'running' })),
    firewallOptions: call('options', () => ({ enable: true, digest: 'f' })),
    ipset: call('ipset', () => null),
  };
  const shown = () => (snapshot === undefined ? undefined : aSnapshot(snapshot));
  const inventory = {
    snapshot: shown,
    refresh: async () => shown(),
    health: { state: 'unknown', since: 0, error: pollError },
  };
  return { name: 'lab', api, inventory, templates: { config }, cloneSlots: slots } as unknown as ClusterConnection;
}

let woken: number;
function gatherer(change: Partial<VirtualMachine> = {}, deleting = false): Gatherer {
  woken = 0;
  const vm = { ...anOwner(), ...change };
  return new Gatherer({
    context: fake.context,
    allocations: new Allocations(fake.context),
    vm,
    deleting,
    wake: () => void (woken += 1),
  });
}
const gather = (needs: Need[], status: VirtualMachineStatus = aStatus()) => gatherer().facts(status, needs);

function reserveVmid(vmid = VMID): void {
  const virtualMachine = { namespace: 'customer-1', name: 'web-1', uid: UID };
  fake.kube.seed(resources.vmidReservation, {
    metadata: { name: `lab.${vmid}` },
    spec: { clusterRef: { name: 'lab' }, vmid, virtualMachine },
  });
}

function made(lines: Record<string, string> = {}): void {
  reserveVmid();
  snapshot = { vms: [aListedVm(9000, { template: true }), aListedVm(VMID)] };
  configs['pve1/2000'] = { description: printStamp({ uid: UID, vmid: VMID }), ...lines };
}

describe('what costs nothing', () => {
  test('is always there', async () => {
    reserveVmid();
    const facts = await gather([]);
    expect(facts).toMatchObject({
      design: { name: 'customer-1-web-1' },
      held: { addresses: [], vmid: VMID },
      cluster: { name: 'lab' },
      dnsZones: 0,
    });
    expect(facts.cluster.snapshot?.vms.has(9000)).toBe(true);
    expect(calls).toEqual([]);
  });

  test('of several VMIDs the one that the status names counts', async () => {
    reserveVmid(2000);
    reserveVmid(2001);
    expect((await gather([], aStatus({ vmid: 2001 }))).held.vmid).toBe(2001);
    expect((await gather([])).held.vmid).toBe(2000);
  });

  test('the VMID of the status counts also when its reservation is gone: a VM must not be lost with it', async () => {
    reserveVmid(2000);
    expect((await gather([], aStatus({ vmid: 2005 }))).held).toMatchObject({ vmid: 2005, vmidReserved: false });
    expect((await gather([], aStatus({ vmid: 2000 }))).held).toMatchObject({ vmid: 2000, vmidReserved: true });
  });

  test('a VM that was never made needs no cluster: it can be deleted with the cluster gone', async () => {
    const change = { spec: { planRef: { name: 'nothing' } } };
    expect(await gatherer(change, true).facts({}, ['observed', 'power'])).toMatchObject({
      observed: { kind: 'absent' },
    });
  });

  test('the cluster of a reservation counts before the status names one', async () => {
    reserveVmid(2000);
    expect((await gatherer({}, true).facts({}, [])).cluster.name).toBe('lab');
  });

  test('zones are counted', async () => {
    fake.kube.seed(resources.dnsZone, aZone('example.com', 'http://dns'));
    const addresses = [{ address: '192.0.2.10', prefixLength: 24, pool: 'ipv4', primary: true }];
    expect((await gather([], aStatus({ addresses }))).dnsZones).toBe(1);
  });

  test('a plan that is wrong stands in the way of a deploy, not of a deletion', async () => {
    const change = { spec: { planRef: { name: 'nothing' } } };
    await expect(gatherer(change).facts({}, [])).rejects.toMatchObject({ reason: 'PlanNotFound' });
    expect(await gatherer(change, true).facts({}, [])).toMatchObject({ design: undefined, cluster: { name: '' } });
  });
});

describe('memory that was promised to others', () => {
  const other = (name: string, status: VirtualMachineStatus) =>
    fake.kube.seed(resources.virtualMachine, {
      ...anOwner({ name, uid: name }),
      status: {
        clusterName: 'lab',
        effective: aPackage({ memoryGiB: 2 }),
        placement: { targetNode: 'pve1' },
        ...status,
      },
    });
  const placed = async () => (await gather(['template'])).cluster.placedMemoryBytes;

  test('counts until the figures of the node have the VM in them', async () => {
    other('deploying', { state: 'clone', vmid: 2001 });
    other('ready', { state: 'ready', vmid: 2002 });
    other('elsewhere', { state: 'clone', placement: { targetNode: 'pve2' } });
    other('undecided', { state: 'set_ip', placement: undefined });
    other('other-cluster', { clusterName: 'far' });
    snapshot = { vms: [aListedVm(2002, { status: 'running' })] };
    expect((await gather([])).cluster.placedMemoryBytes.size).toBe(0);
    expect(await placed()).toEqual(
      new Map([
        ['pve1', 2 * GIB],
        ['pve2', 2 * GIB],
      ]),
    );
  });

  test('still counts when the node has not reported the ready VM', async () => {
    other('ready', { state: 'ready', vmid: 2002 });
    snapshot = { vms: [aListedVm(2002, { status: 'unknown' })] };
    expect(await placed()).toEqual(new Map([['pve1', 2 * GIB]]));
  });
});

describe('the template', () => {
  const template = async () => (await gather(['template'])).template;

  test.each<{ name: string; arrange: () => void; want: object }>([
    { name: 'is there', arrange: () => undefined, want: { kind: 'present', node: 'pve1' } },
    { name: 'is not listed', arrange: () => void (snapshot = {}), want: { kind: 'missing' } },
    {
      name: 'is a container',
      arrange: () => void (snapshot = { vms: [aListedVm(9000, { type: 'lxc' })] }),
      want: { kind: 'missing' },
    },
    {
      name: 'is an ordinary VM by the list',
      arrange: () => void (snapshot = { vms: [aListedVm(9000)] }),
      want: { kind: 'notATemplate', node: 'pve1' },
    },
    {
      name: 'is an ordinary VM by its configuration, where the list does not say',
      arrange: () => {
        snapshot = { vms: [aListedVm(9000, { template: undefined })] };
        configs['pve1/9000'] = { scsi0: 'x' };
      },
      want: { kind: 'notATemplate', node: 'pve1' },
    },
    {
      name: 'is on a node that is offline',
      arrange: () =>
        void (snapshot = { nodes: [aNode('pve1', { status: 'offline' })], vms: [aListedVm(9000, { template: true })] }),
      want: { kind: 'offline', node: 'pve1' },
    },
    { name: 'went between list and look', arrange: () => void (configs = {}), want: { kind: 'missing' } },
  ])('$name', async ({ arrange, want }) => {
    arrange();
    expect(await template()).toMatchObject(want);
  });

  test('cannot be told before the first list', async () => {
    snapshot = undefined;
    await expect(template()).rejects.toMatchObject({ name: 'WaitingError', reason: 'InProgress' });
    pollError = new PveError({ kind: 'unauthorized', call: 'GET /cluster/resources', detail: 'no' });
    await expect(template()).rejects.toBe(pollError);
  });
});

describe('the VM', () => {
  const sent = { intent: { action: 'clone', sentAt: at(-1), attempt: 1 } };

  test('without a number is not there', async () => {
    expect((await gather(['observed'])).observed).toEqual({ kind: 'absent' });
    expect(calls).toEqual([]);
  });

  test('before the first clone call: a list without it is enough', async () => {
    reserveVmid();
    expect((await gather(['observed'])).observed).toEqual({ kind: 'absent' });
    expect(calls).toEqual([]);
  });

  test.each([
    { name: 'after a clone call', status: aStatus({ operation: sent }) },
    { name: 'after it was decided', status: aStatus({ vmid: VMID }) },
  ])('$name absence is proven', async ({ status }) => {
    reserveVmid();
    expect((await gather(['observed'], status)).observed).toEqual({ kind: 'absent' });
    expect(calls).toContain('quorum');
  });

  test('is looked at once a pass, and again when it is forgotten', async () => {
    made();
    const one = gatherer();
    const status = aStatus({ vmid: VMID, node: 'pve1' });
    for (let look = 0; look < 3; look += 1) expect((await one.facts(status, ['observed'])).observed?.kind).toBe('ours');
    expect(calls).toEqual(['config 2000']);
    one.forget('observed');
    await one.facts(status, ['observed']);
    expect(calls).toHaveLength(2);
  });

  test('has power and firewall looked at where it is, and not when it is none of ours', async () => {
    made();
    expect(await gather(['observed', 'power', 'firewall'])).toMatchObject({
      power: 'running',
      firewall: { options: { enable: true }, ipset: undefined },
    });
    configs['pve1/2000'] = { description: 'mine' };
    calls = [];
    expect(await gather(['observed', 'power', 'firewall'])).toMatchObject({ power: undefined, firewall: undefined });
    expect(calls).toEqual(['config 2000']);
  });
});

describe('a clone under way', () => {
  const half = () => made({ description: CLONE_PLACEHOLDER, lock: 'clone' });
  const task = (type: string, id: string, state: string) => ({ type, id, state: { state } });
  const running = async () => (await gather(['observed'])).cloneTask;

  test.each([
    { name: 'no task', given: [], want: false },
    { name: 'a task of this template', given: [task('qmclone', '9000', 'running')], want: true },
    { name: 'one that ended', given: [task('qmclone', '9000', 'ok')], want: false },
    { name: 'one of another template', given: [task('qmclone', '9001', 'running')], want: false },
    { name: 'another task', given: [task('qmstart', '9000', 'running')], want: false },
  ])('$name: $want', async ({ given, want }) => {
    half();
    tasks = given;
    expect(await running()).toEqual({ running: want });
  });

  test('is asked about for a stamped VM that still has the lock', async () => {
    made({ lock: 'clone' });
    expect(await running()).toEqual({ running: false });
  });

  test('is not asked about otherwise', async () => {
    made();
    expect(await running()).toBeUndefined();
    expect(calls).not.toContain('tasks');
  });
});

describe('clone slots', () => {
  const slot = (one = gatherer()) => one.facts(aStatus(), ['template', 'observed', 'cloneSlot']);

  test('one is taken where the template is', async () => {
    expect((await slot()).cloneSlot).toBeUndefined();
    expect(slots.take('other', { node: 'pve9', storage: 'local' }, () => undefined)).toMatchObject({
      free: false,
      where: 'storage local',
    });
  });

  test('who is turned away is told why and woken', async () => {
    slots.take('other', { node: 'pve1', storage: 'local' }, () => undefined);
    expect((await slot()).cloneSlot).toEqual({ free: false, running: 1, limit: 1, where: 'storage local' });
    slots.release('other');
    expect(woken).toBe(1);
  });

  test('none is taken for a VM that is there, or without a template', async () => {
    made();
    await slot();
    snapshot = {};
    configs = {};
    await gatherer({ metadata: { ...anOwner().metadata, uid: 'another' } }).facts(aStatus(), [
      'template',
      'observed',
      'cloneSlot',
    ]);
    expect(slots.take('other', { node: 'pve1', storage: 'local' }, () => undefined)).toEqual({ free: true });
  });
});

describe('addresses and credentials', () => {
  test('all pools of the cluster, since an overlap with one that is closed to the VM or going counts', async () => {
    fake.kube.seed(resources.ipPool, aPool({}, 'mine'));
    fake.kube.seed(resources.ipPool, aPool({ allowedNamespaces: { names: ['customer-2'] } }, 'theirs'));
    fake.kube.seed(resources.ipPool, aPool({ clusterRef: { name: 'other' } }, 'elsewhere'));
    const going = aPool({}, 'going');
    fake.kube.seed(resources.ipPool, {
      ...going,
      metadata: { ...going.metadata, deletionTimestamp: at(0), finalizers: ['x'] },
    });
    const { addresses } = await gather(['addresses']);
    expect(addresses?.pools.map(({ metadata }) => metadata.name).toSorted()).toEqual(['going', 'mine', 'theirs']);
    expect(addresses?.taken({ bridge: 'vmbr0', vlan: 0 }, '192.0.2.10')).toBe(false);
  });

  test('credentials are there once the status names Secret and user', async () => {
    const known = async (status: Partial<VirtualMachineStatus>) =>
      (await gather(['credentials'], aStatus(status))).credentials;
    expect(await known({})).toEqual({ kind: 'absent' });
    expect(await known({ credentialsSecret: 's' })).toEqual({ kind: 'absent' });
    expect(await known({ credentialsSecret: 's', osUser: 'debian' })).toEqual({
      kind: 'present',
      secretName: 's',
      user: 'debian',
    });
  });
});
