// The benchmark's simulators in a process of their own: announces itself on standard output, tells its memory when asked.
import { createInterface } from 'node:readline';
import { benchTopology } from './bench-topology.ts';
import { Simulator } from './simulator.ts';
import type { Listening } from './simulator.ts';
import { keepHeapSmall } from './small-heap.ts';

keepHeapSmall();

/** Requests each cluster's log keeps, so that memory is the clusters' own. */
const keptRecords = 1000;

const [clusters = 4, machines = 2500] = process.argv.slice(2).map(Number);
const simulators = Array.from(
  { length: clusters },
  (_, index) => new Simulator({ topology: benchTopology(`bench-${index + 1}`, machines), keptRecords }),
);
const listening: Listening[] = [];
for (const simulator of simulators) listening.push(await simulator.listen());
process.stdout.write(`${JSON.stringify(listening)}\n`);

// Every line asks for what the process uses; the end of the input ends it.
for await (const _ of createInterface({ input: process.stdin })) {
  const { user, system } = process.cpuUsage();
  process.stdout.write(`${JSON.stringify({ rssBytes: process.memoryUsage.rss(), cpuMs: (user + system) / 1000 })}\n`);
}
for (const simulator of simulators) await simulator.close();
