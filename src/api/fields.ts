// Field types that several kinds use, with the bounds that Kubernetes, Proxmox VE and DNS set.
import { isIP } from 'node:net';
import { z } from 'zod';
import { matching, withRules } from './object.ts';

/** Name of a Kubernetes object in a reference (RFC 1123 subdomain). */
export const objectName = matching(
  /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/,
  'must be an object name: lower-case letters, digits, hyphens and dots',
  { max: 253 },
);

export const namespaceName = matching(
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  'must be the name of a namespace: lower-case letters, digits and hyphens',
  { max: 63 },
);

/** Proxmox VE's `pve-vmid`: 100 to 999999999. */
export const vmid = z.int().min(100).max(999_999_999);

/** Proxmox VE's `pve-node`: a host name of one label. */
export const nodeName = matching(
  /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/,
  'must be the name of a node: letters, digits and hyphens, without the domain',
  { max: 63 },
);

/** Proxmox VE's `pve-storage-id`. */
export const storageName = matching(
  /^[a-zA-Z][a-zA-Z0-9._-]*[a-zA-Z0-9]$/,
  'must be the id of a storage: a letter, then letters, digits, hyphens, underscores and dots',
  { min: 2, max: 100 },
);

/** Name of a bridge as Linux and Proxmox VE take it; no comma, no equals sign: it becomes part of a property string. */
export const bridgeName = matching(
  /^[a-zA-Z][a-zA-Z0-9_.-]*$/,
  'must be the name of a bridge, for example vmbr0: a letter, then letters, digits, hyphens, underscores and dots',
  { max: 15 },
);

/** VLAN tag; 0 means untagged, 4095 is reserved by IEEE 802.1Q and refused by Proxmox VE. */
export const vlanTag = z.int().min(0).max(4094);

/** Fully qualified host name in lower case without a trailing dot (RFC 1123 labels). */
export const hostname = matching(
  /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/,
  'must be a DNS name: labels of lower-case letters, digits and hyphens, separated by dots; no underscore, no dot at the end',
  { max: 253 },
);

// A URL parser brings every spelling of a mapped address (::ffff:192.0.2.1, 0:0:0:0:0:ffff:c000:201) into one.
function isMappedIPv4(address: string): boolean {
  return isIP(address) === 6 && new URL(`http://[${address}]`).hostname.startsWith('[::ffff:');
}

/** Whether a text is an address as the API server's CEL function isIP() sees it: no zone, no IPv4-mapped IPv6 address. */
export function isPlainIP(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%') && !isMappedIPv4(text);
}

const IP_MESSAGE =
  'must be an IPv4 or IPv6 address, without prefix length or zone, and not an IPv4-mapped IPv6 address';

/** Textual IPv4 or IPv6 address; which of the two is legal where is checked by rules beside the field. */
export const ipAddress = withRules(z.string().min(2).max(45).refine(isPlainIP, IP_MESSAGE), [
  // The function comes from the API server's IP library (Kubernetes 1.31).
  { rule: 'isIP(self)', message: IP_MESSAGE },
]);

const PEM_BEGIN = '-----BEGIN CERTIFICATE-----';
const PEM_MESSAGE = `must hold PEM certificates (${PEM_BEGIN})`;

/** PEM certificates; whether they parse is found when they are used. */
export const caBundle = withRules(
  z
    .string()
    .min(1)
    .max(65_536)
    .refine((text) => text.includes(PEM_BEGIN), PEM_MESSAGE),
  [{ rule: `self.contains('${PEM_BEGIN}')`, message: PEM_MESSAGE }],
);

/** Disk size in GiB (the manual's and Proxmox VE's "GB"); 0 means "as in the template" or "none". */
export const sizeGiB = z.int().min(0).max(131_072);

/** Throughput limit in MB/s; 0 means unlimited. */
export const megabytesPerSecond = z.int().min(0).max(1_000_000);

/** I/O operations per second; 0 means unlimited. */
export const iops = z.int().min(0).max(100_000_000);

export const allowedNamespaces = z
  .object({
    names: z.array(namespaceName).max(1024).describe('Names of the namespaces that may use this object.').meta({
      'x-kubernetes-list-type': 'set',
    }),
  })
  .describe('Namespaces whose VirtualMachines may use this object. Absent: every namespace. An empty list: none.');

/** For what must be granted: absent where it stands means no namespace. */
export const grantedNamespaces = z.object({
  names: z
    .array(namespaceName)
    .max(1024)
    .describe('Names of the namespaces.')
    .meta({ 'x-kubernetes-list-type': 'set' }),
});

export const objectReference = (what: string) =>
  z.object({ name: objectName.describe(`Name of the ${what}.`) }).describe(`The ${what} to use.`);

/** Reference to a key of a Secret in the operator's own namespace. */
export const secretReference = (what: string) =>
  z
    .object({
      name: objectName.describe("Name of a Secret in the operator's own namespace."),
    })
    .describe(what);
