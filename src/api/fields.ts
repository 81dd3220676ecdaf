// Field types that several kinds use, with the bounds that Kubernetes, Proxmox VE and DNS set.
import { z } from 'zod';

/** DNS label as Kubernetes demands it for object names in a reference. */
export const objectName = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);

export const namespaceName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);

/** Proxmox VE's `pve-vmid`: 100 to 999999999. */
export const vmid = z.int().min(100).max(999_999_999);

/** Proxmox VE's `pve-node`: a host name of one label. */
export const nodeName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/);

/** Proxmox VE's `pve-storage-id`. */
export const storageName = z
  .string()
  .min(2)
  .max(100)
  .regex(/^[a-zA-Z][a-zA-Z0-9._-]*[a-zA-Z0-9]$/);

/** Name of a bridge as Linux and Proxmox VE take it; no comma, no equals sign: it becomes part of a property string. */
export const bridgeName = z
  .string()
  .min(1)
  .max(15)
  .regex(/^[a-zA-Z][a-zA-Z0-9_.-]*$/);

/** VLAN tag; 0 means untagged, 4095 is reserved by IEEE 802.1Q and refused by Proxmox VE. */
export const vlanTag = z.int().min(0).max(4094);

/** Fully qualified host name in lower case without a trailing dot (RFC 1123 labels). */
export const hostname = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/);

/** Textual IPv4 or IPv6 address; which of the two is legal where is checked by rules beside the field. */
export const ipAddress = z
  .string()
  .min(2)
  .max(45)
  .regex(/^[0-9a-fA-F:.]+$/);

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

export const objectReference = (what: string) =>
  z.object({ name: objectName.describe(`Name of the ${what}.`) }).describe(`The ${what} to use.`);

/** Reference to a key of a Secret in the operator's own namespace. */
export const secretReference = (what: string) =>
  z
    .object({
      name: objectName.describe("Name of a Secret in the operator's own namespace."),
    })
    .describe(what);
