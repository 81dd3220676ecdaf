// Judges programs that are already on the machine: are all there, new enough, and do they fit each other?
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../process/run.ts';
import { type Binaries, type Offer, type ProgramName, programNames } from './binaries.ts';
import { isUsable, mayServe, versionIn } from './versions.ts';

/** How programs are looked up and asked; fakes stand in for it in tests. */
export interface Machine {
  /** Path of an executable file of this name in one of the folders. */
  locate(name: string, folders: readonly string[]): string | undefined;
  /** The version that the program at `path` reports. */
  versionOf(name: string, path: string): Promise<string | undefined>;
}

/** Gets the controller manager of a Kubernetes version where a folder lacks it; undefined when it cannot. */
export type ControllerManagerOf = (kubernetesVersion: string) => Promise<string | undefined>;

/** What the folders have to offer. */
export async function judgeFolders(
  folders: readonly string[],
  machine: Machine,
  controllerManagerOf: ControllerManagerOf = () => Promise.resolve(undefined),
): Promise<Offer> {
  const found = new Map<ProgramName, string>();
  const versions = new Map<ProgramName, string>();
  for (const name of programNames) {
    const path = machine.locate(name, folders);
    if (path === undefined) continue;
    found.set(name, path);
    const version = await machine.versionOf(name, path);
    if (version !== undefined) versions.set(name, version);
  }
  const apiServer = versions.get('kube-apiserver');
  if (apiServer !== undefined && !found.has('kube-controller-manager')) {
    const path = await controllerManagerOf(apiServer);
    if (path !== undefined) {
      found.set('kube-controller-manager', path);
      versions.set('kube-controller-manager', apiServer);
    }
  }
  const reason = unusable(found, versions);
  return reason === undefined ? { binaries: Object.fromEntries(found) as Binaries } : { reason };
}

function unusable(found: Map<ProgramName, string>, versions: Map<ProgramName, string>): string | undefined {
  const missing = programNames.filter((name) => !found.has(name));
  if (missing.length > 0) return `no ${missing.join(', ')}`;
  for (const name of programNames) {
    const version = versions.get(name);
    if (version === undefined) return `${name} does not run`;
    if (!isUsable(name === 'etcd' ? 'etcd' : 'kubernetes', version)) return `${name} ${version} is too old`;
  }
  const apiServer = versions.get('kube-apiserver') ?? '';
  const manager = versions.get('kube-controller-manager') ?? '';
  return mayServe(apiServer, manager)
    ? undefined
    : `kube-controller-manager ${manager} does not fit kube-apiserver ${apiServer}`;
}

/** This machine. */
export const thisMachine: Machine = {
  locate(name, folders) {
    return folders.map((folder) => join(folder, name)).find(isExecutable);
  },
  async versionOf(name, path) {
    const args =
      name === 'kubectl' ? ['version', '--client'] : name === 'helm' ? ['version', '--short'] : ['--version'];
    const { stdout, code } = await run(path, args, { timeoutMs: 20_000 });
    return code === 0 ? versionIn(stdout) : undefined;
  },
};

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
