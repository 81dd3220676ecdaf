// The simulated cluster of the benchmark: one large node, so that nothing has to be migrated and memory is no limit.
import { readFile } from 'node:fs/promises';
import type { Topology } from '../sim/topology.ts';
import { parseTopology } from '../sim/topology.ts';

const MEMORY_BYTES = 4 * 1024 ** 4;

/** The demo's cluster, reduced to the node that its shared template is on. */
export async function benchTopology(): Promise<Topology> {
  const file = new URL('../sim/topologies/demo.json', import.meta.url);
  const demo = parseTopology(JSON.parse(await readFile(file, 'utf8')));
  const nodes = demo.nodes.slice(0, 1).map((node) => ({ ...node, memoryBytes: MEMORY_BYTES, cpus: 256 }));
  const vms = demo.vms.filter(({ node }) => nodes.some(({ name }) => name === node));
  return { ...demo, nodes, vms };
}
