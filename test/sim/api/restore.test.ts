// Tests of restoring: to a new number and in place, what is overridden, what is refused and what is left.
import { describe, expect, it } from 'vitest';
import { ask, bring, checkRow, configOf, fails, labWith, read, refuses, started, taskEnd } from './call-table.ts';
import type { ApiCall, CallRow, Given } from './call-table.ts';
import type { Lab } from '../testing.ts';

const put = (params: Record<string, unknown>): ApiCall => ['PUT qemu/100/config', params];

/** VM 100 with an archive of it, and the archive's name. */
async function archived(...given: Given): Promise<{ lab: Lab; archive: string }> {
  const lab = await labWith(put({ description: 'original', cores: 2 }), [
    'POST vzdump',
    { vmid: '100', storage: 'shared', compress: 'zstd' },
  ]);
  const [item] = (await read(lab, 'GET storage/shared/content', { content: 'backup' })) as { volid: string }[];
  await bring(lab, given);
  return { lab, archive: item?.volid ?? '' };
}

const restore = (archive: string, params: Record<string, unknown> = {}): ApiCall => [
  'POST qemu',
  { vmid: 200, archive, ...params },
];

describe('a VM restored to a new number', () => {
  const rows: { name: string; params: Record<string, unknown>; want: Record<string, unknown> }[] = [
    {
      name: 'is what it was, on its storage, in full (restore-to-new-id)',
      params: {},
      want: {
        name: 'web1',
        cores: 2,
        description: 'original',
        scsi0: 'shared:200/vm-200-disk-0.qcow2,size=2G',
        ide2: 'shared:200/vm-200-cloudinit.qcow2,media=cdrom,size=4M',
      },
    },
    {
      name: 'goes to another storage',
      params: { storage: 'local' },
      want: {
        scsi0: 'local:200/vm-200-disk-0.qcow2,size=2G',
        ide2: 'local:200/vm-200-cloudinit.qcow2,media=cdrom,size=4M',
      },
    },
    {
      name: 'gets what the call says (surprise 50)',
      params: { memory: 512, cores: 1, name: 'restored', net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0' },
      want: { memory: '512', cores: 1, name: 'restored', net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0' },
    },
  ];
  it.each(rows)('$name', async ({ params, want }) => {
    const { lab, archive } = await archived();
    await bring(lab, [restore(archive, params)]);
    const config = await configOf(lab, 200);
    expect(config).toMatchObject(want);
    for (const key of ['lock', 'parent', 'template', 'unused0']) expect(config).not.toHaveProperty(key);
  });

  it.each([
    { unique: undefined, same: true },
    { unique: 1, same: false },
  ])('keeps its MAC unless it is to be unique ($unique)', async ({ unique, same }) => {
    const { lab, archive } = await archived();
    await bring(lab, [restore(archive, unique === undefined ? {} : { unique })]);
    const [before, after] = [await configOf(lab), await configOf(lab, 200)];
    expect(after['net0'] === before['net0']).toBe(same);
    expect(after['vmgenid']).not.toBe(before['vmgenid']);
  });

  it('is started afterwards, in a task of its own', async () => {
    const { lab, archive } = await archived();
    const { exit, log } = await taskEnd(lab, restore(archive, { start: 1 }));
    expect([exit, log]).toEqual(['OK', expect.arrayContaining(['Execute autostart'])]);
    await lab.clock.advance(5000);
    expect(await read(lab, 'GET qemu/200/status/current')).toMatchObject({ status: 'running' });
  });

  it('after its end has no firewall (restore-after-delete)', async () => {
    const { lab, archive } = await archived(
      ['PUT qemu/100/firewall/options', { enable: 1 }],
      ['DELETE qemu/100', { purge: 1 }],
    );
    await bring(lab, [restore(archive, { vmid: 100 })]);
    expect(await read(lab, 'GET qemu/100/firewall/options')).not.toHaveProperty('enable');
  });
});

describe('a VM restored in place', () => {
  const inPlace = { vmid: 100, force: 1 };
  it('loses snapshots and pending changes; disks that came later stay unused (behaviours.md 10)', async () => {
    const { lab, archive } = await archived(
      put({ scsi1: 'shared:1,format=qcow2', cores: 8 }),
      ['POST qemu/100/snapshot', { snapname: 's1' }],
      put({ delete: 'scsi1' }),
    );
    const { exit, log } = await taskEnd(lab, restore(archive, inPlace));
    expect(exit).toBe('OK');
    expect(log).toContain('rescan volumes...');
    const config = await configOf(lab);
    expect(config).toMatchObject({
      cores: 2,
      unused0: 'shared:100/vm-100-disk-1.qcow2',
      scsi0: expect.stringMatching(/^shared:100\/vm-100-disk-\d+\.qcow2,size=2G$/),
    });
    expect(await read(lab, 'GET qemu/100/snapshot')).toHaveLength(1);
    expect(lab.simulator.leaks().orphanVolumes).toEqual([]);
  });

  it('over a template with clones leaves their base behind (surprise 45)', async () => {
    const { lab, archive } = await archived();
    const { exit, log } = await taskEnd(lab, restore(archive, { vmid: 9000, force: 1 }));
    expect(exit).toBe('OK');
    expect(log).toContain("base volume '9000/base-9000-disk-0.qcow2' is still in use by linked clones");
    const config = await configOf(lab, 9000);
    expect(config).toMatchObject({ unused0: 'shared:9000/base-9000-disk-0.qcow2' });
    expect(config).not.toHaveProperty('template');
  });
});

describe('a restore', () => {
  const locked: Given = [(lab) => lab.simulator.setLock(100, 'backup')];
  const rows: (Omit<CallRow, 'call'> & { params: Record<string, unknown> })[] = [
    {
      name: 'does not replace without force',
      params: { vmid: 100 },
      want: fails("unable to restore VM 100 - VM 100 already exists on node 'pve1'"),
    },
    {
      name: 'does not replace a VM of another node',
      params: { vmid: 9001, force: 1 },
      want: fails(
        "unable to restore VM 9001 - close (rename) atomic file '/etc/pve/nodes/pve1/qemu-server/9001.conf' failed: File exists",
      ),
    },
    {
      name: 'does not replace a locked VM',
      given: locked,
      params: { vmid: 100, force: 1 },
      want: fails('unable to restore VM 100 - VM is locked (backup)'),
    },
    {
      name: 'does not replace a running VM, in its task (restore-over-running)',
      given: started,
      params: { vmid: 100, force: 1 },
      want: 'unable to restore VM 100 - vm is running',
    },
    {
      name: 'takes no drive (surprise 50)',
      params: { scsi1: 'shared:1' },
      want: refuses({ scsi1: "option conflicts with option 'archive'" }),
    },
    {
      name: 'needs its archive',
      params: { archive: 'shared:backup/vzdump-qemu-100-2020_01_01-00_00_00.vma.zst' },
      want: fails("volume 'shared:backup/vzdump-qemu-100-2020_01_01-00_00_00.vma.zst' does not exist"),
    },
    {
      name: 'needs the storage of its archive',
      params: { archive: 'nope:backup/x.vma.zst' },
      want: fails("storage 'nope' does not exist"),
    },
    {
      name: 'needs an archive that is one',
      params: { archive: 'shared:iso/debian-12.5.0-amd64-netinst.iso' },
      want: fails(
        "unable to use volume shared:iso/debian-12.5.0-amd64-netinst.iso - content type needs to be 'backup'",
      ),
    },
    {
      name: 'needs its target storage, in the task',
      params: { storage: 'nope' },
      want: /^command 'set -o pipefail && zstd -q -d -c .*' failed: storage 'nope' does not exist$/,
    },
    {
      name: 'needs quorum',
      given: [(lab) => lab.simulator.nodeDown('pve2'), (lab) => lab.simulator.nodeDown('pve3')],
      params: {},
      want: fails('cluster not ready - no quorum?'),
    },
  ];
  it.each(rows)('$name', async ({ given = [], params, want }) => {
    const { lab, archive } = await archived(...given);
    await checkRow(lab, { call: restore(archive, params), want });
    expect(await ask(lab, ['GET qemu/100/config'])).toMatchObject({ status: 200 });
  });

  it('on another node puts the VM there', async () => {
    const { lab, archive } = await archived();
    await bring(lab, [['POST /nodes/pve2/qemu', { vmid: 200, archive }]]);
    expect(lab.simulator.world.vms.get(200)?.node).toBe('pve2');
  });
});
