// Tests for the privileges that a token needs.
import { describe, expect, it, test } from 'vitest';
import {
  excessPrivileges,
  missingPrivileges,
  neededPrivileges,
  unnamedPrivileges,
  type Permissions,
} from './privileges.ts';
import { PARAMETERS, type Call } from './parameters.ts';
import { readShared, recordingsMissing } from './testing/recorded.ts';

const VM = [
  'VM.Allocate',
  'VM.Audit',
  'VM.Backup',
  'VM.Clone',
  'VM.Config.CPU',
  'VM.Config.Cloudinit',
  'VM.Config.Disk',
  'VM.Config.Memory',
  'VM.Config.Network',
  'VM.Config.Options',
  'VM.GuestAgent.Unrestricted',
  'VM.Migrate',
  'VM.PowerMgmt',
  'VM.Snapshot',
];
const AGENT = 'VM.GuestAgent.Unrestricted';
const STORAGE = ['Datastore.AllocateSpace', 'Datastore.Audit'];
const ALL = [...VM, ...STORAGE, 'SDN.Use', 'Sys.Audit'];

function permissions(paths: Record<string, readonly string[]>): Permissions {
  return new Map(Object.entries(paths).map(([path, privileges]) => [path, new Set(privileges)]));
}

describe('privileges that nothing needs', () => {
  test.each<{ name: string; paths: Record<string, readonly string[]>; want: string[] }>([
    { name: 'none', paths: { '/': ALL }, want: [] },
    { name: 'none of those before Proxmox VE 9', paths: { '/': ALL.with(ALL.indexOf(AGENT), 'VM.Monitor') }, want: [] },
    { name: 'looking is none', paths: { '/': [...ALL, 'Pool.Audit', 'VM.GuestAgent.Audit'] }, want: [] },
    {
      name: 'once each, in order, wherever they are',
      paths: { '/': [...ALL, 'Sys.PowerMgmt', 'Permissions.Modify'], '/vms/9': ['VM.Console', 'Sys.PowerMgmt'] },
      want: ['Permissions.Modify', 'Sys.PowerMgmt', 'VM.Console'],
    },
  ])('$name', ({ paths, want }) => expect(excessPrivileges(permissions(paths))).toEqual(want));
});

describe('missing privileges', () => {
  const rows: { name: string; paths: Record<string, readonly string[]>; want: string[] }[] = [
    { name: 'all on the root', paths: { '/': ALL }, want: [] },
    {
      name: 'each where it belongs',
      paths: { '/vms': VM, '/storage': STORAGE, '/sdn': ['SDN.Use'], '/': ['Sys.Audit'] },
      want: [],
    },
    {
      name: 'on parts only',
      paths: {
        '/vms/9000': VM,
        '/storage/fast': STORAGE,
        '/sdn/zones/localnet/vmbr0': ['SDN.Use'],
        '/': ['Sys.Audit'],
      },
      want: [],
    },
    {
      name: 'machines and storages in a pool',
      paths: { '/pool/k8s': [...VM, ...STORAGE], '/': ['SDN.Use', 'Sys.Audit'] },
      want: [],
    },
    { name: 'one is missing', paths: { '/': ALL.filter((one) => one !== 'VM.Clone') }, want: ['VM.Clone on /vms'] },
    {
      name: 'on a path where it has no meaning',
      paths: { '/': ALL.filter((one) => one !== 'Sys.Audit'), '/access': ['Sys.Audit'], '/nodes': ['Sys.Audit'] },
      want: ['Sys.Audit on /'],
    },
    {
      name: 'the agent under its name before 9',
      paths: { '/': [...ALL.filter((one) => one !== AGENT), 'VM.Monitor'] },
      want: [],
    },
    {
      name: 'the agent under neither name',
      paths: { '/': ALL.filter((one) => one !== AGENT) },
      want: [`${AGENT} (VM.Monitor before Proxmox VE 9) on /vms`],
    },
    {
      name: 'the older name where only the agent needs it',
      paths: { '/': ['VM.Monitor', ...ALL.filter((one) => one !== 'VM.Snapshot')] },
      want: ['VM.Snapshot on /vms'],
    },
    {
      name: 'none at all: each is named',
      paths: {},
      want: [
        `${VM.join(', ').replace(AGENT, `${AGENT} (VM.Monitor before Proxmox VE 9)`)} on /vms`,
        `${STORAGE.join(', ')} on /storage`,
        'SDN.Use on /sdn',
        'Sys.Audit on /',
      ],
    },
  ];

  it.each(rows)('$name', ({ paths, want }) => {
    expect(missingPrivileges(permissions(paths))).toEqual(want);
  });
});

describe('neededPrivileges', () => {
  it.skipIf(recordingsMissing)(
    `asks for no more than the role with which a deploy was recorded (${recordingsMissing ?? 'present'})`,
    () => {
      const { roles } = readShared('recorded/baseline.json') as { roles: { OpRole: string[] } };
      expect(roles.OpRole).toEqual(expect.arrayContaining([...neededPrivileges]));
    },
  );
});

interface Endpoint {
  readonly permissions?: { readonly check?: readonly unknown[]; readonly description?: string };
}

describe.skipIf(recordingsMissing).each([
  { version: '9.2', agent: AGENT },
  { version: '9.1', agent: AGENT },
  { version: '8.4', agent: 'VM.Monitor' },
])(`official schema $version (${recordingsMissing ?? 'present'})`, ({ version, agent }) => {
  const schema = (recordingsMissing === undefined ? readShared(`schema-${version}.json`) : {}) as Record<
    string,
    Endpoint
  >;
  const granted = new Set(neededPrivileges.map((name) => (name === AGENT ? agent : name)));

  /** Whether a check of the schema passes: one of the named privileges is enough with `any`, and within `or`. */
  const passes = (check: readonly unknown[]): boolean => {
    const [kind, second, privileges, quantifier] = check;
    const isGranted = (name: string): boolean => granted.has(name);
    if (kind === 'or') return check.slice(1).some((one) => passes(one as unknown[]));
    if (kind === 'and') return check.slice(1).every((one) => passes(one as unknown[]));
    const names = (kind === 'perm' ? privileges : second) as string[];
    return quantifier === 'any' ? names.some(isGranted) : names.every(isGranted);
  };

  it.each((Object.keys(PARAMETERS) as Call[]).map((call) => ({ call })))('suffices for $call', ({ call }) => {
    const check = schema[call]?.permissions?.check;
    if (check !== undefined) expect(passes(check), JSON.stringify(check)).toBe(true);
  });

  it('has every privilege that Proxmox keeps to itself', () => {
    expect(Object.keys(schema)).toEqual(expect.arrayContaining(Object.keys(unnamedPrivileges)));
    expect([...granted]).toEqual(expect.arrayContaining(Object.values(unnamedPrivileges)));
  });
});
