// The parameters vzdump and backup jobs share.
import { flag, formatted, integer, oneOf, text } from '../schema/parameter.ts';
import type { ParameterTable, PropertyFormat } from '../schema/parameter.ts';

const pruneFormat: PropertyFormat = Object.fromEntries([
  ['keep-all', flag()] as const,
  ...['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'].map(
    (period) => [`keep-${period}`, integer(0)] as const,
  ),
]);

/** A retention policy. */
export const prunePolicy = formatted(pruneFormat, {
  check: (value) =>
    /(?:^|,)keep-all=(?:1|on|yes|true)(?:,|$)/i.test(value) && /keep-(?!all)\w+=0*[1-9]/.test(value)
      ? 'keep-all cannot be set together with other options.'
      : undefined,
});

export const vzdumpOptions: ParameterTable = {
  vmid: formatted('pve-vmid-list'),
  all: flag(),
  exclude: formatted('pve-vmid-list'),
  pool: text(),
  node: formatted('pve-node'),
  storage: formatted('pve-storage-id'),
  mode: oneOf('snapshot', 'suspend', 'stop'),
  compress: oneOf('0', '1', 'gzip', 'lzo', 'zstd'),
  pigz: integer(),
  zstd: integer(),
  bwlimit: integer(0),
  ionice: integer(0, 8),
  lockwait: integer(0),
  stopwait: integer(0),
  stop: flag(),
  quiet: flag(),
  remove: flag(),
  stdexcludes: flag(),
  'exclude-path': { type: 'array' },
  script: text(),
  tmpdir: text(),
  dumpdir: text(),
  mailto: formatted('email-or-username-list'),
  mailnotification: oneOf('always', 'failure'),
  'notification-mode': oneOf('auto', 'legacy-sendmail', 'notification-system'),
  'notes-template': text({ maxLength: 1024, requires: 'storage' }),
  protected: { type: 'boolean', requires: 'storage' },
  'prune-backups': prunePolicy,
  performance: formatted({ 'max-workers': integer(1, 256), 'pbs-entries-max': integer(1) }),
  fleecing: formatted({ enabled: { type: 'boolean', defaultKey: true }, storage: formatted('pve-storage-id') }),
  'pbs-change-detection-mode': oneOf('legacy', 'data', 'metadata'),
};
