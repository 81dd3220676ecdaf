// The client's contract with Proxmox VE for what ends for good: snapshots, and disks with their volumes.
import { describe, expect, it } from 'vitest';
import { byHand, cloned, failed, refusal, startCluster, vm, type Cluster } from './pve-cluster.ts';

const volumesOf = ({ simulator }: Cluster): string[] =>
  [...simulator.world.volumes.all()]
    .filter(({ vmid }) => vmid === 401)
    .map(({ storage, name }) => `${storage}:${name}`);

describe('snapshots', () => {
  it('are listed with what they hang on, and can go one by one', async () => {
    const cluster = await cloned();
    const { api, done } = cluster;
    await expect(api.snapshots(vm)).resolves.toEqual([]);
    await byHand(cluster, '/qemu/401/snapshot', { snapname: 'before', description: 'first é\nline' });
    await byHand(cluster, '/qemu/401/snapshot', { snapname: 'after' });
    const listed = await api.snapshots(vm);
    expect(listed).toHaveLength(2);
    expect(listed).toContainEqual({
      name: 'before',
      description: 'first é\nline',
      snaptime: expect.any(Number) as number,
      vmstate: false,
    });
    expect(listed).toContainEqual(expect.objectContaining({ name: 'after', parent: 'before' }));

    await done(await api.deleteSnapshot(vm, 'before'));
    const [left, ...others] = await api.snapshots(vm);
    expect(others).toEqual([]);
    expect(left?.name).toBe('after');
    expect(left?.parent).toBeUndefined();
  });

  it('refuse in the task: one that is missing, and a locked VM', async () => {
    const cluster = await cloned();
    await byHand(cluster, '/qemu/401/snapshot', { snapname: 'before' });
    expect(await failed(cluster, await cluster.api.deleteSnapshot(vm, 'nope'))).toMatchObject({ kind: 'not-found' });
    cluster.simulator.setLock(401, 'backup');
    expect(await failed(cluster, await cluster.api.deleteSnapshot(vm, 'before'))).toMatchObject({ kind: 'locked' });
    await expect(cluster.api.snapshots(vm)).resolves.toHaveLength(1);
  });

  it('of a VM that is not there are not found', async () => {
    const cluster = await startCluster();
    expect(await refusal(cluster.api.snapshots(vm))).toMatchObject({ kind: 'not-found' });
    expect(await failed(cluster, await cluster.api.deleteSnapshot(vm, 'before'))).toMatchObject({ kind: 'not-found' });
  });
});

describe('unlinked disks', () => {
  const second = 'scsi1';

  /** With a second disk in that slot; the id of its volume. */
  async function withDisk(cluster: Cluster, slot: string = second): Promise<string> {
    const before = volumesOf(cluster);
    await cluster.done(await cluster.api.updateConfig(vm, { set: { [slot]: 'shared:1,format=qcow2' } }));
    const [made = ''] = volumesOf(cluster).filter((volume) => !before.includes(volume));
    return made;
  }

  it('go from a stopped VM with their volumes; what is not there is passed over', async () => {
    const cluster = await cloned();
    const { api } = cluster;
    const volume = await withDisk(cluster);
    expect(volumesOf(cluster)).toContain(volume);
    await api.unlinkDisks(vm, { disks: [second, 'scsi7'], force: true });
    expect(volumesOf(cluster)).not.toContain(volume);
    const { values } = await api.config(vm);
    expect([...values.keys()].filter((key) => key === second || key.startsWith('unused'))).toEqual([]);
  });

  it('go from a running VM with virtio-scsi at once', async () => {
    const cluster = await cloned();
    const volume = await withDisk(cluster);
    await cluster.done(await cluster.api.start(vm));
    await expect.poll(async () => cluster.api.agentPing(vm)).toBe(true);
    await cluster.api.unlinkDisks(vm, { disks: [second], force: true });
    expect(volumesOf(cluster)).not.toContain(volume);
  });

  it('stay on a running VM with sata until it stops, and go then', async () => {
    const cluster = await cloned();
    const { api, done } = cluster;
    const volume = await withDisk(cluster, 'sata0');
    await done(await api.start(vm));
    await api.unlinkDisks(vm, { disks: ['sata0'], force: true });
    expect(await api.pending(vm)).toContainEqual(expect.objectContaining({ key: 'sata0', deletion: true }));
    expect(volumesOf(cluster)).toContain(volume);
    await done(await api.stop(vm));
    expect(volumesOf(cluster)).not.toContain(volume);
  });

  it('that only waited for the next start leave their volume behind, in spite of force', async () => {
    const cluster = await cloned();
    const { api, done } = cluster;
    await done(await api.start(vm));
    const volume = await withDisk(cluster, 'sata0');
    await api.unlinkDisks(vm, { disks: ['sata0'], force: true });
    expect((await api.config(vm)).values.get('unused0')).toContain(volume);
    expect(volumesOf(cluster)).toContain(volume);
    await api.unlinkDisks(vm, { disks: ['unused0'], force: true });
    expect(volumesOf(cluster)).not.toContain(volume);
  });

  it('that a guest does not let go stay behind as a deletion, which can be reverted', async () => {
    const cluster = await cloned();
    const { api, done, simulator } = cluster;
    const volume = await withDisk(cluster);
    simulator.world.guestBootMs.set(401, null);
    await done(await api.start(vm));
    const error = await refusal(api.unlinkDisks(vm, { disks: [second], force: true }));
    expect(error).toMatchObject({ kind: 'refused', fields: { [second]: expect.stringContaining('still busy') } });
    expect(await api.pending(vm)).toContainEqual(expect.objectContaining({ key: second, deletion: true }));
    await api.updateConfig(vm, { set: {}, revert: [second] });
    await done(await api.stop(vm));
    expect(volumesOf(cluster)).toContain(volume);
    expect((await api.config(vm)).values.get(second)).toContain(volume);
  });

  it('that a snapshot holds are refused', async () => {
    const cluster = await cloned();
    const volume = await withDisk(cluster);
    await byHand(cluster, '/qemu/401/snapshot', { snapname: 'before' });
    const error = await refusal(cluster.api.unlinkDisks(vm, { disks: [second], force: true }));
    expect(error).toMatchObject({ kind: 'refused' });
    expect(error.message).toContain('volume is still in use (snapshot?)');
    expect(volumesOf(cluster)).toContain(volume);
  });

  const refusals = [
    {
      name: 'protected',
      change: { protection: '1' },
      want: { kind: 'refused', detail: expect.stringContaining('protection') },
    },
    { name: 'locked', change: { lock: 'backup' }, want: { kind: 'locked' } },
  ];
  it.each(refusals)('of a VM that is $name are refused', async ({ change, want }) => {
    const cluster = await cloned();
    const volume = await withDisk(cluster);
    cluster.simulator.changeByHand(401, (options) => Object.assign(options, change));
    expect(await refusal(cluster.api.unlinkDisks(vm, { disks: [second], force: true }))).toMatchObject(want);
    expect(volumesOf(cluster)).toContain(volume);
  });

  it('are guarded by the digest in a config call', async () => {
    const cluster = await cloned();
    const { api } = cluster;
    const volume = await withDisk(cluster);
    const { digest } = await api.config(vm);
    cluster.simulator.changeByHand(401, (options) => Object.assign(options, { name: 'another' }));
    const change = { set: {}, delete: [second], destroyVolumes: true } as const;
    expect(await refusal(api.updateConfig(vm, { ...change, digest }))).toMatchObject({ kind: 'conflict' });
    expect(volumesOf(cluster)).toContain(volume);
    await api.updateConfig(vm, { ...change, digest: (await api.config(vm)).digest });
    expect(volumesOf(cluster)).not.toContain(volume);
  });
});
