// Tests of storages and single volumes: lists, figures, content, allocating, describing, removing.
import { describe, expect, it } from 'vitest';
import { answers, ask, bring, checkRow, demoLab, fails, labWith, read, refuses, taskEnd } from './call-table.ts';
import type { ApiCall, CallRow, Given } from './call-table.ts';
import type { Lab } from '../testing.ts';

const isoFile = 'shared:iso/debian-12.5.0-amd64-netinst.iso';
const overlay = '9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2';
const notThere = refuses({ storage: 'No such storage.' });

async function ids(lab: Lab, ...call: ApiCall): Promise<string[]> {
  return ((await read(lab, ...call)) as { storage?: string; volid?: string }[]).map(
    ({ storage, volid }) => storage ?? volid ?? '',
  );
}

const disabled: Given = [(lab) => void (lab.simulator.world.volumes.storage('local').disabled = true)];
const onlySecond: Given = [(lab) => void (lab.simulator.world.volumes.storage('local-lvm').nodes = ['pve2'])];

describe('the storages of a node', () => {
  const rows: { name: string; given?: Given; params?: Record<string, unknown>; want: string[] }[] = [
    { name: 'are all', want: ['local', 'local-lvm', 'shared'] },
    { name: 'with a kind of content', params: { content: 'iso' }, want: ['local', 'shared'] },
    { name: 'with one of several kinds', params: { content: 'rootdir,vztmpl' }, want: ['local', 'local-lvm'] },
    { name: 'that a target has too (endpoints.md)', params: { target: 'pve2' }, want: ['shared'] },
    { name: 'by its name', params: { storage: 'shared' }, want: ['shared'] },
    { name: 'with a disabled one', given: disabled, want: ['local', 'local-lvm', 'shared'] },
    { name: 'without a disabled one', given: disabled, params: { enabled: 1 }, want: ['local-lvm', 'shared'] },
    { name: 'without those of other nodes', given: onlySecond, want: ['local', 'shared'] },
  ];
  it.each(rows)('$name', async ({ given = [], params = {}, want }) => {
    const lab = demoLab();
    await bring(lab, given);
    expect(await ids(lab, 'GET storage', params)).toEqual(want);
  });

  it('tell their figures', async () => {
    const lab = await labWith(['PUT qemu/100/config', { scsi1: 'local:1' }]);
    const [local] = (await read(lab, 'GET storage', { storage: 'local' })) as Record<string, number>[];
    expect(local).toMatchObject({
      active: 1,
      enabled: 1,
      shared: 0,
      type: 'dir',
      content: 'backup,images,import,iso,snippets,vztmpl',
    });
    expect(local?.['used']).toBe(8_589_934_592 + 4096);
    expect((local?.['used'] ?? 0) + (local?.['avail'] ?? 0)).toBe(local?.['total']);
    expect(local?.['used_fraction']).toBeCloseTo(0.08);
  });

  it('tell their formats when asked', async () => {
    const all = (await read(demoLab(), 'GET storage', { format: 1 })) as { storage: string; formats: unknown }[];
    expect(Object.fromEntries(all.map(({ storage, formats }) => [storage, formats]))).toMatchObject({
      local: { default: 'raw', supported: ['qcow2', 'raw', 'subvol', 'vmdk'] },
      'local-lvm': { default: 'raw', supported: ['raw'] },
    });
  });
});

describe('a storage', () => {
  const rows: CallRow[] = [
    {
      name: 'tells its status',
      call: ['GET storage/shared/status'],
      want: { status: 200, data: expect.objectContaining({ active: 1, shared: 1, type: 'nfs' }) },
    },
    {
      name: 'that is disabled tells zeros (storage-content)',
      given: disabled,
      call: ['GET storage/local/status'],
      want: answers(expect.objectContaining({ active: 0, enabled: 0, total: 0, used: 0, avail: 0 })),
    },
    { name: 'that is not there: status', call: ['GET storage/nope/status'], want: notThere },
    { name: 'that is elsewhere: status', given: onlySecond, call: ['GET storage/local-lvm/status'], want: notThere },
    { name: 'that is not there: list', call: ['GET storage', { storage: 'nope' }], want: notThere },
    {
      name: 'that is not there: content',
      call: ['GET storage/nope/content'],
      want: fails("storage 'nope' does not exist"),
    },
    {
      name: 'that is disabled: content',
      given: disabled,
      call: ['GET storage/local/content'],
      want: fails("storage 'local' is disabled"),
    },
    {
      name: 'that is elsewhere: content',
      given: onlySecond,
      call: ['GET storage/local-lvm/content'],
      want: fails("storage 'local-lvm' is not available on node 'pve1'"),
    },
    {
      name: 'with an unknown kind of content',
      call: ['GET storage/shared/content', { content: 'bad' }],
      want: refuses({ content: "invalid format - invalid content type 'bad'\n" }),
    },
    {
      name: 'is defined',
      call: ['GET /storage/shared'],
      want: {
        status: 200,
        data: expect.objectContaining({ storage: 'shared', shared: 1, type: 'nfs', path: '/mnt/pve/shared' }),
      },
    },
    { name: 'is not defined', call: ['GET /storage/nope'], want: fails("storage 'nope' does not exist") },
    {
      name: 'is among the definitions of its type',
      call: ['GET /storage', { type: 'lvmthin' }],
      want: answers([expect.objectContaining({ storage: 'local-lvm' })]),
    },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(...(row.given ?? [])), row);
  });
});

describe('the content of a storage', () => {
  const rows: { name: string; params: Record<string, unknown>; want: string[] }[] = [
    {
      name: 'of a VM: its volumes',
      params: { vmid: 100 },
      want: ['shared:100/vm-100-cloudinit.qcow2', `shared:${overlay}`],
    },
    { name: 'of a VM that is not there', params: { vmid: 999 }, want: [] },
    { name: 'of a kind', params: { content: 'iso' }, want: [isoFile] },
    {
      name: 'of a kind and a VM',
      params: { content: 'images', vmid: 9000 },
      want: ['shared:9000/base-9000-disk-0.qcow2', 'shared:9000/vm-9000-cloudinit.qcow2'],
    },
    { name: 'of a kind it has none of', params: { content: 'backup' }, want: [] },
  ];
  it.each(rows)('$name', async ({ params, want }) => {
    expect(await ids(await labWith(), 'GET storage/shared/content', params)).toEqual(want);
  });

  it('names the base of a linked clone (storage-content)', async () => {
    const items = (await read(await labWith(), 'GET storage/shared/content', { vmid: 100 })) as object[];
    expect(items).toEqual([
      expect.objectContaining({ parent: null, format: 'qcow2', size: 4_194_304 }),
      expect.objectContaining({ parent: '../9000/base-9000-disk-0.qcow2', vmid: 100, size: 2 * 1024 ** 3 }),
    ]);
  });
});

describe('a volume', () => {
  const allocate = (params: Record<string, unknown>, storage = 'local'): ApiCall => [
    `POST storage/${storage}/content`,
    { vmid: 701, ...params },
  ];
  const backup: Given = [['POST vzdump', { vmid: '100', storage: 'shared' }]];
  const rows: CallRow[] = [
    {
      name: 'is allocated',
      call: allocate({ filename: 'vm-701-disk-0.qcow2', size: '1G', format: 'qcow2' }),
      want: answers('local:701/vm-701-disk-0.qcow2'),
    },
    {
      name: 'is allocated in the format of its name',
      call: allocate({ filename: 'odd.qcow2', size: '1G' }),
      want: answers('local:701/odd.qcow2'),
    },
    {
      name: 'is allocated on a device',
      call: allocate({ filename: 'vm-701-disk-0', size: '1G' }, 'local-lvm'),
      want: answers('local-lvm:vm-701-disk-0'),
    },
    {
      name: 'is not allocated twice',
      given: [allocate({ filename: 'a.raw', size: '1G' })],
      call: allocate({ filename: 'a.raw', size: '1G' }),
      want: fails("disk image '/var/lib/vz/images/701/a.raw' already exists"),
    },
    {
      name: 'is not allocated in two formats',
      call: allocate({ filename: 'a.raw', size: '1G', format: 'qcow2' }),
      want: refuses({ format: 'different storage formats (qcow2 != raw)' }),
    },
    {
      name: 'is not allocated without a number',
      call: allocate({ filename: 'a.raw', size: 'abc' }),
      want: refuses({ size: 'value does not match the regex pattern' }),
    },
    {
      name: 'tells of itself',
      call: [`GET storage/shared/content/${isoFile}`],
      want: answers({
        path: '/mnt/pve/shared/template/iso/debian-12.5.0-amd64-netinst.iso',
        size: 659_554_304,
        used: 659_554_304,
        format: 'raw',
      }),
    },
    {
      name: 'tells of itself without its storage',
      call: ['GET storage/shared/content/iso/debian-12.5.0-amd64-netinst.iso'],
      want: { status: 200 },
    },
    {
      name: 'of a linked clone is found under its plain name',
      call: ['GET storage/shared/content/100/vm-100-disk-0.qcow2'],
      want: answers(
        expect.objectContaining({ format: 'qcow2', path: '/mnt/pve/shared/images/100/vm-100-disk-0.qcow2' }),
      ),
    },
    {
      name: 'that is not there',
      call: ['GET storage/shared/content/shared:iso/nope.iso'],
      want: fails("volume_size_info on 'shared:iso/nope.iso' failed - no format"),
    },
    {
      name: 'of another storage than it says',
      call: [`GET storage/local/content/${isoFile}`],
      want: refuses({ volume: 'storage ID mismatch (shared != local)\n' }),
    },
    {
      name: 'that is no backup has no notes',
      call: [`PUT storage/shared/content/${isoFile}`, { notes: 'x' }],
      want: fails('only backups can have notes'),
    },
    {
      name: 'that is no backup is not protected',
      call: [`PUT storage/shared/content/${isoFile}`, { protected: 1 }],
      want: fails('only backups can be protected'),
    },
    {
      name: 'that is a backup and gone takes notes (surprise 47)',
      call: ['PUT storage/shared/content/shared:backup/vzdump-qemu-100-2026_11_22-05_58_42.vma', { notes: 'x' }],
      want: answers(null),
    },
    { name: 'is removed', call: [`DELETE storage/shared/content/${isoFile}`], want: 'OK' },
    {
      name: 'is removed although a VM uses it (surprise 44)',
      call: [`DELETE storage/shared/content/shared:${overlay}`],
      want: 'OK',
    },
    {
      name: 'that clones depend on stays',
      call: ['DELETE storage/shared/content/9000/base-9000-disk-0.qcow2'],
      want: "base volume '9000/base-9000-disk-0.qcow2' is still in use by linked clones",
    },
    {
      name: 'that is not there is removed all the same (observed: Backup)',
      call: ['DELETE storage/shared/content/shared:iso/nope.iso'],
      want: 'OK',
    },
    {
      name: 'is removed within the delay',
      call: [`DELETE storage/shared/content/${isoFile}`, { delay: 5 }],
      want: answers(null),
    },
    {
      name: 'that stays, within the delay',
      call: ['DELETE storage/shared/content/9000/base-9000-disk-0.qcow2', { delay: 5 }],
      want: fails("base volume '9000/base-9000-disk-0.qcow2' is still in use by linked clones"),
    },
    {
      name: 'is not removed with too long a delay',
      call: [`DELETE storage/shared/content/${isoFile}`, { delay: 31 }],
      want: refuses({ delay: 'value must have a maximum value of 30' }),
    },
    {
      name: 'of another storage is not removed',
      call: ['DELETE storage/local/content/other:iso/x.iso'],
      want: refuses({ volume: 'storage ID mismatch (other != local)\n' }),
    },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(...(row.given ?? [])), row);
  });

  const sizes: { size: string; bytes: number }[] = [
    { size: '1', bytes: 1024 },
    { size: '512', bytes: 524_288 },
    { size: '10M', bytes: 10 * 1024 ** 2 },
    { size: '2G', bytes: 2 * 1024 ** 3 },
  ];
  it.each(sizes)('of size $size has $bytes bytes', async ({ size, bytes }) => {
    const lab = demoLab();
    await bring(lab, [allocate({ filename: 'a.raw', size })]);
    expect(await read(lab, 'GET storage/local/content/701/a.raw')).toMatchObject({ size: bytes });
  });

  it('that is a protected backup is not removed until it is unprotected (backup-protected-and-notes)', async () => {
    const lab = await labWith(...backup);
    const [volid = ''] = await ids(lab, 'GET storage/shared/content', { content: 'backup' });
    const path = `storage/shared/content/${volid}`;
    await bring(lab, [[`PUT ${path}`, { protected: 1, notes: 'hé\nline2' }]]);
    expect(await read(lab, `GET ${path}`)).toMatchObject({ protected: 1, notes: 'hé\nline2' });
    expect((await taskEnd(lab, [`DELETE ${path}`])).exit).toBe(
      `cannot remove protected volume '${volid.slice('shared:'.length)}' on 'shared'`,
    );
    await bring(lab, [[`PUT ${path}`, { protected: 0 }], [`DELETE ${path}`]]);
    expect(await ids(lab, 'GET storage/shared/content', { content: 'backup' })).toEqual([]);
  });

  it('is removed by a task named after owner and storage', async () => {
    const lab = await labWith();
    const tasks = [
      await ask(lab, [`DELETE storage/shared/content/${isoFile}`]),
      await ask(lab, [`DELETE storage/shared/content/shared:${overlay}`]),
    ].map((reply) => lab.taskOf(reply));
    expect(tasks.map(({ type, id }) => [type, id])).toEqual([
      ['imgdel', 'shared'],
      ['imgdel', '9000@shared'],
    ]);
  });

  it('tells what it removed', async () => {
    expect((await taskEnd(demoLab(), [`DELETE storage/shared/content/${isoFile}`])).log).toEqual([
      `Removed volume '${isoFile}'`,
      'TASK OK',
    ]);
  });
});
