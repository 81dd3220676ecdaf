// Tests of child processes, the guard that outlives us, locks between processes and interruptions.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Child, ChildEndedError } from './child.ts';
import { isAlive, withFileLock } from './file-lock.ts';
import { Guard } from './guard.ts';
import { catchInterruptions } from './interrupt.ts';
import { LineSplitter, run } from './run.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'process-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

// Longer than any test; ended by the tests themselves.
const forever = ['-c', 'while :; do sleep 60; done'];

/** A process number that nobody has: of a child that has ended and was waited for. */
async function deadPid(): Promise<number> {
  const child = spawn('true');
  await new Promise((done) => child.once('close', done));
  return child.pid ?? 0;
}

describe('run', () => {
  test('returns output and exit code', async () => {
    expect(await run('sh', ['-c', 'cat; echo no >&2; exit 3'], { input: 'yes' })).toEqual({
      stdout: 'yes',
      stderr: 'no\n',
      code: 3,
    });
  });
  test('a program that does not exist', async () => {
    expect((await run(join(folder, 'absent'), [])).code).toBe(127);
  });
  test('input that nobody reads', async () => {
    expect((await run('true', [], { input: 'x'.repeat(1_000_000) })).code).toBe(0);
  });
  test('a time-out ends it', async () => {
    expect((await run('sh', ['-c', 'exec sleep 60'], { timeoutMs: 50 })).code).toBe(143);
  });
  test('lines while it runs', async () => {
    const lines: string[] = [];
    await run('sh', ['-c', 'echo a >&2; printf b >&2'], { onLine: (line) => lines.push(line) });
    expect(lines).toEqual(['a', 'b']);
  });
});

test.each([
  [['a\nb\n'], ['a', 'b']],
  [
    ['a', 'b\nc'],
    ['ab', 'c'],
  ],
  [['\n'], ['']],
  [[''], []],
])('LineSplitter %j', (pieces, want) => {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const piece of pieces) splitter.push(piece);
  splitter.end();
  expect(lines).toEqual(want);
});

describe('Child', () => {
  const guard = new Guard();
  afterEach(() => guard.close());
  const start = (args: string[], name?: string): Promise<Child> =>
    Child.start({ command: 'sh', args, logFile: join(folder, 'log'), guard, name });

  test('runs until it is stopped', async () => {
    const child = await start(forever);
    expect(child.isRunning).toBe(true);
    expect(child.failure()).toBeUndefined();
    await child.stop(5000);
    expect(child.isRunning).toBe(false);
    await child.stop(5000);
  });

  test('is killed when it does not listen', async () => {
    const child = await start(['-c', `trap '' TERM; echo up; while :; do sleep 0.05; done`]);
    await vi.waitFor(() => expect(child.lastLines(1)).toEqual(['up']));
    await child.stop(20);
    expect(child.failure()?.message).toContain('SIGKILL');
  });

  test('tells how it ended and what it said last', async () => {
    const child = await start(['-c', 'echo one; echo two >&2; exit 4'], 'server');
    await child.ended;
    expect(child.lastLines(1)).toEqual(['two']);
    expect(child.failure()).toBeInstanceOf(ChildEndedError);
    expect(child.failure()?.message).toBe('server ended by itself (exit code 4):\none\ntwo');
  });

  test('a program that does not exist', async () => {
    const options = { command: join(folder, 'absent'), args: [], logFile: join(folder, 'log'), guard };
    await expect(Child.start(options)).rejects.toThrow('ENOENT');
  });
});

describe('Guard', () => {
  test('cleans up what is registered when it is closed, and nothing else', async () => {
    const guard = new Guard();
    const [removed, kept] = [join(folder, 'removed with blanks'), join(folder, 'kept')];
    mkdirSync(removed);
    mkdirSync(kept);
    guard.addFolder(removed);
    guard.addFolder(kept);
    guard.removeFolder(kept);
    const child = spawn('sh', forever, { detached: true, stdio: 'ignore' });
    const spared = spawn('sh', forever, { detached: true, stdio: 'ignore' });
    guard.addProcess(child.pid ?? 0);
    guard.addProcess(spared.pid ?? 0);
    guard.removeProcess(spared.pid ?? 0);
    const ended = new Promise((done) => child.once('exit', (_code, signal) => done(signal)));
    await guard.close();
    expect(await ended).toBe('SIGKILL');
    expect([existsSync(removed), existsSync(kept)]).toEqual([false, true]);
    expect(isAlive(spared.pid ?? 0)).toBe(true);
    spared.kill('SIGKILL');
  });

  test('cleans up after a process that was killed', async () => {
    const script = join(folder, 'parent.ts');
    writeFileSync(
      script,
      `import { spawn } from 'node:child_process';
       import { mkdirSync } from 'node:fs';
       import { Guard } from '${join(import.meta.dirname, 'guard.ts')}';
       const guard = new Guard();
       mkdirSync('${folder}/temporary');
       guard.addFolder('${folder}/temporary');
       const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
       guard.addProcess(child.pid);
       console.log(child.pid);
       setInterval(() => {}, 1e6);`,
    );
    const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pid = await new Promise<number>((done) => parent.stdout.once('data', (text: Buffer) => done(Number(text))));
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect(existsSync(join(folder, 'temporary'))).toBe(false), { timeout: 5000 });
    await vi.waitFor(() => expect(isRunning(pid)).toBe(false), { timeout: 5000 });
  });

  test('closing one that guards nothing', async () => {
    await new Guard().close();
  });
});

/** Where nobody waits for orphans a killed one stays as a zombie. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('withFileLock', () => {
  let file: string;
  beforeEach(() => {
    file = join(folder, 'deep', 'lock');
  });

  test('one after the other', async () => {
    const events: string[] = [];
    const gate = Promise.withResolvers<void>();
    const waited = Promise.withResolvers<void>();
    const first = withFileLock(file, async () => {
      events.push('first begins');
      await gate.promise;
      events.push('first ends');
    });
    await vi.waitFor(() => expect(events).toHaveLength(1));
    const second = withFileLock(file, () => Promise.resolve(events.push('second')), waited.resolve);
    await waited.promise;
    gate.resolve();
    await Promise.all([first, second]);
    expect(events).toEqual(['first begins', 'first ends', 'second']);
    expect(existsSync(file)).toBe(false);
  });

  test('a failure gives the lock back', async () => {
    await expect(withFileLock(file, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await withFileLock(file, () => Promise.resolve('yes'))).toBe('yes');
  });

  const table = [
    { name: 'of a process that has ended', content: deadPid, ageMs: 0 },
    { name: 'that was never filled', content: () => Promise.resolve(''), ageMs: 60_000 },
  ];
  test.each(table)('a lock $name is taken over', async ({ content, ageMs }) => {
    mkdirSync(join(folder, 'deep'));
    writeFileSync(file, String(await content()));
    const time = new Date(Date.now() - ageMs);
    utimesSync(file, time, time);
    expect(await withFileLock(file, () => Promise.resolve(readFileSync(file, 'utf8')))).toBe(String(process.pid));
  });
});

test('isAlive', async () => {
  expect(isAlive(process.pid)).toBe(true);
  expect(isAlive(await deadPid())).toBe(false);
  expect(isAlive(Number.NaN)).toBe(false);
});

describe('catchInterruptions', () => {
  test('resolves with the first signal and swallows the next', async () => {
    using interruption = catchInterruptions();
    process.emit('SIGTERM', 'SIGTERM');
    process.emit('SIGINT', 'SIGINT');
    expect(await interruption.signal).toBe('SIGTERM');
  });
  test('lets signals through again afterwards', () => {
    const before = process.listenerCount('SIGTERM');
    catchInterruptions()[Symbol.dispose]();
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });
});
