// The operator's own rights on a real API server: nothing that it does is forbidden, and nothing is granted that it never does.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import type { KubeObject, ResourceType } from '../../src/kube/types.ts';
import {
  aPlan,
  aPool,
  aProxmoxCluster,
  aSecret,
  aVirtualMachine,
  aZone,
  CLUSTER,
  DNS_SECRET,
  PLAN,
} from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import { manifestsIn, startTestBed, type TestBed } from './harness.ts';
import { startOperator } from './harness-operator.ts';
import { startWorld, type World } from './harness-world.ts';
import { done, edited, request } from './requests.ts';
import { explainedRights, grantedRights, usedRights } from './rights-used.ts';

const ZONE = 'example.com';
/** A port that nothing listens on: the zone is written about, not to. */
const NO_DNS_SERVER = 'http://127.0.0.1:1';

/** Revisions of a plan that are kept although no machine has them. */
const UNUSED_KEPT = 10;

let folder: string;
let auditLog: string;
let bed: TestBed;
let world: World;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pve-operator-audit-'));
  auditLog = join(folder, 'audit.jsonl');
  bed = await startTestBed({ auditLog });
  world = await startWorld(bed, { operator: false });
  world.operator = startOperator(bed, { leaderElection: true });
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await bed?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function untilGone(type: ResourceType<KubeObject>, name: string): Promise<void> {
  await until(`${type.kind} ${name} is gone`, async () => {
    const { items } = await bed.client.list(type);
    return items.every(({ metadata }) => metadata.name !== name);
  });
}

async function remove(type: ResourceType<KubeObject>, name: string): Promise<void> {
  await bed.client.delete(type, name);
  await untilGone(type, name);
}

describe('all that the operator does', () => {
  test('a machine is deployed, changed, restarted, made anew and given another password', async () => {
    await world.create(aSecret(DNS_SECRET, { apiKey: 'none' }), aZone(ZONE, NO_DNS_SERVER));
    await world.create(aPool(), aPlan({ quota: { virtualMachinesPerNamespace: 3 } }), aVirtualMachine('web'));
    await world.untilReady('web', 60_000);
    await edited(world, 'web', { options: { networkMBps: 4 } });
    await done(world, 'web', 'reboot', { type: 'Reboot' });
    await done(world, 'web', 'password', { type: 'ResetPassword' });
    await done(world, 'web', 'reinstall', { type: 'Reinstall', reinstall: { confirmation: 'REINSTALL' } });
  });

  test('a plan is edited and rolled out, and what nothing uses any more goes', async () => {
    const revisions = async () => (await world.list(resources.planRevision)).map(({ spec }) => spec.revision);
    const edit = async (number: number): Promise<void> => {
      await world.patch(resources.plan, PLAN, { spec: { cpuCores: number } });
      await until(`there is revision ${number}`, async () => (await revisions()).includes(number));
    };
    for (let number = 2; number <= UNUSED_KEPT + 2; number += 1) await edit(number);
    await done(world, 'web', 'roll-out', { type: 'ChangePackage' });
    await edit(UNUSED_KEPT + 3);
    await until('the first revision is gone', async () => !(await revisions()).includes(1));
  });

  test('an operation whose time is over goes', async () => {
    await request(world, 'web', 'short', { type: 'SetCloudInit', ttlSecondsAfterFinished: 0 });
    await untilGone(resources.virtualMachineOperation, 'short');
  });

  test('machines end: terminated, kept, and forgotten', async () => {
    await world.create(aVirtualMachine('kept', { deletionPolicy: 'Retain' }), aVirtualMachine('forgotten'));
    await Promise.all(['kept', 'forgotten'].map((name) => world.untilReady(name, 60_000)));
    await request(world, 'forgotten', 'forget', {
      type: 'ResetStatus',
      resetStatus: { state: 'remove', confirmation: 'REMOVE' },
    });
    await request(world, 'web', 'end', { type: 'ResetStatus', resetStatus: { state: 'terminate' } });
    await bed.client.delete(resources.virtualMachine, 'kept', world.namespace);
    for (const name of ['web', 'kept', 'forgotten']) await world.untilVmGone(name, 60_000);
  });

  test('what they used is let go of', async () => {
    for (const type of [resources.ipAddressReservation, resources.vmidReservation] as ResourceType<KubeObject>[])
      for (const { metadata } of await world.list(type)) await bed.client.delete(type, metadata.name);
    await remove(resources.plan, PLAN);
    await remove(resources.dnsZone, ZONE);
    await remove(resources.ipPool, 'ipv4');
    await world.create(aProxmoxCluster({ ...world.access }, 'second'));
    await remove(resources.proxmoxCluster, 'second');
    await remove(resources.proxmoxCluster, CLUSTER);
  });
});

describe('its rights', () => {
  const granted = async (): Promise<string[]> => grantedRights(await manifestsIn('config/rbac'));

  test('suffice', async () => {
    const { used, forbidden } = usedRights(await readFile(auditLog, 'utf8'));
    expect(used.size).toBeGreaterThan(40);
    expect(forbidden).toEqual([]);
  });

  test('are used, or docs/privileges.md says why they are needed all the same', async () => {
    const { used } = usedRights(await readFile(auditLog, 'utf8'));
    const explained = explainedRights();
    const idle = (await granted()).filter((right) => !used.has(right));
    expect(idle.filter((right) => !explained.has(right))).toEqual([]);
  });

  test('are granted where docs/privileges.md explains them', async () => {
    const all = new Set(await granted());
    const explained = explainedRights();
    expect(explained.size).toBeGreaterThan(0);
    expect([...explained.keys()].filter((right) => !all.has(right))).toEqual([]);
    expect([...explained].filter(([, reason]) => reason === '')).toEqual([]);
  });

  test('have no wildcard', async () => {
    expect((await granted()).filter((right) => right.includes('*'))).toEqual([]);
  });
});
