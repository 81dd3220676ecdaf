// Tests of what can be asked about backups, and by whom (pve-manager's API2/VZDump.pm).
import { describe, expect, it } from 'vitest';
import { operatorToken } from '../testing.ts';
import type { Lab } from '../testing.ts';
import { ask, checkRow, fails, forbids, labWith, read } from './call-table.ts';
import type { ApiCall, CallRow } from './call-table.ts';

const backup: ApiCall = ['POST vzdump', { vmid: '100', storage: 'shared' }];

async function archiveOf(lab: Lab): Promise<string> {
  const list = (await read(lab, 'GET storage/shared/content', { content: 'backup' })) as { volid: string }[];
  return list[0]?.volid ?? '';
}

describe('the defaults', () => {
  const rows: { name: string; storage?: string; want: Record<string, unknown> }[] = [
    {
      name: 'are those of the node’s own storage',
      want: {
        storage: 'local',
        mode: 'snapshot',
        remove: 1,
        'prune-backups': 'keep-all=1',
        dumpdir: '/var/lib/vz/dump',
      },
    },
    { name: 'are those of a storage', storage: 'shared', want: { storage: 'shared', dumpdir: '/mnt/pve/shared/dump' } },
  ];
  it.each(rows)('$name', async ({ storage, want }) => {
    const params = storage === undefined ? {} : { storage };
    expect(await read(await labWith(), 'GET vzdump/defaults', params)).toMatchObject({ ionice: 7, zstd: 1, ...want });
  });

  const refused: CallRow[] = [
    {
      name: 'an unknown storage',
      call: ['GET vzdump/defaults', { storage: 'nope' }],
      want: fails("storage 'nope' does not exist"),
    },
    {
      name: 'one for other things',
      call: ['GET vzdump/defaults', { storage: 'local-lvm' }],
      want: fails("can't use storage 'local-lvm' for backups - wrong content type"),
    },
  ];
  it.each(refused)('are not told of $name', async (row) => {
    await checkRow(await labWith(), row);
  });

  it('tell nothing of the node to whom it is no business', async () => {
    const lab = await labWith();
    lab.simulator.revokePrivilege('PveOperator', 'Sys.Audit');
    const { data } = await ask(lab, ['GET vzdump/defaults'], operatorToken);
    expect(data).not.toHaveProperty('dumpdir');
    expect(data).not.toHaveProperty('ionice');
    expect(data).toHaveProperty('mode', 'snapshot');
  });
});

describe('the configuration in an archive', () => {
  it('is for those who may back the VM up', async () => {
    const lab = await labWith(backup);
    const call: ApiCall = ['GET vzdump/extractconfig', { volume: await archiveOf(lab) }];
    expect(await ask(lab, call, operatorToken)).toMatchObject({
      status: 200,
      data: expect.stringMatching(/^name: web1$/m),
    });
    lab.simulator.revokePrivilege('PveOperator', 'VM.Backup');
    expect(await ask(lab, call, operatorToken)).toMatchObject(forbids('/vms/100, VM.Backup'));
  });

  const rows: CallRow[] = [
    {
      name: 'a medium',
      call: ['GET vzdump/extractconfig', { volume: 'shared:9000/base-9000-disk-0.qcow2' }],
      want: fails("cannot determine backup guest type for backup archive 'shared:9000/base-9000-disk-0.qcow2'"),
    },
    {
      name: 'what is not there',
      call: ['GET vzdump/extractconfig', { volume: 'shared:backup/none.vma.zst' }],
      want: fails("volume 'shared:backup/none.vma.zst' does not exist"),
    },
  ];
  it.each(rows)('is not in $name', async (row) => {
    await checkRow(await labWith(), row);
  });
});
