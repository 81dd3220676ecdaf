// The webhook while writes run: certificates that are made anew, replicas, an operator that is killed and comes back.
import { connect } from 'node:tls';
import { afterEach, beforeAll, afterAll, describe, expect, test } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import type { KubeError } from '../../src/kube/errors.ts';
import type { CertificateTimes } from '../../src/webhook/certificates.ts';
import { webhookConfigurationType } from '../../src/webhook/webhook-configuration.ts';
import { aPool, aVirtualMachine } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { startOperator, startOperatorProcess } from './harness-operator.ts';
import { startWorld, type World } from './harness-world.ts';
import { applyWebhook, removeWebhook, untilAsked, webhookSettings } from './webhook.ts';

/** A year in 24 seconds: in less, a machine that is busy with other things misses the days that are left for a renewal. */
const HASTE: CertificateTimes = { authorityMs: 24_000, servingMs: 12_000, overlapMs: 3000, lookMs: 200 };
const WRITES_PER_SECOND = 100;

let bed: TestBed;
let world: World;
beforeAll(async () => {
  bed = await startTestBed();
});
afterEach(async () => {
  await removeWebhook(bed);
  await world[Symbol.asyncDispose]();
});
afterAll(async () => {
  await bed?.[Symbol.asyncDispose]();
});

/** Sends writes at a steady pace until told to stop, so many of them at once; each is told its number. */
function load(mostAtOnce: number, write: (number: number) => Promise<void>) {
  const running = new Set<Promise<void>>();
  const startedAt = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * WRITES_PER_SECOND);
    // A machine that is busy sends fewer, not all at once.
    for (; sent < due && running.size < mostAtOnce; sent += 1) {
      const one = write(sent);
      running.add(one);
      void one.finally(() => running.delete(one));
    }
  }, 10);
  return {
    get sent() {
      return sent;
    },
    async stop(): Promise<void> {
      clearInterval(timer);
      await Promise.all(running);
    },
  };
}

/** Objects that are written in turn, so that writes do not wait for one another. */
const POOLS = 20;

async function createPools(): Promise<void> {
  await world.create(...Array.from({ length: POOLS }, (_, index) => aPool({ vlan: 100 + index }, `pool-${index}`)));
}

/** A change that any pool may have. */
async function patchPool(number: number): Promise<void> {
  const change = { metadata: { annotations: { number: String(number) } } };
  await world.patch(resources.ipPool, `pool-${number % POOLS}`, change);
}

const probe = () => bed.client.create(resources.ipPool, aPool({}, 'probe'), { dryRun: true });

async function bundle(): Promise<string> {
  const { webhooks } = await bed.client.get(webhookConfigurationType, 'pve-operator');
  return Buffer.from(webhooks?.[0]?.clientConfig.caBundle ?? '', 'base64').toString();
}

/** Shakes hands as the API server does; the serial number of what was shown. */
function shown(port: number, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca, servername: '' }, () => {
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      resolve(serialNumber);
    });
    socket.once('error', reject);
  });
}

describe('certificates that are made anew', () => {
  test('fail no write, and every replica shows what the API server trusts', async () => {
    world = await startWorld(bed, { operator: false });
    const settings = await Promise.all([webhookSettings(), webhookSettings()]);
    const ports = settings.map(({ port }) => port);
    await applyWebhook(bed, ports[0] ?? 0);
    world.operator = startOperator(bed, { webhook: settings[0] }, { certificateTimes: HASTE });
    // The second one only waits for the lease: it serves nevertheless.
    await untilAsked(bed, probe);
    const second = startOperator(
      bed,
      { webhook: settings[1], leaderElection: true, identity: 'second' },
      { certificateTimes: HASTE },
    );
    await until('both replicas serve', () => shown(ports[1] ?? 0, '').catch(({ code }) => code !== 'ECONNREFUSED'));
    await createPools();
    const failed: string[] = [];
    // So few that the operator's own calls are answered between them where the machine is busy.
    const writes = load(POOLS, (number) =>
      patchPool(number).catch((error: unknown) => {
        failed.push(String(error));
      }),
    );
    const authorities = new Set<string>();
    const certificates = new Set<string>();
    try {
      await until(
        'three authorities have signed',
        async () => {
          const ca = await bundle();
          for (const pem of ca.match(/-----BEGIN[^]+?END CERTIFICATE-----/g) ?? []) authorities.add(pem);
          for (const port of ports) certificates.add(await shown(port, ca));
          return authorities.size >= 4;
        },
        120_000,
      );
    } finally {
      await writes.stop();
      await second.stop();
    }
    console.log(
      `${writes.sent} writes, ${authorities.size} authorities, ${certificates.size} certificates, ${failed.length} failed`,
    );
    expect(failed).toEqual([]);
    expect(certificates.size).toBeGreaterThan(3);
    expect(writes.sent).toBeGreaterThan(200);
  });
});

describe('an operator that is killed and comes back', () => {
  test('lets nothing invalid in, and every valid write succeeds when it is repeated', async () => {
    world = await startWorld(bed, { operator: false, cluster: null });
    await createPools();
    const settings = await webhookSettings();
    await applyWebhook(bed, settings.port);
    const args = ['--webhook', `--webhook-port=${settings.port}`, '--webhook-names=127.0.0.1', '--allow-local-targets'];
    let operator = await startOperatorProcess(bed, { args });
    await untilAsked(bed, probe);
    const admitted: string[] = [];
    const refused: { number: number; said: string }[] = [];
    const create = (name: string, plan: string) => {
      const vm = aVirtualMachine(name, { planRef: { name: plan } });
      return bed.client.create(resources.virtualMachine, { ...vm, metadata: { name, namespace: world.namespace } });
    };
    // Both pass the schemas: only the webhook knows that they are wrong.
    const backwards = (number: number) =>
      world.patch(resources.ipPool, `pool-${number % POOLS}`, { spec: { last: '192.0.2.9' } });
    const invalid = async (number: number): Promise<void> => {
      const attempt = number % 4 === 0 ? create(`invalid-${number}`, 'nothing') : backwards(number);
      await attempt.then(
        () => void admitted.push(`write ${number}`),
        () => undefined,
      );
    };
    const valid = async (number: number): Promise<void> => {
      await patchPool(number).catch(({ status, reason }: KubeError) => {
        refused.push({ number, said: `${status} ${reason}` });
      });
    };
    const writes = load(WRITES_PER_SECOND, (number) => (number % 2 === 0 ? invalid(number) : valid(number)));
    try {
      for (const end of ['kill', 'stop'] as const) {
        const before = refused.length;
        await operator[end]();
        await until('a write was refused meanwhile', () => refused.length > before);
        operator = await startOperatorProcess(bed, { args });
        await untilAsked(bed, probe);
      }
      await writes.stop();
      // Once is enough; a few at a time, so that the pace is not the question any more.
      for (let at = 0; at < refused.length; at += POOLS) {
        await Promise.all(refused.slice(at, at + POOLS).map(({ number }) => patchPool(number)));
      }
    } finally {
      await writes.stop();
      await operator.kill();
    }
    console.log(`${writes.sent} writes, ${refused.length} refused and repeated, ${admitted.length} invalid admitted`);
    expect(admitted).toEqual([]);
    expect(await world.list(resources.virtualMachine)).toEqual([]);
    const lasts = (await world.list(resources.ipPool)).map(({ spec }) => spec.last);
    expect(new Set(lasts)).toEqual(new Set([aPool().spec.last]));
    expect(new Set(refused.map(({ said }) => said))).toEqual(new Set(['500 InternalError']));
  });
});
