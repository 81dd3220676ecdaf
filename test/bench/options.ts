// The command line of the benchmark.
import { parseArgs } from 'node:util';

export const HELP = `usage: npm run bench [-- OPTION...]

Measures the operator on a real Kubernetes control plane and a simulated Proxmox VE cluster:
how long a virtual machine takes beyond what Proxmox VE's own tasks take, and what it costs in
calls, writes and memory. Prints what was wanted beside what was measured and never fails on it.

  --vms LIST        runs: numbers of virtual machines, made at once (default 1,100).
                    1 stands for one after the other, with tasks as long as on a real cluster;
                    every other number for all at once, with tasks that take no time
  --repeat N        virtual machines in the run of 1 (default 20)
  --rest-seconds N  how long calls at rest are counted (default 60)
  --json FILE       write everything that was measured there as well
  --help            print this
`;

export interface BenchOptions {
  vms: readonly number[];
  repeat: number;
  restSeconds: number;
  json?: string;
}

/** A command line that cannot be carried out. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** The options, or 'help' when that is what was asked for. Throws UsageError. */
export function parseOptions(args: readonly string[]): BenchOptions | 'help' {
  const values = valuesOf(args);
  if (values.help) return 'help';
  return {
    vms: values.vms.split(',').map((text) => count('--vms', text, 1000)),
    repeat: count('--repeat', values.repeat, 1000),
    restSeconds: count('--rest-seconds', values['rest-seconds'], 3600),
    ...(values.json === undefined ? {} : { json: values.json }),
  };
}

function valuesOf(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        vms: { type: 'string', default: '1,100' },
        repeat: { type: 'string', default: '20' },
        'rest-seconds': { type: 'string', default: '60' },
        json: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function count(option: string, text: string, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text.trim()) && value >= 1 && value <= most) return value;
  throw new UsageError(`${option} takes whole numbers from 1 to ${most}, not "${text}".`);
}
