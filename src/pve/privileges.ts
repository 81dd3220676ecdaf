// Answers for which privileges the operator's token needs, so that a missing one has a name before a call fails.

/** The token's privileges by path, as `/access/permissions` tells them. */
export type Permissions = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * What deploy and deletion need, by the path it is usually granted on. A grant on a part of it is enough here: which
 * VMs, nodes, storages and pools the token is for is the platform team's choice.
 */
const NEEDED: readonly { path: string; alsoUnder: readonly string[]; privileges: readonly string[] }[] = [
  {
    path: '/vms',
    alsoUnder: ['/pool'],
    privileges: [
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
    ],
  },
  { path: '/storage', alsoUnder: ['/pool'], privileges: ['Datastore.AllocateSpace', 'Datastore.Audit'] },
  { path: '/sdn', alsoUnder: [], privileges: ['SDN.Use'] },
  // Quorum is asked of the cluster as a whole.
  { path: '/', alsoUnder: [], privileges: ['Sys.Audit'] },
];

/** Every privilege that is needed somewhere, by name. */
export const neededPrivileges: readonly string[] = NEEDED.flatMap(({ privileges }) => privileges).sort();

/** Each path with the privileges that the token has nowhere below it: `VM.Clone, VM.Migrate on /vms`. */
export function missingPrivileges(permissions: Permissions): string[] {
  return NEEDED.flatMap(({ path, alsoUnder, privileges }) => {
    const granted = grantedBelow(permissions, [path, ...alsoUnder]);
    const missing = privileges.filter((privilege) => !granted.has(privilege));
    return missing.length === 0 ? [] : [`${missing.join(', ')} on ${path}`];
  });
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
