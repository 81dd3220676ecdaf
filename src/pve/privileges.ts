// Answers for which privileges the operator's token needs, so that a missing one has a name before a call fails.

/** The token's privileges by path, as `/access/permissions` tells them. */
export type Permissions = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * What a VM's whole life needs, by the path it is usually granted on. A grant on a part of it is enough here: which
 * VMs, nodes, storages and pools the token is for is the platform team's choice.
 */
const NEEDED: readonly { path: string; alsoUnder: readonly string[]; privileges: readonly string[] }[] = [
  {
    path: '/vms',
    alsoUnder: ['/pool'],
    privileges: [
      'VM.Allocate',
      'VM.Audit',
      // Also for seeing backups at all: without it Proxmox lists none.
      'VM.Backup',
      'VM.Clone',
      'VM.Config.CPU',
      'VM.Config.Cloudinit',
      'VM.Config.Disk',
      'VM.Config.Memory',
      'VM.Config.Network',
      'VM.Config.Options',
      // Asking whether the agent is there would need less, setting a password needs this.
      'VM.GuestAgent.Unrestricted',
      'VM.Migrate',
      'VM.PowerMgmt',
      'VM.Snapshot',
    ],
  },
  { path: '/storage', alsoUnder: ['/pool'], privileges: ['Datastore.AllocateSpace', 'Datastore.Audit'] },
  { path: '/sdn', alsoUnder: [], privileges: ['SDN.Use'] },
  // Quorum is asked of the cluster as a whole.
  { path: '/', alsoUnder: [], privileges: ['Sys.Audit'] },
];

/**
 * Privileges that have another name before Proxmox VE 9. Neither release knows the other's: a role cannot have it, and
 * what a role kept from an older release is not among the token's privileges.
 */
const NAME_BEFORE_9: Readonly<Record<string, string>> = { 'VM.GuestAgent.Unrestricted': 'VM.Monitor' };

/** Every privilege that is needed somewhere, by the name it has since Proxmox VE 9. */
export const neededPrivileges: readonly string[] = NEEDED.flatMap(({ privileges }) => privileges).sort();

/** Each path with the privileges that the token has nowhere below it: `VM.Clone, VM.Migrate on /vms`. */
export function missingPrivileges(permissions: Permissions): string[] {
  return NEEDED.flatMap(({ path, alsoUnder, privileges }) => {
    const granted = grantedBelow(permissions, [path, ...alsoUnder]);
    const missing = privileges.filter(
      (privilege) => !granted.has(privilege) && !granted.has(NAME_BEFORE_9[privilege] ?? privilege),
    );
    return missing.length === 0 ? [] : [`${missing.map(withEarlierName).join(', ')} on ${path}`];
  });
}

/**
 * Privileges that the token has somewhere and that nothing here needs, sorted. Those to look at things are left out: they
 * change nothing.
 */
export function excessPrivileges(permissions: Permissions): string[] {
  const useful = new Set([...neededPrivileges, ...Object.values(NAME_BEFORE_9)]);
  const all = new Set([...permissions.values()].flatMap((privileges) => [...privileges]));
  return [...all].filter((privilege) => !useful.has(privilege) && !privilege.endsWith('.Audit')).sort();
}

function withEarlierName(privilege: string): string {
  const earlier = NAME_BEFORE_9[privilege];
  return earlier === undefined ? privilege : `${privilege} (${earlier} before Proxmox VE 9)`;
}

function grantedBelow(permissions: Permissions, roots: readonly string[]): Set<string> {
  const granted = new Set<string>();
  for (const [path, privileges] of permissions) {
    const counts = path === '/' || roots.some((root) => path === root || (root !== '/' && path.startsWith(`${root}/`)));
    if (counts) for (const privilege of privileges) granted.add(privilege);
  }
  return granted;
}

/** Privileges whose lack Proxmox reports without naming them, because several paths could give them. */
export const unnamedPrivileges: Readonly<Record<string, string>> = {
  'POST /nodes/{node}/qemu/{vmid}/clone': 'VM.Allocate',
};
