// Holds our defaults to those of the official schemas: naming a parameter's default must do exactly what leaving it out does.
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import { parseTopology, Simulator } from '../simulator.ts';
import { toText } from '../state/saved-world.ts';
import { demoTopology, Lab } from '../testing.ts';
import { officialSchema } from './official.ts';
import type { OfficialParameter } from './official.ts';
import { versions } from './release.ts';

type Params = Record<string, string | number>;

/** A call in which a default can show. */
interface Trial {
  /** Fills the placeholders of the path. */
  path?: Record<string, string>;
  params?: Params;
  /** Defaults that cannot show here, with the reason. */
  except?: Readonly<Record<string, string>>;
  /** Ends with a look at this instead of at everything, where the parameter itself is stored. */
  look?: string;
}

const vm = { node: 'pve1', vmid: '100' };
const backup: Params = { vmid: '100', storage: 'shared' };
const job: Params = { vmid: '100', storage: 'shared', schedule: '02:00' };
const tooSmall = 'the schema itself does not allow it';
const stored = 'it is stored as it was given';

const trials: Readonly<Record<string, Trial>> = {
  'DELETE /cluster/ha/resources/{sid}': { path: { sid: 'vm:100' } },
  'DELETE /nodes/{node}/qemu/{vmid}': { path: { ...vm, vmid: '101' } },
  'GET /nodes/{node}/storage': { path: vm },
  'GET /nodes/{node}/tasks': { path: vm },
  'GET /nodes/{node}/tasks/{upid}/log': { path: { ...vm, upid: 'UPID:pve1:00001001:00001001:69000000:x::root@pam:' } },
  'POST /cluster/backup': {
    params: job,
    look: '/nodes/pve1/qemu',
    except: { all: 'it conflicts with the list of VMs', dow: 'the schedule has taken its place' },
  },
  'POST /cluster/ha/resources': { params: { sid: 'vm:101' }, look: '/cluster/ha/status/current' },
  'PUT /cluster/ha/resources/{sid}': { path: { sid: 'vm:100' }, look: '/cluster/ha/status/current' },
  'POST /nodes/{node}/qemu/{vmid}/agent/set-user-password': {
    path: vm,
    params: { username: 'root', password: 'secret' },
  },
  'POST /nodes/{node}/qemu/{vmid}/migrate': { path: vm, params: { target: 'pve2', online: 1 } },
  'POST /nodes/{node}/qemu/{vmid}/move_disk': {
    path: { ...vm, vmid: '101' },
    params: { disk: 'scsi0', storage: 'local' },
  },
  'POST /nodes/{node}/qemu/{vmid}/snapshot/{snapname}/rollback': { path: { ...vm, vmid: '101', snapname: 'first' } },
  'POST /nodes/{node}/qemu/{vmid}/status/shutdown': { path: vm, except: { keepActive: 'only root may use it' } },
  'POST /nodes/{node}/qemu/{vmid}/status/start': {
    path: { ...vm, vmid: '101' },
    except: { 'with-conntrack-state': 'only root may use it' },
  },
  'POST /nodes/{node}/qemu/{vmid}/status/stop': { path: vm, except: { keepActive: 'only root may use it' } },
  'POST /nodes/{node}/qemu/{vmid}/status/suspend': { path: vm },
  'POST /nodes/{node}/qemu/{vmid}/vncproxy': { path: vm },
  'POST /nodes/{node}/vzdump': {
    path: vm,
    params: backup,
    except: { all: 'it conflicts with the list of VMs', 'prune-backups': 'it conflicts with that of the storage' },
  },
  'PUT /nodes/{node}/qemu/{vmid}/firewall/options': { path: vm, look: '/nodes/pve1/qemu/100/status/current' },
  'PUT /pools': { params: { poolid: 'team', comment: 'x' } },
  'POST /nodes/{node}/qemu/{vmid}/config': {
    path: { ...vm, vmid: '101' },
    params: { description: 'x' },
    look: '/nodes/pve1/qemu/101/status/current',
    except: { vcpus: tooSmall },
  },
  'PUT /nodes/{node}/qemu/{vmid}/config': {
    path: vm,
    params: { description: 'x' },
    look: '/nodes/pve1/qemu',
    except: { template: stored, vcpus: tooSmall },
  },
};

/** Only a plain value can be named; others are told in prose. */
function isNameable({ default: value, type }: OfficialParameter): boolean {
  if (typeof value !== 'string' && typeof value !== 'number') return false;
  const text = String(value);
  if (type === 'boolean') return /^[01]$/.test(text);
  if (type === 'integer' || type === 'number') return text !== '' && !Number.isNaN(Number(text));
  return !text.includes(' ');
}

interface Case {
  endpoint: string;
  name: string;
  value: string;
}

function casesOf(schema: NonNullable<ReturnType<typeof officialSchema>>): Case[] {
  return Object.entries(trials).flatMap(([endpoint, { except = {} }]) => {
    const parameters = Object.entries(schema[endpoint]?.parameters.properties ?? {});
    return parameters
      .filter(([name, parameter]) => isNameable(parameter) && except[name] === undefined && !name.includes('[n]'))
      .map(([name, parameter]) => ({ endpoint, name, value: JSON.stringify(parameter.default).replaceAll('"', '') }));
  });
}

/** VM 100 runs and is managed where the call is about that, VM 101 is stopped and has a snapshot; both are the operator's. */
async function prepare(release: 8 | 9, endpoint: string): Promise<Lab> {
  const clock = new VirtualClock();
  const topology = parseTopology({ ...demoTopology(), version: versions[release], pools: [{ id: 'team' }] });
  const everything = ['Sys.Console', 'Sys.Modify', 'Sys.Audit', 'Pool.Allocate', 'Pool.Audit', 'VM.Monitor'];
  topology.roles['PveOperator'] = [...(topology.roles['PveOperator'] ?? []), ...everything];
  const lab = new Lab(1, { clock, simulator: new Simulator({ topology, clock, seed: 1 }) });
  await lab.clone(100);
  await lab.clone(101);
  await lab.task('POST', '/nodes/pve1/qemu/101/snapshot', { snapname: 'first' });
  await lab.task('POST', '/nodes/pve1/qemu/100/status/start');
  if (endpoint.includes('/ha/')) lab.simulator.world.haResources.set('vm:100', {});
  if (endpoint.includes('move_disk')) await lab.task('DELETE', '/nodes/pve1/qemu/101/snapshot/first');
  await clock.advance(20_000 - (clock.now() % 10_000));
  return lab;
}

/** What a call comes to: its answer, its task, and the cluster a while later. */
async function outcome(release: 8 | 9, endpoint: string, params: Params): Promise<unknown> {
  const { path: values = {}, look } = trials[endpoint] ?? {};
  const [method = '', pattern = ''] = endpoint.split(' ');
  const lab = await prepare(release, endpoint);
  const path = pattern.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''));
  const reply = await lab.call(method, path, params);
  expect([endpoint, params, reply.status, reply.reason, reply.errors]).toEqual([
    endpoint,
    params,
    200,
    'OK',
    undefined,
  ]);
  const task = typeof reply.data === 'string' ? lab.simulator.world.tasks.get(reply.data) : undefined;
  await lab.clock.advance(120_000);
  const log = task?.log.map((line) => line.replace(/^(?:INFO: starting new backup job|update VM \d+): .*/, ''));
  const answer = { data: reply.data, status: task?.status, log };
  if (look !== undefined) return { ...answer, seen: await lab.call('GET', look) };
  const { world } = lab.simulator.save();
  return { ...answer, world: toText({ ...world, tasks: undefined }) };
}

const schemas = [
  { release: 8 as const, schema: officialSchema('8.4') },
  { release: 9 as const, schema: officialSchema('9.2') },
];

describe.each(schemas)('defaults of release $release', ({ release, schema }) => {
  const cases = schema === undefined ? [] : casesOf(schema);
  it.skipIf(schema === undefined)('are found in the schema', () => {
    expect(cases.length).toBeGreaterThan(50);
  });

  it.each(cases)('$endpoint $name=$value', async ({ endpoint, name, value }) => {
    const base = trials[endpoint]?.params ?? {};
    expect(await outcome(release, endpoint, { ...base, [name]: value })).toEqual(
      await outcome(release, endpoint, base),
    );
  });
});
