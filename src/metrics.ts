// Prometheus metrics of the operator, in one place.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

const SECONDS = [0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300];
// Somebody waits for each: a hundredth of a second is much.
const ADMISSION_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 4];

export interface Metrics {
  registry: Registry;
  reconciles: Counter<'controller' | 'outcome'>;
  reconcileSeconds: Histogram<'controller'>;
  queueDepth: Gauge<'controller'>;
  kubeRequests: Counter<'verb' | 'resource' | 'status'>;
  pveRequests: Counter<'cluster' | 'call' | 'outcome'>;
  pveSeconds: Histogram<'cluster'>;
  stepSeconds: Histogram<'machine' | 'step' | 'result'>;
  troubles: Counter<'reason' | 'class'>;
  informerStale: Gauge<'kind'>;
  virtualMachines: Gauge<'state'>;
  leader: Gauge;
  admissions: Counter<'kind' | 'verb' | 'verdict'>;
  admissionSeconds: Histogram<'kind'>;
  accessReviews: Counter<'verdict'>;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Gauge({ name, help, labelNames, registers });
  const histogram = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Histogram({ name, help, labelNames, registers, buckets: SECONDS });
  return {
    registry,
    reconciles: counter('pve_operator_reconciles_total', 'Reconciles by outcome.', ['controller', 'outcome']),
    reconcileSeconds: histogram('pve_operator_reconcile_seconds', 'Duration of a reconcile in seconds.', [
      'controller',
    ]),
    queueDepth: gauge('pve_operator_queue_depth', 'Keys that are due and waiting.', ['controller']),
    kubeRequests: counter('pve_operator_kube_requests_total', 'Requests to the API server.', [
      'verb',
      'resource',
      'status',
    ]),
    pveRequests: counter('pve_operator_pve_requests_total', 'Requests to Proxmox VE.', ['cluster', 'call', 'outcome']),
    pveSeconds: histogram('pve_operator_pve_request_seconds', 'Duration of a request to Proxmox VE in seconds.', [
      'cluster',
    ]),
    stepSeconds: histogram('pve_operator_step_seconds', 'Duration of a pipeline step in seconds.', [
      'machine',
      'step',
      'result',
    ]),
    troubles: counter('pve_operator_troubles_total', 'What ended a pass before the pipeline was complete.', [
      'reason',
      'class',
    ]),
    informerStale: gauge('pve_operator_informer_stale', '1 while a watch has not been heard of for too long.', [
      'kind',
    ]),
    virtualMachines: gauge('pve_operator_virtual_machines', 'VirtualMachine objects by state.', ['state']),
    leader: gauge('pve_operator_leader', '1 while this replica acts.', []),
    admissions: counter('pve_operator_admissions_total', 'Answers of the webhook by verdict.', [
      'kind',
      'verb',
      'verdict',
    ]),
    admissionSeconds: new Histogram({
      name: 'pve_operator_admission_seconds',
      help: 'Time from a complete question to the answer of the webhook in seconds.',
      labelNames: ['kind'],
      registers,
      buckets: ADMISSION_SECONDS,
    }),
    accessReviews: counter('pve_operator_access_reviews_total', 'Questions to the authorizer of the API server.', [
      'verdict',
    ]),
  };
}
