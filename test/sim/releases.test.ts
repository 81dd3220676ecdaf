// What a client meets on 8.x and on 9.x: versions, privileges, parameters, figures and errors.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from './clock.ts';
import { isUpTo, releaseOf } from './schema/release.ts';
import { parseTopology, Simulator } from './simulator.ts';

const authorization = 'PVEAPIToken=operator@pve!k8s=d3e0a7b5-0000-4000-8000-0123456789ab';

interface Answer {
  status: number;
  reason: string;
  body: Record<string, unknown>;
}

/** The demo cluster with one started VM, on a release. */
class Cluster {
  readonly #clock = new VirtualClock();
  readonly #simulator: Simulator;

  constructor(release: { release: 8 | 9 } | { version: { release: string; version: string; repoid: string } }) {
    const demo = JSON.parse(readFileSync(new URL('./topologies/demo.json', import.meta.url), 'utf8')) as object;
    const topology = parseTopology({ ...demo, ...release });
    topology.roles['PveOperator'] = [...(topology.roles['PveOperator'] ?? []), 'VM.Monitor'];
    this.#simulator = new Simulator({ topology, clock: this.#clock, seed: 1 });
  }

  async call(method: string, path: string, params: Record<string, unknown> = {}): Promise<Answer> {
    const answer = await this.#clock.runUntil(this.#simulator.handle({ method, path, params, authorization }));
    return { ...answer, body: JSON.parse(answer.body) as Record<string, unknown> };
  }

  async startVm(): Promise<void> {
    await this.#task('POST', '/nodes/pve1/qemu/9000/clone', { newid: 200, name: 'web' });
    await this.#task('POST', '/nodes/pve1/qemu/200/status/start');
    await this.#clock.advance(60_000);
  }

  setRole(privileges: string[]): void {
    this.#simulator.setRole('PveOperator', privileges);
  }

  async #task(method: string, path: string, params: Record<string, unknown> = {}): Promise<void> {
    const { body } = await this.call(method, path, params);
    const task = this.#simulator.world.tasks.get(String(body['data']));
    await this.#clock.runUntil(task?.done ?? Promise.resolve());
    expect(task?.status).toBe('OK');
  }
}

describe('releaseOf', () => {
  const rows = [
    { version: '7.4.1', want: '8.4' },
    { version: '8.2.7', want: '8.4' },
    { version: '8.4.21', want: '8.4' },
    { version: '9.0.3', want: '9.1' },
    { version: '9.1.6', want: '9.1' },
    { version: '9.2.11', want: '9.2' },
    { version: '10.0.1', want: '9.2' },
  ];
  it.each(rows)('$version has the API of $want', ({ version, want }) => {
    expect(releaseOf(version)).toBe(want);
  });

  it('orders releases', () => {
    expect([isUpTo('8.4', '9.1'), isUpTo('9.1', '9.1'), isUpTo('9.2', '9.1')]).toEqual([true, true, false]);
  });
});

describe('version', () => {
  it.each([
    { release: 8 as const, want: '8.4' },
    { release: 9 as const, want: '9.2' },
  ])('of release $release is $want', async ({ release, want }) => {
    const { body } = await new Cluster({ release }).call('GET', '/version');
    expect(body['data']).toMatchObject({ release: want });
  });
});

describe('privileges of the guest agent', () => {
  const rows = [
    { release: 8 as const, held: 'VM.Monitor', status: 500 },
    { release: 8 as const, held: 'VM.GuestAgent.Unrestricted', status: 403 },
    { release: 9 as const, held: 'VM.Monitor', status: 403 },
    { release: 9 as const, held: 'VM.GuestAgent.Audit', status: 500 },
  ];
  // The agent itself is not configured, which is the 500.
  it.each(rows)('$held on $release gives $status', async ({ release, held, status }) => {
    const cluster = new Cluster({ release });
    cluster.setRole(['VM.Audit', held]);
    expect((await cluster.call('POST', '/nodes/pve1/qemu/9000/agent/ping')).status).toBe(status);
  });

  it('names the privilege that is missing', async () => {
    const cluster = new Cluster({ release: 8 });
    cluster.setRole(['VM.Audit']);
    const { reason } = await cluster.call('GET', '/nodes/pve1/qemu/9000/agent/get-osinfo');
    expect(reason).toBe('Permission check failed (/vms/9000, VM.Monitor)');
  });
});

describe('parameters', () => {
  const config = '/nodes/pve1/qemu/9000/config';
  const rows: { name: string; path?: string; params: Record<string, string>; on8: boolean; on9: boolean }[] = [
    { name: 'disk geometry', params: { ide0: 'none,media=cdrom,cyls=1' }, on8: true, on9: false },
    { name: 'allow-ksm', params: { 'allow-ksm': '1' }, on8: false, on9: true },
    { name: 'freeze-fs of the agent', params: { agent: '1,freeze-fs=1' }, on8: false, on9: true },
    { name: 'its older name', params: { agent: '1,freeze-fs-on-backup=1' }, on8: true, on9: true },
    {
      name: 'a decade of figures',
      path: '/nodes/pve1/rrddata',
      params: { timeframe: 'decade' },
      on8: false,
      on9: true,
    },
  ];
  it.each(rows)('$name', async ({ path, params, on8, on9 }) => {
    const taken = async (release: 8 | 9): Promise<boolean> => {
      const method = path === undefined ? 'PUT' : 'GET';
      return (await new Cluster({ release }).call(method, path ?? config, params)).status === 200;
    };
    expect({ on8: await taken(8), on9: await taken(9) }).toEqual({ on8, on9 });
  });

  it('high-availability rules came with 9', async () => {
    expect((await new Cluster({ release: 8 }).call('GET', '/cluster/ha/rules')).status).toBe(501);
    expect((await new Cluster({ release: 9 }).call('GET', '/cluster/ha/rules')).status).toBe(200);
  });
});

describe('figures', () => {
  const rows = [
    { release: 8 as const, timeframe: 'hour', step: 60, count: 60 },
    { release: 8 as const, timeframe: 'day', step: 1800, count: 70 },
    { release: 8 as const, timeframe: 'year', step: 604_800, count: 70 },
    { release: 9 as const, timeframe: 'day', step: 60, count: 1440 },
    { release: 9 as const, timeframe: 'week', step: 1800, count: 335 },
  ];
  it.each(rows)('of a $timeframe on $release', async ({ release, timeframe, step, count }) => {
    const cluster = new Cluster({ release });
    await cluster.startVm();
    const { body } = await cluster.call('GET', '/nodes/pve1/qemu/200/rrddata', { timeframe });
    const times = (body['data'] as { time: number }[]).map(({ time }) => time);
    expect(times).toHaveLength(count);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBe(step);
  });

  it.each([
    { release: 8 as const, has: false },
    { release: 9 as const, has: true },
  ])('of pressure and host memory on $release: $has', async ({ release, has }) => {
    const cluster = new Cluster({ release });
    await cluster.startVm();
    const { body } = await cluster.call('GET', '/nodes/pve1/qemu/200/status/current');
    const list = (await cluster.call('GET', '/cluster/resources', { type: 'vm' })).body['data'] as object[];
    expect('pressurecpusome' in (body['data'] as object)).toBe(has);
    expect('memhost' in (body['data'] as object)).toBe(has);
    expect(list.some((item) => 'memhost' in item)).toBe(has);
    expect(list.every((item) => 'id' in item)).toBe(true);
  });
});

describe('error bodies', () => {
  const rows = [
    { version: '8.2.4', message: undefined },
    { version: '8.4.21', message: "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist\n" },
    { version: '9.1.1', message: "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist\n" },
  ];
  it.each(rows)('of $version', async ({ version, message }) => {
    const cluster = new Cluster({ version: { release: version.slice(0, 3), version, repoid: '0' } });
    const { reason, body } = await cluster.call('GET', '/nodes/pve1/qemu/999/config');
    expect(reason).toBe("Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist");
    expect(body['message']).toBe(message);
  });
});

describe('the ticket of a console', () => {
  const version = (text: string): { release: string; version: string; repoid: string } => ({
    release: text.slice(0, 3),
    version: text,
    repoid: '0',
  });
  const rows: { version: string; params: Record<string, string>; told: boolean; ticket: RegExp }[] = [
    { version: '8.2.4', params: {}, told: false, ticket: /^PVEVNC:[0-9A-F]{8}::/ },
    { version: '8.3.5', params: { 'generate-password': '1' }, told: true, ticket: /^PVEVNC:[0-9A-F]{8}::/ },
    { version: '8.3.5', params: { 'generate-password': '0' }, told: false, ticket: /^PVEVNC:[0-9A-F]{8}::/ },
    { version: '8.4.21', params: {}, told: true, ticket: /^.{8}:PVEVNC:[0-9A-F]{8}::/ },
    { version: '9.2.11', params: {}, told: true, ticket: /^.{8}:PVEVNC:[0-9A-F]{8}::/ },
    { version: '9.2.11', params: { 'generate-password': '1' }, told: true, ticket: /^.{8}:PVEVNC:[0-9A-F]{8}::/ },
  ];
  it.each(rows)('of $version with $params', async ({ version: text, params, told, ticket }) => {
    const cluster = new Cluster({ version: version(text) });
    const { body } = await cluster.call('POST', '/nodes/pve1/qemu/9000/vncproxy', { websocket: '1', ...params });
    const data = body['data'] as { ticket: string; password?: string };
    expect(data.ticket).toMatch(ticket);
    expect(data.password === undefined).toBe(!told);
    if (told && text.startsWith('9')) expect(data.ticket.startsWith(`${data.password}:`)).toBe(true);
  });
});
