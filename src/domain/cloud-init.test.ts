// What cloud-init is told.
import { describe, expect, it } from 'vitest';
import { cloudInitDifference, type CloudInitRequest, desiredCloudInit, sshKeysDigest } from './cloud-init.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHc5kz4cLCzLVJRYOEDLDhSYBFKWQ6b7IGPCzU3FNk2w user@example';

const REQUEST: CloudInitRequest = {
  user: 'admin',
  sshKeys: [],
  hostname: '142-5546.example.com',
  vmName: '142-5546',
  addresses: [{ address: '192.0.2.7', prefixLength: 24, gateway: '192.0.2.1', primary: true }],
  dhcp4: false,
  dhcp6: false,
  nameservers: ['192.0.2.53', '2001:db8::53'],
  searchDomain: 'example.com',
};

const WANT = {
  ciuser: 'admin',
  ipconfig0: 'ip=192.0.2.7/24,gw=192.0.2.1',
  nameserver: '192.0.2.53 2001:db8::53',
  searchdomain: 'example.com',
};

const MAIN6 = { address: '2001:db8::7', prefixLength: 64, gateway: 'fe80::1', primary: true };

describe('desiredCloudInit', () => {
  it('has the keys of Proxmox VE', () => {
    expect(desiredCloudInit(REQUEST)).toEqual(WANT);
  });

  it.each<{ name: string; request: Partial<CloudInitRequest>; want: Record<string, string | undefined> }>([
    { name: 'the password when it is to be set', request: { password: 'S3cret' }, want: { cipassword: 'S3cret' } },
    {
      name: 'keys, percent-encoded, a blank as %20',
      request: { sshKeys: [KEY, 'ssh-rsa AAAA b+c'] },
      want: {
        sshkeys:
          'ssh-ed25519%20AAAAC3NzaC1lZDI1NTE5AAAAIHc5kz4cLCzLVJRYOEDLDhSYBFKWQ6b7IGPCzU3FNk2w%20user%40example%0Assh-rsa%20AAAA%20b%2Bc',
      },
    },
    {
      name: 'both families',
      request: { addresses: [...REQUEST.addresses, MAIN6] },
      want: { ipconfig0: 'ip=192.0.2.7/24,gw=192.0.2.1,ip6=2001:db8::7/64,gw6=fe80::1' },
    },
    { name: 'IPv6 alone', request: { addresses: [MAIN6] }, want: { ipconfig0: 'ip6=2001:db8::7/64,gw6=fe80::1' } },
    {
      name: 'only the main addresses',
      request: {
        addresses: [
          { address: '192.0.2.8', prefixLength: 24, gateway: '192.0.2.1', primary: false },
          ...REQUEST.addresses,
          { ...MAIN6, address: '2001:db8::8', primary: false },
        ],
      },
      want: {},
    },
    {
      name: 'no gateway where the pool has none',
      request: { addresses: [{ address: '192.0.2.7', prefixLength: 24, primary: true }] },
      want: { ipconfig0: 'ip=192.0.2.7/24' },
    },
    { name: 'DHCP on IPv4, whatever is reserved', request: { dhcp4: true }, want: { ipconfig0: 'ip=dhcp' } },
    {
      name: 'DHCP on IPv6 beside an IPv4 address',
      request: { dhcp6: true },
      want: { ipconfig0: 'ip=192.0.2.7/24,gw=192.0.2.1,ip6=dhcp' },
    },
    {
      name: 'DHCP on both',
      request: { dhcp4: true, dhcp6: true, addresses: [] },
      want: { ipconfig0: 'ip=dhcp,ip6=dhcp' },
    },
    { name: 'no address line without addresses', request: { addresses: [] }, want: { ipconfig0: undefined } },
    { name: 'no name servers', request: { nameservers: [] }, want: { nameserver: undefined } },
    { name: 'the host name’s domain without one of the plan', request: { searchDomain: undefined }, want: {} },
    {
      name: 'no search domain for a bare name',
      request: { hostname: '142-5546', searchDomain: undefined },
      want: { searchdomain: undefined },
    },
    {
      name: 'a host name of its own as the name',
      request: { hostname: 'web.example.org' },
      want: { name: 'web.example.org' },
    },
    {
      name: 'a host name of its own with its domain',
      request: { hostname: 'web.example.org', searchDomain: undefined },
      want: { name: 'web.example.org', searchdomain: 'example.org' },
    },
    {
      name: 'the full name when the VM’s name has a dot: Proxmox VE puts no domain beneath it',
      request: { vmName: 'vm.5546', hostname: 'vm.5546.example.com' },
      want: { name: 'vm.5546.example.com' },
    },
    { name: 'no name when it is the host name already', request: { vmName: '142-5546.example.com' }, want: {} },
    { name: 'no name for other capitals', request: { vmName: '142-5546.Example.com' }, want: {} },
  ])('has $name', ({ request, want }) => {
    const expected = Object.fromEntries(
      Object.entries({ ...WANT, ...want }).filter(([, value]) => value !== undefined),
    );
    expect(desiredCloudInit({ ...REQUEST, ...request })).toEqual(expected);
  });

  it('refuses a key that would smuggle in a second one', () => {
    expect(() => desiredCloudInit({ ...REQUEST, sshKeys: [`${KEY}\nssh-rsa AAAA evil`] })).toThrow('one line');
  });
});

describe('cloudInitDifference', () => {
  it.each<{
    name: string;
    desired: Record<string, string>;
    observed: [string, string][];
    set: object;
    remove: string[];
  }>([
    { name: 'nothing when all is set', desired: WANT, observed: Object.entries(WANT), set: {}, remove: [] },
    { name: 'everything on a fresh VM', desired: WANT, observed: [], set: WANT, remove: [] },
    {
      name: 'what differs',
      desired: WANT,
      observed: Object.entries({ ...WANT, ciuser: 'root' }),
      set: { ciuser: 'admin' },
      remove: [],
    },
    {
      name: 'the password each time: Proxmox VE never shows it',
      desired: { ...WANT, cipassword: 'S3cret' },
      observed: Object.entries({ ...WANT, cipassword: '**********' }),
      set: { cipassword: 'S3cret' },
      remove: [],
    },
    {
      name: 'all that the template left and the VM has none of',
      desired: { ciuser: 'admin' },
      observed: Object.entries({
        ciuser: 'admin',
        sshkeys: 'ssh-ed25519%20AAAA%20administrator',
        ipconfig0: 'ip=10.0.0.9/24',
        nameserver: '10.0.0.1',
        searchdomain: 'internal.example',
        ciupgrade: '0',
      }),
      set: {},
      remove: ['sshkeys', 'ipconfig0', 'nameserver', 'searchdomain'],
    },
    {
      name: 'the template’s key alone',
      desired: WANT,
      observed: Object.entries({ ...WANT, sshkeys: 'ssh-ed25519%20AAAA%20administrator' }),
      set: {},
      remove: ['sshkeys'],
    },
    {
      name: 'a key of the VM in place of the template’s',
      desired: { sshkeys: 'ours' },
      observed: [['sshkeys', 'theirs']],
      set: { sshkeys: 'ours' },
      remove: [],
    },
  ])('is $name', ({ desired, observed, set, remove }) => {
    expect(cloudInitDifference(desired, new Map(observed))).toEqual({ set, delete: remove });
  });
});

describe('the digest of SSH keys', () => {
  const other = `${KEY}2`;

  it('tells sets apart, not orders', () => {
    expect(sshKeysDigest([KEY, other])).toBe(sshKeysDigest([other, KEY]));
    const digests = [[], [KEY], [other], [KEY, other]].map(sshKeysDigest);
    expect(new Set(digests).size).toBe(digests.length);
  });

  it('fits into its field and says how it was made', () => {
    expect(sshKeysDigest([KEY])).toMatch(/^sha256:[0-9a-f]{64}$/);
  });
});
