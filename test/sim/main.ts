// The command `npm run simulator`: serves a simulated Proxmox VE cluster until it is told to end.
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { listenControl } from './control.ts';
import { parseTopology, Simulator } from './simulator.ts';

const help = `Serves a simulated Proxmox VE cluster over TLS on 127.0.0.1.

  --port PORT           port of the first node's API (default 8006; 0 picks one)
  --control-port PORT   port of the control API and status page (default: any)
  --topology FILE       the cluster to simulate (default: the demo cluster)
  --speed FACTOR        1 is the recorded durations, 10 ten times as fast, instant no time at all (default 1)
  --seed NUMBER         same seed, same run (default 1)
  --announce FILE       write {url, nodeUrls, caPem, fingerprint, controlUrl, tokens} there once it listens
  --help                this text

SIGTERM and SIGINT end it.
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8006' },
      'control-port': { type: 'string', default: '0' },
      topology: { type: 'string' },
      speed: { type: 'string', default: '1' },
      seed: { type: 'string', default: '1' },
      announce: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const file = values.topology ?? new URL('./topologies/demo.json', import.meta.url);
  const topology = parseTopology(JSON.parse(await readFile(file, 'utf8')));
  const speed = values.speed === 'instant' ? 'instant' : positive(values.speed, '--speed');
  const simulator = new Simulator({ topology, speed, seed: positive(values.seed, '--seed') });
  const listening = await simulator.listen({ port: Number(values.port) });
  const control = await listenControl(simulator, Number(values['control-port']));
  const tokens = topology.tokens.map(({ id, secret }) => ({ id, secret }));
  const announcement = { ...listening, controlUrl: control.url, tokens };
  if (values.announce !== undefined) await writeFile(values.announce, `${JSON.stringify(announcement, null, 2)}\n`);
  process.stdout.write(
    `API      ${listening.url}/api2/json\nstatus   ${control.url}/\nCA       SHA-256 ${listening.fingerprint} (certificate)\n`,
  );
  for (const { id, secret } of tokens) process.stdout.write(`token    PVEAPIToken=${id}=${secret}\n`);
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  control.server.closeAllConnections();
  control.server.close();
  await simulator.close();
}

function positive(text: string, option: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new Error(`${option} must be a positive number, got ${text}`);
  return number;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
