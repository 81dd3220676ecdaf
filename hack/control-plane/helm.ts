// Finds, downloads or builds Helm; only what tests the chart needs it.
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readEnvironment } from '../environment.ts';
import { run } from '../process/run.ts';
import { download, DownloadError, verifyChecksum } from './download.ts';
import { kubernetesPlatform } from './envtest.ts';
import { BuildError, buildInto, helmBuild } from './go-build.ts';
import { thisMachine } from './installed.ts';
import { publishFolder } from './publish.ts';
import { helmVersion, isUsable } from './versions.ts';

const reachTimeoutMs = 5000;
const transferTimeoutMs = 300_000;

/** Helm can be neither found nor fetched nor built; the message says what helps. */
export class NoHelmError extends Error {
  override name = 'NoHelmError';
}

/** Path of a usable helm. Rejects with NoHelmError. */
export async function ensureHelm(log: (line: string) => void = () => {}): Promise<string> {
  const environment = readEnvironment();
  const installed = thisMachine.locate('helm', environment.path);
  if (installed !== undefined && isUsable('helm', (await thisMachine.versionOf('helm', installed)) ?? '0')) {
    return installed;
  }
  const folder = join(environment.cache, `helm-${helmVersion}-${kubernetesPlatform()}`);
  if (!existsSync(folder)) await fetchOrBuild(folder, log);
  return join(folder, 'helm');
}

async function fetchOrBuild(folder: string, log: (line: string) => void): Promise<void> {
  const reasons: string[] = [];
  for (const provide of [fetchHelm, buildHelm]) {
    try {
      await provide(folder, log);
      return;
    } catch (error) {
      if (!(error instanceof DownloadError) && !(error instanceof BuildError)) throw error;
      reasons.push(error.message);
    }
  }
  throw new NoHelmError(`Helm is missing (${reasons.join('; ')}). Install Helm (https://helm.sh/docs/intro/install/).`);
}

function buildHelm(folder: string, log: (line: string) => void): Promise<void> {
  return buildInto(folder, [helmBuild], log);
}

async function fetchHelm(folder: string, log: (line: string) => void): Promise<void> {
  const url = `https://get.helm.sh/helm-v${helmVersion}-${kubernetesPlatform()}.tar.gz`;
  const fill = async (temporary: string): Promise<void> => {
    const hex = (await download(`${url}.sha256sum`, reachTimeoutMs)).toString('utf8');
    const content = await download(url, transferTimeoutMs);
    verifyChecksum(url, content, { algorithm: 'sha256', hex });
    const file = join(temporary, 'helm.tar.gz');
    await writeFile(file, content);
    const result = await run('tar', ['-xzf', file, '-C', temporary, '--strip-components=1']);
    if (result.code !== 0) throw new DownloadError(`${url} cannot be unpacked: ${result.stderr.trim()}`);
    await rm(file);
  };
  await publishFolder(folder, fill, log);
}
