// The versions of the control plane's programs: which are fetched or built, and which are good enough when found.

/** The Kubernetes release that is built from source. */
export const kubernetesVersion = '1.35.4';
/** The etcd release that is built from source. */
export const etcdVersion = '3.6.6';
/** The release of the kubebuilder project's ready binaries; the controller manager that it lacks is this release's. */
export const envtestVersion = '1.35.0';
/** The Helm release that is fetched or built. */
export const helmVersion = '3.19.2';

const oldest = { kubernetes: [1, 30], etcd: [3, 5], helm: [3, 12] } as const;

/** The first `major.minor.patch` in a program's answer to its version flag, or undefined. */
export function versionIn(text: string): string | undefined {
  return /\bv?(\d+\.\d+\.\d+)/.exec(text)?.[1];
}

/** Whether a found program can be used: the CRDs need the validation of Kubernetes 1.30. */
export function isUsable(product: keyof typeof oldest, version: string): boolean {
  const [wantedMajor, wantedMinor] = oldest[product];
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major === wantedMajor ? minor >= wantedMinor : product !== 'kubernetes' && major > wantedMajor;
}

/**
 * Whether a controller manager may run beside an API server: the same minor release or one older
 * (https://kubernetes.io/releases/version-skew-policy/).
 */
export function mayServe(apiServer: string, controllerManager: string): boolean {
  const minor = (version: string): number => Number(version.split('.')[1]);
  const lag = minor(apiServer) - minor(controllerManager);
  return lag === 0 || lag === 1;
}
