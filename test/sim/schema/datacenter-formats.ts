// Property strings of the datacenter's options.
import { decimal, flag, formatted, integer, oneOf, required, text } from './parameter.ts';
import type { Parameter, PropertyFormat } from './parameter.ts';

const limit = decimal(0);
const share: Parameter = { type: 'number', min: 0, max: 100, requires: 'ha-auto-rebalance' };
const transport: PropertyFormat = {
  type: required({ ...oneOf('secure', 'insecure'), defaultKey: true }),
  network: formatted('CIDR'),
};
const tag = '(?i:[a-z0-9_][a-z0-9_\\-+.]*)';
const colored = `(?:${tag}:[0-9a-fA-F]{6}(?::[0-9a-fA-F]{6})?)`;

/** Tags an administrator registered. */
export const registeredTags = new RegExp(`(?:${tag};)*${tag}`);

/** Options that are property strings and come back as objects. */
export const datacenterFormats: Readonly<Record<string, PropertyFormat>> = {
  bwlimit: { default: limit, restore: limit, migration: limit, clone: limit, move: limit },
  crs: {
    ha: oneOf('basic', 'static', 'dynamic'),
    'ha-auto-rebalance': flag(),
    'ha-auto-rebalance-hold-duration': { type: 'number', min: 0, requires: 'ha-auto-rebalance' },
    'ha-auto-rebalance-margin': share,
    'ha-auto-rebalance-method': { ...oneOf('bruteforce', 'topsis'), requires: 'ha-auto-rebalance' },
    'ha-auto-rebalance-threshold': share,
    'ha-rebalance-on-start': flag(),
  },
  ha: { shutdown_policy: required(oneOf('freeze', 'failover', 'conditional', 'migrate')) },
  location: {
    latitude: required(decimal(-90, 90)),
    longitude: required(decimal(-180, 180)),
    name: text({ maxLength: 128 }),
  },
  migration: transport,
  'next-id': { lower: integer(), upper: integer() },
  notify: {
    fencing: oneOf('always', 'never'),
    'package-updates': oneOf('auto', 'always', 'never'),
    replication: oneOf('always', 'never'),
    'target-fencing': text(),
    'target-package-updates': text(),
    'target-replication': text(),
  },
  replication: transport,
  'tag-style': {
    shape: oneOf('full', 'circle', 'dense', 'none'),
    'color-map': text({ pattern: new RegExp(`${colored}(?:;${colored})*`) }),
    ordering: oneOf('config', 'alphabetical'),
    'case-sensitive': flag(),
  },
  u2f: { appid: text(), origin: text() },
  'user-tag-access': {
    'user-allow': oneOf('none', 'list', 'existing', 'free'),
    'user-allow-list': text({ pattern: new RegExp(`${tag}(?:;${tag})*`) }),
  },
  webauthn: { rp: text(), origin: text(), id: text(), 'allow-subdomains': flag() },
};
