// Answers for which privileges the operator's token needs, so that a missing one has a name before a call fails.

/** What a deploy and its end need, each on some path: `/` or narrower ones such as `/vms`, `/storage/x`, `/pool/y`. */
export const neededPrivileges: readonly string[] = [
  'Datastore.AllocateSpace',
  'Datastore.Audit',
  'SDN.Use',
  'Sys.Audit',
  'VM.Allocate',
  'VM.Audit',
  'VM.Clone',
  'VM.Config.CPU',
  'VM.Config.Cloudinit',
  'VM.Config.Disk',
  'VM.Config.Memory',
  'VM.Config.Network',
  'VM.Config.Options',
  'VM.Migrate',
  'VM.PowerMgmt',
];

/**
 * The needed privileges that the token has on no path at all. An empty answer is no promise: a privilege can still be
 * missing on the one path that a call needs, which Proxmox then names itself.
 */
export function missingPrivileges(permissions: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const held = new Set([...permissions.values()].flatMap((privileges) => [...privileges]));
  return neededPrivileges.filter((privilege) => !held.has(privilege));
}

/** Privileges whose lack Proxmox reports without naming them, because several paths could give them. */
export const unnamedPrivileges: Readonly<Record<string, string>> = {
  'POST /nodes/{node}/qemu/{vmid}/clone': 'VM.Allocate',
};
