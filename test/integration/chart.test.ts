// The Helm chart: what it renders, that an API server takes it, and that the operator can work with what it is given.
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type ControlPlane, startControlPlane } from '../../hack/control-plane/control-plane.ts';
import { freePorts } from '../../hack/control-plane/free-ports.ts';
import { withToken } from '../../hack/demo/operator.ts';
import { Child } from '../../hack/process/child.ts';
import { Guard } from '../../hack/process/guard.ts';
import type { RunResult } from '../../hack/process/run.ts';
import { KINDS } from '../../src/api/kinds.ts';
import { GROUP } from '../../src/api/object.ts';
import { type Config, parseConfig } from '../../src/config.ts';
import { importsOf, targetOf } from '../arch/source.ts';
import { OPERATOR_NAMESPACE } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import { CHART, findHelm, Helm, RELEASE, type Rendered, REPOSITORY, rightsIn, settings } from './chart.ts';
import { ROOT } from './harness.ts';

const found = await findHelm();
const unlessMissing = found.missing === undefined ? '' : ` — skipped: ${found.missing}`;
const { version, dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  dependencies: Record<string, string>;
};

const DIGESTED = {
  repository: 'localhost:5000/a',
  tag: 'v9',
  digest: `sha256:${'0'.repeat(64)}`,
  pullPolicy: 'IfNotPresent',
};
const STOP_GRACE_MS = 10_000;
const PEOPLE = ['tenant-view', 'tenant-edit', 'billing', 'platform-admin'];
const NO_RIGHTS = { create: false, peopleRoles: false, aggregate: false };
const EVERYTHING = {
  replicas: 2,
  imagePullSecrets: [{ name: 'registry-login' }],
  metricsService: { enabled: true, port: 9090, annotations: { 'prometheus.io/scrape': 'true' } },
  serviceAccount: { create: true, name: 'other', annotations: { a: 'b' } },
  resources: { requests: { cpu: 1, memory: '1Gi' }, limits: { memory: '2Gi' } },
  podLabels: { team: 'platform' },
  podAnnotations: { 'example.com/a': 'b' },
  priorityClassName: 'system-cluster-critical',
  nodeSelector: { 'kubernetes.io/os': 'linux' },
  tolerations: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' }],
  affinity: { nodeAffinity: {} },
};

test('the versions of chart and operator are those of package.json', async () => {
  const chart = parse(await readFile(join(CHART, 'Chart.yaml'), 'utf8')) as Record<string, unknown>;
  expect(chart).toMatchObject({ version, appVersion: version });
});

describe('the image recipe', () => {
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
  const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');

  test('copies only what is sent to the builder', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(?<files>.+) \S+$/gm)].flatMap(({ groups }) =>
      (groups?.['files'] ?? '').split(' '),
    );
    expect(copied.toSorted()).toEqual([
      '.npmrc',
      'LICENSE',
      'package-lock.json',
      'package.json',
      'package.json',
      'src',
    ]);
    expect(copied.filter((file) => !ignored.includes(`!${file}`))).toEqual([]);
  });

  test('has every file and package that the operator imports', () => {
    const { files, packages } = importedFrom('src/main.ts');
    expect(files.length).toBeGreaterThan(50);
    expect(files.filter((path) => !path.startsWith('src/') || /\.test\.ts$|\/testing\//.test(path))).toEqual([]);
    expect(packages.filter((name) => !(name in dependencies))).toEqual([]);
  });

  test('runs as a user that Kubernetes knows not to be root', () => {
    expect(dockerfile).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
  });
});

/** Everything that is loaded when a file is run. */
function importedFrom(entry: string): { files: string[]; packages: string[] } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (path: string): void => {
    if (files.has(path)) return;
    files.add(path);
    for (const { specifier, values } of importsOf(readFileSync(join(ROOT, path), 'utf8'))) {
      const target = targetOf(path, specifier);
      if (target !== undefined) visit(target);
      else if (values.length > 0 && !specifier.startsWith('node:')) packages.add(packageOf(specifier));
    }
  };
  visit(entry);
  return { files: [...files], packages: [...packages] };
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

describe.skipIf(found.missing !== undefined)(`the chart${unlessMissing}`, () => {
  let helm: Helm;

  beforeAll(async () => {
    helm = await Helm.at(found.path ?? '');
  });

  afterAll(async () => {
    await helm?.[Symbol.asyncDispose]();
  });

  test.each<{ name: string; values: object }>([
    { name: 'as it is', values: {} },
    { name: 'with all that is optional', values: EVERYTHING },
    { name: 'with nothing that is optional', values: { 'serviceAccount.create': false, rbac: NO_RIGHTS } },
  ])('has nothing that lint complains about, $name', async ({ values }) => {
    const result = await helm.run('lint', '--strict', CHART, ...settings(values));
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).not.toMatch(/\[(WARNING|ERROR)\]/);
  });

  test('demands an image and says why', async () => {
    const { code, stderr } = await helm.template({ 'image.repository': '' });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('image.repository is required') });
  });

  test.each<{ name: string; values: object; names: string }>([
    { name: 'an unknown key', values: { replicaCount: 2 }, names: 'replicaCount' },
    { name: 'an unknown key deeper down', values: { 'image.repo': 'x' }, names: 'repo' },
    { name: 'more replicas than are of use', values: { replicas: 3 }, names: 'replicas' },
    { name: 'a number as text', values: { workers: '32' }, names: 'workers' },
    { name: 'no worker', values: { workers: 0 }, names: 'workers' },
    { name: 'a level that there is not', values: { 'log.level': 'trace' }, names: 'log.level' },
    { name: 'a port for root only', values: { 'health.port': 80 }, names: 'health.port' },
    { name: 'a tag in the repository', values: { 'image.repository': 'a/b:1' }, names: 'image.repository' },
    { name: 'a digest that is none', values: { 'image.digest': 'sha256:1' }, names: 'image.digest' },
    { name: 'a label that is no text', values: { podLabels: { a: true } }, names: 'podLabels' },
    { name: 'a missing name', values: { 'serviceAccount.name': '' }, names: 'serviceAccount.name' },
  ])('refuses $name', async ({ values, names }) => {
    const { code, stderr } = await helm.template(values);
    expect(code).toBe(1);
    expect(stderr.replaceAll('/', '.')).toContain(names);
  });

  test.each<{ name: string; values: object; want: Partial<Config> }>([
    { name: 'its defaults', values: {}, want: { workers: 32, healthPort: 8080, logFormat: 'text', logLevel: 'info' } },
    {
      name: 'other settings',
      values: {
        workers: 1024,
        health: { port: 65_535, host: '::' },
        log: { format: 'json', level: 'debug' },
        dnsTimeoutMs: 60_000,
      },
      want: {
        workers: 1024,
        healthPort: 65_535,
        healthHost: '::',
        logFormat: 'json',
        logLevel: 'debug',
        dnsTimeoutMs: 60_000,
      },
    },
  ])('gives the operator $name', async ({ values, want }) => {
    const { spec } = await helm.deployment(values);
    const parsed = parseConfig(spec.template.spec.containers[0].args, { POD_NAME: 'pod-1' });
    expect(parsed).toMatchObject({
      kind: 'config',
      config: { namespace: OPERATOR_NAMESPACE, leaderElection: true, identity: 'pod-1', ...want },
    });
  });

  test.each<{ name: string; values: object; want: string }>([
    { name: 'the version of the chart', values: {}, want: `${REPOSITORY}:${version}` },
    { name: 'a tag', values: { 'image.tag': 'v9' }, want: `${REPOSITORY}:v9` },
    { name: 'a digest', values: { image: DIGESTED }, want: `localhost:5000/a@${DIGESTED.digest}` },
  ])('takes the image by $name', async ({ values, want }) => {
    const { spec } = await helm.deployment(values);
    expect(spec.template.spec.containers[0].image).toBe(want);
  });

  test('a Deployment selects its own pods, and goes on doing so in the next version', async () => {
    const { spec } = await helm.deployment({ podLabels: { team: 'platform' } });
    expect(spec.selector.matchLabels).toEqual({
      'app.kubernetes.io/name': 'pve-operator',
      'app.kubernetes.io/instance': RELEASE,
    });
    expect(spec.template.metadata.labels).toMatchObject({ ...spec.selector.matchLabels, team: 'platform' });
  });

  test('every setting for pods arrives there', async () => {
    const { spec } = await helm.deployment(EVERYTHING);
    expect(spec.replicas).toBe(2);
    expect(spec.template.metadata.annotations).toEqual(EVERYTHING.podAnnotations);
    const { imagePullSecrets, priorityClassName, nodeSelector, tolerations, affinity } = EVERYTHING;
    expect(spec.template.spec).toMatchObject({
      imagePullSecrets,
      priorityClassName,
      nodeSelector,
      tolerations,
      affinity,
      serviceAccountName: 'other',
    });
    expect(spec.template.spec.containers[0].resources).toEqual(EVERYTHING.resources);
  });

  test('the metrics Service is there when asked for, and leads to the port of the pod', async () => {
    const services = async (values: object) =>
      (await helm.objects(values)).filter(
        ({ kind, metadata }) => kind === 'Service' && metadata.name.endsWith('-metrics'),
      );
    expect(await services({})).toEqual([]);
    const [service] = await services({
      'metricsService.enabled': true,
      'metricsService.port': 9090,
      'health.port': 8081,
    });
    expect(service?.spec).toMatchObject({ ports: [{ port: 9090, targetPort: 'health' }] });
    const { spec } = await helm.deployment({ 'health.port': 8081 });
    expect(spec.template.spec.containers[0].ports[0]).toMatchObject({ name: 'health', containerPort: 8081 });
    expect(service?.spec?.['selector']).toEqual(spec.selector.matchLabels);
  });

  test('no role joins a built-in one when that is not wanted', async () => {
    const apart = await helm.objects({ 'rbac.aggregate': false });
    expect(JSON.stringify(apart)).not.toContain('aggregate-to-');
    expect(Object.keys(rightsIn(apart))).toEqual(Object.keys(rightsIn(await helm.objects())));
  });

  test.each<{ name: string; values: object; want: string[] }>([
    { name: 'an account of somebody else', values: { 'serviceAccount.create': false }, want: ['ServiceAccount'] },
    {
      name: 'rights of somebody else',
      values: { 'rbac.create': false },
      want: [
        'ClusterRole/pve-operator',
        'ClusterRole/pve-operator-webhook',
        'ClusterRoleBinding',
        'Role',
        'RoleBinding',
      ],
    },
    {
      name: 'no roles for people',
      values: { 'rbac.peopleRoles': false },
      want: PEOPLE.map((name) => `ClusterRole/pve-operator-${name}`),
    },
  ])('$name: leaves out what is not wanted and nothing else', async ({ values, want }) => {
    const names = (objects: Rendered[]) => objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    const less = names(await helm.objects(values));
    const gone = names(await helm.objects()).filter((name) => !less.includes(name));
    const isWanted = (name: string) =>
      want.some(
        (part) => name === part || name.split('/')[0] === part || (part.endsWith('-') && name.startsWith(part)),
      );
    expect(gone.length).toBeGreaterThan(0);
    expect(gone.filter((name) => !isWanted(name))).toEqual([]);
    expect(less.filter(isWanted)).toEqual([]);
  });
});

describe.skipIf(found.missing !== undefined)(`the chart in a cluster${unlessMissing}`, () => {
  let helm: Helm;
  let plane: ControlPlane;
  const disposables = new AsyncDisposableStack();

  beforeAll(async () => {
    helm = disposables.use(await Helm.at(found.path ?? ''));
    plane = disposables.use(await startControlPlane({ controllerManager: false }));
    const levels = ['enforce', 'warn'].map((mode) => `pod-security.kubernetes.io/${mode}=restricted`);
    await kubectl(['create', 'namespace', OPERATOR_NAMESPACE]);
    await kubectl(['label', 'namespace', OPERATOR_NAMESPACE, ...levels]);
  });

  afterAll(async () => {
    await disposables.disposeAsync();
  });

  /** What kubectl printed; a warning is a failure too. */
  async function kubectl(args: readonly string[], input?: string): Promise<string> {
    const result = await plane.kubectl(args, input);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    return result.stdout;
  }

  function inCluster(...args: readonly string[]): Promise<RunResult> {
    return helm.run(...args, '--kubeconfig', plane.kubeconfig, '--namespace', OPERATOR_NAMESPACE);
  }

  test.each<{ name: string; values: object }>([
    { name: 'as it is', values: {} },
    { name: 'with all that is optional', values: EVERYTHING },
  ])('is accepted by the API server without a warning, $name', async ({ values }) => {
    const { stdout } = await helm.template(values);
    const applied = await kubectl(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], stdout);
    expect(applied.trim().split('\n')).toHaveLength((await helm.objects(values)).length);
  });

  describe('installed', () => {
    // Each test begins with what the one before it may have taken away.
    beforeEach(async () => {
      const installed = await inCluster('upgrade', '--install', RELEASE, CHART, ...settings({}));
      expect(installed).toMatchObject({ code: 0, stderr: '' });
    });

    test('brings the definitions', async () => {
      const names = await kubectl(['get', 'crd', '-o', 'jsonpath={.items[*].metadata.name}']);
      expect(names.split(' ').sort()).toEqual(KINDS.map(({ plural }) => `${plural}.${GROUP}`).sort());
    });

    test('a pod of the Deployment is let in where the strictest standard is enforced', async () => {
      const { spec } = await helm.deployment();
      const metadata = { generateName: 'pve-operator-', labels: spec.template.metadata.labels };
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: spec.template.spec };
      const create = ['-n', OPERATOR_NAMESPACE, 'create', '--dry-run=server', '--validate=strict', '-f', '-'];
      await kubectl(create, JSON.stringify(pod));
    });

    test('a second release is refused', async () => {
      const { code, stderr } = await inCluster('install', 'second', CHART, ...settings({}));
      expect(code).toBe(1);
      expect(stderr).toContain('invalid ownership metadata');
    });

    test('the operator gets ready and leads with the account of the chart, and nothing is forbidden to it', async () => {
      const [port = 0, webhookPort = 0] = await freePorts(2);
      const folder = helm.home;
      const token = await kubectl(['-n', OPERATOR_NAMESPACE, 'create', 'token', 'pve-operator']);
      const kubeconfig = join(folder, 'operator.kubeconfig');
      const config = withToken(await readFile(plane.kubeconfig, 'utf8'), token.trim());
      await writeFile(kubeconfig, JSON.stringify(config), { mode: 0o600 });
      const { spec } = await helm.deployment({
        health: { port, host: '127.0.0.1' },
        log: { format: 'json', level: 'debug' },
        'webhook.host': '127.0.0.1',
        'webhook.port': webhookPort,
      });
      const guard = new Guard();
      const operator = await Child.start({
        command: process.execPath,
        args: [join(ROOT, 'src/main.ts'), ...spec.template.spec.containers[0].args],
        env: { KUBECONFIG: kubeconfig, POD_NAME: 'pod-1' },
        logFile: join(folder, 'operator.log'),
        guard,
      });
      const lines = () => operator.lastLines(Number.MAX_SAFE_INTEGER);
      try {
        await until('the operator is ready and acts', async () => {
          const failure = operator.failure();
          if (failure !== undefined) throw failure;
          return (await isOk(`http://127.0.0.1:${port}/readyz`)) && lines().some((line) => line.includes('"Acting"'));
        });
        const lease = ['get', 'lease', 'pve-operator', '-o', 'jsonpath={.spec.holderIdentity}'];
        expect(await kubectl(['-n', OPERATOR_NAMESPACE, ...lease])).toBe('pod-1');
      } finally {
        await operator.stop(STOP_GRACE_MS);
        await guard.close();
      }
      expect(lines().filter((line) => /forbidden|"status":403/i.test(line))).toEqual([]);
      expect(lines().at(-1)).toContain('"Stopped"');
    });

    test('is upgraded as the documentation says', async () => {
      await kubectl(['apply', '--server-side', '--force-conflicts', '-f', join(CHART, 'crds')]);
      const upgraded = await inCluster('upgrade', RELEASE, CHART, ...settings({ replicas: 2 }));
      expect(upgraded).toMatchObject({ code: 0, stderr: '' });
      const replicas = ['get', 'deployment', 'pve-operator', '-o', 'jsonpath={.spec.replicas}'];
      expect(await kubectl(['-n', OPERATOR_NAMESPACE, ...replicas])).toBe('2');
    });

    test('is uninstalled without the definitions and without the Secrets of its namespace', async () => {
      await kubectl(['-n', OPERATOR_NAMESPACE, 'create', 'secret', 'generic', 'lab-token', '--from-literal=secret=x']);
      expect(await inCluster('uninstall', RELEASE)).toMatchObject({ code: 0 });
      const kinds =
        'deployments,services,validatingwebhookconfigurations,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings';
      const ours = ['get', kinds, '-l', 'app.kubernetes.io/name=pve-operator', '-o', 'name'];
      expect(await kubectl(['-n', OPERATOR_NAMESPACE, ...ours])).toBe('');
      await kubectl(['-n', OPERATOR_NAMESPACE, 'get', 'secret', 'lab-token']);
      expect((await kubectl(['get', 'crd', '-o', 'name'])).trim().split('\n')).toHaveLength(KINDS.length);
    });
  });
});

async function isOk(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}
