// Property strings of rarer devices and features, which the schema names but does not spell out.
import { flag, formatted, integer, oneOf, required, text } from './parameter.ts';
import type { PropertyFormat } from './parameter.ts';

const pciAddress = '(?:[a-f0-9]{4,}:)?[a-f0-9]{2}:[a-f0-9]{2}(?:\\.[a-f0-9])?';
const pciId = text({ pattern: /0x[0-9a-fA-F]{4}/ });

/** A passed-through PCI device. */
export const hostPciFormat: PropertyFormat = {
  host: text({ pattern: new RegExp(`${pciAddress}(?:;${pciAddress})*`), defaultKey: true }),
  mapping: formatted('pve-configid'),
  rombar: flag(),
  romfile: text({ pattern: /[^,;]+/ }),
  pcie: flag(),
  'x-vga': flag(),
  'legacy-igd': flag(),
  mdev: text({ pattern: /[^/.:]+/ }),
  'vendor-id': pciId,
  'device-id': pciId,
  'sub-vendor-id': pciId,
  'sub-device-id': pciId,
};

/** A source of randomness. */
export const rngFormat: PropertyFormat = {
  source: required({ ...oneOf('/dev/urandom', '/dev/random', '/dev/hwrng'), defaultKey: true }),
  max_bytes: integer(),
  period: integer(),
};

/** A watchdog card and what it does. */
export const watchdogFormat: PropertyFormat = {
  model: { ...oneOf('i6300esb', 'ib700'), defaultKey: true },
  action: oneOf('reset', 'shutdown', 'poweroff', 'pause', 'debug', 'none'),
};

/** AMD's encrypted guests. */
export const sevFormat: PropertyFormat = {
  type: required({ ...oneOf('std', 'es', 'snp'), defaultKey: true }),
  'no-debug': flag(),
  'no-key-sharing': flag(),
  'allow-smt': flag(),
  'kernel-hashes': flag(),
};

/** Intel's encrypted guests. */
export const tdxFormat: PropertyFormat = {
  type: required({ ...oneOf('tdx'), defaultKey: true }),
  attestation: flag(),
  'vsock-cid': integer(2),
  'vsock-port': integer(0),
};
