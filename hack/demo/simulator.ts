// Starts the Proxmox VE simulator for the demo and reads where it listens.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Child } from '../process/child.ts';
import type { Guard } from '../process/guard.ts';

/** What the simulator writes into the file of `--announce` when it listens. */
export interface Announcement {
  url: string;
  nodeUrls: readonly string[] | Record<string, string>;
  caPem: string;
  controlUrl: string;
  tokens: readonly { id: string; secret: string }[];
}

/** A running simulator. */
export interface Simulator {
  child: Child;
  announcement: Announcement;
}

const startTimeoutMs = 30_000;
const pollMs = 40;

/** Starts the simulator with a topology file; resolves when it listens. */
export async function startSimulator(root: string, folder: string, guard: Guard): Promise<Simulator> {
  const file = join(folder, 'simulator.json');
  const child = await Child.start({
    command: process.execPath,
    args: [
      join(root, 'test/sim/main.ts'),
      '--port=0',
      '--control-port=0',
      `--announce=${file}`,
      `--topology=${join(root, 'test/sim/topologies/demo.json')}`,
    ],
    logFile: join(folder, 'simulator.log'),
    guard,
    name: 'simulator',
  });
  return { child, announcement: await announced(file, child) };
}

async function announced(file: string, child: Child): Promise<Announcement> {
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    const announcement = await readAnnouncement(file);
    if (announcement !== undefined) return announcement;
    const failure = child.failure();
    if (failure !== undefined) throw failure;
    if (performance.now() > deadline) {
      await child.stop(0);
      throw new Error(`The simulator does not listen after ${startTimeoutMs / 1000} s.`);
    }
    await delay(pollMs);
  }
}

/** Undefined while the file is absent or half-written. */
async function readAnnouncement(file: string): Promise<Announcement | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Announcement;
  } catch {
    return undefined;
  }
}
