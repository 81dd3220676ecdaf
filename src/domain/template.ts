// What a template must have for a VM to be made from it, and which of its disks is which.
import { type DriveKey, drivesOf, findSystemDisk, isCloudInit } from '../pve/drive.ts';
import { additionalDiskKey } from './disks.ts';

export interface TemplateDisks {
  system: { key: DriveKey; storage: string };
  /** Slot that stays free for an additional disk. */
  freeKey: string;
}

/** Reads a template's configuration; a problem is a sentence that says what the template lacks. */
export function templateDisks(config: ReadonlyMap<string, string>): TemplateDisks | { problem: string } {
  const found = findSystemDisk({ values: config });
  if ('error' in found) return { problem: found.error };
  const { key, drive } = found;
  if (drive.storage === undefined) return { problem: `The system disk ${key} is not on a storage of Proxmox VE.` };
  const drives = drivesOf({ values: config });
  if (![...drives.values()].some(isCloudInit)) {
    return { problem: 'It has no cloud-init drive. Add one (qm set <vmid> --ide2 <storage>:cloudinit).' };
  }
  // The files it names would take the place of user, password, keys and network of every VM.
  if (config.has('cicustom')) {
    return {
      problem:
        'It has cicustom, whose files override what a VM is given as user, password and addresses. Remove it (qm set <vmid> --delete cicustom).',
    };
  }
  const scsihw = config.get('scsihw');
  const freeKey = additionalDiskKey({
    systemKey: key,
    usedKeys: [...drives.keys()],
    ...(scsihw === undefined ? {} : { scsihw }),
  });
  if (freeKey === undefined) return { problem: 'It has no free slot for an additional disk.' };
  return { system: { key, storage: drive.storage }, freeKey };
}
