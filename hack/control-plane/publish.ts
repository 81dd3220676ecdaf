// Puts finished folders into the cache in one step, so that nobody ever sees a half-filled one.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { withFileLock } from '../process/file-lock.ts';

/**
 * Returns `folder`, filled by `fill` unless it exists. Of several processes one fills, the others wait.
 * `fill` gets a temporary folder beside it; when it rejects nothing is left behind.
 */
export async function publishFolder(
  folder: string,
  fill: (temporary: string) => Promise<void>,
  log: (line: string) => void,
): Promise<string> {
  if (existsSync(folder)) return folder;
  await mkdir(dirname(folder), { recursive: true });
  const waiting = (): void => log(`Waiting for another process that fills ${folder}`);
  await withFileLock(`${folder}.lock`, () => fillOnce(folder, fill), waiting);
  return folder;
}

/** Under the lock nobody else fills: what is there was left by a process that was killed. */
async function removeAbandoned(parent: string, prefix: string): Promise<void> {
  const names = (await readdir(parent)).filter((name) => name.startsWith(prefix));
  await Promise.all(names.map((name) => rm(join(parent, name), { recursive: true, force: true })));
}

async function fillOnce(folder: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  if (existsSync(folder)) return;
  const prefix = `.filling-${basename(folder)}-`;
  await removeAbandoned(dirname(folder), prefix);
  const temporary = await mkdtemp(join(dirname(folder), prefix));
  try {
    await fill(temporary);
    await rename(temporary, folder);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
