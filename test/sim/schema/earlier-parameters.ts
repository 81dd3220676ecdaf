// What the parameters were in earlier releases; the tables beside the endpoints are those of the newest.
import { geometryBuses, geometryKeys } from './drive-format.ts';
import { flag, formatted, integer, oneOf, required, text } from './parameter.ts';
import type { Parameter, ParameterTable, PropertyFormat } from './parameter.ts';
import { isUpTo } from './release.ts';
import type { Release } from './release.ts';

/** One difference: how a parameter looked up to a release. */
interface Earlier {
  /** The last release that had it so. */
  until: Release;
  /** `METHOD /path` of the endpoints. */
  endpoints: RegExp;
  /** Name of the parameter; `name.key` is a key of its property string. */
  at: string;
  /** The parameter then; undefined when it did not exist. */
  was: Parameter | undefined;
}

const vmConfig = /^(?:POST|PUT) \/nodes\/\{node\}\/qemu(?:\/\{vmid\}\/config)?$/;
const machineTakers = /^(?:POST|PUT) \/nodes\/\{node\}\/qemu(?:\/\{vmid\}\/(?:config|status\/start))?$/;
const backups = /^(?:POST|PUT) (?:\/cluster\/backup(?:\/\{id\})?|\/nodes\/\{node\}\/vzdump)$/;
const clusterOptions = /^PUT \/cluster\/options$/;
const haResources = /^(?:POST|PUT) \/cluster\/ha\/resources(?:\/\{sid\})?$/;

const diskGeometry: readonly Earlier[] = geometryBuses.flatMap((bus) =>
  Object.entries(geometryKeys).map(([key, was]): Earlier => ({
    until: '8.4',
    endpoints: vmConfig,
    at: `${bus}[n].${key}`,
    was,
  })),
);

const rebalancing: readonly Earlier[] = ['', '-hold-duration', '-margin', '-method', '-threshold'].map(
  (name): Earlier => ({
    until: '8.4',
    endpoints: clusterOptions,
    at: `crs.ha-auto-rebalance${name}`,
    was: undefined,
  }),
);

const share: Parameter = { type: 'number', min: 0, requires: 'ha-auto-rebalance' };

const differences: readonly Earlier[] = [
  { until: '9.1', endpoints: backups, at: 'maxfiles', was: integer(1) },
  { until: '9.1', endpoints: haResources, at: 'auto-rebalance', was: undefined },
  { until: '9.1', endpoints: vmConfig, at: 'serial[n]', was: text({ pattern: /(\/dev\/.+|socket)/ }) },
  { until: '9.1', endpoints: clusterOptions, at: 'location', was: undefined },
  { until: '9.1', endpoints: clusterOptions, at: 'crs.ha-auto-rebalance-margin', was: share },
  { until: '9.1', endpoints: clusterOptions, at: 'crs.ha-auto-rebalance-threshold', was: share },
  ...diskGeometry,
  ...rebalancing,
  { until: '8.4', endpoints: clusterOptions, at: 'crs.ha', was: oneOf('basic', 'static') },
  { until: '8.4', endpoints: clusterOptions, at: 'replication', was: undefined },
  { until: '8.4', endpoints: vmConfig, at: 'agent.freeze-fs', was: undefined },
  { until: '8.4', endpoints: vmConfig, at: 'agent.freeze-fs-on-backup', was: flag() },
  { until: '8.4', endpoints: vmConfig, at: 'agent.guest-fsfreeze', was: undefined },
  { until: '8.4', endpoints: vmConfig, at: 'allow-ksm', was: undefined },
  { until: '8.4', endpoints: vmConfig, at: 'intel-tdx', was: undefined },
  { until: '8.4', endpoints: vmConfig, at: 'tpmstate0.format', was: undefined },
  { until: '8.4', endpoints: machineTakers, at: 'machine.aw-bits', was: undefined },
  { until: '8.4', endpoints: /^POST \/nodes\/\{node\}\/qemu$/, at: 'ha-managed', was: undefined },
  { until: '8.4', endpoints: /\/(?:migrate|status\/start)$/, at: 'with-conntrack-state', was: undefined },
  { until: '8.4', endpoints: haResources, at: 'failback', was: undefined },
  { until: '8.4', endpoints: /^DELETE \/cluster\/ha\/resources/, at: 'purge', was: undefined },
  {
    until: '8.4',
    endpoints: backups,
    at: 'notification-policy',
    was: oneOf('always', 'failure', 'never'),
  },
  { until: '8.4', endpoints: backups, at: 'notification-target', was: formatted('pve-configid') },
  {
    until: '8.4',
    endpoints: /^GET \/nodes\/\{node\}\/rrddata$/,
    at: 'timeframe',
    was: required(oneOf('hour', 'day', 'week', 'month', 'year')),
  },
];

/** Values an enumeration gained or lost, by endpoint and parameter, in 9.0. */
const enumerations: readonly {
  endpoint: string;
  at: string;
  gained?: readonly string[];
  lost?: string;
  before?: string;
}[] = [
  { endpoint: 'GET /nodes/{node}/network', at: 'type', gained: ['fabric', 'include_sdn'] },
  { endpoint: 'GET /storage', at: 'type', lost: 'glusterfs', before: 'iscsi' },
];

/** The parameters of an endpoint (`METHOD /path`) in a release, from those of the newest. */
export function parametersIn(release: Release, endpoint: string, newest: ParameterTable): ParameterTable {
  const table: Record<string, Parameter> = { ...newest };
  for (const { until, endpoints, at, was } of differences) {
    if (isUpTo(release, until) && endpoints.test(endpoint)) replace(table, at.split('.'), was);
  }
  if (isUpTo(release, '8.4')) reenumerate(table, endpoint);
  return table;
}

function replace(
  table: Record<string, Parameter>,
  [name = '', key]: readonly string[],
  was: Parameter | undefined,
): void {
  if (key === undefined) {
    if (was === undefined) delete table[name];
    else table[name] = was;
    return;
  }
  const parameter = table[name];
  if (parameter === undefined || typeof parameter.format !== 'object') return;
  const { [key]: _, ...others } = parameter.format;
  const format: PropertyFormat = was === undefined ? others : { ...others, [key]: was };
  table[name] = { ...parameter, format };
}

function reenumerate(table: Record<string, Parameter>, endpoint: string): void {
  for (const { at, gained, lost, before } of enumerations.filter((change) => change.endpoint === endpoint)) {
    const parameter = table[at];
    if (parameter?.enum === undefined) continue;
    const values = parameter.enum.filter((value) => gained?.includes(value) !== true);
    if (lost !== undefined) values.splice(values.indexOf(before ?? ''), 0, lost);
    table[at] = { ...parameter, enum: values };
  }
}
