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
  for (let number = 0; number < WARM_UP; number += 1) await send(-1 - number);
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

function questions(namespace: string): Record<string, Question> {
  const vm = (name: string, cpuCores: number, hostname: string) => ({
    apiVersion: API_VERSION,
    kind: 'VirtualMachine',
    metadata: { name, namespace, uid: name },
    spec: { planRef: { name: 'kvm' }, hostname, options: { cpuCores } },
  });
  const base = (number: number, user: string) => ({
    uid: `r-${number}`,
    kind: { group: GROUP, version: 'v1alpha1', kind: 'VirtualMachine' },
    namespace,
    userInfo: { username: user, groups: ['system:authenticated'] },
  });
  const host = (number: number) => `vm-${Math.abs(number) % VMS}.example.com`;
  return {
    'a new VM': (number) => ({
      ...base(number, 'anna'),
      operation: 'CREATE',
      object: vm(`new-${number}`, 2, `new${number}.example.com`),
    }),
    'a change of label': (number) => ({
      ...base(number, 'anna'),
      operation: 'UPDATE',
      object: { ...vm('vm-1', 2, host(number)), metadata: { name: 'vm-1', namespace, labels: { n: String(number) } } },
      oldObject: vm('vm-1', 2, host(number)),
    }),
    'a change of package, one SubjectAccessReview each': (number) => ({
      ...base(number, `user-${number}`),
      operation: 'UPDATE',
      object: vm('vm-1', 4, host(number)),
      oldObject: vm('vm-1', 2, host(number)),
    }),
  };
}

async function main(): Promise<void> {
  console.log(`On ${cpus().length} processors with a load of ${loadavg()[0]?.toFixed(1)} before the start.`);
  await using bed = await startTestBed();
  const namespace = await bed.cluster.newNamespace('bench');
  await prepare(bed, namespace);
  const { port } = await webhookSettings();
  // For the rights of the operator: the questions below are asked directly.
  await applyWebhook(bed, port);
  const args = ['--webhook', `--webhook-port=${port}`, '--webhook-names=127.0.0.1'];
  await using operator = await startOperatorProcess(bed, { leaderElection: true, identity: 'served', args });
  await until('the webhook is served', () => operator.lastLines(50).some((line) => line.includes('"Serving the')));
  const ca = (await readSecret(bed.client, OPERATOR_NAMESPACE, WEBHOOK_SECRET))?.['ca.crt'];
  const agent = new Agent({ keepAlive: true, ca, maxSockets: 16 });
  console.log(`${PER_SECOND} questions a second for ${SECONDS} s each, with ${VMS} virtual machines to look at.\n`);
  for (const [name, question] of Object.entries(questions(namespace))) {
    const { p50, p99, max, allowed, count } = await measure((number) => ask(agent, port, question(number)));
    const direct = name.includes('SubjectAccessReview') ? '' : p99 <= WANTED_P99_MS ? '   ok' : '   missed';
    const figures = [p50, p99, max].map((ms) => `${ms.toFixed(1)} ms`.padStart(10)).join('');
    console.log(`${name.padEnd(52)} P50, P99, longest: ${figures}   allowed ${allowed} of ${count}${direct}`);
  }
  console.log(`\nWanted: P99 of at most ${WANTED_P99_MS} ms, SubjectAccessReviews apart.`);
  agent.destroy();
}

await main();
