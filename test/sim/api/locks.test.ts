// Tests of the lock line of a VM: which calls it stops, at once or in the task, and which do not care.
import { describe, expect, it } from 'vitest';
import { ask, checkRow, fails, labWith, read, started } from './call-table.ts';
import type { ApiCall } from './call-table.ts';

const locks = ['backup', 'clone', 'create', 'migrate', 'rollback', 'snapshot', 'snapshot-delete', 'suspending'];

/** What the lock does to a call of a stopped VM (locks.json of the recorded API code; lock-* of the cluster). */
const stopped: { name: string; call: ApiCall; where: 'at once' | 'in the task' | 'not at all' }[] = [
  { name: 'PUT config', call: ['PUT qemu/100/config', { cores: 2 }], where: 'at once' },
  { name: 'POST config', call: ['POST qemu/100/config', { cores: 2 }], where: 'at once' },
  { name: 'unlink', call: ['PUT qemu/100/unlink', { idlist: 'scsi0' }], where: 'at once' },
  { name: 'clone', call: ['POST qemu/100/clone', { newid: 200 }], where: 'at once' },
  { name: 'migrate', call: ['POST qemu/100/migrate', { target: 'pve2' }], where: 'at once' },
  { name: 'the conditions of a migration', call: ['GET qemu/100/migrate'], where: 'at once' },
  { name: 'template', call: ['POST qemu/100/template'], where: 'at once' },
  { name: 'move_disk', call: ['POST qemu/100/move_disk', { disk: 'scsi0', storage: 'local' }], where: 'at once' },
  { name: 'cloudinit', call: ['PUT qemu/100/cloudinit'], where: 'at once' },
  { name: 'start', call: ['POST qemu/100/status/start'], where: 'in the task' },
  { name: 'resize', call: ['PUT qemu/100/resize', { disk: 'scsi0', size: '+1G' }], where: 'in the task' },
  { name: 'snapshot', call: ['POST qemu/100/snapshot', { snapname: 'a2' }], where: 'in the task' },
  { name: 'rollback', call: ['POST qemu/100/snapshot/a1/rollback'], where: 'in the task' },
  { name: 'deleting a snapshot', call: ['DELETE qemu/100/snapshot/a1'], where: 'in the task' },
  { name: 'destroy', call: ['DELETE qemu/100'], where: 'in the task' },
  { name: 'stop', call: ['POST qemu/100/status/stop'], where: 'not at all' },
  { name: 'shutdown', call: ['POST qemu/100/status/shutdown'], where: 'not at all' },
];

/** Calls that do not look at the lock, of a stopped VM. */
const indifferent: { name: string; call: ApiCall }[] = [
  { name: 'GET config', call: ['GET qemu/100/config'] },
  { name: 'GET pending', call: ['GET qemu/100/pending'] },
  { name: 'status', call: ['GET qemu/100/status/current'] },
  { name: 'the list of snapshots', call: ['GET qemu/100/snapshot'] },
  { name: 'firewall options', call: ['PUT qemu/100/firewall/options', { enable: 1 }] },
  { name: 'firewall rules', call: ['POST qemu/100/firewall/rules', { type: 'in', action: 'ACCEPT' }] },
  { name: 'a console', call: ['POST qemu/100/vncproxy', { websocket: 1 }] },
  { name: 'round-robin data', call: ['GET qemu/100/rrddata', { timeframe: 'hour' }] },
];

describe.each(locks)('the lock %s of a stopped VM', (lock) => {
  it.each(stopped)('stops $name $where', async ({ call, where }) => {
    const lab = await labWith(['POST qemu/100/snapshot', { snapname: 'a1' }], (at) => at.simulator.setLock(100, lock));
    const text = `VM is locked (${lock})`;
    const want = { 'at once': fails(text), 'in the task': text, 'not at all': 'OK' }[where];
    await checkRow(lab, { call, want });
    expect(lab.simulator.world.vms.get(100)?.lock).toBe(lock);
  });
});

describe('the lock of a stopped VM does not matter to', () => {
  it.each(indifferent)('$name', async ({ call }) => {
    const lab = await labWith(
      (at) => at.clock.advance(10_000),
      (at) => at.simulator.setLock(100, 'backup'),
    );
    expect(await ask(lab, call)).toMatchObject({ status: 200 });
  });
});

/** Tasks of a running VM and whether the lock stops them (lock-running-backup). */
const running: { name: string; call: ApiCall; lock: string; want: string }[] = [
  { name: 'stop', call: ['POST qemu/100/status/stop'], lock: 'backup', want: 'VM is locked (backup)' },
  {
    name: 'shutdown',
    call: ['POST qemu/100/status/shutdown', { timeout: 2 }],
    lock: 'backup',
    want: 'VM is locked (backup)',
  },
  { name: 'reset', call: ['POST qemu/100/status/reset'], lock: 'backup', want: 'VM is locked (backup)' },
  { name: 'reboot', call: ['POST qemu/100/status/reboot'], lock: 'backup', want: 'VM is locked (backup)' },
  { name: 'start', call: ['POST qemu/100/status/start'], lock: 'backup', want: 'OK' },
  { name: 'suspend', call: ['POST qemu/100/status/suspend'], lock: 'backup', want: 'OK' },
  { name: 'resume', call: ['POST qemu/100/status/resume'], lock: 'backup', want: 'OK' },
  {
    name: 'suspend to disk',
    call: ['POST qemu/100/status/suspend', { todisk: 1 }],
    lock: 'backup',
    want: 'VM is locked (backup)',
  },
  { name: 'a backup', call: ['POST vzdump', { vmid: '100', storage: 'shared' }], lock: 'backup', want: 'job errors' },
  { name: 'start', call: ['POST qemu/100/status/start'], lock: 'migrate', want: 'VM is locked (migrate)' },
  { name: 'suspend', call: ['POST qemu/100/status/suspend'], lock: 'migrate', want: 'VM is locked (migrate)' },
  { name: 'resume', call: ['POST qemu/100/status/resume'], lock: 'migrate', want: 'VM is locked (migrate)' },
];

describe('a running VM with the lock', () => {
  it.each(running)('$lock, $name: $want', async ({ call, lock, want }) => {
    const lab = await labWith(...started, (at) => at.simulator.setLock(100, lock));
    await checkRow(lab, { call, want });
  });

  it('shows it in status and resources', async () => {
    const lab = await labWith(...started, (at) => at.simulator.setLock(100, 'backup'));
    expect(await read(lab, 'GET qemu/100/status/current')).toMatchObject({ lock: 'backup', status: 'running' });
    expect(await read(lab, 'GET /cluster/resources', { type: 'vm' })).toContainEqual(
      expect.objectContaining({ vmid: 100, lock: 'backup' }),
    );
  });
});
