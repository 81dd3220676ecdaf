// A lock between processes: one builds, the others wait and then use what it built.
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const pollMs = 200;
const unreadableAfterMs = 5000;

/** Runs `work` while no other process holds the lock `file`. A lock whose owner has died is taken over. */
export async function withFileLock<T>(file: string, work: () => Promise<T>, onWait: () => void = () => {}): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  for (let tries = 0; !(await tryLock(file)); tries += 1) {
    if (tries === 0) onWait();
    await delay(pollMs);
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function tryLock(file: string): Promise<boolean> {
  try {
    await writeFile(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  if (await isAbandoned(file)) await rm(file, { force: true });
  return false;
}

async function isAbandoned(file: string): Promise<boolean> {
  try {
    const owner = Number.parseInt(await readFile(file, 'utf8'), 10);
    if (!Number.isNaN(owner)) return !isAlive(owner);
    // Empty: its owner is between creating and writing it, or died there.
    return Date.now() - (await stat(file)).mtimeMs > unreadableAfterMs;
  } catch {
    return false;
  }
}

/** Whether a process with this number runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
