// Tests of the VMs in /cluster/resources: what is as old as the last broadcast, what is not, and who sees which.
import { describe, expect, it } from 'vitest';
import { Lab } from '../testing.ts';

type Item = Record<string, unknown>;

async function items(lab: Lab): Promise<Item[]> {
  return (await lab.call('GET', '/cluster/resources', { type: 'vm' })).data as Item[];
}

async function item(lab: Lab, vmid: number): Promise<Item | undefined> {
  return (await items(lab)).find((one) => one['vmid'] === vmid);
}

async function cloned(): Promise<Lab> {
  const lab = new Lab();
  await lab.clone(100);
  await lab.clock.advance(10_000);
  return lab;
}

describe('an entry of the cluster view', () => {
  const atOnce: { name: string; change: (lab: Lab) => unknown; want: Item }[] = [
    { name: 'the node', change: (lab) => lab.simulator.moveVm(100, 'pve2'), want: { node: 'pve2' } },
    { name: 'the lock', change: (lab) => lab.simulator.setLock(100, 'backup'), want: { lock: 'backup' } },
    {
      name: 'the tags',
      change: (lab) => lab.simulator.changeByHand(100, (options) => (options['tags'] = 'red')),
      want: { tags: 'red' },
    },
    {
      name: 'the pool',
      change: ({ simulator: { world } }) =>
        world.pools.set('team', { id: 'team', comment: undefined, vms: new Set([100]), storages: new Set() }),
      want: { pool: 'team' },
    },
  ];
  it.each(atOnce)('shows $name at once', async ({ change, want }) => {
    const lab = await cloned();
    expect(await item(lab, 100)).not.toMatchObject(want);
    await change(lab);
    expect(await item(lab, 100)).toMatchObject({ name: 'vm100', ...want });
  });

  it.each(atOnce.slice(1, 3))('forgets $name at once', async ({ change, want }) => {
    const lab = await cloned();
    await change(lab);
    await item(lab, 100);
    const [key = ''] = Object.keys(want);
    lab.simulator.changeByHand(100, (options) => delete options[key]);
    expect(await item(lab, 100)).not.toHaveProperty(key);
  });

  it('shows name, state and figures as of the last broadcast', async () => {
    const lab = await cloned();
    lab.simulator.changeByHand(100, (options) => (options['name'] = 'renamed'));
    await lab.task('POST', '/nodes/pve1/qemu/100/status/start');
    expect(await item(lab, 100)).toMatchObject({ name: 'vm100', status: 'stopped', cpu: 0 });
    await lab.clock.advance(10_000);
    expect(await item(lab, 100)).toMatchObject({ name: 'renamed', status: 'running', cpu: expect.any(Number) });
  });

  it('is gone with the VM, and another VM under its id shows the old figures first', async () => {
    const lab = await cloned();
    await lab.task('DELETE', '/nodes/pve1/qemu/100');
    expect(await item(lab, 100)).toBeUndefined();
    await lab.clone(100, { name: 'second' });
    expect(await item(lab, 100)).toMatchObject({ name: 'vm100' });
    await lab.clock.advance(10_000);
    expect(await item(lab, 100)).toMatchObject({ name: 'second' });
  });
});

describe('who sees it', () => {
  const rows: { name: string; acl: { path: string; role: string }[]; pool?: number; want: number[] }[] = [
    { name: 'everything from above', acl: [{ path: '/vms', role: 'Audit' }], want: [100, 9000, 9001] },
    { name: 'nothing without a right', acl: [], want: [] },
    { name: 'one by an entry of its own', acl: [{ path: '/vms/9000', role: 'Audit' }], want: [9000] },
    {
      name: 'all but one that is closed to it',
      acl: [
        { path: '/vms', role: 'Audit' },
        { path: '/vms/9000', role: 'NoAccess' },
      ],
      want: [100, 9001],
    },
    { name: 'those of its pool', acl: [{ path: '/pool/team', role: 'Audit' }], pool: 100, want: [100] },
  ];
  it.each(rows)('$name', async ({ acl, pool, want }) => {
    const lab = await cloned();
    const { access, pools } = lab.simulator.world;
    access.roles.set('Audit', new Set(['VM.Audit']));
    access.acl = ['operator@pve', 'operator@pve!k8s'].flatMap((who) =>
      acl.map((entry) => ({ ...entry, who, propagate: true })),
    );
    if (pool !== undefined)
      pools.set('team', { id: 'team', comment: undefined, vms: new Set([pool]), storages: new Set() });
    expect((await items(lab)).map((one) => Number(one['vmid'])).sort((a, b) => a - b)).toEqual(want);
  });
});
