// Runs a TypeScript file or an installed tool under Node 24 with up-to-date dependencies, whatever Node and npm started it.
//
// It must load on every Node from 18 on and before `npm ci` has run: plain JavaScript, no dependencies, no newer syntax.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { constants, homedir } from 'node:os';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The oldest Node major version that runs the project. */
export const requiredMajor = 24;
/** The Node that is fetched when the running one is too old. */
export const fetchedVersion = '24.21.0';

const usage = `usage: node hack/launch.mjs FILE.ts [ARGUMENT...]
       node hack/launch.mjs --bin TOOL [ARGUMENT...]`;

const stampName = '.pve-operator-lock';

/** A failure whose message tells the person what to do; it is printed without a stack. */
export class LaunchError extends Error {
  name = 'LaunchError';
}

/** The folder for everything that is downloaded or built and is not part of the repository. */
export function cacheDirectory(env, home) {
  if (env.PVE_OPERATOR_CACHE) return resolve(env.PVE_OPERATOR_CACHE);
  return join(env.XDG_CACHE_HOME || join(home, '.cache'), 'pve-operator');
}

/** What to run, from the command line after `launch.mjs`. */
export function parseTarget(args) {
  const [first, second, ...others] = args;
  if (first === undefined || first === '--help' || first === '-h') return { kind: 'help' };
  if (first !== '--bin') return { kind: 'file', file: first, args: args.slice(1) };
  if (second === undefined) throw new LaunchError(`--bin needs the name of a tool.\n${usage}`);
  return { kind: 'bin', tool: second, args: others };
}

/** Whether a version such as `24.1.0` or `v24.1.0` is new enough to run the project. */
export function isNewEnough(version) {
  return Number.parseInt(version.replace(/^v/, ''), 10) >= requiredMajor;
}

/** The npm package that carries a Node binary for a platform, or undefined where npm has none. */
export function nodePackage(platform, arch) {
  return platform === 'linux' && (arch === 'x64' || arch === 'arm64') ? `node-linux-${arch}` : undefined;
}

/**
 * Whether npm's record of what is installed (node_modules/.package-lock.json) is what package-lock.json asks for.
 * Packages for other platforms are optional and may be absent.
 */
export function isInstalled(lock, installed) {
  const wanted = Object.entries(lock.packages || {}).filter(([path]) => path !== '');
  const present = installed.packages || {};
  const known = new Set(wanted.map(([path]) => path));
  return (
    wanted.every(([path, entry]) =>
      present[path] ? present[path].version === entry.version : entry.optional === true,
    ) && Object.keys(present).every((path) => known.has(path))
  );
}

/** How to start npm: the one that runs this script when there is one, so that no second npm has to be found. */
export function npmCommand(env, nodePath) {
  const cli = env.npm_execpath;
  return cli && basename(cli) === 'npm-cli.js' ? [nodePath, cli] : ['npm'];
}

/** The environment for our own npm calls: what `npm run --prefix …` or `--omit dev` put there must not steer them. */
export function npmEnvironment(env) {
  const foreign =
    /^(npm_(package|lifecycle)_.*|npm_config_(local_prefix|prefix|workspaces?|global|omit|include|dry_run))$/i;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name)));
}

/** A signal's conventional exit code, or the child's own. */
export function exitCode(code, signal) {
  return code === null ? 128 + (constants.signals[signal] || 0) : code;
}

function progress(line) {
  process.stderr.write(`${line}\n`);
}

function runNpm(args, cwd, cure) {
  const [command, ...prefix] = npmCommand(process.env, process.execPath);
  const result = spawnSync(command, [...prefix, ...args], {
    cwd,
    env: npmEnvironment(process.env),
    stdio: ['ignore', 2, 2],
  });
  if (result.error) throw new LaunchError(`npm could not be started (${result.error.message}).\n${cure}`);
  if (result.status !== 0) throw new LaunchError(`npm ${args[0]} failed.\n${cure}`);
}

/** Installs Node into the cache. Two launches at once both fetch; the one that finishes second throws its copy away. */
function fetchNode(cache) {
  const cure = `Install Node ${requiredMajor} or newer (https://nodejs.org/en/download), or give npm access to its registry and try again.`;
  const name = nodePackage(process.platform, process.arch);
  if (!name) {
    throw new LaunchError(
      `Node ${process.versions.node} is too old and npm has no Node for ${process.platform}-${process.arch}.\n${cure}`,
    );
  }
  progress(
    `Node ${process.versions.node} is older than ${requiredMajor}: fetching Node ${fetchedVersion} into ${cache}`,
  );
  const target = join(cache, 'node', fetchedVersion);
  mkdirSync(dirname(target), { recursive: true });
  const temporary = mkdtempSync(join(dirname(target), '.fetch-'));
  try {
    writeFileSync(join(temporary, 'package.json'), '{"private":true}');
    runNpm(
      ['install', `${name}@${fetchedVersion}`, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
      temporary,
      cure,
    );
    publish(join(temporary, 'node_modules', name), target);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return join(target, 'bin', 'node');
}

function publish(source, target) {
  try {
    renameSync(source, target);
  } catch (error) {
    if (!existsSync(join(target, 'bin', 'node'))) throw error;
  }
}

function ensureNode(cache) {
  if (isNewEnough(process.versions.node)) return process.execPath;
  const cached = join(cache, 'node', fetchedVersion, 'bin', 'node');
  const node = existsSync(cached) ? cached : fetchNode(cache);
  const check = spawnSync(node, ['--version'], { encoding: 'utf8' });
  if (check.status !== 0) {
    throw new LaunchError(
      `${node} does not run here (${check.error ? check.error.message : check.stderr.trim()}).\n` +
        `Install Node ${requiredMajor} or newer from your system's packages and try again.`,
    );
  }
  return node;
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function isCurrent(root, hash) {
  const stamp = join(root, 'node_modules', stampName);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return true;
  const lock = readJson(join(root, 'package-lock.json'));
  const installed = readJson(join(root, 'node_modules', '.package-lock.json'));
  if (!lock || !installed || !isInstalled(lock, installed)) return false;
  // Somebody ran npm themselves: what they installed is right, so it is only noted.
  writeFileSync(stamp, hash);
  return true;
}

function lockHash(root) {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

function ensureDependencies(root, cache) {
  if (isCurrent(root, lockHash(root))) return;
  const name = createHash('sha256').update(root).digest('hex').slice(0, 16);
  withLock(join(cache, 'locks', `node_modules-${name}`), () => {
    const hash = lockHash(root);
    if (isCurrent(root, hash)) return;
    progress('Installing the dependencies of package-lock.json (npm ci)');
    runNpm(
      ['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'],
      root,
      'Give npm access to its registry (npm config get registry) and try again.',
    );
    writeFileSync(join(root, 'node_modules', stampName), hash);
  });
}

/** Runs `work` while no other launch holds `file`. A lock whose owner has died is taken over. */
function withLock(file, work) {
  mkdirSync(dirname(file), { recursive: true });
  let told = false;
  while (!tryLock(file)) {
    if (!told) progress('Waiting for another launch to finish its set-up');
    told = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  try {
    return work();
  } finally {
    rmSync(file, { force: true });
  }
}

function tryLock(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    dropDeadLock(file);
    return false;
  }
}

function dropDeadLock(file) {
  let owner;
  try {
    owner = Number.parseInt(readFileSync(file, 'utf8'), 10);
    // An empty lock is being written at this moment, unless it is old: then its writer died in between.
    if (Number.isNaN(owner) && Date.now() - statSync(file).mtimeMs < 5000) return;
  } catch {
    return;
  }
  if (!isAlive(owner)) rmSync(file, { force: true });
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Tools are mostly JavaScript with a `node` shebang, which must run under our Node; a few are native programs. */
function isNodeScript(file) {
  const handle = openSync(file, 'r');
  try {
    const start = Buffer.alloc(64);
    readSync(handle, start, 0, start.length, 0);
    return /\.[cm]?js$/.test(file) || /^#!.*node/.test(start.toString('latin1'));
  } finally {
    closeSync(handle);
  }
}

function commandOf(target, root, node) {
  if (target.kind === 'file') {
    const file = resolve(target.file);
    if (!existsSync(file)) throw new LaunchError(`${target.file} does not exist.\n${usage}`);
    return [node, file, ...target.args];
  }
  const link = join(root, 'node_modules', '.bin', target.tool);
  if (!existsSync(link)) throw new LaunchError(`${target.tool} is not a tool of this project's dependencies.`);
  const file = realpathSync(link);
  return isNodeScript(file) ? [node, file, ...target.args] : [file, ...target.args];
}

function run(command, node) {
  const env = { ...process.env, PATH: [dirname(node), process.env.PATH].filter(Boolean).join(delimiter) };
  const child = spawn(command[0], command.slice(1), { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal's Ctrl-C reaches the child by itself, and twice means "at once" to some tools.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('exit', (code, signal) => done(exitCode(code, signal)));
  });
}

async function main(args) {
  const target = parseTarget(args);
  if (target.kind === 'help') {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
  const cache = cacheDirectory(process.env, homedir());
  const node = ensureNode(cache);
  ensureDependencies(root, cache);
  return run(commandOf(target, root, node), node);
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof LaunchError ? error.message : error.stack}\n`);
    process.exitCode = 1;
  }
}
