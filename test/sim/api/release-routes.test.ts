// Tests of what 8.4 answers otherwise than 9.2: endpoints it lacks, and fields of answers that came later.
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import { Simulator } from '../simulator.ts';
import { demoTopology, Lab } from '../testing.ts';
import { endpointOf } from './release-routes.ts';
import { bring, read, rootToken, started } from './call-table.ts';
import type { ApiCall } from './call-table.ts';

type Release = '8.4' | '9.2';

async function labOf(release: Release): Promise<Lab> {
  const clock = new VirtualClock();
  const version = { release, version: release === '8.4' ? '8.4.21' : '9.2.11', repoid: 'x' };
  const lab = new Lab(1, { clock, simulator: new Simulator({ topology: { ...demoTopology(), version }, clock }) });
  lab.simulator.world.access.tokens.set('root@pam!all', {
    id: 'root@pam!all',
    secret: 's',
    privilegeSeparation: false,
  });
  await bring(lab, [['POST qemu/9000/clone', { newid: 100 }]]);
  return lab;
}

describe('an endpoint of 9', () => {
  const rows: { method: string; path: string; params?: Record<string, unknown> }[] = [
    { method: 'GET', path: '/cluster/ha/rules' },
    {
      method: 'POST',
      path: '/cluster/ha/rules',
      params: { rule: 'r1', type: 'node-affinity', resources: 'vm:100', nodes: 'pve1' },
    },
    {
      method: 'POST',
      path: '/access/vncticket',
      params: { authid: 'a', vncticket: 'x', path: '/vms/100', privs: 'VM.Console' },
    },
  ];
  it.each(rows)('$method $path is not there in 8 (endpoints.md)', async ({ method, path, params }) => {
    const [old, current] = [await labOf('8.4'), await labOf('9.2')];
    expect(await old.call(method, path, params, rootToken)).toMatchObject({
      status: 501,
      reason: `Method '${method} ${path}' not implemented`,
    });
    expect(await current.call(method, path, params, rootToken)).not.toMatchObject({ status: 501 });
  });
});

describe('an answer of 8', () => {
  /** Fields that 9 has in the first item (or in the only one) and 8 has not (behaviours.md 15). */
  const rows: { call: ApiCall; fields: string[] }[] = [
    {
      call: ['GET qemu/100/status/current'],
      fields: ['memhost', 'pressurecpusome', 'pressureiofull', 'pressurememorysome'],
    },
    { call: ['GET qemu'], fields: ['memhost'] },
    { call: ['GET qemu/100/migrate'], fields: ['has-dbus-vmstate'] },
    { call: ['GET /cluster/resources', { type: 'vm' }], fields: ['memhost'] },
  ];
  it.each(rows)('$call.0 lacks $fields', async ({ call, fields }) => {
    const first = async (release: Release): Promise<object> => {
      const lab = await labOf(release);
      await bring(lab, started);
      await lab.clock.advance(10_000);
      const data = await read(lab, ...call);
      return (Array.isArray(data) ? (data as { vmid: number }[]).find(({ vmid }) => vmid === 9000) : data) as object;
    };
    const [old, current] = [await first('8.4'), await first('9.2')];
    for (const field of fields) {
      expect(current).toHaveProperty([field]);
      expect(old).not.toHaveProperty([field]);
    }
    expect(Object.keys(old).every((field) => field in current)).toBe(true);
  });

  it('has no networks among the resources', async () => {
    const types = async (release: Release): Promise<Set<string>> =>
      new Set(
        ((await read(await labOf(release), 'GET /cluster/resources')) as { type: string }[]).map(({ type }) => type),
      );
    expect((await types('9.2')).has('network')).toBe(true);
    expect((await types('8.4')).has('network')).toBe(false);
  });

  it('tells its own version', async () => {
    expect(await read(await labOf('8.4'), 'GET /version')).toMatchObject({ release: '8.4', version: '8.4.21' });
  });
});

describe('endpointOf', () => {
  const rows = [
    { method: 'GET', path: '/version', want: 'GET /version' },
    {
      method: 'PUT',
      path: '/nodes/{node}/storage/{storage}/content/{volume*}',
      want: 'PUT /nodes/{node}/storage/{storage}/content/{volume}',
    },
  ] as const;
  it.each(rows)('$want', ({ method, path, want }) => {
    expect(endpointOf({ method, path })).toBe(want);
  });
});
