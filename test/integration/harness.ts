// Answers for a test file's own Kubernetes: one control plane with our definitions, and an operator's account with config/rbac/ and no more.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { withToken } from '../../hack/demo/operator.ts';
import { parseManifests } from '../../hack/demo/samples.ts';
import { resources } from '../../src/api/resources.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import type { KubeObject, ResourceType } from '../../src/kube/types.ts';
import { OPERATOR_NAMESPACE } from '../builders/objects.ts';
import { type Cluster, type ClusterOptions, namespaces, startCluster } from '../kube/cluster.ts';
import { until } from '../kube/until.ts';

/** Folder of the repository. */
export const ROOT = resolve(import.meta.dirname, '../..');

/** One control plane per test file; worlds are played on it one after the other. */
export interface TestBed extends AsyncDisposable {
  cluster: Cluster;
  /** As the administrator. */
  client: KubeClient;
  /** Kubeconfig file with the rights of config/rbac/ and no others. */
  operatorKubeconfig: string;
  /** For files of the test; removed with the control plane. */
  folder: string;
  /** What kubectl printed; throws when it fails. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
}

type Definition = KubeObject & { status?: { conditions?: { type: string; status: string }[] } };

const definitions: ResourceType<Definition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};

/** Starts etcd and an API server, with crds/ established and config/rbac/ applied. For `beforeAll`; about four seconds. */
export async function startTestBed(options: ClusterOptions = {}): Promise<TestBed> {
  const cluster = await startCluster(options);
  const folder = await mkdtemp(join(tmpdir(), 'pve-operator-integration-'));
  const kubectl = async (args: readonly string[], input?: string): Promise<string> => {
    const result = await cluster.plane.kubectl(args, input);
    if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')} failed:\n${result.stderr}`);
    return result.stdout;
  };
  const end = async (): Promise<void> => {
    await cluster[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all([applyDefinitions(cluster.client), kubectl(['apply', '-f', join(ROOT, 'config/rbac')])]);
    const operatorKubeconfig = join(folder, 'operator.kubeconfig');
    const account = ['--namespace', OPERATOR_NAMESPACE, 'create', 'token', 'pve-operator', '--duration=24h'];
    const token = (await kubectl(account)).trim();
    const config = withToken(await readFile(cluster.plane.kubeconfig, 'utf8'), token);
    await writeFile(operatorKubeconfig, JSON.stringify(config), { mode: 0o600 });
    return { cluster, client: cluster.client, operatorKubeconfig, folder, kubectl, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function applyDefinitions(client: KubeClient): Promise<void> {
  const folder = join(ROOT, 'crds');
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml'));
  await Promise.all(files.map(async (file) => applyDefinition(client, await readFile(join(folder, file), 'utf8'))));
  // Established means that the API server will serve a kind, not that it does already.
  for (const type of Object.values(resources) as ResourceType<KubeObject>[]) {
    await until(`${type.plural} are served`, () => isServed(client, type));
  }
}

async function applyDefinition(client: KubeClient, yaml: string): Promise<void> {
  const definition = parse(yaml) as Definition;
  const { name } = definition.metadata;
  await client.patch(definitions, { name }, definition, { kind: 'apply', force: true });
  await until(`${name} is established`, async () => {
    const { status } = await client.get(definitions, name);
    return status?.conditions?.some(({ type, status: value }) => type === 'Established' && value === 'True');
  });
}

async function isServed(client: KubeClient, type: ResourceType<KubeObject>): Promise<boolean> {
  try {
    await client.list(type, { limit: 1 });
    return true;
  } catch {
    return false;
  }
}

/** The objects of the YAML files of a folder of the repository. */
export async function manifestsIn(folder: string): Promise<KubeObject[]> {
  const path = join(ROOT, folder);
  const names = (await readdir(path)).filter((name) => name.endsWith('.yaml')).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(path, name), 'utf8')));
  return texts.flatMap(parseManifests);
}

/** The type of an object of one of our kinds, a Secret or a namespace. */
export function typeOf(object: Pick<KubeObject, 'kind'>): ResourceType<KubeObject> {
  const all: readonly ResourceType<KubeObject>[] = [...Object.values(resources), namespaces];
  const found = all.find(({ kind }) => kind === object.kind);
  if (found === undefined) throw new TypeError(`Tests do not know the kind ${object.kind}.`);
  return found;
}
