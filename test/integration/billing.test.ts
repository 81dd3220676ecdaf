// The life of a machine as a billing system runs it: the requests of docs/billing.md, with the billing role and no other right.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import type { VirtualMachineOperation } from '../../src/api/virtual-machine-operation.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import { aPlan, aPool } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import type { Account, HttpAnswer } from './account.ts';
import { billingAccount, documented } from './billing-account.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { condition, isReady, startWorld, type World } from './harness-world.ts';

const NAME = 'service-5546';
const LIMIT_MS = 60_000;

let bed: TestBed;
let world: World;
let billing: Account;

beforeAll(async () => {
  bed = await startTestBed();
  world = await startWorld(bed);
  await world.create(
    aPool(),
    aPlan({ nameRule: '{client_id}-{service_id}' }, 'kvm-small'),
    aPlan({ nameRule: '{client_id}-{service_id}', memoryGiB: 2 }, 'kvm-large'),
  );
  billing = await billingAccount(bed);
});

afterAll(async () => {
  await billing?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
  await bed?.[Symbol.asyncDispose]();
});

/** Sends what the page says under a heading. */
function send<T extends object = VirtualMachine>(section: string): Promise<HttpAnswer<T>> {
  return billing.send<T>(documented(section, world.namespace));
}

/** Reads the machine as billing does, until it is as wanted. */
function untilRead(what: string, wanted: (vm: VirtualMachine) => boolean): Promise<VirtualMachine> {
  return until(
    `billing reads that it is ${what}`,
    async () => {
      const { status, body } = await send('Read');
      return status === 200 && wanted(body) ? body : undefined;
    },
    LIMIT_MS,
  );
}

/** What the page calls done. */
const isDone = (vm: VirtualMachine): boolean =>
  vm.status?.observedGeneration === vm.metadata.generation &&
  condition(vm, 'Ready')?.status === 'True' &&
  vm.status?.operation === undefined;

const isRunning = ({ status }: VirtualMachine): boolean =>
  world.sim.world.vms.get(status?.vmid ?? 0)?.running !== undefined;

describe('a service', () => {
  test('is ordered, and what is told about it is enough for a welcome mail', async () => {
    expect(await send('Create')).toMatchObject({ status: 201, warnings: [] });
    const vm = await untilRead('done', isDone);
    expect(isReady(vm)).toBe(true);
    expect(vm.status).toMatchObject({
      state: 'ready',
      powerState: 'Running',
      name: '142-5546',
      addresses: [{ address: '192.0.2.10' }],
      effective: { cpuCores: 1, memoryGiB: 1, systemDiskGiB: 10 },
      credentialsSecret: `${NAME}-credentials`,
    });
  });

  test('that is ordered twice is made once, and the answer tells so', async () => {
    const again = await send<object>('Create');
    expect(again).toMatchObject({
      status: 409,
      body: { reason: 'AlreadyExists', details: { name: NAME, kind: 'virtualmachines' } },
    });
    expect((await send('Read')).body.spec.billing).toEqual({ clientID: '142', serviceID: '5546' });
    expect(world.madeVmids).toHaveLength(1);
  });

  test('is upgraded: another plan, an option changed and one taken away', async () => {
    expect((await send('Upgrade and downgrade')).status).toBe(200);
    const vm = await untilRead('larger', (read) => isDone(read) && read.status?.effective?.cpuCores === 2);
    expect(vm.status?.effective).toMatchObject({ cpuCores: 2, memoryGiB: 2, systemDiskGiB: 20 });
    expect(vm.spec.configurableOptions).toEqual({ 'CPU Cores': '2|2 Cores', 'System Disk': '20|20 GB' });
    expect(world.config(vm.status?.vmid)).toMatchObject({ cores: '2', memory: '2048' });
    expect(isRunning(vm)).toBe(true);
  });

  test('a request that is repeated changes nothing', async () => {
    const before = (await send('Read')).body.metadata;
    const { status, body } = await send('Upgrade and downgrade');
    expect({ status, version: body.metadata.resourceVersion }).toEqual({
      status: 200,
      version: before.resourceVersion,
    });
  });

  test('is downgraded, and keeps its disk', async () => {
    expect((await send('Downgrade')).status).toBe(200);
    const vm = await untilRead('smaller', (read) => isDone(read) && read.status?.effective?.cpuCores === 1);
    expect(vm.status?.effective).toMatchObject({ cpuCores: 1, memoryGiB: 1, systemDiskGiB: 20 });
    expect(condition(vm, 'ShrinkRefused')).toBeUndefined();
  });

  test('is suspended and released', async () => {
    expect((await send('Suspend')).status).toBe(200);
    const suspended = await untilRead('suspended', ({ status }) => status?.suspension !== undefined);
    await untilRead('stopped', ({ status }) => status?.powerState === 'Stopped');
    expect(isRunning(suspended)).toBe(false);
    expect(suspended.spec.suspension).toEqual({ reason: 'unpaid' });
    expect((await send('Unsuspend')).status).toBe(200);
    const released = await untilRead('running', ({ status }) => status?.powerState === 'Running');
    expect(released.status?.suspension).toBeUndefined();
    await untilRead('done', isDone);
  });

  test('is reinstalled once, however often the order is sent', async () => {
    const before = (await send('Read')).body.status;
    expect((await send('Reinstall')).status).toBe(201);
    expect(await send<object>('Reinstall')).toMatchObject({ status: 409, body: { reason: 'AlreadyExists' } });
    const path = `${documented('Reinstall', world.namespace).path.split('?')[0]}/${NAME}-reinstall-1`;
    await until('the reinstallation is done', async () => {
      const { body } = await billing.send<VirtualMachineOperation>({ method: 'GET', path });
      return condition(body, 'Succeeded')?.status === 'True';
    });
    const vm = await untilRead('done', isDone);
    expect(vm.status).toMatchObject({ vmid: before?.vmid, addresses: before?.addresses });
    const reinstalls = (await world.runs(NAME)).filter(({ spec }) => spec.machine === 'reinstall');
    expect(reinstalls).toHaveLength(1);
  });

  test('is found by its state and its plan', async () => {
    const list = async (selector: string): Promise<string[]> => {
      const path = documented('Read', world.namespace).path.replace(`/${NAME}`, `?fieldSelector=${selector}`);
      const { body } = await billing.send<{ items: KubeObject[] }>({ method: 'GET', path });
      return body.items.map(({ metadata }) => metadata.name);
    };
    expect(await list('status.state=ready')).toEqual([NAME]);
    expect(await list('status.state=error_terminate')).toEqual([]);
    expect(await list('spec.planRef.name=kvm-small')).toEqual([NAME]);
  });

  test('its password is not read by the role', async () => {
    const path = `/api/v1/namespaces/${world.namespace}/secrets/${NAME}-credentials`;
    expect(await billing.send({ method: 'GET', path })).toMatchObject({ status: 403, body: { reason: 'Forbidden' } });
    const role = ['role', 'password', '--verb=get', '--resource=secrets', `--resource-name=${NAME}-credentials`];
    await bed.kubectl(['-n', world.namespace, 'create', ...role]);
    const binding = ['rolebinding', 'password', '--role=password', '--serviceaccount=billing:billing'];
    await bed.kubectl(['-n', world.namespace, 'create', ...binding]);
    await until('the right is in force', async () => (await billing.send({ method: 'GET', path })).status === 200);
  });

  test('is terminated, and a termination that is repeated is answered with 404', async () => {
    expect((await send('Terminate')).status).toBe(200);
    const words = new Set<string | undefined>();
    await until(
      'it is gone',
      async () => {
        const { status, body } = await send('Read');
        if (status === 200) words.add(body.status?.state);
        return status === 404;
      },
      LIMIT_MS,
    );
    expect([...words].filter((word) => word !== 'terminate' && word !== 'ready')).toEqual([]);
    expect(await send<object>('Terminate')).toMatchObject({ status: 404, body: { reason: 'NotFound' } });
    expect(world.madeVmids).toEqual([]);
  });
});

test('nothing is left', async () => {
  await world.stop();
});
