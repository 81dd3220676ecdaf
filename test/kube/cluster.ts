// Answers for a real API server in tests of the runtime: one per file, and clients that reach it directly or through a proxy.
import { KubeConfig } from '@kubernetes/client-node';
import {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from '../../hack/control-plane/control-plane.ts';
import { createKubeClient, type KubeClient, type KubeClientOptions } from '../../src/kube/client.ts';
import { loadKubeConfig } from '../../src/kube/local-config.ts';
import type { KubeObject, ResourceType } from '../../src/kube/types.ts';

export interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

export const configMaps: ResourceType<ConfigMap> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
};

export const namespaces: ResourceType<KubeObject> = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
};

export interface Cluster extends AsyncDisposable {
  plane: ControlPlane;
  kubeConfig: KubeConfig;
  client: KubeClient;
  /** A client of its own, optionally through another address; closed with the cluster. */
  newClient(url?: string, options?: Partial<KubeClientOptions>): KubeClient;
  /** A fresh namespace. */
  newNamespace(prefix: string): Promise<string>;
}

/** What a test needs beyond etcd and an API server. */
export type ClusterOptions = Pick<ControlPlaneOptions, 'controllerManager' | 'auditLog'>;

/** Starts etcd and an API server; a controller manager only where garbage collection or namespace deletion matters. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const plane = await startControlPlane({ controllerManager: false, ...options });
  const kubeConfig = loadKubeConfig({ kubeconfigPath: plane.kubeconfig, inCluster: false });
  const clients: KubeClient[] = [];
  let names = 0;
  const newClient: Cluster['newClient'] = (url, settings = {}) => {
    const config = url === undefined ? kubeConfig : through(kubeConfig, url);
    const client = createKubeClient({ kubeConfig: config, userAgent: 'tests', fieldManager: 'tests', ...settings });
    clients.push(client);
    return client;
  };
  const client = newClient();
  return {
    plane,
    kubeConfig,
    client,
    newClient,
    async newNamespace(prefix) {
      names += 1;
      const name = `${prefix}-${names}`;
      await client.create(namespaces, { metadata: { name } });
      return name;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((each) => each.close(0)));
      await plane.stop();
    },
  };
}

/** The same user and certificates at another address. */
function through(kubeConfig: KubeConfig, url: string): KubeConfig {
  const cluster = kubeConfig.getCurrentCluster();
  const user = kubeConfig.getCurrentUser();
  if (cluster === null || user === null) throw new Error('The kubeconfig has no current context');
  const config = new KubeConfig();
  const isPlain = url.startsWith('http:');
  // To the plain-text proxy no credentials are sent: it has its own.
  config.loadFromClusterAndUser(
    { ...cluster, server: url, skipTLSVerify: isPlain },
    isPlain ? { name: 'nobody' } : user,
  );
  return config;
}
