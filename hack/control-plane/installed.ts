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
  const found = new Map<ProgramName, Found>();
  for (const name of programNames) {
    const path = machine.locate(name, folders);
    if (path !== undefined) found.set(name, { path, version: undefined });
  }
  const missing = programNames.filter((name) => !found.has(name));
  // Asking for versions takes time: only when it can lead to an offer.
  if (missing.some((name) => name !== 'kube-controller-manager')) return { reason: `no ${missing.join(', ')}` };
  for (const [name, program] of found) program.version = await machine.versionOf(name, program.path);
  await addControllerManager(found, controllerManagerOf);
  const reason = unusable(found);
  if (reason !== undefined) return { reason };
  return { binaries: Object.fromEntries([...found].map(([name, { path }]) => [name, path])) as Binaries };
}

interface Found {
  path: string;
  version: string | undefined;
}

async function addControllerManager(
  found: Map<ProgramName, Found>,
  controllerManagerOf: ControllerManagerOf,
): Promise<void> {
  const version = found.get('kube-apiserver')?.version;
  if (version === undefined || found.has('kube-controller-manager')) return;
  const path = await controllerManagerOf(version);
  if (path !== undefined) found.set('kube-controller-manager', { path, version });
}

function unusable(found: ReadonlyMap<ProgramName, Found>): string | undefined {
  const problem = programNames.map((name) => problemOf(name, found.get(name))).find((text) => text !== undefined);
  if (problem !== undefined) return problem;
  const apiServer = found.get('kube-apiserver')?.version ?? '';
  const manager = found.get('kube-controller-manager')?.version ?? '';
  return mayServe(apiServer, manager)
    ? undefined
    : `kube-controller-manager ${manager} does not fit kube-apiserver ${apiServer}`;
}

function problemOf(name: ProgramName, program: Found | undefined): string | undefined {
  if (program === undefined) return `no ${name}`;
  if (program.version === undefined) return `${name} does not run`;
  const isNewEnough = isUsable(name === 'etcd' ? 'etcd' : 'kubernetes', program.version);
  return isNewEnough ? undefined : `${name} ${program.version} is too old`;
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
