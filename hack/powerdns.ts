// Sees whether a PowerDNS server can be used on this machine, and installs one where that is allowed.
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { powerDnsUnavailable } from '../test/contract/powerdns-server.ts';
import { run, type RunResult } from './process/run.ts';

/** Whether tests can start PowerDNS; when not, why, and what a person can do about it. */
export type PowerDnsAvailability = { available: true } | { available: false; reason: string };

const policyFile = '/usr/sbin/policy-rc.d';
const aptTimeoutMs = 300_000;

/** Whether a PowerDNS server with its SQLite backend is installed. */
function powerDnsAvailability(): PowerDnsAvailability {
  const reason = powerDnsUnavailable();
  return reason === undefined ? { available: true } : { available: false, reason };
}

/** What the installation needs from the machine; fakes stand in for it in tests. */
export interface PackageManager {
  isRoot: boolean;
  hasApt: boolean;
  isAvailable: () => PowerDnsAvailability;
  apt(args: readonly string[]): Promise<RunResult>;
}

/** Installs PowerDNS from the system's packages when this process may; tells how it is afterwards. */
export async function ensurePowerDns(
  log: (line: string) => void,
  machine: PackageManager = thisMachine(),
): Promise<PowerDnsAvailability> {
  const before = machine.isAvailable();
  if (before.available || !machine.isRoot || !machine.hasApt) return before;
  log('Installing PowerDNS for the tests that need it (pdns-server, pdns-backend-sqlite3)');
  const result = await installPackages(machine);
  if (result.code === 0) return machine.isAvailable();
  const why = result.stderr.trim().split('\n').at(-1) ?? '';
  return { available: false, reason: `${before.reason} (apt-get failed: ${why})` };
}

const packages = ['install', '-y', '-q', '--no-install-recommends', 'pdns-server', 'pdns-backend-sqlite3'];

async function installPackages(machine: PackageManager): Promise<RunResult> {
  const first = await machine.apt(packages);
  if (first.code === 0) return first;
  // A fresh container has no package lists.
  await machine.apt(['update', '-q']);
  return machine.apt(packages);
}

function thisMachine(): PackageManager {
  return {
    isRoot: process.getuid?.() === 0,
    hasApt: existsSync('/usr/bin/apt-get'),
    isAvailable: powerDnsAvailability,
    apt: withoutServices,
  };
}

/** Runs apt-get so that it does not start the service it installs: a server on port 53 is not what anybody asked for. */
async function withoutServices(args: readonly string[]): Promise<RunResult> {
  const isOurs = !existsSync(policyFile);
  if (isOurs) await writeFile(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const result = await run('apt-get', args, { env, timeoutMs: aptTimeoutMs });
    if (existsSync('/run/systemd/system')) await run('systemctl', ['disable', '--quiet', 'pdns.service']);
    return result;
  } finally {
    if (isOurs) await rm(policyFile, { force: true });
  }
}
