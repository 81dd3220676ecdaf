// Runs a real PowerDNS server on loopback as an ordinary process, for tests and for trying things out.
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';

/** A running server. `stop` ends the process and removes its files. */
export interface PowerDnsServer {
  /** Base URL of the HTTP API. */
  apiUrl: string;
  apiKey: string;
  /** UDP and TCP port on 127.0.0.1 that answers DNS queries. */
  dnsPort: number;
  /** Makes an empty zone; `kind` is PowerDNS's word, Native when not said. */
  createZone(name: string, kind?: string): Promise<void>;
  stop(): Promise<void>;
}

const BINARIES = ['/usr/sbin/pdns_server', '/usr/local/sbin/pdns_server', '/opt/homebrew/sbin/pdns_server'];
const SCHEMAS = [
  '/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql',
  '/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql',
  '/usr/share/doc/pdns-backend-sqlite/schema.sqlite3.sql',
  '/usr/share/doc/pdns/schema.sqlite3.sql',
  '/usr/local/share/doc/pdns/schema.sqlite3.sql',
  '/opt/homebrew/share/doc/pdns/schema.sqlite3.sql',
];
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 3_000;
const POLL_MS = 50;
// Another process can take a free port between looking and binding.
const START_ATTEMPTS = 3;

/** Why no server can be started here, with the cure, or undefined when it can. */
export function powerDnsUnavailable(): string | undefined {
  const missing = [
    ...(findFirst(BINARIES) === undefined ? ['pdns_server'] : []),
    ...(findFirst(SCHEMAS) === undefined ? ['the schema of its SQLite backend'] : []),
  ];
  if (missing.length === 0) return undefined;
  return (
    `PowerDNS is not installed (${missing.join(' and ')} not found). ` +
    'On Debian: apt-get install pdns-server pdns-backend-sqlite3; the service that comes with it need not run.'
  );
}

/** Starts a server with an empty database in a temporary folder, or says why that is not possible here. */
export async function startPowerDns(): Promise<PowerDnsServer | { unavailable: string }> {
  const unavailable = powerDnsUnavailable();
  if (unavailable !== undefined) return { unavailable };
  const problems: string[] = [];
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
    const started = await startOnce();
    if (typeof started !== 'string') return started;
    problems.push(started);
  }
  return { unavailable: `PowerDNS did not start: ${problems.at(-1)}` };
}

async function startOnce(): Promise<PowerDnsServer | string> {
  const folder = await mkdtemp(join(tmpdir(), 'powerdns-'));
  const [dnsPort, apiPort] = await freePorts();
  const apiKey = randomBytes(16).toString('hex');
  createDatabase(join(folder, 'zones.db'), await readFile(findFirst(SCHEMAS) ?? '', 'utf8'));
  // The key is in a file because a process list shows the command line to everybody.
  await writeFile(join(folder, 'pdns.conf'), configuration({ folder, dnsPort, apiPort, apiKey }), { mode: 0o600 });

  const child = spawn(findFirst(BINARIES) ?? '', [`--config-dir=${folder}`], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const stop = stopper(child, folder);
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  const server: PowerDnsServer = {
    apiUrl,
    apiKey,
    dnsPort,
    createZone: (name, kind = 'Native') => createZone({ apiUrl, apiKey }, name, kind),
    stop,
  };
  if (await answers(server, child)) return server;
  await stop();
  return log.trim().split('\n').slice(-3).join(' | ');
}

interface Settings {
  folder: string;
  dnsPort: number;
  apiPort: number;
  apiKey: string;
}

// All caches are off: a test asks right after the change.
function configuration({ folder, dnsPort, apiPort, apiKey }: Settings): string {
  return `${[
    'launch=gsqlite3',
    `gsqlite3-database=${join(folder, 'zones.db')}`,
    `socket-dir=${folder}`,
    'daemon=no',
    'guardian=no',
    'disable-syslog=yes',
    'write-pid=no',
    'security-poll-suffix=',
    'local-address=127.0.0.1',
    `local-port=${dnsPort}`,
    'webserver=yes',
    'webserver-address=127.0.0.1',
    `webserver-port=${apiPort}`,
    'webserver-allow-from=127.0.0.1',
    'api=yes',
    `api-key=${apiKey}`,
    'cache-ttl=0',
    'query-cache-ttl=0',
    'negquery-cache-ttl=0',
    'zone-cache-refresh-interval=0',
  ].join('\n')}\n`;
}

function createDatabase(path: string, schema: string): void {
  const database = new DatabaseSync(path);
  try {
    database.exec(schema);
  } finally {
    database.close();
  }
}

async function answers(server: PowerDnsServer, child: ChildProcess): Promise<boolean> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
    const status = await statusOf(server);
    if (status === 200) return true;
    await delay(POLL_MS);
  }
  return false;
}

async function statusOf({ apiUrl, apiKey }: PowerDnsServer): Promise<number | undefined> {
  try {
    const response = await request(`${apiUrl}/api/v1/servers/localhost`, { headers: { 'X-API-Key': apiKey } });
    await response.body.dump();
    return response.statusCode;
  } catch {
    return undefined;
  }
}

async function createZone(api: { apiUrl: string; apiKey: string }, name: string, kind: string): Promise<void> {
  const canonical = `${name.replace(/\.$/, '')}.`;
  const response = await request(`${api.apiUrl}/api/v1/servers/localhost/zones`, {
    method: 'POST',
    headers: { 'X-API-Key': api.apiKey, 'Content-Type': 'application/json' },
    body: JSON.stringify({
      name: canonical,
      kind,
      nameservers: kind === 'Native' ? ['ns1.example.net.'] : [],
      masters: kind === 'Native' ? [] : ['192.0.2.53'],
    }),
  });
  const text = await response.body.text();
  if (response.statusCode !== 201) throw new Error(`PowerDNS did not make the zone ${name}: ${text}`);
}

function stopper(child: ChildProcess, folder: string): () => Promise<void> {
  // A test run that ends without stopping must not leave the server behind.
  const endWithParent = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithParent);
  return async () => {
    process.removeListener('exit', endWithParent);
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(force);
    }
    await rm(folder, { recursive: true, force: true });
  };
}

/** A port that is free for both UDP and TCP, and another that is free for TCP. */
async function freePorts(): Promise<[number, number]> {
  const udp = createSocket('udp4');
  udp.bind(0, '127.0.0.1');
  await once(udp, 'listening');
  const dnsPort = udp.address().port;
  const tcp = createServer().listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const apiPort = (tcp.address() as AddressInfo).port;
  await Promise.all([new Promise((resolve) => tcp.close(resolve)), new Promise<void>((resolve) => udp.close(resolve))]);
  return [dnsPort, apiPort];
}

function findFirst(paths: readonly string[]): string | undefined {
  return paths.find((path) => existsSync(path));
}
