// Decides what cloud-init tells the guest: user, password, keys, host name, main addresses and DNS servers.
import { createHash } from 'node:crypto';
import { type IpConfig, printIpConfig } from '../pve/ipconfig.ts';
import { encodeSshKeys } from '../pve/ssh-keys.ts';
import { parseAddress } from './ip.ts';

interface CloudInitAddress {
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway?: string;
  /** Only the main address of each family goes on the network card. */
  readonly primary: boolean;
}

export interface CloudInitRequest {
  readonly user: string;
  /** Given only when it is to be set: Proxmox VE stores a hash, so that it can never be compared. */
  readonly password?: string;
  readonly sshKeys: readonly string[];
  /** Fully qualified host name of the guest. */
  readonly hostname: string;
  /** Name of the VM in Proxmox VE. */
  readonly vmName: string;
  readonly addresses: readonly CloudInitAddress[];
  readonly dhcp4: boolean;
  readonly dhcp6: boolean;
  readonly nameservers: readonly string[];
  readonly searchDomain?: string;
}

/**
 * The keys of the VM's config that have to be set. `sshkeys` is percent-encoded once; the form encoding comes on top.
 *
 * Proxmox VE has no key for the host name: it takes the VM's name, and beneath a name without dots the search domain.
 * So `name` is here, the host name itself, when the two together do not give it.
 */
export function desiredCloudInit(request: CloudInitRequest): Record<string, string> {
  const { user, password, sshKeys, hostname, vmName, nameservers } = request;
  const addressLine = printIpConfig(ipConfig(request));
  const searchDomain = request.searchDomain ?? domainOf(hostname);
  return Object.fromEntries(
    Object.entries({
      ciuser: user,
      cipassword: password,
      sshkeys: sshKeys.length === 0 ? undefined : encodeSshKeys(sshKeys),
      ipconfig0: addressLine === '' ? undefined : addressLine,
      nameserver: nameservers.length === 0 ? undefined : nameservers.join(' '),
      searchdomain: searchDomain,
      name: givesHostname(vmName, searchDomain, hostname) ? undefined : hostname,
    }).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/**
 * Keys that a clone takes over from its template and that are removed when the VM has none of its own: with the keys of
 * the template's administrator he could log in to every VM, with its address line two VMs would have one address.
 */
const LEFT_BY_TEMPLATE = ['sshkeys', 'ipconfig0', 'nameserver', 'searchdomain'] as const;

/**
 * What has to be sent to come from the observed config to the desired keys. A desired password always differs: Proxmox
 * VE masks the stored one. What the template left and the VM has none of is removed.
 */
export function cloudInitDifference(
  desired: Readonly<Record<string, string>>,
  observed: ReadonlyMap<string, string>,
): { set: Record<string, string>; delete: string[] } {
  const set = Object.fromEntries(Object.entries(desired).filter(([key, value]) => observed.get(key) !== value));
  return { set, delete: LEFT_BY_TEMPLATE.filter((key) => desired[key] === undefined && observed.has(key)) };
}

/** Stands for a set of SSH keys, whatever their order: enough to tell whether it has changed. */
export function sshKeysDigest(keys: readonly string[]): string {
  return `sha256:${createHash('sha256').update(keys.toSorted().join('\n')).digest('hex')}`;
}

function ipConfig({ addresses, dhcp4, dhcp6 }: CloudInitRequest): IpConfig {
  const v4 = mainAddress(addresses, 'IPv4');
  const v6 = mainAddress(addresses, 'IPv6');
  return {
    ...(dhcp4 ? { ip: 'dhcp' } : v4 && { ip: v4.cidr, ...(v4.gateway === undefined ? {} : { gw: v4.gateway }) }),
    ...(dhcp6 ? { ip6: 'dhcp' } : v6 && { ip6: v6.cidr, ...(v6.gateway === undefined ? {} : { gw6: v6.gateway }) }),
  };
}

function mainAddress(addresses: readonly CloudInitAddress[], family: 'IPv4' | 'IPv6') {
  const main = addresses.find(({ address, primary }) => primary && parseAddress(address)?.family === family);
  return main && { cidr: `${main.address}/${main.prefixLength}`, gateway: main.gateway };
}

function domainOf(hostname: string): string | undefined {
  const dot = hostname.indexOf('.');
  return dot === -1 ? undefined : hostname.slice(dot + 1);
}

// The rule of Proxmox VE's Cloudinit.pm: a name with a dot is the full name, else the search domain is put beneath it.
function givesHostname(vmName: string, searchDomain: string | undefined, hostname: string): boolean {
  const full = vmName.includes('.') || searchDomain === undefined ? vmName : `${vmName}.${searchDomain}`;
  return full.toLowerCase() === hostname.toLowerCase();
}
