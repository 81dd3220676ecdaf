// Tests of storages and volumes: where volumes are seen, how they are named, and who owns them.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFileBased, requireVolumeName, splitVolumeId, volumeId, Volumes } from './volumes.ts';
import type { NewVolume, Storage } from './volumes.ts';

const GiB = 1024 ** 3;

const storages: Partial<Storage>[] = [
  { id: 'local', type: 'dir', path: '/var/lib/vz' },
  { id: 'local-lvm', type: 'lvmthin' },
  { id: 'tank', type: 'zfspool' },
  { id: 'shared', type: 'nfs', shared: true },
  { id: 'only2', type: 'dir', nodes: ['pve2'] },
  { id: 'off', type: 'dir', disabled: true },
];

function volumesWith(): Volumes {
  const volumes = new Volumes(() => 1_700_000_000);
  for (const storage of storages) {
    volumes.storages.set(storage.id ?? '', {
      id: '',
      type: 'dir',
      content: ['images', 'iso', 'backup'],
      shared: false,
      nodes: undefined,
      path: undefined,
      disabled: false,
      totalBytes: 100 * GiB,
      otherBytes: 0,
      pruneBackups: undefined,
      ...storage,
    });
  }
  return volumes;
}

function disk(name: string, more: Partial<NewVolume> = {}): NewVolume {
  return { name, content: 'images', format: 'qcow2', sizeBytes: GiB, vmid: 100, ...more };
}

describe('a storage', () => {
  const rows: { name: string; id: string; node?: string; want: string | undefined }[] = [
    { name: 'is there', id: 'local', node: 'pve1', want: undefined },
    { name: 'is not there', id: 'nope', node: 'pve1', want: "storage 'nope' does not exist" },
    { name: 'is disabled', id: 'off', node: 'pve1', want: "storage 'off' is disabled" },
    { name: 'is elsewhere', id: 'only2', node: 'pve1', want: "storage 'only2' is not available on node 'pve1'" },
    { name: 'is here', id: 'only2', node: 'pve2', want: undefined },
    { name: 'is asked for without a node', id: 'only2', want: undefined },
  ];
  // The texts are those of template-and-clone and create-config of the recorded API code.
  it.each(rows)('$name', ({ id, node, want }) => {
    const look = (): string => volumesWith().storage(id, node).id;
    if (want === undefined) expect(look()).toBe(id);
    else expect(look).toThrow(want);
  });

  const types: { type: Storage['type']; want: boolean }[] = [
    { type: 'dir', want: true },
    { type: 'nfs', want: true },
    { type: 'cifs', want: true },
    { type: 'lvm', want: false },
    { type: 'lvmthin', want: false },
    { type: 'zfspool', want: false },
    { type: 'rbd', want: false },
  ];
  it.each(types)('of type $type holds files: $want', ({ type, want }) => {
    expect(isFileBased({ type } as Storage)).toBe(want);
  });

  it('counts what its volumes take and what else is on it', () => {
    const volumes = volumesWith();
    const local = volumes.storage('local');
    local.otherBytes = 5;
    volumes.add('local', 'pve1', disk('100/a.qcow2', { usedBytes: 7 }));
    volumes.add('local', 'pve2', disk('100/b.qcow2', { usedBytes: 11 }));
    expect([volumes.usedBytes(local, 'pve1'), volumes.usedBytes(local, 'pve2')]).toEqual([12, 16]);
  });
});

describe('a volume', () => {
  it('on local storage is seen from its node only', () => {
    const volumes = volumesWith();
    const made = volumes.add('local', 'pve1', disk('100/vm-100-disk-0.qcow2'));
    expect(volumes.find(volumeId(made), 'pve1')).toBe(made);
    expect(volumes.find(volumeId(made), 'pve2')).toBeUndefined();
  });

  it('on shared storage is seen from every node', () => {
    const volumes = volumesWith();
    const made = volumes.add('shared', 'pve1', disk('100/vm-100-disk-0.qcow2'));
    expect([volumes.find(volumeId(made), 'pve2'), made.node]).toEqual([made, undefined]);
  });

  it('that is hidden is not found, but still listed for its owner', () => {
    const volumes = volumesWith();
    const made = volumes.add('shared', 'pve1', disk('100/vm-100-disk-0.qcow2'));
    made.hidden = true;
    expect([volumes.find(volumeId(made), 'pve1'), volumes.ownedBy(100)]).toEqual([undefined, [made]]);
  });

  it('takes little until something is written', () => {
    const volumes = volumesWith();
    const raw = volumes.add('local', 'pve1', disk('100/a.raw', { format: 'raw' }));
    const qcow2 = volumes.add('local', 'pve1', disk('100/a.qcow2'));
    expect([raw.usedBytes, qcow2.usedBytes]).toEqual([4096, 266240]);
  });

  it('carries the time it was made', () => {
    expect(volumesWith().add('local', 'pve1', disk('100/a.raw')).createdAt).toBe(1_700_000_000);
  });

  it('is gone when removed, for its owner too', () => {
    const volumes = volumesWith();
    const made = volumes.add('local', 'pve1', disk('100/a.raw'));
    volumes.remove(made);
    expect([volumes.find(volumeId(made), 'pve1'), volumes.ownedBy(100), [...volumes.all()]]).toEqual([
      undefined,
      [],
      [],
    ]);
  });

  it('gets a new name, place or owner', () => {
    const volumes = volumesWith();
    const made = volumes.add('local', 'pve1', disk('100/vm-100-disk-0.qcow2'));
    volumes.move(made, { node: 'pve2', name: '200/vm-200-disk-0.qcow2', vmid: 200 });
    expect(volumes.find('local:100/vm-100-disk-0.qcow2', 'pve1')).toBeUndefined();
    expect(volumes.find('local:200/vm-200-disk-0.qcow2', 'pve2')).toBe(made);
    expect([volumes.ownedBy(100), volumes.ownedBy(200)]).toEqual([[], [made]]);
  });

  it('is a base of those that name it, on its own storage', () => {
    const volumes = volumesWith();
    const base = volumes.add('local', 'pve1', disk('100/base-100-disk-0.qcow2'));
    const clone = volumes.add(
      'local',
      'pve1',
      disk('100/base-100-disk-0.qcow2/101/vm-101-disk-0.qcow2', { base: base.name, vmid: 101 }),
    );
    volumes.add('shared', 'pve1', disk('101/vm-101-disk-1.qcow2', { base: base.name, vmid: 101 }));
    expect(volumes.clonesOf(base)).toEqual([clone]);
  });
});

describe('volume ids', () => {
  const rows: { text: string; want: unknown }[] = [
    { text: 'local:100/vm-100-disk-0.raw', want: { storage: 'local', name: '100/vm-100-disk-0.raw' } },
    { text: 'local-lvm:vm-100-disk-0', want: { storage: 'local-lvm', name: 'vm-100-disk-0' } },
    { text: 'a_b.c:iso/x:y.iso', want: { storage: 'a_b.c', name: 'iso/x:y.iso' } },
    { text: 'l:x', want: undefined },
    { text: '1local:x', want: undefined },
    { text: 'local:', want: undefined },
    { text: '/var/lib/x', want: undefined },
    { text: 'none', want: undefined },
  ];
  it.each(rows)('$text', ({ text, want }) => {
    expect(splitVolumeId(text)).toEqual(want);
  });
});

describe('the next disk of a VM', () => {
  const names: { name: string; storage: string; taken: string[]; want: string }[] = [
    { name: 'is the first', storage: 'local', taken: [], want: '100/vm-100-disk-0.qcow2' },
    { name: 'is a device where there are no files', storage: 'local-lvm', taken: [], want: 'vm-100-disk-0' },
    { name: 'follows the last', storage: 'local', taken: ['100/vm-100-disk-0.qcow2'], want: '100/vm-100-disk-1.qcow2' },
    {
      name: 'fills a gap',
      storage: 'local',
      taken: ['100/vm-100-disk-0.qcow2', '100/vm-100-disk-2.qcow2'],
      want: '100/vm-100-disk-1.qcow2',
    },
    { name: 'counts bases', storage: 'local', taken: ['100/base-100-disk-0.qcow2'], want: '100/vm-100-disk-1.qcow2' },
    {
      name: 'counts linked clones',
      storage: 'local',
      taken: ['9/base-9-disk-0.qcow2/100/vm-100-disk-0.qcow2'],
      want: '100/vm-100-disk-1.qcow2',
    },
    {
      name: 'counts other formats',
      storage: 'local',
      taken: ['100/vm-100-disk-0.raw'],
      want: '100/vm-100-disk-1.qcow2',
    },
    {
      name: 'leaves other names alone',
      storage: 'local',
      taken: ['100/vm-100-cloudinit.qcow2'],
      want: '100/vm-100-disk-0.qcow2',
    },
  ];
  it.each(names)('$name', ({ storage, taken, want }) => {
    const volumes = volumesWith();
    for (const name of taken) volumes.add(storage, 'pve1', disk(name));
    volumes.add('shared', 'pve1', disk('100/vm-100-disk-0.qcow2'));
    expect(volumes.freeDiskName(storage, 'pve1', 100, 'qcow2')).toBe(want);
  });

  it('is never one that is taken', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: 12 })), (numbers) => {
        const volumes = volumesWith();
        for (const number of numbers) volumes.add('local', 'pve1', disk(`100/vm-100-disk-${number}.raw`));
        const name = volumes.freeDiskName('local', 'pve1', 100, 'raw');
        expect(volumes.find(`local:${name}`, 'pve1')).toBeUndefined();
        expect(Number(/(\d+)\.raw$/.exec(name)?.[1])).toBeLessThanOrEqual(numbers.length);
      }),
    );
  });
});

describe('paths', () => {
  const rows: { name: string; storage: string; volume: NewVolume; want: string }[] = [
    {
      name: 'of an image',
      storage: 'local',
      volume: disk('100/vm-100-disk-0.raw'),
      want: '/var/lib/vz/images/100/vm-100-disk-0.raw',
    },
    {
      name: 'of a linked clone: the clone’s own file',
      storage: 'shared',
      volume: disk('9/base-9-disk-0.qcow2/100/vm-100-disk-0.qcow2'),
      want: '/mnt/pve/shared/images/100/vm-100-disk-0.qcow2',
    },
    {
      name: 'of a medium',
      storage: 'local',
      volume: disk('iso/a.iso', { content: 'iso' }),
      want: '/var/lib/vz/template/iso/a.iso',
    },
    {
      name: 'of a backup',
      storage: 'local',
      volume: disk('backup/x.vma', { content: 'backup' }),
      want: '/var/lib/vz/dump/x.vma',
    },
    {
      name: 'of an import',
      storage: 'local',
      volume: disk('import/x.qcow2', { content: 'import' }),
      want: '/var/lib/vz/import/x.qcow2',
    },
    {
      name: 'of a snippet',
      storage: 'local',
      volume: disk('snippets/x.yml', { content: 'snippets' }),
      want: '/var/lib/vz/snippets/x.yml',
    },
    {
      name: 'of a container template',
      storage: 'local',
      volume: disk('vztmpl/x', { content: 'vztmpl' }),
      want: '/var/lib/vz/template/cache/x',
    },
    { name: 'of a device', storage: 'local-lvm', volume: disk('vm-100-disk-0'), want: '/dev/local-lvm/vm-100-disk-0' },
  ];
  it.each(rows)('$name', ({ storage, volume, want }) => {
    const volumes = volumesWith();
    expect(volumes.path(volumes.add(storage, 'pve1', volume))).toBe(want);
  });
});

describe('a name', () => {
  const good: { storage: string; names: string[] }[] = [
    {
      storage: 'local',
      names: [
        '100/vm-100-disk-0.raw',
        '9/base-9-disk-0.qcow2/100/vm-100-disk-0.qcow2',
        'iso/a.iso',
        'backup/b.vma.zst',
      ],
    },
    { storage: 'local-lvm', names: ['vm-100-disk-0', 'base-9-disk-0', 'vm-100-state-s1'] },
    { storage: 'tank', names: ['vm-100-disk-0', 'base-9-disk-0/vm-100-disk-0'] },
  ];
  it.each(good)('that a volume on $storage has is taken', ({ storage, names }) => {
    const found = volumesWith().storage(storage);
    for (const name of names) expect(() => requireVolumeName(found, name)).not.toThrow();
  });

  const bad: { storage: string; name: string; want: string }[] = [
    { storage: 'local', name: '1G', want: "unable to parse directory volume name '1G'" },
    { storage: 'local', name: 'vm-100-disk-0', want: "unable to parse directory volume name 'vm-100-disk-0'" },
    { storage: 'shared', name: 'iso/a/b.iso', want: "unable to parse directory volume name 'iso/a/b.iso'" },
    { storage: 'local', name: '100/vm-100-disk-0', want: "unable to parse volume filename 'vm-100-disk-0'" },
    {
      storage: 'local-lvm',
      name: '100/vm-100-disk-0.raw',
      want: "unable to parse lvm volume name '100/vm-100-disk-0.raw'",
    },
    { storage: 'tank', name: 'disk-0', want: "unable to parse zfs volume name 'disk-0'" },
  ];
  it.each(bad)('like $name on $storage is refused', ({ storage, name, want }) => {
    expect(() => requireVolumeName(volumesWith().storage(storage), name)).toThrow(want);
  });
});
