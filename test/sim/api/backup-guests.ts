// Which VMs a backup is of: those that are named, those of a pool, or all but some.
import { splitList } from '../schema/formats.ts';
import type { BackupJob, World } from '../state/world.ts';

/** VMIDs a job (or a call) selects, on whatever node; a named VM need not exist. */
export function guestsOf(world: World, { vmid, pool, all, exclude }: BackupJob): number[] {
  if (pool !== undefined) return [...(world.pools.get(String(pool))?.vms ?? [])];
  if (all !== 1) return numbers(vmid);
  const excluded = new Set(numbers(exclude));
  return [...world.vms.keys()].filter((id) => !excluded.has(id));
}

function numbers(list: string | number | undefined): number[] {
  return splitList(String(list ?? '')).map(Number);
}
