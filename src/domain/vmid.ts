// Answers which VMID a new VM gets.

/** Bounds of Proxmox VE's `pve-vmid`. */
const SMALLEST_VMID = 100;
const LARGEST_VMID = 999_999_999;

/** The first VMID from `first` on that neither Proxmox VE nor a reservation of ours uses; undefined when all are taken. */
export function nextVmid({
  first,
  used,
  reserved,
}: {
  first: number;
  used: ReadonlySet<number>;
  reserved: ReadonlySet<number>;
}): number | undefined {
  let vmid = Math.max(first, SMALLEST_VMID);
  while (used.has(vmid) || reserved.has(vmid)) vmid += 1;
  return vmid <= LARGEST_VMID ? vmid : undefined;
}
