// `npm run bench:webhook`: how long the webhook takes to answer at a steady pace, with many objects to look at.
import { Agent, request } from 'node:https';
import { cpus, loadavg } from 'node:os';
import { API_VERSION, GROUP } from '../../src/api/object.ts';
import { resources } from '../../src/api/resources.ts';
import { readSecret } from '../../src/kube/secrets.ts';
import { aPlan, aPool, aProxmoxCluster, aVirtualMachine, OPERATOR_NAMESPACE } from '../builders/objects.ts';
import { startTestBed, type TestBed } from '../integration/harness.ts';
import { startOperatorProcess } from '../integration/harness-operator.ts';
import { applyWebhook, holdLease, WEBHOOK_SECRET, webhookSettings } from '../integration/webhook.ts';
import { until } from '../kube/until.ts';
import { IdleThread } from './idle-thread.ts';
import { cpuMsOf } from './process-cpu.ts';
import { type Summary, summaryOf } from './statistics.ts';

const PER_SECOND = 100;
const SECONDS = 20;
const VMS = 500;
const WANTED_P99_MS = 10;
const WARM_UP = 200;

interface Answered {
  ms: number;
  allowed: boolean;
}

/** Sends one question over a connection that is kept, as the API server does. */
function ask(agent: Agent, port: number, review: object): Promise<Answered> {
  const body = JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: review });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request({ agent, host: '127.0.0.1', port, path: '/validate', method: 'POST', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        const ms = performance.now() - startedAt;
        const { response: answer } = JSON.parse(text) as { response: { allowed: boolean } };
        resolve({ ms, allowed: answer.allowed });
      });
    });
    sent.on('error', reject).end(body);
  });
}

type Question = (number: number) => object;

/** A steady pace, whatever the answers take. */
async function measure(send: (number: number) => Promise<Answered>): Promise<Summary & { allowed: number }> {
  const answers: Promise<Answered>[] = [];
  const startedAt = performance.now();
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(((performance.now() - startedAt) / 1000) * PER_SECOND, PER_SECOND * SECONDS);
      while (answers.length < Math.floor(due)) answers.push(send(answers.length));
      if (answers.length < PER_SECOND * SECONDS) return;
      clearInterval(timer);
      resolve();
    }, 2);
  });
  const all = await Promise.all(answers);
  return { ...summaryOf(all.map(({ ms }) => ms)), allowed: all.filter(({ allowed }) => allowed).length };
}

async function prepare(bed: TestBed, namespace: string): Promise<void> {
  await holdLease(bed);
  await bed.client.create(resources.proxmoxCluster, aProxmoxCluster({ endpoints: ['https://192.0.2.1:8006'] }));
  await bed.client.create(resources.plan, aPlan());
  await bed.client.create(resources.ipPool, aPool());
  const names = Array.from({ length: VMS }, (_, index) => `vm-${index}`);
  await Promise.all(
    names.map((name) => {
      const { spec: vm } = aVirtualMachine(name, { hostname: `${name}.example.com` });
      return bed.client.create(resources.virtualMachine, { metadata: { name, namespace }, spec: vm });
    }),
  );
}

/** Who may change plan and options, as billing may. */
const BILLING = 'bench-billing';

async function grantSetplan(bed: TestBed): Promise<void> {
  const metadata = { name: 'bench-billing' };
  const apiGroup = 'rbac.authorization.k8s.io';
  const role = {
    apiVersion: `${apiGroup}/v1`,
    kind: 'ClusterRole',
    metadata,
    rules: [{ apiGroups: [GROUP], resources: ['virtualmachines'], verbs: ['setplan'] }],
  };
  const binding = {
    apiVersion: `${apiGroup}/v1`,
    kind: 'ClusterRoleBinding',
    metadata,
    roleRef: { apiGroup, kind: 'ClusterRole', name: metadata.name },
    subjects: [{ apiGroup, kind: 'Group', name: BILLING }],
  };
  await bed.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [role, binding] }));
}

interface Row {
  name: string;
  question: Question;
  /** Whether the answer is to be yes. */
  admitted: boolean;
  /** Every question asks the API server's authorizer anew: no bound is set. */
  asksAuthorizer?: boolean;
}

function rows(namespace: string): readonly Row[] {
  const vm = (name: string, options: object, hostname: string) => ({
    apiVersion: API_VERSION,
    kind: 'VirtualMachine',
    metadata: { name, namespace, uid: name },
    spec: { planRef: { name: 'kvm' }, hostname, options },
  });
  const base = (number: number, user: string, group = 'system:authenticated') => ({
    uid: `r-${number}`,
    kind: { group: GROUP, version: 'v1alpha1', kind: 'VirtualMachine' },
    namespace,
    userInfo: { username: user, groups: [group] },
  });
  const host = (number: number) => `vm-${Math.abs(number) % VMS}.example.com`;
  const creation = (hostname: (number: number) => string): Question => {
    return (number) => ({
      ...base(number, 'anna'),
      operation: 'CREATE',
      object: vm(`new-${number}`, { cpuCores: 2 }, hostname(number)),
    });
  };
  const change = (options: object, user: (number: number) => string, group?: string): Question => {
    return (number) => ({
      ...base(number, user(number), group),
      operation: 'UPDATE',
      object: vm('vm-1', options, host(number)),
      oldObject: vm('vm-1', { cpuCores: 2, systemDiskGiB: 40 }, host(number)),
    });
  };
  const larger = { cpuCores: 4, systemDiskGiB: 80 };
  const smaller = { cpuCores: 4, systemDiskGiB: 20 };
  const labelled: Question = (number) => {
    const old = vm('vm-1', { cpuCores: 2 }, host(number));
    const object = { ...old, metadata: { ...old.metadata, labels: { n: String(number) } } };
    return { ...base(number, 'anna'), operation: 'UPDATE', object, oldObject: old };
  };
  const each = (number: number) => `user-${number}`;
  return [
    { name: 'a new VM', question: creation((number) => `new${number}.example.com`), admitted: true },
    { name: 'a new VM whose host name is taken', question: creation(host), admitted: false },
    { name: 'a change of label', question: labelled, admitted: true },
    { name: 'a larger package, by billing', question: change(larger, () => 'billing', BILLING), admitted: true },
    { name: 'a smaller disk, by billing', question: change(smaller, () => 'billing', BILLING), admitted: false },
    {
      name: 'a larger package, each by somebody else of billing',
      question: change(larger, each, BILLING),
      admitted: true,
      asksAuthorizer: true,
    },
    {
      name: 'a larger package, each by another tenant',
      question: change(larger, (number) => `tenant-${number}`),
      admitted: false,
      asksAuthorizer: true,
    },
  ];
}

const wide = (text: string) => text.padEnd(52);

async function main(): Promise<void> {
  console.log(`On ${cpus().length} processors with a load of ${loadavg()[0]?.toFixed(1)} before the start.`);
  await using bed = await startTestBed();
  const namespace = await bed.cluster.newNamespace('bench');
  await prepare(bed, namespace);
  await grantSetplan(bed);
  const { port } = await webhookSettings();
  // For the rights of the operator: the questions below are asked directly.
  await applyWebhook(bed, port);
  const args = ['--webhook', `--webhook-port=${port}`, '--webhook-names=127.0.0.1'];
  await using operator = await startOperatorProcess(bed, { leaderElection: true, identity: 'served', args });
  await until('the webhook is served', () => operator.lastLines(50).some((line) => line.includes('"Serving the')));
  const ca = (await readSecret(bed.client, OPERATOR_NAMESPACE, WEBHOOK_SECRET))?.['ca.crt'];
  const agent = new Agent({ keepAlive: true, ca, maxSockets: 16 });
  console.log(`${PER_SECOND} questions a second for ${SECONDS} s each, with ${VMS} virtual machines to look at.\n`);
  console.log(
    `${wide('')}        P50        P99    longest   CPU each   idle P99  idle longest   answered as expected`,
  );
  await using idle = new IdleThread();
  const measured: Measured = { send: (review) => ask(agent, port, review), pid: operator.pid, idle };
  for (const row of rows(namespace)) console.log(await measuredRow(row, measured));
  console.log(`\nWanted: P99 of at most ${WANTED_P99_MS} ms, SubjectAccessReviews apart.`);
  console.log('Idle: how late a timer of 1 ms is in a thread that does nothing. That much is the machine alone.');
  agent.destroy();
}

interface Measured {
  send(review: object): Promise<Answered>;
  /** Of the operator. */
  pid: number;
  idle: IdleThread;
}

/** CPU is that of the whole operator, its watches and its health included. */
async function measuredRow(row: Row, { send, pid, idle }: Measured): Promise<string> {
  for (let number = 0; number < WARM_UP; number += 1) await send(row.question(-1 - number));
  const before = await cpuMsOf(pid);
  await idle.delays();
  const { p50, p99, max, allowed, count } = await measure((number) => send(row.question(number)));
  const after = await cpuMsOf(pid);
  const cpuMs = before === undefined || after === undefined ? undefined : (after - before) / count;
  const still = await idle.delays();
  const figures = [p50, p99, max, cpuMs, still.p99, still.max].map((ms) =>
    (ms === undefined ? '?' : `${ms.toFixed(2)} ms`).padStart(11),
  );
  const expected = row.admitted ? allowed : count - allowed;
  const verdict = p99 <= WANTED_P99_MS ? 'ok' : 'missed';
  return `${wide(row.name)}${figures.join('')}   ${expected} of ${count}   ${row.asksAuthorizer === true ? '' : verdict}`;
}

await main();
