// The options of `npm run simulator` and what they mean.
import { parseArgs } from 'node:util';

export const help = `Serves a simulated Proxmox VE cluster over TLS on 127.0.0.1.

  --port PORT           port of the first node's API (default 8006; 0 picks one)
  --control-port PORT   port of the control API and status page (default: any)
  --topology FILE       the cluster to simulate (default: the demo cluster); again for another cluster
  --pve 8|9             the latest release of that series, whatever the topology says (default: as it says)
  --speed FACTOR        1 is the recorded durations, 10 ten times as fast, instant no time at all,
                        virtual stands still until the control API's action advance (default 1)
  --seed NUMBER         same seed, same run (default 1)
  --state FILE          go on from there if it exists, and write it at the end and on POST /sim/state
  --record FILE         append every request as a line of JSON
  --keep NUMBER         requests the log keeps in full, per cluster (default 100000)
  --announce FILE       write {url, nodeUrls, caPem, fingerprint, controlUrl, tokens, clusters} there
                        once it listens
  --topology-schema     print the JSON schema of topology files and end
  --help                this text

SIGTERM and SIGINT end it.
`;

export interface CommandLine {
  /** Undefined takes the saved one, or any. */
  port: number | undefined;
  controlPort: number;
  /** Files; empty means the demo cluster. */
  topologies: string[];
  /** Undefined leaves it to the topology. */
  pve: 8 | 9 | undefined;
  speed: number | 'instant' | 'virtual';
  seed: number;
  state: string | undefined;
  record: string | undefined;
  keptRecords: number;
  announce: string | undefined;
}

/** The options in the arguments, or what to print instead. Throws with a text for people. */
export function readCommandLine(args: readonly string[]): CommandLine | 'help' | 'schema' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string' },
      'control-port': { type: 'string', default: '0' },
      topology: { type: 'string', multiple: true, default: [] },
      pve: { type: 'string' },
      speed: { type: 'string', default: '1' },
      seed: { type: 'string', default: '1' },
      state: { type: 'string' },
      record: { type: 'string' },
      keep: { type: 'string', default: '100000' },
      announce: { type: 'string' },
      'topology-schema': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  if (values['topology-schema']) return 'schema';
  return {
    port: values.port === undefined ? undefined : portOf(values.port, '--port'),
    controlPort: portOf(values['control-port'], '--control-port'),
    topologies: values.topology,
    pve: values.pve === undefined ? undefined : seriesOf(values.pve),
    speed: values.speed === 'instant' || values.speed === 'virtual' ? values.speed : positive(values.speed, '--speed'),
    seed: positive(values.seed, '--seed'),
    state: values.state,
    record: values.record,
    keptRecords: positive(values.keep, '--keep'),
    announce: values.announce,
  };
}

function positive(text: string, option: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new Error(`${option} must be a positive number, got ${text}`);
  return number;
}

function seriesOf(text: string): 8 | 9 {
  if (text === '8') return 8;
  if (text === '9') return 9;
  throw new Error(`--pve must be 8 or 9, got ${text}`);
}

function portOf(text: string, option: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0 || number > 65535)
    throw new Error(`${option} must be a port, got ${text}`);
  return number;
}
