// The 18 package options: what a plan sets by default and one VM may override.
import { z } from 'zod';
import { iops, megabytesPerSecond, sizeGiB, vmid } from './fields.ts';

const limit = (what: string) => megabytesPerSecond.describe(`${what} in MB/s. 0 means unlimited.`);
const rate = (what: string) => iops.describe(`${what} in I/O operations per second. 0 means unlimited.`);

/** One schema per option, so that plan, VM and effective package cannot disagree on a bound. */
export const optionSchemas = {
  cpuCores: z.int().min(1).max(128).describe('Number of virtual CPU cores.'),
  memoryGiB: z.int().min(1).max(4096).describe('Memory in GiB.'),
  backups: z.int().min(0).max(1000).describe('Most backups the VM may keep. 0 means that backups are off.'),
  snapshots: z.int().min(0).max(1000).describe('Most snapshots the VM may keep. 0 means that snapshots are off.'),
  systemDiskGiB: sizeGiB.describe('Size of the system disk in GiB. 0 keeps the size of the template. Grows only.'),
  systemDiskReadMBps: limit('Read limit of the system disk'),
  systemDiskWriteMBps: limit('Write limit of the system disk'),
  systemDiskReadIOPS: rate('Read limit of the system disk'),
  systemDiskWriteIOPS: rate('Write limit of the system disk'),
  additionalDiskGiB: sizeGiB.describe(
    'Size of the additional disk in GiB. 0 means no additional disk: one that is there is destroyed when its volume is named in consent. Grows only.',
  ),
  additionalDiskReadMBps: limit('Read limit of the additional disk'),
  additionalDiskWriteMBps: limit('Write limit of the additional disk'),
  additionalDiskReadIOPS: rate('Read limit of the additional disk'),
  additionalDiskWriteIOPS: rate('Write limit of the additional disk'),
  networkMBps: megabytesPerSecond.describe('Limit of the network card in MB/s. 0 means unlimited.'),
  ipv4Addresses: z.int().min(0).max(64).describe('Number of IPv4 addresses.'),
  ipv6Addresses: z.int().min(0).max(64).describe('Number of IPv6 addresses.'),
  operatingSystem: vmid.describe(
    'VMID of the template to clone. It must be the template of the plan or one that the plan allows.',
  ),
} as const;

export type OptionName = keyof typeof optionSchemas;

export const optionsSchema = z.object({
  cpuCores: optionSchemas.cpuCores.optional(),
  memoryGiB: optionSchemas.memoryGiB.optional(),
  backups: optionSchemas.backups.optional(),
  snapshots: optionSchemas.snapshots.optional(),
  systemDiskGiB: optionSchemas.systemDiskGiB.optional(),
  systemDiskReadMBps: optionSchemas.systemDiskReadMBps.optional(),
  systemDiskWriteMBps: optionSchemas.systemDiskWriteMBps.optional(),
  systemDiskReadIOPS: optionSchemas.systemDiskReadIOPS.optional(),
  systemDiskWriteIOPS: optionSchemas.systemDiskWriteIOPS.optional(),
  additionalDiskGiB: optionSchemas.additionalDiskGiB.optional(),
  additionalDiskReadMBps: optionSchemas.additionalDiskReadMBps.optional(),
  additionalDiskWriteMBps: optionSchemas.additionalDiskWriteMBps.optional(),
  additionalDiskReadIOPS: optionSchemas.additionalDiskReadIOPS.optional(),
  additionalDiskWriteIOPS: optionSchemas.additionalDiskWriteIOPS.optional(),
  networkMBps: optionSchemas.networkMBps.optional(),
  ipv4Addresses: optionSchemas.ipv4Addresses.optional(),
  ipv6Addresses: optionSchemas.ipv6Addresses.optional(),
  operatingSystem: optionSchemas.operatingSystem.optional(),
});

export type Options = z.infer<typeof optionsSchema>;
