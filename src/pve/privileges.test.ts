// Tests for the privileges that a token needs.
import { describe, expect, it } from 'vitest';
import { missingPrivileges, neededPrivileges, type Permissions } from './privileges.ts';
import { readShared, recordingsMissing } from './testing/recorded.ts';

const VM = [
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
const STORAGE = ['Datastore.AllocateSpace', 'Datastore.Audit'];
const ALL = [...VM, ...STORAGE, 'SDN.Use', 'Sys.Audit'];

function permissions(paths: Record<string, readonly string[]>): Permissions {
  return new Map(Object.entries(paths).map(([path, privileges]) => [path, new Set(privileges)]));
}

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
      name: 'none at all: each is named',
      paths: {},
      want: [`${VM.join(', ')} on /vms`, `${STORAGE.join(', ')} on /storage`, 'SDN.Use on /sdn', 'Sys.Audit on /'],
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
