// `npm run -s import-addresses`: prints IPPools for the address list of a billing module.
import { createReadStream } from 'node:fs';
import { text as textOf } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { objectName } from '../api/fields.ts';
import { parseLegacyAddresses, poolsOfLegacyAddresses } from '../domain/legacy-addresses.ts';

/** Sorts behind the names that people give, so that pools made by hand are used up first. */
export const DEFAULT_PREFIX = 'zz-legacy';

const USAGE = `usage: npm run -s import-addresses -- --cluster NAME [OPTION...] FILE|-

Reads the address list of a billing module, from FILE or (-) from standard input,
one line for each IPv4 address:

  <bridge>|<vlan>|<ip>|<mask>|<gw>|<dns1>,<dns2>

and prints IPPools that cover these addresses and no others. Blank lines and lines
that begin with # are skipped. When anything is wrong, nothing is printed but what
it is.

  --cluster NAME  the ProxmoxCluster that the addresses belong to
  --prefix NAME   begins the names of the pools (default: ${DEFAULT_PREFIX}); pools
                  are used up in the order of their names
  -h, --help      print this

Exit codes: 0 printed, 1 something is wrong with the list, 2 with the command line.
`;

/** What the command reads and writes besides its arguments. */
export interface Streams {
  /** The contents of a file, or of standard input for `-`. Rejects when it cannot be read. */
  readonly read: (file: string) => Promise<string>;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
}

interface Order {
  readonly help: boolean;
  readonly file: string;
  readonly clusterName: string;
  readonly namePrefix: string;
}

/**
 * Runs the command and returns its exit code. Without `args` those of the process are taken. Nothing reaches stdout
 * unless everything is right, so that the output can be piped into `kubectl apply`.
 */
export async function importAddresses(streams: Streams, args?: readonly string[]): Promise<number> {
  const order = commandLine(args);
  if (typeof order === 'string') {
    streams.stderr(`${order}\nSee --help.\n`);
    return 2;
  }
  if (order.help) {
    streams.stdout(USAGE);
    return 0;
  }
  let list: string;
  try {
    list = await streams.read(order.file);
  } catch (error) {
    streams.stderr(`${order.file} cannot be read: ${(error as Error).message}.\n`);
    return 1;
  }
  return printPools(list, order, streams);
}

function printPools(list: string, { file, ...naming }: Order, { stdout, stderr }: Streams): number {
  const { lines, problems } = parseLegacyAddresses(list);
  const name = file === '-' ? 'standard input' : file;
  if (problems.length > 0) {
    stderr(problems.map(({ line, message }) => `${name}:${line}: ${message}\n`).join(''));
    return 1;
  }
  if (lines.length === 0) {
    stderr(`${name}: There is no address in it; see --help for the form of a line.\n`);
    return 1;
  }
  // kubectl reads YAML 1.1, in which more plain words than in 1.2 are no texts.
  const documents = poolsOfLegacyAddresses(lines, naming).map((pool) => stringify(pool, { version: '1.1' }));
  stdout(documents.join('---\n'));
  return 0;
}

/** The order, or what is wrong with the command line. */
function commandLine(args: readonly string[] | undefined): Order | string {
  try {
    return orderOf(parsed(args));
  } catch (error) {
    return (error as Error).message;
  }
}

function parsed(args: readonly string[] | undefined) {
  return parseArgs({
    ...(args === undefined ? {} : { args: [...args] }),
    allowPositionals: true,
    options: {
      cluster: { type: 'string' },
      prefix: { type: 'string', default: DEFAULT_PREFIX },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
}

function orderOf({ values, positionals }: ReturnType<typeof parsed>): Order | string {
  const { help, cluster: clusterName = '', prefix: namePrefix } = values;
  const [file = '', ...others] = positionals;
  if (!help) {
    if (clusterName === '') return '--cluster is missing: the name of the ProxmoxCluster of the addresses.';
    if (!objectName.safeParse(clusterName).success) {
      return `--cluster ${JSON.stringify(clusterName)} is no name of an object: lower-case letters, digits, hyphens and dots.`;
    }
    if (!/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(namePrefix)) {
      return `--prefix ${JSON.stringify(namePrefix)} does not begin a name: at most 63 lower-case letters, digits and hyphens.`;
    }
    if (file === '' || others.length > 0) return 'One FILE is needed, or - for standard input.';
  }
  return { help, file, clusterName, namePrefix };
}

if (import.meta.main) {
  process.exitCode = await importAddresses({
    read: (file) => textOf(file === '-' ? process.stdin : createReadStream(file)),
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
  });
}
