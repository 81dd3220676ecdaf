// The webhook in front of a real API server: what is let in, what is refused and how a client reads it, what is never asked.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import { KubeError } from '../../src/kube/errors.ts';
import { secretType } from '../../src/kube/secrets.ts';
import { webhookConfigurationType } from '../../src/webhook/webhook-configuration.ts';
import { OPERATOR_NAMESPACE, aPlan, aPool, aVirtualMachine } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { startOperator } from './harness-operator.ts';
import { startWorld, untilClusterReady, type World } from './harness-world.ts';
import { applyWebhook, removeWebhook, untilAsked, WEBHOOK_SECRET, webhookSettings } from './webhook.ts';

let bed: TestBed;
let world: World;
let port: number;

beforeAll(async () => {
  bed = await startTestBed();
  const webhook = await webhookSettings();
  port = webhook.port;
  world = await startWorld(bed, { operator: false });
  await applyWebhook(bed, port);
  world.operator = startOperator(bed, { webhook });
  await untilAsked(bed, () => dryRun(aPool()));
  await untilClusterReady(world);
  await world.create(aPlan(), aPool());
});

afterAll(async () => {
  await removeWebhook(bed).catch(() => undefined);
  await world?.[Symbol.asyncDispose]();
  await bed?.[Symbol.asyncDispose]();
});

function dryRun(object: ReturnType<typeof aPool>): Promise<unknown> {
  return bed.client.create(resources.ipPool, object, { dryRun: true });
}

const metrics = async (): Promise<string> => {
  const health = await world.operator?.healthPort;
  return (await fetch(`http://127.0.0.1:${health}/metrics`)).text();
};

/** Questions that the webhook has answered about VirtualMachines. */
async function asked(verb: string): Promise<number> {
  const lines = (await metrics()).split('\n').filter((line) => line.startsWith('pve_operator_admissions_total'));
  const ours = lines.filter((line) => line.includes('kind="VirtualMachine"') && line.includes(`verb="${verb}"`));
  return ours.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

async function refusal(write: Promise<unknown>): Promise<KubeError> {
  const error = await write.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (error instanceof KubeError) return error;
  throw new Error(`The write was not refused: ${String(error)}`);
}

const vmIn = (name: string, spec: Partial<VirtualMachine['spec']> = {}): VirtualMachine => {
  const vm = aVirtualMachine(name, spec);
  return { ...vm, metadata: { ...vm.metadata, namespace: world.namespace } };
};

describe('the webhook', () => {
  test('lets a valid VM in, and it is deployed and deleted with the webhook up', async () => {
    await world.create(aVirtualMachine('valid'));
    await world.untilReady('valid', 60_000);
    await world.deleteVm('valid');
  });

  test('refuses an invalid one with field, code and a sentence', async () => {
    const error = await refusal(
      bed.client.create(resources.virtualMachine, vmIn('bad', { planRef: { name: 'nothing' } })),
    );
    expect(error).toMatchObject({
      status: 422,
      reason: 'Invalid',
      details: {
        name: 'bad',
        group: 'pve-operator.io',
        kind: 'VirtualMachine',
        causes: [{ reason: 'PlanNotFound', field: 'spec.planRef.name', message: expect.stringContaining('nothing') }],
      },
    });
    expect(error.message).toContain('admission webhook "validate.pve-operator.io" denied the request: ');
    expect(await world.findVm('bad')).toBeUndefined();
  });

  test('a plan that was made a moment ago is known', async () => {
    const names = Array.from({ length: 5 }, (_, index) => `just-made-${index}`);
    for (const name of names) {
      await world.create(aPlan({}, name));
      await bed.client.create(resources.virtualMachine, vmIn(name, { planRef: { name } }), { dryRun: true });
    }
  });

  test('a trial has no effect', async () => {
    const before = await asked('CREATE');
    const writes = await bed.client.get(secretType, WEBHOOK_SECRET, OPERATOR_NAMESPACE);
    await bed.client.create(resources.virtualMachine, vmIn('trial'), { dryRun: true });
    await refusal(
      bed.client.create(resources.virtualMachine, vmIn('trial', { planRef: { name: 'x' } }), { dryRun: true }),
    );
    expect(await world.findVm('trial')).toBeUndefined();
    expect(await asked('CREATE')).toBe(before + 2);
    const after = await bed.client.get(secretType, WEBHOOK_SECRET, OPERATOR_NAMESPACE);
    expect(after.metadata.resourceVersion).toBe(writes.metadata.resourceVersion);
  });

  test('is not asked about the status, nor by the operator about its finalizer', async () => {
    const [creates, updates, deletes] = await Promise.all([asked('CREATE'), asked('UPDATE'), asked('DELETE')]);
    await world.create(aVirtualMachine('quiet'));
    await world.untilReady('quiet', 60_000);
    expect(await asked('CREATE')).toBe(creates + 1);
    expect(await asked('UPDATE')).toBe(updates);
    await world.deleteVm('quiet');
    expect(await asked('DELETE')).toBe(deletes + 1);
    expect(await asked('UPDATE')).toBe(updates);
  });

  test('an authority that somebody took out is put back', async () => {
    const type = webhookConfigurationType;
    const bundle = async () =>
      (await bed.client.get(type, 'pve-operator')).webhooks?.map(({ clientConfig }) => clientConfig.caBundle);
    const before = await bundle();
    expect(before?.[0]).toBeDefined();
    const operations = [{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }];
    await bed.client.patch(type, { name: 'pve-operator' }, operations, { kind: 'json' });
    await until('the authority is back', async () => (await bundle())?.[0] === before?.[0]);
    await untilAsked(bed, () => dryRun(aPool({}, 'other')));
  });
});

describe('without the webhook', () => {
  test('nothing is let in, and the operator removes a VM and takes its finalizer off all the same', async () => {
    await world.create(aVirtualMachine('leaving'));
    await world.untilReady('leaving', 60_000);
    await world.operator?.stop();
    const error = await refusal(bed.client.create(resources.virtualMachine, vmIn('late')));
    expect(error).toMatchObject({ status: 500, reason: 'InternalError' });
    expect(error.message).toContain('failed calling webhook "validate.pve-operator.io"');
    const label = { metadata: { labels: { touched: 'yes' } } };
    expect(await refusal(world.patch(resources.virtualMachine, 'leaving', label))).toMatchObject({ status: 500 });
    expect(await refusal(world.deleteVm('leaving'))).toMatchObject({ status: 500 });
    // The deletion was asked for while the webhook was there; it has gone since.
    await removeWebhook(bed);
    await bed.client.delete(resources.virtualMachine, 'leaving', world.namespace);
    await applyWebhook(bed, port);
    world.operator = startOperator(bed);
    await world.untilVmGone('leaving');
    expect(world.madeVmids).toEqual([]);
  });
});
