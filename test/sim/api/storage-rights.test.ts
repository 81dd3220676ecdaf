// Tests of who may see, allocate and remove what on a storage.
import { describe, expect, it } from 'vitest';
import { answers, ask, forbids, labWith } from './call-table.ts';
import type { ApiCall } from './call-table.ts';
import { operatorToken } from '../testing.ts';

const isoFile = 'shared:iso/debian-12.5.0-amd64-netinst.iso';

describe('somebody', () => {
  const backupName = 'backup/vzdump-qemu-100-2026_11_22-05_00_00.vma';
  const rows: { name: string; privileges: string[]; call: ApiCall; want: object }[] = [
    { name: 'without rights sees no definitions', privileges: [], call: ['GET /storage'], want: answers([]) },
    { name: 'without rights sees no storages of a node', privileges: [], call: ['GET storage'], want: answers([]) },
    {
      name: 'without rights sees no status',
      privileges: [],
      call: ['GET storage/shared/status'],
      want: forbids('/storage/shared, Datastore.Audit|Datastore.AllocateSpace'),
    },
    {
      name: 'without rights sees no content',
      privileges: [],
      call: ['GET storage/shared/content'],
      want: forbids('/storage/shared, Datastore.Audit|Datastore.AllocateSpace'),
    },
    {
      name: 'with space sees storages',
      privileges: ['Datastore.AllocateSpace'],
      call: ['GET storage', { storage: 'shared' }],
      want: { status: 200, data: [expect.any(Object)] },
    },
    {
      name: 'with space sees no storages of the cluster',
      privileges: ['Datastore.AllocateSpace'],
      call: ['GET /cluster/resources', { type: 'storage' }],
      want: answers([]),
    },
    {
      name: 'with Audit sees media',
      privileges: ['Datastore.Audit'],
      call: ['GET storage/shared/content', { content: 'iso' }],
      want: { status: 200, data: [expect.any(Object)] },
    },
    {
      name: 'with Audit alone sees no disks',
      privileges: ['Datastore.Audit'],
      call: ['GET storage/shared/content', { content: 'images' }],
      want: answers([]),
    },
    {
      name: 'with Audit and the disks of VMs sees them',
      privileges: ['Datastore.Audit', 'VM.Config.Disk'],
      call: ['GET storage/shared/content', { vmid: 100 }],
      want: { status: 200, data: [expect.any(Object), expect.any(Object)] },
    },
    {
      name: 'with space allocates',
      privileges: ['Datastore.AllocateSpace'],
      call: ['POST storage/local/content', { vmid: 701, filename: 'a.raw', size: '1' }],
      want: { status: 200 },
    },
    {
      name: 'without space does not',
      privileges: ['Datastore.Audit'],
      call: ['POST storage/local/content', { vmid: 701, filename: 'a.raw', size: '1' }],
      want: forbids('/storage/local, Datastore.AllocateSpace'),
    },
    {
      name: 'with space removes no medium',
      privileges: ['Datastore.AllocateSpace'],
      call: [`DELETE storage/shared/content/${isoFile}`],
      want: forbids('/storage/shared, Datastore.Allocate'),
    },
    {
      name: 'with space removes no backup of others (auth-limited-without-vm-backup)',
      privileges: ['Datastore.AllocateSpace'],
      call: [`DELETE storage/shared/content/${backupName}`],
      want: forbids('/vms/100, VM.Backup'),
    },
    {
      name: 'with space and VM.Backup removes a backup',
      privileges: ['Datastore.AllocateSpace', 'VM.Backup'],
      call: [`DELETE storage/shared/content/${backupName}`],
      want: { status: 200 },
    },
    {
      name: 'without Datastore.Allocate reads no definition',
      privileges: ['Datastore.Audit'],
      call: ['GET /storage/shared'],
      want: forbids('/storage/shared, Datastore.Allocate'),
    },
  ];
  it.each(rows)('$name', async ({ privileges, call, want }) => {
    const lab = await labWith();
    lab.simulator.setRole('PveOperator', privileges);
    expect(await ask(lab, call, operatorToken)).toMatchObject(want);
  });
});
