// Tests of the benchmark: it runs against small clusters, prints every figure, and its topology is one the API serves.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { benchToken, benchTopology, benchVmids } from './bench-topology.ts';
import { Simulator } from './simulator.ts';

describe('the benchmark', () => {
  it('prints memory and rates', async () => {
    const script = fileURLToPath(new URL('./bench.ts', import.meta.url));
    const args = [script, '--clusters', '2', '--machines', '20', '--seconds', '0.2'];
    const output = await new Promise<string>((resolve, reject) => {
      execFile(process.execPath, args, (error, stdout, stderr) =>
        // It ends with 1 where the machine is too slow for the wish, which is no failure of this test.
        stdout.includes('wanted') ? resolve(stdout) : reject(error ?? new Error(stderr)),
      );
    });
    expect(output).toMatch(/^VMs +20 over 2 clusters$/m);
    expect(output).toMatch(/^memory at rest +\d+ MiB$/m);
    for (const load of ['GET config', 'GET status/current', 'GET /cluster/resources'])
      expect(output).toMatch(
        new RegExp(`^${load} +\\d+ requests/s, [\\d.]+ ms of processor each, then \\d+ MiB$`, 'm'),
      );
    expect(output).toMatch(/^wanted +2000 config requests\/s, 300 MiB: (met|missed)$/m);
  });

  it('has machines that can be read, half of them running', async () => {
    const simulator = new Simulator({ topology: benchTopology('x', 8), speed: 'instant' });
    const authorization = `PVEAPIToken=${benchToken.id}=${benchToken.secret}`;
    const { body } = await simulator.handle({ method: 'GET', path: '/cluster/resources?type=vm', authorization });
    const vms = (JSON.parse(body) as { data: { vmid: number; status: string }[] }).data;
    expect(vms.map(({ vmid }) => vmid)).toEqual(benchVmids(8));
    expect(vms.filter(({ status }) => status === 'running')).toHaveLength(4);
    expect(simulator.leaks().orphanVolumes).toEqual([]);
    await simulator.close();
  });
});
