// Users, tokens, roles and permissions: who may do what on which path.
import { isUpTo } from '../schema/release.ts';
import type { Release } from '../schema/release.ts';

/** An entry of the permission list. */
export interface AclEntry {
  path: string;
  propagate: boolean;
  role: string;
  /** `user@realm` or `user@realm!token`. */
  who: string;
}

/** An API token. With privilege separation it has its own entries, cut down to its user's. */
export interface Token {
  /** `user@realm!name`. */
  id: string;
  secret: string;
  privilegeSeparation: boolean;
}

export const rootUser = 'root@pam';

/** The privileges Proxmox VE 9 knows and this simulator checks. */
const allPrivileges: readonly string[] = [
  'Datastore.Allocate',
  'Datastore.AllocateSpace',
  'Datastore.AllocateTemplate',
  'Datastore.Audit',
  'Group.Allocate',
  'Mapping.Audit',
  'Mapping.Modify',
  'Mapping.Use',
  'Permissions.Modify',
  'Pool.Allocate',
  'Pool.Audit',
  'Realm.Allocate',
  'Realm.AllocateUser',
  'SDN.Allocate',
  'SDN.Audit',
  'SDN.Use',
  'Sys.AccessNetwork',
  'Sys.Audit',
  'Sys.Console',
  'Sys.Incoming',
  'Sys.Modify',
  'Sys.PowerMgmt',
  'Sys.Syslog',
  'User.Modify',
  'VM.Allocate',
  'VM.Audit',
  'VM.Backup',
  'VM.Clone',
  'VM.Config.CDROM',
  'VM.Config.CPU',
  'VM.Config.Cloudinit',
  'VM.Config.Disk',
  'VM.Config.HWType',
  'VM.Config.Memory',
  'VM.Config.Network',
  'VM.Config.Options',
  'VM.Console',
  'VM.GuestAgent.Audit',
  'VM.GuestAgent.FileRead',
  'VM.GuestAgent.FileSystemMgmt',
  'VM.GuestAgent.FileWrite',
  'VM.GuestAgent.Unrestricted',
  'VM.Migrate',
  'VM.PowerMgmt',
  'VM.Replicate',
  'VM.Snapshot',
  'VM.Snapshot.Rollback',
];

/** Privileges of the guest agent; before 9.0 a single one stood for them. */
const agentPrivilege = /^VM\.GuestAgent\./;

/** The privileges a release knows. */
export function privilegesOf(release: Release): readonly string[] {
  if (!isUpTo(release, '8.4')) return allPrivileges;
  return [...allPrivileges.filter((privilege) => !agentPrivilege.test(privilege)), 'VM.Monitor'];
}

/** Who calls: the full id (with token) and the user behind it. */
export interface Caller {
  id: string;
  user: string;
  tokenName: string | undefined;
}

/** A caller from its id. */
export function callerOf(id: string): Caller {
  const [user = id, tokenName] = id.split('!');
  return { id, user, tokenName };
}

/** The access control of a cluster. */
export class AccessControl {
  readonly users = new Set<string>([rootUser]);
  readonly tokens = new Map<string, Token>();
  readonly roles: Map<string, Set<string>>;
  acl: AclEntry[] = [];
  /** Pool of a VM or storage, so that pool permissions count for it. */
  poolOf: (path: string) => string | undefined = () => undefined;

  readonly #known: ReadonlySet<string>;

  constructor(release: Release) {
    this.#known = new Set(privilegesOf(release));
    this.roles = new Map<string, Set<string>>([
      ['Administrator', new Set(this.#known)],
      ['NoAccess', new Set()],
    ]);
  }

  /** Stores a role; privileges the release does not know are left out, as when an older configuration is read. */
  setRole(name: string, privileges: readonly string[]): void {
    this.roles.set(name, new Set(privileges.filter((privilege) => this.#known.has(privilege))));
  }

  /** The caller behind an Authorization header, or why it is refused. */
  authenticate(header: string | undefined): Caller | { refused: string } {
    if (header === undefined || !/^PVEAPIToken[= ]/.test(header)) return { refused: 'No ticket' };
    const match = /^PVEAPIToken[= ]([^=]+)=(.+)$/.exec(header);
    const token = match === null ? undefined : this.tokens.get(match[1] ?? '');
    if (token === undefined || token.secret !== match?.[2]) return { refused: 'Authentication failed!' };
    return callerOf(token.id);
  }

  /** The caller's privileges on a path; the value says whether they propagate. */
  privileges(caller: Caller, path: string): Map<string, boolean> {
    if (caller.id === rootUser) return this.#everything();
    if (caller.tokenName === undefined) return this.#granted(caller.id, path);
    const ofUser = caller.user === rootUser ? undefined : this.#granted(caller.user, path);
    if (this.tokens.get(caller.id)?.privilegeSeparation === false) {
      return ofUser ?? this.#everything();
    }
    const own = this.#granted(caller.id, path);
    if (ofUser === undefined) return own;
    return new Map([...own].filter(([privilege]) => ofUser.has(privilege)));
  }

  has(caller: Caller, path: string, privilege: string): boolean {
    return this.privileges(caller, path).has(privilege);
  }

  hasAny(caller: Caller, path: string, privileges: readonly string[]): boolean {
    const granted = this.privileges(caller, path);
    return privileges.some((privilege) => granted.has(privilege));
  }

  #everything(): Map<string, boolean> {
    return new Map([...this.#known].map((privilege) => [privilege, true]));
  }

  #granted(who: string, path: string): Map<string, boolean> {
    const own = this.#onPath(who, path);
    const pool = this.poolOf(path);
    if (pool !== undefined) {
      for (const [privilege, propagate] of this.#onPath(who, `/pool/${pool}`))
        own.set(privilege, propagate || own.get(privilege) === true);
    }
    return own;
  }

  /** The closest level with an entry wins; entries of upper levels count only when they propagate. */
  #onPath(who: string, path: string): Map<string, boolean> {
    let granted = new Map<string, boolean>();
    for (const level of levels(path)) {
      const entries = this.acl.filter(
        (entry) => entry.who === who && entry.path === level && (level === path || entry.propagate),
      );
      if (entries.length === 0) continue;
      granted = new Map();
      for (const entry of entries) {
        for (const privilege of this.roles.get(entry.role) ?? []) granted.set(privilege, entry.propagate);
      }
    }
    return granted;
  }
}

function levels(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return ['/', ...parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`)];
}
