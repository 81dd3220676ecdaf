// Decides what a VM's firewall has to be: its options and the set of addresses it may send from.
import type { PlanSpec } from '../api/plan.ts';
import { canonicalAddress } from './ip.ts';

/** The set that restricts net0: when it exists, Proxmox VE drops what net0 sends from any other address. */
export const ADDRESS_SET = 'ipfilter-net0';

export interface DesiredFirewall {
  /** Options of the VM's firewall as Proxmox VE names them. Those that are not here are left as they are. */
  readonly options: Readonly<Record<string, string | number>>;
  /** Absent: the set must not exist. */
  readonly ipset?: { readonly name: typeof ADDRESS_SET; readonly cidrs: readonly string[] };
  /** Why the firewall cannot be as declared. */
  readonly inactiveBecause?: string;
}

/** What has to be sent. A clone takes its template's firewall along, so that there may be more to remove than to add. */
export interface FirewallDifference {
  readonly options: Readonly<Record<string, string | number>>;
  readonly createSet: boolean;
  /** The whole set goes, members and all (`force=1`): as long as it exists, Proxmox VE filters by it, also when empty. */
  readonly removeSet: boolean;
  readonly addCidrs: readonly string[];
  /** As Proxmox VE spells them, for the path of the call. */
  readonly removeCidrs: readonly string[];
}

/** What the plan turns on or off when it says nothing. */
const DEFAULTS = {
  enabled: true,
  dhcp: true,
  ndp: true,
  routerAdvertisement: false,
  macFilter: true,
  ipFilter: false,
  antiSpoofing: true,
  inputPolicy: 'ACCEPT',
  outputPolicy: 'ACCEPT',
  inputLogLevel: 'nolog',
  outputLogLevel: 'nolog',
} as const satisfies Required<NonNullable<PlanSpec['firewall']>>;

/** What the plan says of the firewall, with every default filled in. */
export function declaredFirewall(firewall: PlanSpec['firewall']): Required<NonNullable<PlanSpec['firewall']>> {
  return { ...DEFAULTS, ...firewall };
}

const DHCP_TEXT =
  'The VM gets its address by DHCP, so the firewall does not know it: no rules and no address set are made. Turn DHCP off in the plan to use the firewall.';

/**
 * The firewall as declared. With DHCP the addresses are not known: a set of the pool's addresses, or `ipfilter`, would
 * cut the VM off, so the firewall of the VM is off then and `inactiveBecause` says so.
 */
export function desiredFirewall({
  firewall,
  dhcp,
  addresses,
}: {
  firewall: PlanSpec['firewall'];
  dhcp: boolean;
  addresses: readonly string[];
}): DesiredFirewall {
  const declared = declaredFirewall(firewall);
  if (dhcp) return { options: { enable: 0 }, ...(declared.enabled ? { inactiveBecause: DHCP_TEXT } : {}) };
  const options = {
    enable: flag(declared.enabled),
    dhcp: flag(declared.dhcp),
    ndp: flag(declared.ndp),
    radv: flag(declared.routerAdvertisement),
    macfilter: flag(declared.macFilter),
    ipfilter: flag(declared.ipFilter),
    policy_in: declared.inputPolicy,
    policy_out: declared.outputPolicy,
    log_level_in: declared.inputLogLevel,
    log_level_out: declared.outputLogLevel,
  };
  const cidrs = addresses.map((address) => canonicalAddress(address) ?? address);
  // An empty set would forbid every address; a VM without addresses from us is not restricted to ours.
  const hasSet = declared.antiSpoofing && cidrs.length > 0;
  return hasSet ? { options, ipset: { name: ADDRESS_SET, cidrs } } : { options };
}

/** What differs between the firewall as declared and as observed; `observedCidrs` is undefined when there is no set. */
export function firewallDifference(
  desired: DesiredFirewall,
  observedOptions: Readonly<Record<string, unknown>>,
  observedCidrs: readonly string[] | undefined,
): FirewallDifference {
  // An option that is not set is not compared with a default: that of ndp differs between Proxmox VE 8 and 9.
  const options = Object.fromEntries(
    Object.entries(desired.options).filter(([key, value]) => !sameOption(observedOptions[key], value)),
  );
  if (desired.ipset === undefined) {
    return { options, createSet: false, removeSet: observedCidrs !== undefined, addCidrs: [], removeCidrs: [] };
  }
  const wanted = new Set(desired.ipset.cidrs);
  const present = new Map((observedCidrs ?? []).map((cidr) => [cidr, bareCidr(cidr)]));
  const found = new Set(present.values());
  return {
    options,
    createSet: observedCidrs === undefined,
    removeSet: false,
    addCidrs: [...wanted].filter((cidr) => !found.has(cidr)),
    removeCidrs: [...present].filter(([, bare]) => !wanted.has(bare)).map(([cidr]) => cidr),
  };
}

function flag(on: boolean): 0 | 1 {
  return on ? 1 : 0;
}

// Proxmox VE answers 1, "1" or true for the same thing.
function sameOption(observed: unknown, wanted: string | number): boolean {
  const value = typeof observed === 'boolean' ? flag(observed) : observed;
  return (typeof value === 'string' || typeof value === 'number') && String(value) === String(wanted);
}

/** Whether a member of a set stands for this very address, however it is written. */
export function isMemberFor(cidr: string, address: string): boolean {
  return bareCidr(cidr) === (canonicalAddress(address) ?? address);
}

// Proxmox VE prints 10.1.0.5/32 as 10.1.0.5, but takes both.
function bareCidr(cidr: string): string {
  const [address = '', length] = cidr.split('/');
  const canonical = canonicalAddress(address);
  const isHost = length === undefined || length === (address.includes(':') ? '128' : '32');
  return canonical !== undefined && isHost ? canonical : cidr;
}
