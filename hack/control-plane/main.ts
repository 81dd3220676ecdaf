// `npm run control-plane`: a local Kubernetes API server that stays until Ctrl-C.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { catchInterruptions } from '../process/interrupt.ts';
import { NoBinariesError } from './binaries.ts';
import { type ControlPlane, FolderInUseError, startControlPlane } from './control-plane.ts';

const usage = `usage: npm run control-plane -- [OPTION...]

Starts etcd, kube-apiserver and kube-controller-manager on loopback, applies crds/
and stays until Ctrl-C. Missing programs are downloaded or built once.

  --dir FOLDER             keep the data there, for the next start (default: temporary)
  --no-crds                do not apply crds/
  --no-controller-manager  no garbage collection, namespace deletion, service accounts
  --audit-log FILE         write one JSON line per finished request
  --help                   print this`;

/** The options of the command line. Throws TypeError when one is unknown. */
export function parseCommandLine(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      dir: { type: 'string' },
      crds: { type: 'boolean', default: true },
      'controller-manager': { type: 'boolean', default: true },
      'audit-log': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  return values;
}

async function applyCrds(plane: ControlPlane): Promise<void> {
  const folder = join(import.meta.dirname, '../../crds');
  if (!existsSync(folder)) return;
  const result = await plane.kubectl(['apply', '--server-side', '-f', folder]);
  if (result.code !== 0) throw new Error(`crds/ could not be applied:\n${result.stderr}`);
}

async function main(args: readonly string[]): Promise<void> {
  const options = parseCommandLine(args);
  if (options.help) {
    console.log(usage);
    return;
  }
  await using plane = await startControlPlane({
    dir: options.dir,
    controllerManager: options['controller-manager'],
    auditLog: options['audit-log'],
    log: (line) => console.error(line),
  });
  using interruption = catchInterruptions();
  if (options.crds) await applyCrds(plane);
  console.log(`The API server listens on ${plane.url}. Ctrl-C ends it. To use it:\n`);
  console.log(`export KUBECONFIG=${plane.kubeconfig}`);
  await interruption.signal;
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    const isPlain = error instanceof NoBinariesError || error instanceof FolderInUseError || error instanceof TypeError;
    console.error(isPlain ? error.message : error);
    process.exitCode = 1;
  }
}
