// Reads the address list of a billing module, `<bridge>|<vlan>|<ip>|<mask>|<gw>|<dns1>,<dns2>`, and makes IPPools of it.
import { createHash } from 'node:crypto';
import { bridgeName } from '../api/fields.ts';
import type { IPPool } from '../api/ip-pool.ts';
import { API_VERSION } from '../api/object.ts';
import {
  type Address,
  type AddressRange,
  addressBits,
  expandedAddress,
  inNetwork,
  networkOf,
  parseAddress,
  printAddress,
} from './ip.ts';
import { quoted } from './problems.ts';

/** One line of the list, with nothing wrong with it. */
export interface LegacyAddress {
  /** Number of the line, from 1. */
  readonly line: number;
  readonly bridge: string;
  /** 0 is untagged. */
  readonly vlan: number;
  readonly address: Address;
  readonly prefixLength: number;
  readonly gateway: Address;
  /** At most two. */
  readonly nameservers: readonly Address[];
}

/** What is wrong with one line. */
interface LineProblem {
  /** Number of the line, from 1. */
  readonly line: number;
  /** A whole sentence that names the value, the bound and what to do. */
  readonly message: string;
}

export interface LegacyAddresses {
  /** The lines with nothing wrong with them, as they stand in the list. */
  readonly lines: readonly LegacyAddress[];
  /** By line; one line may have several. */
  readonly problems: readonly LineProblem[];
}

const FORM = '<bridge>|<vlan>|<ip>|<mask>|<gw>|<dns1>,<dns2>';
const FIELD_COUNT = FORM.split('|').length;
const MOST_NAMESERVERS = 2;
const HASH_CHARACTERS = 6;

const VLAN = { name: 'VLAN', min: 0, max: 4094, hint: '0 is untagged' };
const MASK = { name: 'mask', min: 1, max: addressBits('IPv4'), hint: 'it is the length of the prefix, 24 for example' };

type Row = Omit<LegacyAddress, 'line'>;

/** Reads the whole list. Blank lines and lines that begin with `#` are skipped; blanks around a field do not matter. */
export function parseLegacyAddresses(text: string): LegacyAddresses {
  const read: LegacyAddress[] = [];
  const problems: LineProblem[] = [];
  for (const [index, raw] of text.split(/\r\n|\r|\n/).entries()) {
    const content = raw.trim();
    if (content === '' || content.startsWith('#')) continue;
    const line = index + 1;
    const row = parseRow(content);
    if (Array.isArray(row)) problems.push(...row.map((message) => ({ line, message })));
    else read.push({ line, ...row });
  }
  const lines: LegacyAddress[] = [];
  const messageOf = listRules(read);
  for (const one of read) {
    const message = messageOf(one);
    if (message === undefined) lines.push(one);
    else problems.push({ line: one.line, message });
  }
  return { lines, problems: problems.sort((a, b) => a.line - b.line) };
}

/** What the pools have in common. */
export interface PoolNaming {
  readonly clusterName: string;
  /** Begins every name; a DNS label. Pools give addresses in the order of their names. */
  readonly namePrefix: string;
}

/**
 * One IPPool for each range of consecutive addresses that share bridge, VLAN, mask, gateway and name servers, in the
 * order of networks and addresses. No pool covers an address that no line has. The same lines give the same pools, in
 * whatever order they stand.
 */
export function poolsOfLegacyAddresses(lines: readonly LegacyAddress[], naming: PoolNaming): IPPool[] {
  const ranges = [...Map.groupBy(lines, settingsKey).values()].flatMap(rangesOf);
  return ranges.sort(byNetworkAndAddress).map((range) => poolOf(range, naming));
}

/** The row, or everything that is wrong with it. */
function parseRow(content: string): Row | string[] {
  const fields = content.split('|').map((field) => field.trim());
  if (fields.length !== FIELD_COUNT) {
    return [`${quoted(content)} has ${fields.length} fields separated by "|", not ${FIELD_COUNT}; write ${FORM}.`];
  }
  const wrong = fieldMessages(fields as Fields);
  if (wrong.length > 0) return wrong;
  const row = rowOf(fields as Fields);
  const unfit = networkMessages(row);
  return unfit.length === 0 ? row : unfit;
}

type Fields = [bridge: string, vlan: string, ip: string, mask: string, gw: string, dns: string];

function fieldMessages([bridge, vlan, ip, mask, gw, dns]: Fields): string[] {
  return [
    ...bridgeMessages(bridge),
    ...numberMessages(vlan, VLAN),
    ...addressMessages('address', ip),
    ...numberMessages(mask, MASK),
    ...addressMessages('gateway', gw),
    ...nameserverMessages(nameserversIn(dns)),
  ];
}

function rowOf([bridge, vlan, ip, mask, gw, dns]: Fields): Row {
  return {
    bridge,
    vlan: Number(vlan),
    address: readAddress(ip),
    prefixLength: Number(mask),
    gateway: readAddress(gw),
    nameservers: nameserversIn(dns).map(readAddress),
  };
}

// A panel with one DNS server writes `192.0.2.2,`.
function nameserversIn(dns: string): string[] {
  return dns
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** An address whose text has been checked. Throws RangeError otherwise. */
function readAddress(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new RangeError(`${quoted(text)} is no IP address.`);
  return address;
}

function bridgeMessages(text: string): string[] {
  if (bridgeName.safeParse(text).success) return [];
  return [
    `The bridge ${quoted(text)} is no name of a bridge, for example vmbr0; write a letter, then letters, digits, hyphens, underscores and dots, at most 15 characters.`,
  ];
}

function numberMessages(text: string, { name, min, max, hint }: typeof VLAN): string[] {
  const isNumber = /^(?:0|[1-9]\d{0,5})$/.test(text);
  if (isNumber && Number(text) >= min && Number(text) <= max) return [];
  return [`The ${name} ${quoted(text)} is no number from ${min} to ${max}; ${hint}.`];
}

function addressMessages(name: string, text: string): string[] {
  if (parseAddress(text)?.family === 'IPv4') return [];
  return [
    `The ${name} ${quoted(text)} is no IPv4 address; write four numbers from 0 to 255 without mask and leading zeros.`,
  ];
}

function nameserverMessages(names: readonly string[]): string[] {
  const messages = names.flatMap((name) => addressMessages('DNS server', name));
  if (names.length <= MOST_NAMESERVERS) return messages;
  return [
    ...messages,
    `${quoted(names.join(','))} are ${names.length} DNS servers; at most ${MOST_NAMESERVERS} are allowed.`,
  ];
}

/** What does not fit together within one line. The address is to be handed out, so it may be nothing else. */
function networkMessages({ address, prefixLength, gateway, nameservers }: Row): string[] {
  const ip = printAddress(address);
  const messages: string[] = [];
  if (isEdge(address, prefixLength)) {
    messages.push(`The address ${ip} is the network or broadcast address of ${networkText(address, prefixLength)}.`);
  }
  if (nameservers.some((server) => server.value === address.value)) {
    messages.push(`The address ${ip} is its own DNS server; a DNS server is not handed out, take the line out.`);
  }
  if (gateway.value === address.value) {
    return [...messages, `The address ${ip} is its own gateway; a gateway is not handed out, take the line out.`];
  }
  return [...messages, ...gatewayMessages(address, prefixLength, gateway)];
}

// With a mask of one address every address is a network of its own (routed addresses): the gateway is on another one.
function gatewayMessages(address: Address, prefixLength: number, gateway: Address): string[] {
  if (prefixLength === MASK.max) return [];
  const network = networkText(address, prefixLength);
  if (!inNetwork(gateway, address, prefixLength)) {
    return [
      `The gateway ${printAddress(gateway)} is outside of the network of the address, ${network}; correct gateway or mask.`,
    ];
  }
  if (!isEdge(gateway, prefixLength)) return [];
  return [
    `The gateway ${printAddress(gateway)} is the network or broadcast address of ${network}; correct gateway or mask.`,
  ];
}

// Networks of one or two addresses have neither (RFC 3021).
function isEdge(address: Address, prefixLength: number): boolean {
  if (prefixLength >= MASK.max - 1) return false;
  const { first, last } = networkOf(address, prefixLength);
  return address.value === first || address.value === last;
}

function networkText(address: Address, prefixLength: number): string {
  const value = networkOf(address, prefixLength).first;
  return `${printAddress({ family: address.family, value })}/${prefixLength}`;
}

/** The rules between lines: an address is listed once on its network, and no line uses it as gateway or DNS server. */
function listRules(all: readonly LegacyAddress[]): (one: LegacyAddress) => string | undefined {
  const firstUses = new Map<string, number>();
  const servers = new Map<string, { what: string; line: number }>();
  for (const one of all) {
    const own = networkKey(one, one.address);
    if (!firstUses.has(own)) firstUses.set(own, one.line);
    for (const server of one.nameservers) servers.set(networkKey(one, server), { what: 'DNS server', line: one.line });
    servers.set(networkKey(one, one.gateway), { what: 'gateway', line: one.line });
  }
  return (one) => {
    const key = networkKey(one, one.address);
    const ip = printAddress(one.address);
    const firstLine = firstUses.get(key);
    if (firstLine !== undefined && firstLine !== one.line) {
      return `The address ${ip} on ${one.bridge}, VLAN ${one.vlan}, is a duplicate of line ${firstLine}; take one of them out.`;
    }
    const server = servers.get(key);
    if (server === undefined) return undefined;
    return `The address ${ip} is the ${server.what} of line ${server.line}; a ${server.what} is not handed out, take the line out.`;
  };
}

function networkKey({ bridge, vlan }: LegacyAddress, { value }: Address): string {
  return `${bridge}|${vlan}|${value}`;
}

function settingsKey({ bridge, vlan, prefixLength, gateway, nameservers }: LegacyAddress): string {
  return [bridge, vlan, prefixLength, printAddress(gateway), ...nameservers.map(printAddress)].join('|');
}

interface Range extends AddressRange {
  /** One of the lines, for what they have in common. */
  readonly common: LegacyAddress;
}

function rangesOf(lines: readonly LegacyAddress[]): Range[] {
  const ranges: Range[] = [];
  for (const one of [...lines].sort((a, b) => compare(a.address.value, b.address.value))) {
    const { value } = one.address;
    const open = ranges.at(-1);
    if (open?.last === value - 1n) ranges[ranges.length - 1] = { ...open, last: value };
    else ranges.push({ first: value, last: value, common: one });
  }
  return ranges;
}

function byNetworkAndAddress(a: Range, b: Range): number {
  return (
    compare(a.common.bridge, b.common.bridge) || compare(a.common.vlan, b.common.vlan) || compare(a.first, b.first)
  );
}

// Texts by code units, not by the machine's language: two machines must give one order.
function compare<T extends string | number | bigint>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function poolOf({ first, last, common }: Range, { clusterName, namePrefix }: PoolNaming): IPPool {
  const { bridge, vlan, prefixLength, gateway, nameservers } = common;
  const [start, end] = [first, last].map((value) => printAddress({ family: 'IPv4', value })) as [string, string];
  return {
    apiVersion: API_VERSION,
    kind: 'IPPool',
    metadata: { name: `${namePrefix}-${bridgeLabel(bridge)}-${vlan}-${expandedAddress(start)}` },
    spec: {
      clusterRef: { name: clusterName },
      family: 'IPv4',
      bridge,
      vlan,
      first: start,
      last: end,
      prefixLength,
      gateway: printAddress(gateway),
      ...(nameservers.length === 0 ? {} : { nameservers: nameservers.map(printAddress) }),
    },
  };
}

// Names of bridges have characters that names of objects do not; the hash keeps apart what becomes the same without them.
function bridgeLabel(bridge: string): string {
  const label = bridge.toLowerCase().replaceAll(/[^a-z0-9-]/g, '-');
  if (label === bridge) return label;
  return `${label}-${createHash('sha256').update(bridge).digest('hex').slice(0, HASH_CHARACTERS)}`;
}
