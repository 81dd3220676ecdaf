// IP sets and aliases of a VM's firewall.
import { failure, parameterError } from '../errors.ts';
import { cleanNetwork, ipVersion } from '../schema/firewall-values.ts';
import { fileDigest, flag, formatted, node, required, text, vmid } from '../schema/parameter.ts';
import type { FirewallFile, IpSet, IpSetEntry } from '../state/firewall-file.ts';
import { fileForWrite, requireFileDigest } from './firewall-options.ts';
import { underClusterLock, vmFirewall } from './cluster-lock.ts';
import { needs, optionalText, textOf } from './route.ts';
import type { Call, Route } from './route.ts';

const vmPath = '/nodes/{node}/qemu/{vmid}/firewall';
const read = needs('/vms/{vmid}', 'VM.Audit');
const write = needs('/vms/{vmid}', 'VM.Config.Network');
const name = text({ pattern: /[A-Za-z][A-Za-z0-9\-_]+/, minLength: 2, maxLength: 64 });
const memberAddress = required(formatted('IPorCIDRorAlias'));

function setOf(file: FirewallFile, called: string): IpSet {
  const set = file.ipsets.get(called);
  if (set === undefined) throw failure(`no such IPSet '${called}'`);
  return set;
}

function fileOf(call: Call): FirewallFile {
  return call.world.firewallOf(Number(call.params['vmid']));
}

function list(call: Call): unknown {
  const file = fileOf(call);
  return [...file.ipsets]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([setName, set]) => ({
      name: setName,
      digest: file.digest,
      ...(set.comment === undefined ? {} : { comment: set.comment }),
    }));
}

function create(call: Call): null {
  const file = fileForWrite(call);
  const setName = textOf(call.params['name']);
  const rename = optionalText(call.params['rename']);
  const comment = optionalText(call.params['comment']);
  if (rename !== undefined) {
    requireFileDigest(file, call.params['digest']);
    const set = file.ipsets.get(rename);
    if (set === undefined) throw parameterError({ rename: `IPSet '${rename}' does not exist` });
    if (file.ipsets.has(setName) && setName !== rename)
      throw parameterError({ name: `IPSet '${setName}' already exists` });
    file.ipsets.delete(rename);
    file.ipsets.set(setName, { ...set, comment: comment ?? set.comment });
    return null;
  }
  if (file.ipsets.has(setName)) throw parameterError({ name: `IPSet '${setName}' already exists` });
  file.ipsets.set(setName, { comment, entries: [] });
  return null;
}

function remove(call: Call): null {
  const file = fileForWrite(call);
  const setName = textOf(call.params['name']);
  if (setOf(file, setName).entries.length > 0 && call.params['force'] !== 1)
    throw failure(`IPSet '${setName}' is not empty`);
  file.ipsets.delete(setName);
  return null;
}

function shown(entry: IpSetEntry, digest: string): Record<string, unknown> {
  return { ...entry, digest };
}

function members(call: Call): unknown {
  const file = fileOf(call);
  const entries = setOf(file, textOf(call.params['name'])).entries;
  return [...entries]
    .sort((left, right) => (left.cidr < right.cidr ? -1 : 1))
    .map((entry) => shown(entry, file.digest));
}

function addMember(call: Call): null {
  const file = fileForWrite(call);
  const given = textOf(call.params['cidr']);
  const set = setOf(file, textOf(call.params['name']));
  const isName = !/^[\d.]+(?:\/|$)|:/.test(given);
  if (isName && !hasAlias(call, file, given)) throw failure(`no such alias '${given}'`);
  if (given.endsWith('/0')) throw parameterError({ cidr: 'a zero prefix is not allowed in ipset entries' });
  const cidr = isName ? given : cleanNetwork(given);
  if (set.entries.some((entry) => entry.cidr === cidr))
    throw parameterError({ cidr: `address '${cidr}' already exists` });
  const entry: IpSetEntry = { cidr };
  if (call.params['nomatch'] === 1) entry.nomatch = 1;
  if (call.params['comment'] !== undefined) entry.comment = textOf(call.params['comment']);
  set.entries.unshift(entry);
  return null;
}

function hasAlias(call: Call, file: FirewallFile, alias: string): boolean {
  const plain = alias.replace(/^(?:dc|guest)\//, '').toLowerCase();
  return file.aliases.has(plain) || call.world.clusterFirewall.aliases.has(plain);
}

function member(call: Call): { file: FirewallFile; set: IpSet; entry: IpSetEntry | undefined } {
  const file = fileOf(call);
  const set = setOf(file, textOf(call.params['name']));
  const cidr = cleanNetwork(textOf(call.params['cidr']));
  return { file, set, entry: set.entries.find((one) => one.cidr === cidr || one.cidr === call.params['cidr']) };
}

function changeMember(call: Call): null {
  const { file, entry } = member(call);
  requireFileDigest(file, call.params['digest']);
  if (entry === undefined) throw parameterError({ cidr: 'no such IP/Network' });
  if (call.params['nomatch'] === undefined || call.params['nomatch'] === 0) delete entry.nomatch;
  else entry.nomatch = 1;
  if (call.params['comment'] === undefined) delete entry.comment;
  else entry.comment = textOf(call.params['comment']);
  return null;
}

function removeMember(call: Call): null {
  const { file, set, entry } = member(call);
  requireFileDigest(file, call.params['digest']);
  if (entry !== undefined) set.entries.splice(set.entries.indexOf(entry), 1);
  return null;
}

function addAlias(call: Call): null {
  const file = fileForWrite(call);
  const alias = textOf(call.params['name']);
  if (file.aliases.has(alias.toLowerCase())) throw parameterError({ name: `alias '${alias}' already exists` });
  const comment = optionalText(call.params['comment']);
  file.aliases.set(alias.toLowerCase(), {
    name: alias,
    cidr: cleanNetwork(textOf(call.params['cidr'])),
    ...(comment === undefined ? {} : { comment }),
  });
  return null;
}

function changeAlias(call: Call): null {
  const file = fileForWrite(call);
  requireFileDigest(file, call.params['digest']);
  const old = textOf(call.params['name']);
  const alias = file.aliases.get(old.toLowerCase());
  if (alias === undefined) throw parameterError({ name: 'no such alias' });
  const rename = optionalText(call.params['rename']) ?? alias.name;
  if (rename.toLowerCase() !== old.toLowerCase() && file.aliases.has(rename.toLowerCase()))
    throw parameterError({ name: `alias '${rename}' already exists` });
  file.aliases.delete(old.toLowerCase());
  const comment = optionalText(call.params['comment']);
  file.aliases.set(rename.toLowerCase(), {
    name: rename,
    cidr: cleanNetwork(textOf(call.params['cidr'])),
    ...(comment === undefined ? {} : { comment }),
  });
  return null;
}

function removeAlias(call: Call): null {
  const file = fileForWrite(call);
  requireFileDigest(file, call.params['digest']);
  file.aliases.delete(textOf(call.params['name']).toLowerCase());
  return null;
}

const named = { node, vmid, name: required(name) };

export const firewallSetRoutes: Route[] = [
  { method: 'GET', path: `${vmPath}/ipset`, permission: read, parameters: { node, vmid }, run: list },
  {
    method: 'POST',
    path: `${vmPath}/ipset`,
    permission: write,
    parameters: { ...named, comment: text(), rename: name, digest: fileDigest },
    run: underClusterLock(vmFirewall, create),
  },
  { method: 'GET', path: `${vmPath}/ipset/{name}`, permission: read, parameters: named, run: members },
  {
    method: 'POST',
    path: `${vmPath}/ipset/{name}`,
    permission: write,
    parameters: { ...named, cidr: memberAddress, nomatch: flag(), comment: text() },
    run: underClusterLock(vmFirewall, addMember),
  },
  {
    method: 'DELETE',
    path: `${vmPath}/ipset/{name}`,
    permission: write,
    parameters: { ...named, force: flag() },
    run: underClusterLock(vmFirewall, remove),
  },
  {
    method: 'GET',
    path: `${vmPath}/ipset/{name}/{cidr*}`,
    permission: read,
    parameters: { ...named, cidr: memberAddress },
    run: (call) => {
      const { file, entry } = member(call);
      if (entry === undefined) throw parameterError({ cidr: 'no such IP/Network' });
      return shown(entry, file.digest);
    },
  },
  {
    method: 'PUT',
    path: `${vmPath}/ipset/{name}/{cidr*}`,
    permission: write,
    parameters: { ...named, cidr: memberAddress, nomatch: flag(), comment: text(), digest: fileDigest },
    run: underClusterLock(vmFirewall, changeMember),
  },
  {
    method: 'DELETE',
    path: `${vmPath}/ipset/{name}/{cidr*}`,
    permission: write,
    parameters: { ...named, cidr: memberAddress, digest: fileDigest },
    run: underClusterLock(vmFirewall, removeMember),
  },
  {
    method: 'GET',
    path: `${vmPath}/aliases`,
    permission: read,
    parameters: { node, vmid },
    run: (call) => {
      const file = fileOf(call);
      const aliases = [...file.aliases].sort(([left], [right]) => (left < right ? -1 : 1));
      return aliases.map(([, alias]) => ({
        ...alias,
        digest: file.digest,
        ipversion: ipVersion(alias.cidr),
      }));
    },
  },
  {
    method: 'POST',
    path: `${vmPath}/aliases`,
    permission: write,
    parameters: { ...named, cidr: required(formatted('IPorCIDR')), comment: text() },
    run: underClusterLock(vmFirewall, addAlias),
  },
  {
    method: 'PUT',
    path: `${vmPath}/aliases/{name}`,
    permission: write,
    parameters: { ...named, cidr: required(formatted('IPorCIDR')), comment: text(), rename: name, digest: fileDigest },
    run: underClusterLock(vmFirewall, changeAlias),
  },
  {
    method: 'DELETE',
    path: `${vmPath}/aliases/{name}`,
    permission: write,
    parameters: { ...named, digest: fileDigest },
    run: underClusterLock(vmFirewall, removeAlias),
  },
];
