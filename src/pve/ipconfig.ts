// Answers for cloud-init's address lines ('ip=192.0.2.7/24,gw=192.0.2.1,ip6=auto').
import { isIPv4, isIPv6 } from 'node:net';
import { parsePropertyString, printPropertyString, PropertyStringError } from './property-string.ts';

/** Addresses are written with their prefix length, gateways without. */
export interface IpConfig {
  readonly ip?: 'dhcp' | (string & {});
  readonly gw?: string;
  readonly ip6?: 'dhcp' | 'auto' | (string & {});
  readonly gw6?: string;
}

const KEYS = ['ip', 'gw', 'ip6', 'gw6'] as const;

const CHECKS: Readonly<Record<(typeof KEYS)[number], (value: string) => boolean>> = {
  ip: (value) => value === 'dhcp' || isCidr(value, isIPv4, 32),
  gw: isIPv4,
  ip6: (value) => value === 'dhcp' || value === 'auto' || isCidr(value, isIPv6, 128),
  gw6: isIPv6,
};

export function parseIpConfig(text: string): IpConfig {
  const config: Partial<Record<(typeof KEYS)[number], string>> = {};
  for (const [key, value] of parsePropertyString(text)) {
    const known = KEYS.find((name) => name === key);
    if (known === undefined) throw new PropertyStringError(`An address line has no property ${JSON.stringify(key)}.`);
    config[known] = checked(known, value);
  }
  return config;
}

/** Proxmox takes a gateway beside `ip=dhcp` silently and refuses one without an address; here both are refused. */
export function printIpConfig(config: IpConfig): string {
  checkGateway(config.ip, config.gw, 'gw');
  checkGateway(config.ip6, config.gw6, 'gw6');
  return printPropertyString(
    KEYS.flatMap((key): [string, string][] => {
      const value = config[key];
      return value === undefined ? [] : [[key, checked(key, value)]];
    }),
  );
}

function checkGateway(address: string | undefined, gateway: string | undefined, key: string): void {
  if (gateway === undefined) return;
  if (address === undefined || address === 'dhcp' || address === 'auto') {
    throw new PropertyStringError(`The gateway ${key} needs a static address.`);
  }
}

function checked(key: (typeof KEYS)[number], value: string): string {
  if (!CHECKS[key](value)) {
    throw new PropertyStringError(`The address line's ${key} must not be ${JSON.stringify(value.slice(0, 60))}.`);
  }
  return value;
}

function isCidr(value: string, isAddress: (text: string) => boolean, longest: number): boolean {
  const [address = '', length = '', more] = value.split('/');
  return (
    more === undefined &&
    isAddress(address) &&
    !address.includes('%') &&
    /^\d{1,3}$/.test(length) &&
    Number(length) <= longest
  );
}
