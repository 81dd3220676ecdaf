// Runs Helm on the chart: what it renders, and what it refuses.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureHelm, NoHelmError } from '../../hack/control-plane/helm.ts';
import { kubernetesVersion } from '../../hack/control-plane/versions.ts';
import { parseManifests } from '../../hack/demo/samples.ts';
import { run, type RunResult } from '../../hack/process/run.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import { OPERATOR_NAMESPACE } from '../builders/objects.ts';
import { ROOT } from './harness.ts';

/** Folder of the chart. */
export const CHART = join(ROOT, 'charts/pve-operator');
/** An image that nobody pulls. */
export const REPOSITORY = 'registry.example.com/pve-operator';
/** The name of the release in tests. */
export const RELEASE = 'test';

/** A rendered object with whatever the test is about. */
export interface Rendered extends KubeObject {
  rules?: unknown[];
  webhooks?: unknown[];
  roleRef?: unknown;
  subjects?: unknown[];
  spec?: { [field: string]: unknown };
}

/** The part of a Deployment that tests look into. */
export interface Workload extends Rendered {
  spec: {
    replicas: number;
    selector: { matchLabels: Record<string, string> };
    template: {
      metadata: { labels: Record<string, string>; annotations?: Record<string, string> };
      spec: { [field: string]: unknown; serviceAccountName: string; containers: [Container] };
    };
  };
}

interface Container {
  [field: string]: unknown;
  image: string;
  args: string[];
  ports: unknown[];
  resources: unknown;
}

/** Helm's path, or why there is none. */
export async function findHelm(): Promise<
  { path: string; missing?: undefined } | { path?: undefined; missing: string }
> {
  try {
    return { path: await ensureHelm() };
  } catch (error) {
    if (error instanceof NoHelmError) return { missing: error.message };
    throw error;
  }
}

/** Helm with a home of its own, so that no setting of the person who runs the tests matters. */
export class Helm implements AsyncDisposable {
  readonly #path: string;
  /** A folder that is removed with it. */
  readonly home: string;

  private constructor(path: string, home: string) {
    this.#path = path;
    this.home = home;
  }

  static async at(path: string): Promise<Helm> {
    return new Helm(path, await mkdtemp(join(tmpdir(), 'pve-operator-helm-')));
  }

  run(...args: readonly string[]): Promise<RunResult> {
    return run(this.#path, args, { env: { HOME: this.home } });
  }

  /** What `helm template` gives for the settings, or its complaint. */
  template(values: object = {}): Promise<RunResult> {
    // A Helm that was built from source takes the API server for an ancient one unless told.
    const target = ['--namespace', OPERATOR_NAMESPACE, '--kube-version', kubernetesVersion];
    return this.run('template', RELEASE, CHART, ...target, ...settings(values));
  }

  /** The objects of the chart. Throws with Helm's complaint. */
  async objects(values: object = {}): Promise<Rendered[]> {
    const { code, stdout, stderr } = await this.template(values);
    if (code !== 0) throw new Error(`helm template failed:\n${stderr}`);
    return parseManifests(stdout);
  }

  async deployment(values: object = {}): Promise<Workload> {
    const found = (await this.objects(values)).find(({ kind }) => kind === 'Deployment');
    if (found === undefined) throw new Error('The chart has no Deployment.');
    return found as Workload;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.home, { recursive: true, force: true });
  }
}

/** Helm's arguments for settings; the image is given unless the test does. */
export function settings(values: object): string[] {
  const all = { 'image.repository': REPOSITORY, ...values };
  return Object.entries(all).flatMap(([key, value]) => ['--set-json', `${key}=${JSON.stringify(value)}`]);
}

/** What an account may do and who it is, apart from labels that only describe. */
export function rightsIn(objects: readonly Rendered[]): Record<string, object> {
  const isRight = ({ apiVersion }: Rendered) => apiVersion.startsWith('rbac.authorization.k8s.io/');
  return Object.fromEntries(
    objects.filter(isRight).map(({ kind, metadata, rules, roleRef, subjects }) => {
      const labels = Object.entries(metadata.labels ?? {}).filter(([name]) => name.startsWith('rbac.'));
      const { name, namespace } = metadata;
      return [`${kind}/${name}`, { namespace, aggregates: Object.fromEntries(labels), rules, roleRef, subjects }];
    }),
  );
}
