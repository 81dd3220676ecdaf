// Tests of faults: what each effect does to a client over TLS, before or after the request took effect, and which request it strikes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Faults } from './faults.ts';
import type { Fault, FaultEffect, FaultMatch } from './faults.ts';
import { parseTopology, Simulator } from './simulator.ts';
import type { Listening } from './simulator.ts';
import { demoTopology, operatorToken } from './testing.ts';
import { TlsClient } from './tls-client.ts';
import type { WireAnswer } from './tls-client.ts';

let simulator: Simulator;
let listening: Listening;
let client: TlsClient;

beforeEach(async () => {
  simulator = new Simulator({ topology: demoTopology(), speed: 100 });
  listening = await simulator.listen();
  client = new TlsClient(listening);
});

afterEach(async () => {
  client.close();
  await simulator.close();
});

/** The answer in short: status and reason, or how the connection ended. */
async function outcome(sent: Promise<WireAnswer>): Promise<string> {
  try {
    const answer = await sent;
    return answer.complete ? `${answer.status} ${answer.reason}` : `cut after ${answer.status}`;
  } catch (error) {
    return String((error as { code?: string }).code);
  }
}

const poolPath = '/nodes/pve1/qemu/9000/firewall/aliases';

describe('an effect over TLS', () => {
  const rows: { name: string; effect: FaultEffect; want: string }[] = [
    { name: 'a reset', effect: 'reset', want: 'ECONNRESET' },
    { name: 'no answer at all', effect: 'timeout', want: 'ETIMEDOUT' },
    { name: 'a truncated body', effect: 'truncate', want: 'cut after 200' },
    { name: 'a server error', effect: { status: 500, reason: 'got timeout' }, want: '500 got timeout' },
    {
      name: 'an overloaded proxy',
      effect: { status: 503, reason: 'Service Unavailable' },
      want: '503 Service Unavailable',
    },
    {
      name: 'a refused connection to the node',
      effect: { status: 595, reason: 'Connection refused' },
      want: '595 Connection refused',
    },
    { name: 'a broken pipe to the daemon', effect: { status: 596, reason: 'Broken pipe' }, want: '596 Broken pipe' },
    {
      name: 'too many redirections',
      effect: { status: 599, reason: 'Too many redirections' },
      want: '599 Too many redirections',
    },
  ];
  for (const when of ['before', 'after'] as const) {
    it.each(rows)(`$name ${when} the request took effect`, async ({ effect, want }) => {
      simulator.faults.add({ match: { method: 'POST', path: /aliases$/ }, when, effect });
      const form = { name: 'home', cidr: '10.0.0.1' };
      expect(await outcome(client.send({ method: 'POST', path: poolPath, form, timeoutMs: 300 }))).toBe(want);
      expect([...simulator.world.firewallOf(9000).aliases.keys()]).toEqual(when === 'after' ? ['home'] : []);
      expect(simulator.requests.at(-1)).toMatchObject({ method: 'POST', path: poolPath });
    });
  }

  it('holds a request back for a delay in simulated time', async () => {
    simulator.faults.add({ match: { path: /^\/version$/ }, when: 'before', effect: { delayMs: 20_000 } });
    expect(await outcome(client.send({ path: '/version' }))).toBe('200 OK');
    expect(simulator.requests[0]?.durationMs).toBeGreaterThanOrEqual(19_000);
  });

  it('lets a body drip, so that it is whole only in the end', async () => {
    simulator.faults.add({ match: { path: /^\/version$/ }, when: 'after', effect: { dripMs: 200 } });
    const before = performance.now();
    const answer = await client.send({ path: '/version' });
    expect(JSON.parse(answer.body)).toMatchObject({ data: { version: '9.2.11' } });
    expect(performance.now() - before).toBeGreaterThan(150);
  });

  it('runs what a test does meanwhile while the request is held', async () => {
    simulator.faults.add({
      match: { path: /\/clone$/ },
      when: 'before',
      effect: { meanwhile: ({ params }) => simulator.stealVmid(Number(params['newid'])) },
    });
    const sent = client.send({ method: 'POST', path: '/nodes/pve1/qemu/9000/clone', form: { newid: '100' } });
    expect(await outcome(sent)).toBe('500 unable to create VM 100: config file already exists');
  });

  it.each(['before', 'after'] as const)('kills a process %s the request took effect', async (when) => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    await once(child, 'spawn');
    simulator.faults.add({ match: { method: 'POST', nth: 2 }, when, effect: { kill: child.pid ?? 0 } });
    const post = (name: string): Promise<string> =>
      outcome(client.send({ method: 'POST', path: poolPath, form: { name, cidr: '10.0.0.1' } }));
    expect(await post('one')).toBe('200 OK');
    expect(await post('two')).toBe('ECONNRESET');
    expect(await ended).toBe('SIGKILL');
    expect(simulator.world.firewallOf(9000).aliases.has('two')).toBe(when === 'after');
  });

  it('that kills a process does not mind one that is gone', async () => {
    simulator.faults.add({ match: {}, when: 'before', effect: { kill: 2 ** 22 + 1 } });
    expect(await outcome(client.send({ path: '/version' }))).toBe('ECONNRESET');
  });

  it('does not reach further than its request', async () => {
    simulator.faults.add({ match: {}, when: 'before', effect: 'reset' });
    expect(await outcome(client.send({ path: '/version' }))).toBe('ECONNRESET');
    expect(await outcome(client.send({ path: '/version' }))).toBe('200 OK');
  });
});

describe('a match', () => {
  const requests: [string, string][] = [
    ['GET', '/version'],
    ['POST', '/nodes/pve1/qemu/1/clone'],
    ['GET', '/version'],
    ['GET', '/nodes'],
    ['GET', '/version'],
    ['POST', '/nodes/pve1/qemu/2/clone'],
  ];
  const rows: { name: string; match: FaultMatch; times?: number; want: number[] }[] = [
    { name: 'strikes the next request of any kind', match: {}, want: [0] },
    { name: 'by method', match: { method: 'POST' }, want: [1] },
    { name: 'by path', match: { path: /^\/nodes$/ }, want: [3] },
    { name: 'by both', match: { method: 'POST', path: /\/2\/clone$/ }, want: [5] },
    { name: 'the third of its kind', match: { path: /version/, nth: 3 }, want: [4] },
    { name: 'several times', match: { path: /version/ }, times: 2, want: [0, 2] },
    { name: 'from the second of its kind on', match: { path: /version/, nth: 2 }, times: 2, want: [2, 4] },
    { name: 'more often than there are requests', match: { method: 'POST' }, times: 9, want: [1, 5] },
    { name: 'never', match: { path: /nothing/ }, want: [] },
  ];
  it.each(rows)('$name', ({ match, times, want }) => {
    const faults = new Faults();
    const fault: Fault = { match, when: 'before', effect: 'reset' };
    faults.add(times === undefined ? fault : { ...fault, times });
    const struck = requests.flatMap(([method, path], index) =>
      faults.take(method, path) === undefined ? [] : [index],
    );
    expect(struck).toEqual(want);
  });

  it('takes a share, the same ones for the same seed', () => {
    const struck = (seed: number): number[] => {
      const faults = new Faults(seed);
      faults.add({ match: { share: 0.2 }, when: 'before', effect: 'reset', times: 1000 });
      return Array.from({ length: 500 }, (_, index) => index).filter(() => faults.take('GET', '/x') !== undefined);
    };
    expect(struck(1).length).toBeGreaterThan(70);
    expect(struck(1).length).toBeLessThan(130);
    expect(struck(1)).toEqual(struck(1));
    expect(struck(1)).not.toEqual(struck(2));
  });

  it('is gone once used up, removed or cleared', () => {
    const faults = new Faults();
    const remove = faults.add({ match: {}, when: 'before', effect: 'reset' });
    faults.add({ match: { method: 'POST' }, when: 'before', effect: 'reset' });
    remove();
    expect(faults.list()).toHaveLength(1);
    faults.take('POST', '/x');
    expect(faults.list()).toEqual([]);
    faults.add({ match: {}, when: 'before', effect: 'reset' });
    faults.clear();
    expect(faults.take('GET', '/x')).toBeUndefined();
  });
});

describe('a topology', () => {
  it('arms faults from the start', async () => {
    const fault = {
      match: { path: '^/version$' },
      when: 'before',
      effect: { status: 595, reason: 'No route to host' },
    };
    const other = new Simulator({ topology: parseTopology({ ...demoTopology(), faults: [fault] }), speed: 'instant' });
    const authorization = operatorToken;
    expect(await other.handle({ method: 'GET', path: '/version', authorization })).toMatchObject({ status: 595 });
    expect(await other.handle({ method: 'GET', path: '/version', authorization })).toMatchObject({ status: 200 });
    await other.close();
  });

  it('with a fault that is none is refused', () => {
    const faults = [{ match: {}, when: 'sometimes', effect: 'reset' }];
    expect(() => parseTopology({ ...demoTopology(), faults })).toThrow('faults[0].when');
  });
});
