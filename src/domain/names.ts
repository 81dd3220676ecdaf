// Names and secrets of a VM: its name in Proxmox VE from the plan's rule, its host name, its user and password.
import { createHash } from 'node:crypto';
import { type Problem, quoted } from './problems.ts';

const DEFAULT_RULE = '{client_id}-{service_id}';

/** Bound of status.name; Proxmox VE itself has none. */
const LONGEST_NAME = 128;
const LONGEST_LABEL = 63;
const LONGEST_FQDN = 253;
const HASH_CHARACTERS = 8;

export interface NameFacts {
  /** The plan's nameRule. */
  readonly rule?: string;
  readonly billing?: { readonly clientID: string; readonly serviceID: string };
  readonly namespace: string;
  readonly name: string;
  /** UID of the object: random macros are derived from it, so that a VM has one name however often it is asked for. */
  readonly uid: string;
  /** creationTimestamp of the object; time macros are in UTC. */
  readonly createdAt: Date;
}

/** The name of the VM in Proxmox VE, or what is wrong with the rule. Names are for people; nothing is looked up by them. */
export function vmName(facts: NameFacts): { name?: string; problems: Problem[] } {
  const rule = facts.rule ?? DEFAULT_RULE;
  if (facts.billing === undefined && rule === DEFAULT_RULE) return { name: objectVmName(facts), problems: [] };
  const { text, problems } = expandedRule(rule, facts);
  const problem = problems.length === 0 ? nameProblem(text) : undefined;
  if (problem !== undefined) {
    const message = `The name rule gives ${quoted(text)}, which ${problem}; correct nameRule of the Plan or the billing ids.`;
    problems.push({ path: 'spec.nameRule', message });
  }
  return problems.length === 0 ? { name: text, problems } : { problems };
}

/** The fully qualified host name, in lower case: what the VM says, else its name under the plan's domain, else its name. */
export function fqdn({ hostname, name, domain }: { hostname?: string; name: string; domain?: string }): string {
  return (hostname ?? (domain === undefined ? name : `${name}.${domain}`)).toLowerCase();
}

/** What is wrong with a host name made by `fqdn`; a name and a domain can be right and too long together. */
export function fqdnProblems(text: string): Problem[] {
  if (text.length <= LONGEST_FQDN) return [];
  const message = `The host name ${quoted(text)} has ${text.length} characters, at most ${LONGEST_FQDN} are allowed; set spec.hostname or shorten nameRule or domain of the Plan.`;
  return [{ path: 'spec.hostname', message }];
}

/** Cryptographically strong random bytes, as many as asked for. */
export type RandomBytes = (count: number) => Uint8Array;

const USER_FIRST = 'u';
// Without i, l, o, 0 and 1, which are taken for one another, and without vowels, so that no words come out.
const USER_CHARACTERS = 'bcdfghjkmnpqrstvwxz23456789';
const USER_LENGTH = 8;

/** A user name for a guest: a letter first, as useradd wants it. */
export function randomUser(random: RandomBytes): string {
  const index = randomIndex(random);
  return USER_FIRST + Array.from({ length: USER_LENGTH - 1 }, () => picked(USER_CHARACTERS, index)).join('');
}

// Only letters and digits: whatever a shell, YAML, a URL or a console keyboard would mangle stays out. The classes make
// password rules of guests happy; twenty characters of 56 are 116 bits.
const PASSWORD_CLASSES = ['ABCDEFGHJKLMNPQRSTUVWXYZ', 'abcdefghijkmnpqrstuvwxyz', '23456789'] as const;
const PASSWORD_LENGTH = 20;

/** A password of 20 characters with at least one upper-case letter, one lower-case letter and one digit. */
export function randomPassword(random: RandomBytes): string {
  const index = randomIndex(random);
  const all = PASSWORD_CLASSES.join('');
  const rest = Array.from({ length: PASSWORD_LENGTH - PASSWORD_CLASSES.length }, () => picked(all, index));
  const characters = [...PASSWORD_CLASSES.map((characterClass) => picked(characterClass, index)), ...rest];
  // Fisher and Yates: without it everybody would know where the digit is.
  for (let last = characters.length - 1; last > 0; last -= 1) {
    const other = index(last + 1);
    [characters[last], characters[other]] = [characters[other] ?? '', characters[last] ?? ''];
  }
  return characters.join('');
}

type Index = (bound: number) => number;

const MOST_DRAWS = 1000;

// Bytes beyond the last whole multiple of the bound are thrown away: the remainder alone would prefer small numbers.
function randomIndex(random: RandomBytes): Index {
  return (bound) => {
    const limit = 256 - (256 % bound);
    for (let draw = 0; draw < MOST_DRAWS; draw += 1) {
      const byte = random(1)[0];
      if (byte !== undefined && byte < limit) return byte % bound;
    }
    throw new RangeError('The source of random bytes does not give random bytes.');
  };
}

function picked(characters: string, index: Index): string {
  return characters[index(characters.length)] ?? '';
}

function expandedRule(rule: string, facts: NameFacts): { text: string; problems: Problem[] } {
  const problems: Problem[] = [];
  let occurrence = 0;
  const text = rule.replaceAll(/\{([^{}]*)\}/g, (_, macro: string) => {
    occurrence += 1;
    const value = macroValue(macro, facts, occurrence);
    if (typeof value === 'string') return value;
    problems.push(value);
    return '';
  });
  return { text, problems };
}

function macroValue(macro: string, facts: NameFacts, occurrence: number): string | Problem {
  const time = timeMacros(facts.createdAt).get(macro);
  if (time !== undefined) return time;
  if (macro === 'client_id' || macro === 'service_id') return billingMacro(macro, facts);
  const random = /^random_(digit|letter)_(\d{1,2})$/.exec(macro);
  const count = Number(random?.[2] ?? 0);
  if (random !== null && count >= 1 && count <= LONGEST_LABEL) {
    const alphabet = random[1] === 'digit' ? '0123456789' : 'abcdefghijklmnopqrstuvwxyz';
    const index = randomIndex(derivedBytes(`${facts.uid}/${occurrence}`));
    return Array.from({ length: count }, () => picked(alphabet, index)).join('');
  }
  const message = `The name rule has the macro ${quoted(`{${macro}}`)}, which does not exist; use {client_id}, {service_id}, {random_digit_N} or {random_letter_N} (N from 1 to ${LONGEST_LABEL}), {unixtime}, {year}, {month}, {day}, {hour}, {minute} or {second}.`;
  return { path: 'spec.nameRule', message };
}

function billingMacro(macro: 'client_id' | 'service_id', { billing }: NameFacts): string | Problem {
  if (billing !== undefined) return macro === 'client_id' ? billing.clientID : billing.serviceID;
  const message = `The name rule of the plan has {${macro}}, but the VM has no billing ids; set spec.billing or use a plan with another nameRule.`;
  return { path: 'spec.billing', message };
}

function timeMacros(at: Date): ReadonlyMap<string, string> {
  const two = (number: number): string => String(number).padStart(2, '0');
  return new Map([
    ['unixtime', String(Math.floor(at.getTime() / 1000))],
    ['year', String(at.getUTCFullYear())],
    ['month', two(at.getUTCMonth() + 1)],
    ['day', two(at.getUTCDate())],
    ['hour', two(at.getUTCHours())],
    ['minute', two(at.getUTCMinutes())],
    ['second', two(at.getUTCSeconds())],
  ]);
}

// Not secret, only the same each time: a stream of SHA-256 blocks of the seed.
function derivedBytes(seed: string): RandomBytes {
  let block = 0;
  let rest: number[] = [];
  return (count) => {
    while (rest.length < count) {
      rest.push(...createHash('sha256').update(`${seed}/${block}`).digest());
      block += 1;
    }
    const bytes = Uint8Array.from(rest.slice(0, count));
    rest = rest.slice(count);
    return bytes;
  };
}

// Nobody chose this name, so nobody can be asked to shorten it: a long one is cut and told apart by a hash.
function objectVmName({ namespace, name }: NameFacts): string {
  const text = `${namespace}-${name}`;
  if (nameProblem(text) === undefined) return text;
  const hash = createHash('sha256').update(`${namespace}/${name}`).digest('hex').slice(0, HASH_CHARACTERS);
  const start = text.replaceAll('.', '-').slice(0, LONGEST_LABEL - HASH_CHARACTERS - 1);
  return `${start.replace(/-+$/, '')}-${hash}`;
}

// The check of Proxmox VE's `dns-name`, plus the bounds of DNS that it leaves to the user.
function nameProblem(text: string): string | undefined {
  if (text.length > LONGEST_NAME) return `is longer than ${LONGEST_NAME} characters`;
  for (const label of text.split('.')) {
    if (label === '') return 'is empty or has an empty part between dots';
    if (label.length > LONGEST_LABEL) return `has a part of more than ${LONGEST_LABEL} characters`;
    if (!/^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/.test(label)) {
      return `has the part ${quoted(label)}, and only letters, digits and inner hyphens make a DNS name`;
    }
  }
  return undefined;
}
