// Tests of who may do what: levels of paths, roles, tokens with and without own privileges, pools, releases.
import { describe, expect, it } from 'vitest';
import { AccessControl, callerOf, privilegesOf } from './access.ts';
import type { AclEntry } from './access.ts';

const user = 'op@pve';
const separated = 'op@pve!own';
const shared = 'op@pve!same';

function accessWith(acl: readonly Partial<AclEntry>[]): AccessControl {
  const access = new AccessControl('9.2');
  access.setRole('Reader', ['VM.Audit']);
  access.setRole('Runner', ['VM.Audit', 'VM.PowerMgmt']);
  access.tokens.set(separated, { id: separated, secret: 's', privilegeSeparation: true });
  access.tokens.set(shared, { id: shared, secret: 's', privilegeSeparation: false });
  access.acl = acl.map((entry) => ({ path: '/', propagate: true, role: 'Reader', who: user, ...entry }));
  return access;
}

describe('privileges', () => {
  const rows: { name: string; acl: Partial<AclEntry>[]; who: string; path: string; want: string[] }[] = [
    { name: 'nobody has any', acl: [], who: user, path: '/vms/100', want: [] },
    { name: 'they come down', acl: [{}], who: user, path: '/vms/100', want: ['VM.Audit'] },
    { name: 'unless they stay', acl: [{ propagate: false }], who: user, path: '/vms/100', want: [] },
    { name: 'but hold where they are', acl: [{ propagate: false }], who: user, path: '/', want: ['VM.Audit'] },
    {
      name: 'the closest level wins',
      acl: [{ role: 'Runner' }, { path: '/vms' }],
      who: user,
      path: '/vms/100',
      want: ['VM.Audit'],
    },
    {
      name: 'NoAccess takes away',
      acl: [{}, { path: '/vms/100', role: 'NoAccess' }],
      who: user,
      path: '/vms/100',
      want: [],
    },
    {
      name: 'roles of one level add up',
      acl: [{ path: '/vms' }, { path: '/vms', role: 'Runner' }],
      who: user,
      path: '/vms/100',
      want: ['VM.Audit', 'VM.PowerMgmt'],
    },
    { name: 'a token without separation is its user', acl: [{}], who: shared, path: '/vms/1', want: ['VM.Audit'] },
    { name: 'a token with it has nothing of its own', acl: [{}], who: separated, path: '/vms/1', want: [] },
    {
      name: 'and never more than its user',
      acl: [{}, { who: separated, role: 'Runner' }],
      who: separated,
      path: '/vms/1',
      want: ['VM.Audit'],
    },
  ];
  it.each(rows)('$name', ({ acl, who, path, want }) => {
    const privileges = accessWith(acl).privileges(callerOf(who), path);
    expect([...privileges.keys()].toSorted()).toEqual(want);
  });

  it('of a pool hold for what is in it', () => {
    const access = accessWith([{ path: '/pool/customers', role: 'Runner' }]);
    access.poolOf = (path) => (path === '/vms/100' ? 'customers' : undefined);
    expect(access.has(callerOf(user), '/vms/100', 'VM.PowerMgmt')).toBe(true);
    expect(access.has(callerOf(user), '/vms/101', 'VM.PowerMgmt')).toBe(false);
  });

  it('of root are all of them', () => {
    expect([...accessWith([]).privileges(callerOf('root@pam'), '/').keys()]).toEqual([...privilegesOf('9.2')]);
  });

  it('a role keeps only what the release knows', () => {
    const old = new AccessControl('8.4');
    old.setRole('Agent', ['VM.Monitor', 'VM.GuestAgent.Audit']);
    const current = new AccessControl('9.2');
    current.setRole('Agent', ['VM.Monitor', 'VM.GuestAgent.Audit']);
    expect([...(old.roles.get('Agent') ?? [])]).toEqual(['VM.Monitor']);
    expect([...(current.roles.get('Agent') ?? [])]).toEqual(['VM.GuestAgent.Audit']);
  });
});

describe('authenticate', () => {
  const rows = [
    { header: undefined, want: { refused: 'No ticket' } },
    { header: 'Basic abc', want: { refused: 'No ticket' } },
    { header: `PVEAPIToken=${shared}=wrong`, want: { refused: 'Authentication failed!' } },
    { header: 'PVEAPIToken=op@pve!none=s', want: { refused: 'Authentication failed!' } },
    { header: 'PVEAPIToken=nonsense', want: { refused: 'Authentication failed!' } },
    { header: `PVEAPIToken=${shared}=s`, want: { id: shared, user, tokenName: 'same' } },
    { header: `PVEAPIToken ${shared}=s`, want: { id: shared, user, tokenName: 'same' } },
  ];
  it.each(rows)('$header', ({ header, want }) => {
    expect(accessWith([]).authenticate(header)).toEqual(want);
  });
});
