// High availability: which VMs are managed, and how.
import { failure } from '../errors.ts';
import { splitList } from '../schema/formats.ts';
import { configIdList, fileDigest, flag, formatted, integer, oneOf, required, text } from '../schema/parameter.ts';
import type { ParameterTable, Parameters } from '../schema/parameter.ts';
import { errorState } from './ha-requests.ts';
import { forgetInRules, requireGroup } from './ha-rules.ts';
import { haStatus } from './ha-status.ts';
import { needs, textOf } from './route.ts';
import type { Call, Route } from './route.ts';

type Entry = Record<string, string | number>;

/** `700` and `vm:700` are the same resource. */
function resourceId(given: string): string {
  return /^\d+$/.test(given) ? `vm:${given}` : given;
}

function entryOf(params: Parameters): Entry {
  const entry: Entry = {};
  for (const [key, value] of Object.entries(params)) {
    if (!['sid', 'type', 'delete', 'digest', 'rule'].includes(key) && value !== undefined && !Array.isArray(value))
      entry[key] = value;
  }
  return entry;
}

function found(call: Call): { sid: string; entry: Entry } {
  const sid = resourceId(textOf(call.params['sid']));
  const entry = call.world.haResources.get(sid);
  if (entry === undefined) throw failure(`no such resource '${sid}'`);
  return { sid, entry };
}

function shown(sid: string, entry: Entry): Record<string, unknown> {
  return {
    sid,
    type: sid.split(':')[0],
    state: 'started',
    digest: 'da39a3ee5e6b4b0d3255bfef95601890afd80709',
    ...entry,
  };
}

function add(call: Call): null {
  const sid = resourceId(textOf(call.params['sid']));
  requireGroup(call.world, call.params, true);
  if (call.world.haResources.has(sid)) throw failure(`create resource failed: resource ID '${sid}' already defined`);
  if (!call.world.vms.has(Number(sid.split(':')[1]))) throw failure(`resource '${sid}' does not exist in cluster`);
  call.world.haResources.set(sid, entryOf(call.params));
  call.world.wakeHaManagers();
  return null;
}

function change(call: Call): null {
  requireGroup(call.world, call.params, false);
  const { sid, entry } = found(call);
  const refused = call.params['state'] === 'disabled' ? undefined : errorState(call.world, sid);
  if (call.params['state'] !== undefined && refused !== undefined) throw failure(refused);
  const changed = { ...entry, ...entryOf(call.params) };
  for (const key of splitList(textOf(call.params['delete']))) delete changed[key];
  call.world.haResources.set(sid, changed);
  call.world.wakeHaManagers();
  return null;
}

function remove(call: Call): null {
  const sid = resourceId(textOf(call.params['sid']));
  if (!call.world.haResources.delete(sid)) throw failure(`cannot delete service '${sid}', not HA managed!`);
  if (call.params['purge'] !== 0) forgetInRules(call.world, sid);
  return null;
}

const sid = required(formatted('pve-ha-resource-or-vm-id'));
const settings: ParameterTable = {
  state: oneOf('started', 'stopped', 'enabled', 'disabled', 'ignored'),
  group: formatted('pve-configid'),
  max_restart: integer(0),
  max_relocate: integer(0),
  comment: text({ maxLength: 4096 }),
  failback: flag(),
  'auto-rebalance': flag(),
};
const audit = needs('/', 'Sys.Audit');
const mayConsole = needs('/', 'Sys.Console');

export const highAvailabilityRoutes: Route[] = [
  {
    method: 'GET',
    path: '/cluster/ha/status/current',
    permission: audit,
    parameters: {},
    run: ({ world, node: local }) => haStatus(world, local),
  },
  {
    method: 'GET',
    path: '/cluster/ha/resources',
    permission: audit,
    parameters: { type: oneOf('ct', 'vm') },
    run: ({ world, params }) =>
      [...world.haResources]
        .filter(([id]) => params['type'] === undefined || id.startsWith(`${textOf(params['type'])}:`))
        .map(([id, entry]) => shown(id, entry)),
  },
  {
    method: 'POST',
    path: '/cluster/ha/resources',
    permission: mayConsole,
    parameters: { ...settings, sid, type: oneOf('ct', 'vm') },
    run: add,
  },
  {
    method: 'GET',
    path: '/cluster/ha/resources/{sid}',
    permission: audit,
    parameters: { sid },
    run: (call) => {
      const { sid: id, entry } = found(call);
      return shown(id, entry);
    },
  },
  {
    method: 'PUT',
    path: '/cluster/ha/resources/{sid}',
    permission: mayConsole,
    parameters: { ...settings, sid, delete: { ...configIdList, maxLength: 4096 }, digest: fileDigest },
    run: change,
  },
  {
    method: 'DELETE',
    path: '/cluster/ha/resources/{sid}',
    permission: mayConsole,
    parameters: { sid, purge: flag() },
    run: remove,
  },
];
