// Fetches the ready binaries of the kubebuilder project and the controller manager that they lack.
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { run } from '../process/run.ts';
import { download, DownloadError, verifyChecksum } from './download.ts';
import { publishFolder } from './publish.ts';
import { envtestVersion } from './versions.ts';

// https://github.com/kubernetes-sigs/controller-tools/blob/main/envtest-releases.yaml lists every archive's SHA-512.
const indexUrl = 'https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml';
const reachTimeoutMs = 5000;
const transferTimeoutMs = 600_000;

/** Where an archive is and what its SHA-512 (hex) must be. */
export interface Archive {
  url: string;
  sha512: string;
}

/** The archive for a platform from the text of the project's index; undefined when it lists none. */
export function archiveIn(index: string, version: string, platform: string): Archive | undefined {
  const document = parse(index) as { releases?: Record<string, Record<string, { hash?: string; selfLink?: string }>> };
  const entry = document.releases?.[`v${version}`]?.[`envtest-v${version}-${platform}.tar.gz`];
  return entry?.hash === undefined || entry.selfLink === undefined
    ? undefined
    : { url: entry.selfLink, sha512: entry.hash };
}

/** Kubernetes' word for this machine, such as `linux-amd64`. */
export function kubernetesPlatform(platform: string = process.platform, arch: string = process.arch): string {
  return `${platform}-${arch === 'x64' ? 'amd64' : arch}`;
}

/** Downloads the archive into `folder` (of the cache). Rejects with DownloadError. */
export async function fetchEnvtest(folder: string, log: (line: string) => void): Promise<void> {
  await publishFolder(
    folder,
    async (temporary) => {
      const index = (await download(indexUrl, reachTimeoutMs)).toString('utf8');
      const archive = archiveIn(index, envtestVersion, kubernetesPlatform());
      if (archive === undefined) throw new DownloadError(`envtest has no archive for ${kubernetesPlatform()}`);
      await unpack(archive, temporary, log);
    },
    log,
  );
}

async function unpack(archive: Archive, folder: string, log: (line: string) => void): Promise<void> {
  log(`Downloading ${archive.url} (50 MB)`);
  const content = await download(archive.url, transferTimeoutMs);
  verifyChecksum(archive.url, content, { algorithm: 'sha512', hex: archive.sha512 });
  const file = join(folder, 'archive.tar.gz');
  await writeFile(file, content);
  const result = await run('tar', ['-xzf', file, '-C', folder, '--strip-components=2']);
  if (result.code !== 0) throw new DownloadError(`${archive.url} cannot be unpacked: ${result.stderr.trim()}`);
  await rm(file);
}

/** Downloads the controller manager of a Kubernetes release into `folder` (of the cache). Rejects with DownloadError. */
export async function fetchControllerManager(
  folder: string,
  version: string,
  log: (line: string) => void,
): Promise<void> {
  const platform = kubernetesPlatform().replace('-', '/');
  const url = `https://dl.k8s.io/release/v${version}/bin/${platform}/kube-controller-manager`;
  const fill = async (temporary: string): Promise<void> => {
    const hex = (await download(`${url}.sha512`, reachTimeoutMs)).toString('utf8');
    log(`Downloading ${url} (70 MB)`);
    const content = await download(url, transferTimeoutMs);
    verifyChecksum(url, content, { algorithm: 'sha512', hex });
    const file = join(temporary, 'kube-controller-manager');
    await writeFile(file, content);
    await chmod(file, 0o755);
  };
  await publishFolder(folder, fill, log);
}
