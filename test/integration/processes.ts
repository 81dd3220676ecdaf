// Operators as processes of their own: what a test knows of them, and signals that the operating system would send.
import { type Lease, leaseType } from '../../src/kube/lease.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import { OPERATOR_NAMESPACE } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import type { TestBed } from './harness.ts';
import { type OperatorProcess, startOperatorProcess } from './harness-operator.ts';
import type { World } from './harness-world.ts';

const LEASE_NAME = 'pve-operator';
const START_LIMIT_MS = 30_000;

/** The operators of a test; all end with it. */
export class Operators implements AsyncDisposable {
  readonly #bed: TestBed;
  readonly #started: OperatorProcess[] = [];

  constructor(bed: TestBed) {
    this.#bed = bed;
  }

  /** One that acts at once, without a lease. */
  async startAlone(): Promise<OperatorProcess> {
    const operator = await this.#start({});
    await untilLogged(operator, 'Acting');
    return operator;
  }

  /** A replica that takes the lease when it is free. */
  startReplica(identity: string): Promise<OperatorProcess> {
    return this.#start({ leaderElection: true, identity });
  }

  async #start(options: Parameters<typeof startOperatorProcess>[1]): Promise<OperatorProcess> {
    const operator = await startOperatorProcess(this.#bed, options);
    this.#started.push(operator);
    return operator;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#started.map((operator) => operator.kill()));
  }
}

/** Waits until a line of the operator's log has that message. */
export async function untilLogged(operator: OperatorProcess, message: string): Promise<void> {
  await until(
    `the operator logs ${JSON.stringify(message)}`,
    () => {
      if (!operator.isRunning && message !== 'Stopped')
        throw new Error(`The operator ended by itself:\n${operator.lastLines(15).join('\n')}`);
      return hasLogged(operator, message);
    },
    START_LIMIT_MS,
  );
}

export function hasLogged(operator: OperatorProcess, message: string): boolean {
  return operator
    .lastLines(Number.MAX_SAFE_INTEGER)
    .some((line) => line.includes(`"message":${JSON.stringify(message)}`));
}

/** Takes the lease away from a replica of an earlier test that was killed. */
export async function freeLease(bed: TestBed): Promise<void> {
  if ((await findLease(bed)) !== undefined) await bed.client.delete(leaseType, LEASE_NAME, OPERATOR_NAMESPACE);
}

async function findLease(bed: TestBed): Promise<Lease | undefined> {
  return bed.client.get(leaseType, LEASE_NAME, OPERATOR_NAMESPACE).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
}

/** Waits until that replica holds the lease. */
export async function untilLeads(bed: TestBed, identity: string, limitMs?: number): Promise<Lease> {
  return until(
    `${identity} holds the lease`,
    async () => {
      const found = await findLease(bed);
      return found?.spec?.holderIdentity === identity ? found : undefined;
    },
    limitMs,
  );
}

/** Runs something the moment a request strikes; resolves when it was done. The request goes on afterwards. */
export async function atRequest(
  world: World,
  { method, path, when }: { method: string; path: RegExp; when: 'before' | 'after' },
  action: () => void | Promise<void>,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const meanwhile = async (): Promise<void> => {
    await Promise.resolve(action()).then(resolve, reject);
  };
  const disarm = world.sim.faults.add({ match: { method, path }, when, effect: { meanwhile } });
  const limit = setTimeout(() => reject(new Error(`No ${method} ${path} came within the time limit.`)), START_LIMIT_MS);
  await promise.finally(() => {
    clearTimeout(limit);
    disarm();
  });
}
