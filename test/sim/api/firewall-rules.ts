// The rules of a VM's firewall.
import { failure, parameterError } from '../errors.ts';
import { ipVersion, macros } from '../schema/firewall-values.ts';
import { splitList } from '../schema/formats.ts';
import {
  configIdList,
  fileDigest,
  formatted,
  integer,
  node,
  oneOf,
  required,
  text,
  vmid,
} from '../schema/parameter.ts';
import type { ParameterTable } from '../schema/parameter.ts';
import type { FirewallFile, FirewallRule } from '../state/firewall-file.ts';
import { fileForWrite, logLevel, requireFileDigest } from './firewall-options.ts';
import { underClusterLock, vmFirewall } from './cluster-lock.ts';
import { needs, textOf } from './route.ts';
import type { Call, Route } from './route.ts';

const action = text({ pattern: /[A-Za-z][A-Za-z0-9\-_]+/, minLength: 2, maxLength: 20 });
const ruleTable: ParameterTable = {
  type: oneOf('in', 'out', 'forward', 'group'),
  action,
  macro: text({ maxLength: 128 }),
  iface: formatted('pve-iface', { minLength: 2, maxLength: 20 }),
  source: formatted('pve-fw-addr-spec', { maxLength: 512 }),
  dest: formatted('pve-fw-addr-spec', { maxLength: 512 }),
  proto: formatted('pve-fw-protocol-spec'),
  enable: integer(0),
  comment: text(),
  sport: formatted('pve-fw-sport-spec'),
  dport: formatted('pve-fw-dport-spec'),
  log: logLevel,
  'icmp-type': formatted('pve-fw-icmp-type-spec'),
};
const ruleKeys = Object.keys(ruleTable);

function verifyRule(call: Call, file: FirewallFile, rule: FirewallRule): void {
  const errors: Record<string, string> = {
    ...(rule['type'] === 'forward' ? { type: "invalid rule type 'forward' for rule_env 'vm'" } : {}),
    ...nameErrors(rule),
    ...portErrors(rule),
    ...referenceErrors(call, file, 'source', rule['source']),
    ...referenceErrors(call, file, 'dest', rule['dest']),
    ...versionErrors(rule),
  };
  if (Object.keys(errors).length > 0) throw parameterError(errors);
}

function nameErrors(rule: FirewallRule): Record<string, string> {
  const errors: Record<string, string> = {};
  const known = ['ACCEPT', 'DROP', 'REJECT'].includes(String(rule['action']));
  if (rule['type'] !== 'group' && !known) errors['action'] = `unknown action '${rule['action']}'`;
  if (rule['iface'] !== undefined && !/^net\d+$/.test(String(rule['iface'])))
    errors['iface'] = "value does not match the regex pattern 'net\\d+'";
  const macro = rule['macro'] === undefined ? undefined : String(rule['macro']).toLowerCase();
  if (macro !== undefined && ![...macros].some((name) => name.toLowerCase() === macro))
    errors['macro'] = `unknown macro '${rule['macro']}'`;
  return errors;
}

function portErrors(rule: FirewallRule): Record<string, string> {
  if (rule['proto'] !== undefined || rule['macro'] !== undefined) return {};
  const port = ['sport', 'dport'].find((name) => rule[name] !== undefined);
  return port === undefined ? {} : { proto: `missing property - '${port}' requires this property` };
}

function versionErrors(rule: FirewallRule): Record<string, string> {
  const [source, dest] = ['source', 'dest'].map((side) =>
    rule[side] === undefined ? undefined : ipVersion(String(rule[side])),
  );
  const isMixed = source !== undefined && dest !== undefined && source !== dest;
  return isMixed ? { dest: 'detected mixed ipv4/ipv6 addresses in rule' } : {};
}

function referenceErrors(
  call: Call,
  file: FirewallFile,
  side: string,
  value: string | number | undefined,
): Record<string, string> {
  const set = /^\+(?:dc\/|guest\/)?(.+)$/.exec(String(value ?? ''))?.[1];
  if (set === undefined) return {};
  const known = file.ipsets.has(set) || call.world.clusterFirewall.ipsets.has(set);
  return known ? {} : { [side]: `no such ipset '${set}'` };
}

function shown(call: Call, file: FirewallFile, rule: FirewallRule, pos: number | string): Record<string, unknown> {
  const item: Record<string, unknown> = { ...rule, pos, digest: file.digest };
  const version =
    ['source', 'dest'].map((side) => ipVersion(String(rule[side] ?? ''))).find((one) => one !== undefined) ??
    protocolVersion(rule);
  if (version !== undefined) item['ipversion'] = version;
  const errors = aliasErrors(call, file, rule);
  if (Object.keys(errors).length > 0) item['errors'] = errors;
  return item;
}

function protocolVersion(rule: FirewallRule): number | undefined {
  if (rule['proto'] === 'icmp') return 4;
  return rule['proto'] === 'ipv6-icmp' || rule['proto'] === 'icmpv6' ? 6 : undefined;
}

/** A rule whose alias was removed stays and says so. */
function aliasErrors(call: Call, file: FirewallFile, rule: FirewallRule): Record<string, string> {
  const errors: Record<string, string> = {};
  for (const side of ['source', 'dest']) {
    const value = String(rule[side] ?? '');
    if (!/^(?:dc\/|guest\/)?[A-Za-z][A-Za-z0-9\-_]+$/.test(value)) continue;
    const plain = value.replace(/^(?:dc|guest)\//, '').toLowerCase();
    if (!file.aliases.has(plain) && !call.world.clusterFirewall.aliases.has(plain))
      errors[side] = `no such alias '${value}'`;
  }
  return errors;
}

function fileOf(call: Call): FirewallFile {
  return call.world.firewallOf(Number(call.params['vmid']));
}

function create(call: Call): null {
  const file = fileForWrite(call);
  const rule: FirewallRule = {};
  copyInto(rule, call);
  rule['enable'] ??= 0;
  verifyRule(call, file, rule);
  file.rules.unshift(rule);
  return null;
}

function copyInto(rule: FirewallRule, call: Call): void {
  for (const key of ruleKeys) {
    const value = call.params[key];
    if (value === undefined || Array.isArray(value)) continue;
    rule[key] = key === 'comment' ? (String(value).split('\n')[0] ?? '') : value;
  }
}

function ruleAt(file: FirewallFile, pos: number): FirewallRule {
  const rule = file.rules[pos];
  if (rule === undefined) throw failure(`no rule at position ${pos}`);
  return rule;
}

function change(call: Call): null {
  const file = fileForWrite(call);
  requireFileDigest(file, call.params['digest']);
  const pos = Number(call.params['pos']);
  const rule = ruleAt(file, pos);
  const moveTo = call.params['moveto'];
  if (moveTo !== undefined) return move(file, pos, Number(moveTo));
  const changed: FirewallRule = { ...rule };
  copyInto(changed, call);
  for (const key of splitList(textOf(call.params['delete']))) {
    if (key === 'action' || key === 'type')
      throw parameterError({ delete: `unable to delete required property '${key}'` });
    delete changed[key];
  }
  verifyRule(call, file, changed);
  file.rules[pos] = changed;
  return null;
}

/** Moves a rule before the one that has the index now; beyond the end means last. */
function move(file: FirewallFile, from: number, to: number): null {
  const rule = ruleAt(file, from);
  const rest = file.rules.toSpliced(from, 1);
  rest.splice(to > from ? to - 1 : to, 0, rule);
  file.rules = rest;
  return null;
}

function remove(call: Call): null {
  const file = fileForWrite(call);
  requireFileDigest(file, call.params['digest']);
  const pos = Number(call.params['pos']);
  ruleAt(file, pos);
  file.rules.splice(pos, 1);
  return null;
}

const base = '/nodes/{node}/qemu/{vmid}/firewall/rules';
const read = needs('/vms/{vmid}', 'VM.Audit');
const write = needs('/vms/{vmid}', 'VM.Config.Network');
const pos = integer(0);

export const firewallRuleRoutes: Route[] = [
  {
    method: 'GET',
    path: base,
    permission: read,
    parameters: { node, vmid },
    run: (call) => fileOf(call).rules.map((rule, index) => shown(call, fileOf(call), rule, index)),
  },
  {
    method: 'POST',
    path: base,
    permission: write,
    parameters: {
      node,
      vmid,
      ...ruleTable,
      type: required(oneOf('in', 'out', 'forward', 'group')),
      action: required(action),
      pos,
      digest: fileDigest,
    },
    run: underClusterLock(vmFirewall, create),
  },
  {
    method: 'GET',
    path: `${base}/{pos}`,
    permission: read,
    parameters: { node, vmid, pos },
    run: (call) =>
      shown(call, fileOf(call), ruleAt(fileOf(call), Number(call.params['pos'])), textOf(call.params['pos'])),
  },
  {
    method: 'PUT',
    path: `${base}/{pos}`,
    permission: write,
    parameters: { node, vmid, pos, ...ruleTable, moveto: integer(0), delete: configIdList, digest: fileDigest },
    run: underClusterLock(vmFirewall, change),
  },
  {
    method: 'DELETE',
    path: `${base}/{pos}`,
    permission: write,
    parameters: { node, vmid, pos, digest: fileDigest },
    run: underClusterLock(vmFirewall, remove),
  },
];
