// The places where the control plane's programs may come from, in the order in which they are asked.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../environment.ts';
import { type Binaries, type Offer, programNames, type Source } from './binaries.ts';
import { DownloadError } from './download.ts';
import { fetchControllerManager, fetchEnvtest, kubernetesPlatform } from './envtest.ts';
import { BuildError, buildInto, controlPlaneBuilds } from './go-build.ts';
import { judgeFolders, type Machine, thisMachine } from './installed.ts';
import { envtestVersion, etcdVersion, kubernetesVersion } from './versions.ts';

/** Folders of the cache. */
export interface CacheFolders {
  envtest: string;
  built: string;
  controllerManager(version: string): string;
}

/** Where things are kept in the cache, keyed by their versions. */
export function cacheFolders(cache: string): CacheFolders {
  const base = join(cache, 'control-plane');
  const platform = kubernetesPlatform();
  return {
    envtest: join(base, `envtest-${envtestVersion}-${platform}`),
    built: join(base, `built-${kubernetesVersion}-etcd-${etcdVersion}-${platform}`),
    controllerManager: (version) => join(base, `controller-manager-${version}-${platform}`),
  };
}

/** The sources: what the user names, what is installed, what was cached, the download, the build. */
export function standardSources(
  environment: Environment,
  log: (line: string) => void,
  machine: Machine = thisMachine,
): Source[] {
  const folders = cacheFolders(environment.cache);
  return [
    {
      name: 'KUBEBUILDER_ASSETS',
      offer: () => fromAssets(environment.kubebuilderAssets, folders, { machine, log }),
    },
    { name: 'PATH', offer: () => judgeFolders(environment.path, machine) },
    { name: 'the cache', offer: () => Promise.resolve(fromCache(folders)) },
    { name: 'envtest', offer: () => fromEnvtest(folders, log) },
    { name: 'the Go build', offer: () => fromGo(folders, log) },
  ];
}

async function fromAssets(
  assets: string | undefined,
  folders: CacheFolders,
  tools: { machine: Machine; log: (line: string) => void },
): Promise<Offer> {
  const cure = 'set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver, kube-controller-manager and kubectl';
  if (assets === undefined) return { reason: 'not set', cure };
  // `setup-envtest` brings no controller manager: the matching one is fetched.
  const offer = await judgeFolders([assets], tools.machine, async (version) => {
    const folder = folders.controllerManager(version);
    try {
      await fetchControllerManager(folder, version, tools.log);
      return join(folder, 'kube-controller-manager');
    } catch (error) {
      if (error instanceof DownloadError) return undefined;
      throw error;
    }
  });
  if ('binaries' in offer) return offer;
  // It was named on purpose: going elsewhere without a word would puzzle.
  tools.log(`KUBEBUILDER_ASSETS (${assets}) cannot be used: ${offer.reason}`);
  return { ...offer, cure };
}

function allIn(folder: string): Binaries {
  return Object.fromEntries(programNames.map((name) => [name, join(folder, name)])) as Binaries;
}

function envtestBinaries(folders: CacheFolders): Binaries {
  const manager = join(folders.controllerManager(envtestVersion), 'kube-controller-manager');
  return { ...allIn(folders.envtest), 'kube-controller-manager': manager };
}

function fromCache(folders: CacheFolders): Offer {
  for (const binaries of [allIn(folders.built), envtestBinaries(folders)]) {
    if (programNames.every((name) => existsSync(binaries[name]))) return { binaries };
  }
  return { reason: 'nothing yet' };
}

async function fromEnvtest(folders: CacheFolders, log: (line: string) => void): Promise<Offer> {
  try {
    // First the one that is not published for every platform, to download nothing in vain.
    await fetchControllerManager(folders.controllerManager(envtestVersion), envtestVersion, log);
    await fetchEnvtest(folders.envtest, log);
    return { binaries: envtestBinaries(folders) };
  } catch (error) {
    if (error instanceof DownloadError) {
      return { reason: error.message, cure: 'give this machine access to github.com and dl.k8s.io' };
    }
    throw error;
  }
}

async function fromGo(folders: CacheFolders, log: (line: string) => void): Promise<Offer> {
  try {
    await buildInto(folders.built, controlPlaneBuilds, log);
    return { binaries: allIn(folders.built) };
  } catch (error) {
    if (error instanceof BuildError) {
      return {
        reason: error.message,
        cure: 'install Go 1.25 or newer (https://go.dev/dl) and give it access to a Go module proxy (go env GOPROXY)',
      };
    }
    throw error;
  }
}
