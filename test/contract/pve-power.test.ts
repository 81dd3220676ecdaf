// The client's contract with Proxmox VE for power: shutdown, reboot and reset of guests that listen and that do not.
import { describe, expect, it } from 'vitest';
import { cloned, failed, refusal, running, vm, type Cluster } from './pve-cluster.ts';

/** A running VM whose guest never comes up. */
async function stuck(): Promise<Cluster> {
  const cluster = await cloned();
  cluster.simulator.world.guestBootMs.set(401, null);
  await cluster.done(await cluster.api.start(vm));
  return cluster;
}

const statusOf = async ({ api }: Cluster): Promise<string> => (await api.status(vm)).status;

describe('a shutdown', () => {
  it('ends a guest that listens, and a stopped VM ends well again', async () => {
    const cluster = await running();
    const { api, done } = cluster;
    await done(await api.shutdown(vm, { timeoutSeconds: 60 }));
    expect(await statusOf(cluster)).toBe('stopped');
    await done(await api.shutdown(vm, { timeoutSeconds: 60 }));
  });

  it('gives up on a guest that does not listen, and leaves it running', async () => {
    const cluster = await stuck();
    const error = await failed(cluster, await cluster.api.shutdown(vm, { timeoutSeconds: 2 }));
    expect(error).toMatchObject({ kind: 'timeout', detail: 'VM quit/powerdown failed - got timeout' });
    expect(await statusOf(cluster)).toBe('running');
  });

  it('ends such a guest all the same when told to', async () => {
    const cluster = await stuck();
    await cluster.done(await cluster.api.shutdown(vm, { timeoutSeconds: 2, forceStop: true }));
    expect(await statusOf(cluster)).toBe('stopped');
  });

  it('is ended by a stop that overrules it', async () => {
    const cluster = await stuck();
    const { api, done } = cluster;
    const asked = await api.shutdown(vm, { timeoutSeconds: 3600 });
    await done(await api.stop(vm, { overruleShutdown: true }));
    expect(await failed(cluster, asked)).toMatchObject({ maybeApplied: true, detail: 'received interrupt' });
    expect(await statusOf(cluster)).toBe('stopped');
  });
});

describe('a reboot', () => {
  it('ends well while the VM is stopped, which then starts with its pending changes', async () => {
    const cluster = await running();
    const { api, simulator } = cluster;
    await api.updateConfig(vm, { set: { cores: 2 } });
    expect((await api.config(vm, { current: true })).values.get('cores')).toBe('1');
    const upid = await api.reboot(vm);
    const task = simulator.world.tasks.get(upid);
    await task?.done;
    expect(task?.status).toBe('OK');
    expect(simulator.world.vms.get(401)?.running).toBeUndefined();
    await expect.poll(async () => statusOf(cluster)).toBe('running');
    expect((await api.config(vm, { current: true })).values.get('cores')).toBe('2');
  });

  it('is told by the tasks of the VM, and by no others', async () => {
    const cluster = await running();
    expect(await cluster.api.vmTasks(vm, 'qmreboot')).toEqual([]);
    const upid = await cluster.api.reboot(vm);
    await cluster.simulator.world.tasks.get(upid)?.done;
    expect(await cluster.api.vmTasks(vm, 'qmreboot')).toMatchObject([
      { upid, type: 'qmreboot', state: { state: 'ok' } },
    ]);
    expect(await cluster.api.vmTasks({ ...vm, vmid: 402 }, 'qmreboot')).toEqual([]);
  });

  it('gives up on a guest that does not listen', async () => {
    const cluster = await stuck();
    const error = await failed(cluster, await cluster.api.reboot(vm, { timeoutSeconds: 2 }));
    expect(error).toMatchObject({ kind: 'timeout' });
    expect(await statusOf(cluster)).toBe('running');
  });

  it('is refused at once for a stopped VM', async () => {
    const { api } = await cloned();
    expect(await refusal(api.reboot(vm))).toMatchObject({ kind: 'conflict', detail: 'VM 401 not running' });
  });
});

describe('a reset', () => {
  it('leaves the VM running, and what is pending pending', async () => {
    const cluster = await running();
    const { api, done } = cluster;
    await api.updateConfig(vm, { set: { cores: 2 } });
    await done(await api.reset(vm));
    expect(await statusOf(cluster)).toBe('running');
    expect((await api.config(vm, { current: true })).values.get('cores')).toBe('1');
  });

  it('is refused at once for a stopped VM, and in the task for a locked one', async () => {
    const cluster = await cloned();
    const { api, done, simulator } = cluster;
    expect(await refusal(api.reset(vm))).toMatchObject({ kind: 'conflict', detail: 'VM 401 not running' });
    await done(await api.start(vm));
    simulator.setLock(401, 'backup');
    expect(await failed(cluster, await api.reset(vm))).toMatchObject({ kind: 'locked' });
    expect(await failed(cluster, await api.shutdown(vm, { timeoutSeconds: 2 }))).toMatchObject({ kind: 'locked' });
  });
});
