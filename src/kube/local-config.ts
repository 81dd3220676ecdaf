// Answers for which API server to talk to: a kubeconfig file, or the service account of the pod.
import { KubeConfig } from '@kubernetes/client-node';

/** The connection settings cannot be used; the message says what to do, a stack would only hide it. */
export class LocalConfigError extends Error {
  override readonly name = 'LocalConfigError';
}

/**
 * Loads the connection settings; nothing is contacted.
 *
 * @throws LocalConfigError when neither source is usable, with the cure in the text.
 */
export function loadKubeConfig(options: { kubeconfigPath?: string; inCluster: boolean }): KubeConfig {
  const config = new KubeConfig();
  if (options.kubeconfigPath !== undefined && options.kubeconfigPath !== '') {
    loadFile(config, options.kubeconfigPath);
  } else if (options.inCluster) {
    config.loadFromCluster();
  } else {
    throw new LocalConfigError(
      'No Kubernetes API server is configured: name a kubeconfig file, or run in a pod with a service account.',
    );
  }
  const cluster = config.getCurrentCluster();
  // Outside a pod the library builds an address of undefined variables instead of refusing.
  if (cluster === null || cluster.server.includes('undefined')) {
    throw new LocalConfigError(
      options.kubeconfigPath
        ? `The kubeconfig file ${options.kubeconfigPath} has no current context with a cluster.`
        : 'The service account of a pod was asked for, but KUBERNETES_SERVICE_HOST is not set here.',
    );
  }
  return config;
}

function loadFile(config: KubeConfig, path: string): void {
  try {
    config.loadFromFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LocalConfigError(`The kubeconfig file ${path} cannot be used: ${reason}`, { cause: error });
  }
}
