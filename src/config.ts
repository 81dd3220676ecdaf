// The operator's settings: command line first, then environment; no other file reads either.
import { parseArgs } from 'node:util';
import { hostname } from 'node:os';

export interface Config {
  kubeconfig?: string;
  /** Namespace of the operator itself: its Secrets, its lease. */
  namespace: string;
  leaderElection: boolean;
  /** Name of this replica in the lease and in events. */
  identity: string;
  /** Port of /healthz, /readyz and /metrics; 0 takes any free one. */
  healthPort: number;
  healthHost: string;
  logFormat: 'text' | 'json';
  logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** Virtual machines that are worked on at the same time. */
  workers: number;
  dnsTimeoutMs: number;
  /** Absent: no webhook is served. */
  webhook?: WebhookConfig;
}

export interface WebhookConfig {
  host: string;
  /** 0 takes any free one. */
  port: number;
  /** Names and addresses that the API server calls it by. */
  names: readonly string[];
  /** Secret in the operator's namespace with the certificate. */
  secret: string;
  /** `own`: the operator makes and renews the certificate; `external`: somebody else, as cert-manager, fills the Secret. */
  issuer: 'own' | 'external';
  /** Name of the ValidatingWebhookConfiguration. */
  configuration: string;
  /** How long questions are still answered after the operator was asked to stop. */
  drainMs: number;
  /** Whether URLs in objects may lead to loopback and link-local addresses. */
  allowLocalTargets: boolean;
}

export type Parsed =
  { kind: 'config'; config: Config } | { kind: 'help'; text: string } | { kind: 'error'; text: string };

const OPTIONS = {
  kubeconfig: { type: 'string' },
  namespace: { type: 'string' },
  'no-leader-election': { type: 'boolean' },
  identity: { type: 'string' },
  'health-port': { type: 'string' },
  'health-host': { type: 'string' },
  'log-format': { type: 'string' },
  'log-level': { type: 'string' },
  workers: { type: 'string' },
  'dns-timeout-ms': { type: 'string' },
  webhook: { type: 'boolean' },
  'webhook-host': { type: 'string' },
  'webhook-port': { type: 'string' },
  'webhook-names': { type: 'string' },
  'webhook-secret': { type: 'string' },
  'webhook-issuer': { type: 'string' },
  'webhook-configuration': { type: 'string' },
  'webhook-drain-ms': { type: 'string' },
  'allow-local-targets': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

export const HELP = `Usage: npm run operator -- [options]

Runs the operator against a Kubernetes cluster that has crds/ applied.

  --kubeconfig FILE       Kubernetes cluster (default: $KUBECONFIG, else the pod's service account)
  --namespace NAME        namespace of the operator's own Secrets and lease (default: $POD_NAMESPACE, else pve-operator-system)
  --no-leader-election    act at once, without a lease; only for a single replica
  --identity NAME         name of this replica (default: host name and process id)
  --health-port PORT      port of /healthz, /readyz and /metrics, 0 for any (default: 8080)
  --health-host ADDRESS   address it listens on (default: 127.0.0.1)
  --log-format FORMAT     text, a line for people, or json (default: text)
  --log-level LEVEL       debug, info, warn or error (default: info)
  --workers N             virtual machines worked on at the same time (default: 32)
  --dns-timeout-ms N      longest time that a DNS publication may take (default: 5000)

  --webhook                     serve the admission webhook; every replica does, whoever holds the lease
  --webhook-host ADDRESS        address it listens on (default: 127.0.0.1)
  --webhook-port PORT           port it listens on, 0 for any (default: 9443)
  --webhook-names LIST          names and addresses that the API server calls it by, separated by commas
                                (default: pve-operator-webhook.NAMESPACE.svc)
  --webhook-secret NAME         Secret of its certificate in the operator's namespace (default: pve-operator-webhook)
  --webhook-issuer WHO          own or external: who fills that Secret and the CA of the configuration (default: own)
  --webhook-configuration NAME  the ValidatingWebhookConfiguration (default: pve-operator)
  --webhook-drain-ms N          answer for so long after being asked to stop (default: 0)
  --allow-local-targets         let URLs in objects lead to loopback and link-local addresses; for tests

  -h, --help              show this text
`;

type Values = ReturnType<typeof parse>;

function parse(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: false }).values;
}

/** Reads the settings; every bad value is named with what it may be. */
export function parseConfig(argv: readonly string[], env: Environment): Parsed {
  try {
    const values = parse(argv);
    if (values.help === true) return { kind: 'help', text: HELP };
    return { kind: 'config', config: configOf(values, env) };
  } catch (error) {
    return { kind: 'error', text: error instanceof Error ? error.message : String(error) };
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

function configOf(values: Values, env: Environment): Config {
  const namespace = firstOf(values.namespace, env['POD_NAMESPACE'], 'pve-operator-system') ?? '';
  return {
    kubeconfig: firstOf(values.kubeconfig, env['KUBECONFIG']),
    namespace,
    leaderElection: values['no-leader-election'] !== true,
    identity: firstOf(values.identity, env['POD_NAME'], `${hostname()}-${process.pid}`) ?? '',
    ...outputs(values),
    ...figures(values),
    ...(values.webhook === true ? { webhook: webhookOf(values, namespace) } : {}),
  };
}

/** The first that says anything; an empty text says nothing. */
function firstOf(...texts: readonly (string | undefined)[]): string | undefined {
  return texts.find((text) => text !== undefined && text !== '');
}

function outputs(values: Values): Pick<Config, 'healthHost' | 'logFormat' | 'logLevel'> {
  return {
    healthHost: values['health-host'] ?? '127.0.0.1',
    logFormat: choice('--log-format', values['log-format'] ?? 'text', ['text', 'json']),
    logLevel: choice('--log-level', values['log-level'] ?? 'info', ['debug', 'info', 'warn', 'error']),
  };
}

function figures(values: Values): Pick<Config, 'healthPort' | 'workers' | 'dnsTimeoutMs'> {
  return {
    healthPort: integer('--health-port', values['health-port'] ?? '8080', 0, 65_535),
    workers: integer('--workers', values.workers ?? '32', 1, 1024),
    dnsTimeoutMs: integer('--dns-timeout-ms', values['dns-timeout-ms'] ?? '5000', 100, 60_000),
  };
}

function webhookOf(values: Values, namespace: string): WebhookConfig {
  return {
    host: values['webhook-host'] ?? '127.0.0.1',
    port: integer('--webhook-port', values['webhook-port'] ?? '9443', 0, 65_535),
    names: names('--webhook-names', values['webhook-names'] ?? `pve-operator-webhook.${namespace}.svc`),
    secret: values['webhook-secret'] ?? 'pve-operator-webhook',
    issuer: choice('--webhook-issuer', values['webhook-issuer'] ?? 'own', ['own', 'external']),
    configuration: values['webhook-configuration'] ?? 'pve-operator',
    drainMs: integer('--webhook-drain-ms', values['webhook-drain-ms'] ?? '0', 0, 60_000),
    allowLocalTargets: values['allow-local-targets'] === true,
  };
}

function names(name: string, text: string): string[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.every((part) => /^[0-9A-Za-z.:-]+$/.test(part))) return parts;
  throw new Error(`${name} must be host names or addresses, separated by commas, not "${text}".`);
}

function integer(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new Error(`${name} must be a whole number from ${min} to ${max}, not "${text}".`);
}

function choice<const T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((value) => value === text);
  if (found !== undefined) return found;
  throw new Error(`${name} must be ${allowed.join(', ')}, not "${text}".`);
}
