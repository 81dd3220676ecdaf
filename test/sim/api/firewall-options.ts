// Firewall options of a VM and of the cluster, references, macros and the log.
import { failure, parameterError } from '../errors.ts';
import { splitList } from '../schema/formats.ts';
import { configIdList, fileDigest, flag, integer, node, oneOf, text, vmid } from '../schema/parameter.ts';
import type { ParameterTable } from '../schema/parameter.ts';
import { FirewallFile } from '../state/firewall-file.ts';
import { macros } from '../schema/firewall-values.ts';
import { underClusterLock, vmFirewall } from './cluster-lock.ts';
import { Answer, needs, textOf } from './route.ts';
import type { Call, Route } from './route.ts';

/** The VM's file, made when it is not there yet: firewall calls do not ask whether the VM exists. */
export function fileForWrite(call: Call): FirewallFile {
  const id = Number(call.params['vmid']);
  const file = call.world.firewall.get(id) ?? new FirewallFile();
  call.world.firewall.set(id, file);
  return file;
}

/** Refuses a digest of another state of the file, in the words of every call but the config calls. */
export function requireFileDigest(file: { readonly digest: string }, digest: unknown): void {
  if (typeof digest === 'string' && digest !== '' && digest !== file.digest) {
    throw failure('detected modified configuration - file changed by other user? Try again.');
  }
}

const levels = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug', 'nolog'];
const policy = oneOf('ACCEPT', 'REJECT', 'DROP');

/** Log levels a rule or an option may name. */
export const logLevel = oneOf(...levels);

const vmOptionTable: ParameterTable = {
  enable: flag(),
  macfilter: flag(),
  dhcp: flag(),
  ndp: flag(),
  radv: flag(),
  ipfilter: flag(),
  policy_in: policy,
  policy_out: policy,
  log_level_in: logLevel,
  log_level_out: logLevel,
};

const clusterOptionTable: ParameterTable = {
  enable: integer(0),
  ebtables: flag(),
  policy_in: policy,
  policy_out: policy,
  policy_forward: oneOf('ACCEPT', 'DROP'),
  log_ratelimit: {
    type: 'string',
    format: {
      enable: { type: 'boolean', required: true, defaultKey: true },
      rate: text({ pattern: /[1-9][0-9]*\/(second|minute|hour|day)/ }),
      burst: integer(0),
    },
  },
};

function setOptions(file: FirewallFile, call: Call, table: ParameterTable): null {
  requireFileDigest(file, call.params['digest']);
  for (const option of splitList(textOf(call.params['delete']))) {
    if (table[option] === undefined) throw parameterError({ delete: `no such option '${option}'` });
    delete file.options[option];
  }
  for (const key of Object.keys(table)) {
    const value = call.params[key];
    if (value !== undefined && !Array.isArray(value)) file.options[key] = value;
  }
  return null;
}

const vmPath = '/nodes/{node}/qemu/{vmid}/firewall';
const read = needs('/vms/{vmid}', 'VM.Audit');

function references(call: Call): unknown {
  const items: Record<string, unknown>[] = [];
  const file = call.world.firewallOf(Number(call.params['vmid']));
  for (const [scope, source] of [
    ['dc', call.world.clusterFirewall],
    ['guest', file],
  ] as const) {
    for (const name of source.ipsets.keys())
      items.push({ name, ref: scope === 'dc' ? `+dc/${name}` : `+${name}`, scope, type: 'ipset' });
    for (const alias of source.aliases.values())
      items.push({ name: alias.name, ref: scope === 'dc' ? `dc/${alias.name}` : alias.name, scope, type: 'alias' });
  }
  return items.filter((item) => call.params['type'] === undefined || item['type'] === call.params['type']);
}

export const firewallOptionRoutes: Route[] = [
  {
    method: 'GET',
    path: `${vmPath}/options`,
    permission: read,
    proxied: true,
    parameters: { node, vmid },
    run: (call) => {
      const file = call.world.firewallOf(Number(call.params['vmid']));
      return { ...file.options, digest: file.digest };
    },
  },
  {
    method: 'PUT',
    path: `${vmPath}/options`,
    permission: needs('/vms/{vmid}', 'VM.Config.Network'),
    proxied: true,
    parameters: { node, vmid, ...vmOptionTable, delete: configIdList, digest: fileDigest },
    run: underClusterLock(vmFirewall, (call) => setOptions(fileForWrite(call), call, vmOptionTable)),
  },
  {
    method: 'GET',
    path: `${vmPath}/refs`,
    permission: read,
    parameters: { node, vmid, type: oneOf('alias', 'ipset') },
    run: references,
  },
  {
    method: 'GET',
    path: `${vmPath}/log`,
    permission: needs('/vms/{vmid}', 'VM.Console'),
    proxied: true,
    parameters: { node, vmid, start: integer(0), limit: integer(0), since: integer(0), until: integer(0) },
    run: () => new Answer([{ n: 1, t: 'unable to open file - No such file or directory' }], { total: 1 }),
  },
  {
    method: 'GET',
    path: '/cluster/firewall/options',
    permission: needs('/', 'Sys.Audit'),
    parameters: {},
    run: ({ world }) => ({ ...world.clusterFirewall.options, digest: world.clusterFirewall.digest }),
  },
  {
    method: 'PUT',
    path: '/cluster/firewall/options',
    permission: needs('/', 'Sys.Modify'),
    parameters: { ...clusterOptionTable, delete: configIdList, digest: fileDigest },
    run: underClusterLock({ lock: 'firewall-cluster' }, (call) =>
      setOptions(call.world.clusterFirewall, call, clusterOptionTable),
    ),
  },
  {
    method: 'GET',
    path: '/cluster/firewall/ipset',
    permission: needs('/', 'Sys.Audit'),
    parameters: {},
    run: ({ world }) =>
      [...world.clusterFirewall.ipsets.keys()].map((name) => ({ name, digest: world.clusterFirewall.digest })),
  },
  { method: 'GET', path: '/cluster/firewall/groups', permission: 'all', parameters: {}, run: () => [] },
  {
    method: 'GET',
    path: '/cluster/firewall/macros',
    permission: 'all',
    parameters: {},
    run: () => [...macros].map((macro) => ({ macro, descr: `${macro} traffic` })),
  },
  {
    method: 'GET',
    path: '/cluster/firewall/refs',
    permission: needs('/', 'Sys.Audit'),
    parameters: { type: oneOf('alias', 'ipset') },
    run: (call) => references({ ...call, params: { ...call.params, vmid: 0 } }),
  },
];
