// Statuses that version 0.1 wrote, one for each state of a deploy, are carried on by the present operator. The lines of
// the file are never changed: a status that this version writes otherwise gets a file of its own.
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import { DEPLOY_STATES } from '../../src/api/states.ts';
import { virtualMachine } from '../../src/api/virtual-machine.ts';
import { type VirtualMachineStatus } from '../../src/api/virtual-machine-status.ts';
import { live } from '../crash/process.ts';
import { full } from '../crash/profiles.ts';
import { createWorld, type CrashWorld, NAMESPACE, vmOf } from '../crash/world.ts';

const lines = readFileSync(new URL('statuses-0.1.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n');
const statuses = lines.map((line) => JSON.parse(line) as VirtualMachineStatus);

/** The VM is deployed already: what a status has forgotten is found done, and what it remembers still holds. */
let world: CrashWorld;

const isReady = () => vmOf(world)?.status?.state === 'ready' && vmOf(world)?.status?.operation === undefined;
const deploy = () => live(world, isReady);

/** A world whose pools give the addresses that the file speaks of. */
function createOldWorld(): CrashWorld {
  const made = createWorld(full);
  const pool = made.kube.objects(resources.ipPool).find(({ metadata }) => metadata.name === 'v6')!;
  made.kube.seed(resources.ipPool, { ...pool, spec: { ...pool.spec, first: '2001:db8::10', last: '2001:db8::20' } });
  return made;
}

beforeAll(async () => {
  world = createOldWorld();
  expect(await deploy()).toBe('reached');
});

async function rewrite(status: VirtualMachineStatus): Promise<void> {
  const vm = vmOf(world)!;
  world.kube.onWrite(undefined);
  await world.kube.client.replace(resources.virtualMachine, { ...vm, status }, { subresource: 'status' });
}

/** Calls that a VM which is there and as declared must not cause. A start is harmless: it is refused. */
const HEAVY = /\/(clone|migrate|resize)$/;
const heavyCalls = () => world.sim.requests.filter(({ method, path }) => method !== 'GET' && HEAVY.test(path)).length;

const without = ({ operation: _operation, ...rest }: VirtualMachineStatus): VirtualMachineStatus => rest;
/** Before the clone is decided there is no VM yet. */
const [fresh, made] = [statuses.slice(0, 2), statuses.slice(2)];
const bothWays = (some: readonly VirtualMachineStatus[]) =>
  some.flatMap((status) => [
    { name: `${status.state}, while a pipeline ran`, status },
    { name: `${status.state}, between pipelines`, status: without(status) },
  ]);
const cases = bothWays(made);

const UPID = 'UPID:pve1:00001111:00002222:65000000:qmclone:9000:operator@pve!k8s:';

/** Everything was decided and stored, and the clone call was the next thing to do. */
function cloning(operation: Partial<VirtualMachineStatus['operation']>): VirtualMachineStatus {
  const [, reserved, cloned] = statuses;
  return {
    ...cloned!,
    clonedAt: undefined,
    state: 'set_ip',
    operation: { ...reserved!.operation!, step: 'clone-template', ...operation },
  };
}

const intent = { action: 'clone', sentAt: '2026-11-22T06:00:00.000Z', attempt: 1 };
const midway = [
  { name: 'a clone was about to be sent', status: cloning({ intent }) },
  {
    name: 'a clone ran, and its node has forgotten the task',
    status: cloning({ intent, taskID: UPID, taskIDs: [UPID] }),
  },
  {
    name: 'changes went one by one',
    status: { ...statuses[4]!, operation: { ...statuses[4]!.operation!, separately: true } },
  },
];

describe('statuses of version 0.1', () => {
  test('there is one for each state', () => {
    expect(statuses.map(({ state }) => state)).toEqual(DEPLOY_STATES);
  });

  test.each(bothWays(statuses))('$name: still accepted by the schema', ({ status }) => {
    expect(virtualMachine.status?.safeParse(status)).toMatchObject({ success: true });
  });

  test.each([...cases, ...midway])('$name: resumes to ready with the same VM', async ({ status }) => {
    await rewrite(status);
    const before = { vm: vmOf(world)!, calls: heavyCalls() };

    expect(await deploy()).toBe('reached');

    expect(vmOf(world)!.status).toMatchObject({
      state: 'ready',
      vmid: 2000,
      node: 'pve3',
      powerState: 'Running',
      addresses: statuses.at(-1)!.addresses,
      osUser: statuses.at(-1)!.osUser,
    });
    expect(heavyCalls()).toBe(before.calls);
    expect(world.kube.objects(resources.vmidReservation)).toHaveLength(1);
    expect(world.kube.objects(resources.ipAddressReservation)).toHaveLength(3);
    const secrets = world.kube.objects(resources.secret).filter(({ metadata }) => metadata.namespace === NAMESPACE);
    expect(secrets).toHaveLength(1);
  });

  test.each(bothWays(fresh))('$name: the deploy goes on', async ({ status }) => {
    world = createOldWorld();
    const refuse = world.sim.faults.add({
      match: { method: 'GET', path: /\/qemu\/9000\/config$/ },
      when: 'before',
      effect: { status: 595, reason: 'Connection refused' },
      times: Number.POSITIVE_INFINITY,
    });
    expect(await live(world, () => vmOf(world)!.status?.state === 'set_ip')).toBe('reached');
    refuse();
    await rewrite(status);
    expect(await deploy()).toBe('reached');
    expect(vmOf(world)!.status).toMatchObject({ vmid: 2000, node: 'pve3', addresses: statuses.at(-1)!.addresses });
  });
});
