// The command `npm run simulator:bench`: how much memory 10,000 VMs take and how many requests a second they answer.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { benchToken, benchVmids } from './bench-topology.ts';
import { TlsClient } from './tls-client.ts';
import type { Listening } from './simulator.ts';

const wantedPerSecond = 2000;
const wantedMiB = 300;
const connectionsPerCluster = 4;
const authorization = `PVEAPIToken=${benchToken.id}=${benchToken.secret}`;

interface Load {
  name: string;
  path(machine: number): string;
  /** What must be in every answer. */
  contains: string;
}

const loads: Load[] = [
  { name: 'GET config', path: (vmid) => `/nodes/${nodeOf(vmid)}/qemu/${vmid}/config`, contains: '"digest"' },
  {
    name: 'GET status/current',
    path: (vmid) => `/nodes/${nodeOf(vmid)}/qemu/${vmid}/status/current`,
    contains: '"qmpstatus"',
  },
  { name: 'GET /cluster/resources', path: () => '/cluster/resources?type=vm', contains: '"machine-1000"' },
];

function nodeOf(vmid: number): string {
  return `pve${(vmid % 4) + 1}`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      clusters: { type: 'string', default: '4' },
      machines: { type: 'string', default: '10000' },
      seconds: { type: 'string', default: '5' },
    },
  });
  const clusters = Number(values.clusters);
  const machines = Math.floor(Number(values.machines) / clusters);
  const server = fileURLToPath(new URL('./bench-server.ts', import.meta.url));
  const child = spawn(process.execPath, [server, String(clusters), String(machines)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the simulators have ended');
    return value;
  };
  const usage = async (): Promise<Usage> => {
    child.stdin.write('usage\n');
    return JSON.parse(await next()) as Usage;
  };
  try {
    const listening = JSON.parse(await next()) as Listening[];
    print('VMs', `${clusters * machines} over ${clusters} clusters`);
    print('memory at rest', `${mebibytes(await usage())} MiB`);
    // The rate that is wished for is that of the first load, the memory is that of them all.
    const measured: { perSecond: number; usedMiB: number }[] = [];
    for (const load of loads) {
      const before = await usage();
      const seconds = Number(values.seconds);
      const count = await measure(load, { listening, vmids: benchVmids(machines), seconds });
      const after = await usage();
      const perSecond = Math.round(count / seconds);
      const cpuMs = ((after.cpuMs - before.cpuMs) / count).toFixed(2);
      measured.push({ perSecond, usedMiB: mebibytes(after) });
      print(load.name, `${perSecond} requests/s, ${cpuMs} ms of processor each, then ${mebibytes(after)} MiB`);
    }
    const largestMiB = Math.max(...measured.map(({ usedMiB }) => usedMiB));
    const isMet = (measured[0]?.perSecond ?? 0) >= wantedPerSecond && largestMiB <= wantedMiB;
    print('wanted', `${wantedPerSecond} config requests/s, ${wantedMiB} MiB: ${isMet ? 'met' : 'missed'}`);
    process.exitCode = isMet ? 0 : 1;
  } finally {
    child.stdin.end();
  }
}

interface Usage {
  rssBytes: number;
  cpuMs: number;
}

function mebibytes({ rssBytes }: Usage): number {
  return Math.round(rssBytes / 1024 ** 2);
}

interface Measure {
  listening: readonly Listening[];
  vmids: readonly number[];
  seconds: number;
}

/** Requests answered in that time over kept connections, each waiting for its answer. */
async function measure(load: Load, { listening, vmids, seconds }: Measure): Promise<number> {
  const endsAt = performance.now() + seconds * 1000;
  let count = 0;
  const run = async (client: TlsClient, offset: number): Promise<void> => {
    for (let turn = offset; performance.now() < endsAt; turn += 7) {
      const { status, body } = await client.send({ path: load.path(vmids[turn % vmids.length] ?? 0), authorization });
      if (status !== 200 || !body.includes(load.contains))
        throw new Error(`${load.name}: ${status} ${body.slice(0, 200)}`);
      count += 1;
    }
  };
  const clients = listening.map((one) => new TlsClient(one, connectionsPerCluster));
  await Promise.all(
    clients.flatMap((client) => Array.from({ length: connectionsPerCluster }, (_, index) => run(client, index * 31))),
  );
  for (const client of clients) client.close();
  return count;
}

function print(name: string, value: string): void {
  process.stdout.write(`${name.padEnd(24)}${value}\n`);
}

await main();
