// The command `npm run simulator`: serves simulated Proxmox VE clusters until it is told to end.
import { createWriteStream } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { VirtualClock } from './clock.ts';
import { help, readCommandLine } from './command-line.ts';
import type { CommandLine } from './command-line.ts';
import { listenControl } from './control.ts';
import { parseStates, stateText } from './saved-state.ts';
import type { SavedState } from './saved-state.ts';
import { parseTopology, Simulator } from './simulator.ts';
import { topologyJsonSchema } from './topology.ts';
import type { Listening, Topology } from './simulator.ts';
import { keepHeapSmall } from './small-heap.ts';

const defaultPort = 8006;

interface Cluster {
  simulator: Simulator;
  listening: Listening;
  control: { server: Server; url: string };
}

async function main(): Promise<void> {
  const options = readCommandLine(process.argv.slice(2));
  if (options === 'help') process.stdout.write(help);
  else if (options === 'schema') process.stdout.write(`${JSON.stringify(topologyJsonSchema(), null, 2)}\n`);
  else await serve(options);
}

async function serve(options: CommandLine): Promise<void> {
  const simulators = await makeSimulators(options);
  if (options.record !== undefined) record(simulators, options.record);
  const save = async (): Promise<void> => saveStates(simulators, options.state);
  const clusters: Cluster[] = [];
  for (const simulator of simulators) {
    const isFirst = clusters.length === 0;
    const listening = await simulator.listen(isFirst ? firstPort(options, simulator) : {});
    const control = await listenControl(simulator, isFirst ? options.controlPort : 0, { save });
    clusters.push({ simulator, listening, control });
  }
  await announce(clusters, options.announce);
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  for (const { simulator, control } of clusters) {
    control.server.closeAllConnections();
    control.server.close();
    await simulator.close();
  }
  await save();
}

/** The port that was asked for, or the saved one, or the usual one. */
function firstPort({ port }: CommandLine, simulator: Simulator): { port?: number } {
  if (port !== undefined) return { port };
  return simulator.hasSavedPorts ? {} : { port: defaultPort };
}

async function makeSimulators(options: CommandLine): Promise<Simulator[]> {
  const states = options.state === undefined ? [] : await readStates(options.state);
  const topologies =
    states.length > 0
      ? states.map((state) => state.topology)
      : await Promise.all(files(options).map((file) => readTopology(file, options.pve)));
  return topologies.map((topology, index) => {
    const { speed, seed, keptRecords } = options;
    const state = states[index];
    const base = { topology, seed: seed + index, keptRecords, ...(state === undefined ? {} : { state }) };
    return new Simulator(speed === 'virtual' ? { ...base, clock: new VirtualClock(state?.at) } : { ...base, speed });
  });
}

function files({ topologies }: CommandLine): (string | URL)[] {
  return topologies.length > 0 ? topologies : [new URL('./topologies/demo.json', import.meta.url)];
}

async function readTopology(file: string | URL, pve: 8 | 9 | undefined): Promise<Topology> {
  const json = JSON.parse(await readFile(file, 'utf8')) as object;
  return parseTopology(pve === undefined ? json : { ...json, release: pve, version: undefined });
}

async function readStates(file: string): Promise<SavedState[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return [];
    throw error;
  }
  return parseStates(text);
}

/** Written beside and renamed, so that an end in the middle leaves the old state. */
async function saveStates(simulators: readonly Simulator[], file: string | undefined): Promise<void> {
  if (file === undefined) return;
  await writeFile(`${file}.new`, stateText(simulators.map((simulator) => simulator.save())), { mode: 0o600 });
  await rename(`${file}.new`, file);
}

function record(simulators: readonly Simulator[], file: string): void {
  const stream = createWriteStream(file, { flags: 'a' });
  for (const simulator of simulators) {
    const { cluster } = simulator.world.topology;
    simulator.onRequest((request) => stream.write(`${JSON.stringify({ cluster, ...request })}\n`));
  }
}

async function announce(clusters: readonly Cluster[], file: string | undefined): Promise<void> {
  const announced = clusters.map(({ simulator, listening, control }) => ({
    cluster: simulator.world.topology.cluster,
    ...listening,
    controlUrl: control.url,
    tokens: simulator.world.topology.tokens.map(({ id, secret }) => ({ id, secret })),
  }));
  if (file !== undefined)
    await writeFile(file, `${JSON.stringify({ ...announced[0], clusters: announced }, null, 2)}\n`);
  for (const { url, controlUrl, fingerprint, tokens } of announced) {
    process.stdout.write(
      `API      ${url}/api2/json\nstatus   ${controlUrl}/\nCA       SHA-256 ${fingerprint} (certificate)\n`,
    );
    for (const { id, secret } of tokens) process.stdout.write(`token    PVEAPIToken=${id}=${secret}\n`);
  }
}

keepHeapSmall();
try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
