// Entry point of the operator: settings, log, signals, exit code.
import { readFileSync } from 'node:fs';
import { startApp } from './app.ts';
import { parseConfig } from './config.ts';
import { LocalConfigError } from './kube/local-config.ts';
import { createLog } from './log.ts';

async function main(): Promise<number> {
  const parsed = parseConfig(process.argv.slice(2), process.env);
  if (parsed.kind === 'help') {
    process.stdout.write(parsed.text);
    return 0;
  }
  if (parsed.kind === 'error') {
    process.stderr.write(`${parsed.text}\nSee --help.\n`);
    return 2;
  }
  const { config } = parsed;
  const log = createLog({
    format: config.logFormat,
    level: config.logLevel,
    write: (line) => process.stdout.write(line),
  });
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'Stopping');
      stop.abort();
    });
  }
  const version = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string })
    .version;
  const end = await startApp({ config, log, version, signal: stop.signal });
  log.info({ end }, 'Stopped');
  return end === 'lost' ? 1 : 0;
}

process.exitCode = await main().catch((error: unknown) => {
  const text = error instanceof LocalConfigError ? error.message : ((error as Error).stack ?? String(error));
  process.stderr.write(`${text}\n`);
  return 1;
});
