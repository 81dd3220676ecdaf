// Tests of what others see and may do while a clone runs, and of many clones at once.
import { describe, expect, it } from 'vitest';
import { ask, checkRow, configOf, demoLab, fails, read, refuses, send, taskEnd } from './call-table.ts';
import type { ApiCall, CallRow } from './call-table.ts';

const clone = (params: Record<string, unknown>): ApiCall => ['POST qemu/9000/clone', params];
const bigCopy = { newid: 200, full: 1, bwlimit: 100_000 };

describe('while a clone runs', () => {
  async function cloning(): Promise<ReturnType<typeof demoLab>> {
    const lab = demoLab();
    await ask(lab, clone(bigCopy));
    return lab;
  }

  it('its target is a locked placeholder with a name of its number (clone-target-visible-while-cloning)', async () => {
    const lab = await cloning();
    expect(await configOf(lab, 200)).toEqual({
      lock: 'clone',
      description: ' qmclone temporary file',
      digest: expect.any(String),
    });
    expect(await read(lab, 'GET qemu/200/status/current')).toMatchObject({
      name: 'VM 200',
      lock: 'clone',
      maxdisk: 0,
      status: 'stopped',
    });
  });

  const rows: CallRow[] = [
    {
      name: 'its target takes no configuration',
      call: ['PUT qemu/200/config', { cores: 2 }],
      want: fails('VM is locked (clone)'),
    },
    {
      name: 'its target takes firewall options (surprise 12)',
      call: ['PUT qemu/200/firewall/options', { enable: 1 }],
      want: { status: 200, data: null },
    },
    {
      name: 'its number is taken',
      call: ['GET /cluster/nextid', { vmid: 200 }],
      want: refuses({ vmid: 'VM 200 already exists' }),
    },
    { name: 'its target is started when it is done (observed 10)', call: ['POST qemu/200/status/start'], want: 'OK' },
    { name: 'its target is destroyed when it is done (observed 10)', call: ['DELETE qemu/200'], want: 'OK' },
    {
      name: 'its source takes configuration (clone-template-while-cloning)',
      call: ['PUT qemu/9000/config', { description: 'x' }],
      want: { status: 200 },
    },
    { name: 'its source can be cloned again', call: clone({ newid: 201 }), want: 'OK' },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await cloning(), row);
  });

  it('stopping it cleans up (surprise 11)', async () => {
    const lab = await cloning();
    await lab.clock.advance(2000);
    const [task] = [...lab.simulator.world.tasks.running()];
    expect(await ask(lab, [`DELETE tasks/${task?.upid}`])).toMatchObject({ status: 200, data: null });
    expect(task?.status).toBe(
      "clone failed: copy failed: command '/usr/bin/qemu-img convert -p -n -r 100000K -f qcow2 -O qcow2 " +
        "/mnt/pve/shared/images/9000/base-9000-disk-0.qcow2 zeroinit:/mnt/pve/shared/images/200/vm-200-disk-0.qcow2' " +
        'failed: interrupted by signal',
    );
    expect(await read(lab, 'GET /cluster/nextid', { vmid: 200 })).toBe('200');
    expect(lab.simulator.leaks().orphanVolumes).toEqual([]);
  });

  it('its speed is limited as asked', async () => {
    const lab = demoLab();
    const before = lab.clock.now();
    await taskEnd(lab, clone({ ...bigCopy, bwlimit: 5000 }));
    // 450 MiB of data at 5,000 KiB a second.
    expect((lab.clock.now() - before) / 1000).toBeGreaterThan(90);
  });
});

describe('what is told of its copy when it is stopped', () => {
  const rows = [
    { name: 'with a limit: all was read (clone-stop-the-task)', params: { bwlimit: 5000 }, share: '100.00%' },
    { name: 'without: nothing was', params: {}, share: '0.00%' },
  ];
  it.each(rows)('$name', async ({ params, share }) => {
    const lab = demoLab();
    const task = lab.taskOf(await ask(lab, clone({ newid: 200, full: 1, ...params })));
    await lab.clock.advance(1000);
    task.stop();
    await lab.clock.runUntil(task.done);
    expect(task.log.filter((line) => line.startsWith('transferred')).at(-1)).toContain(`(${share})`);
    expect(task.status).toMatch(/^clone failed: copy failed: command .* failed: interrupted by signal$/);
  });
});

describe('many clones at once', () => {
  it('of one template all become VMs with disks and MACs of their own (clone-parallel-linked)', async () => {
    const lab = demoLab();
    const ids = [201, 202, 203];
    const replies = await lab.clock.runUntil(Promise.all(ids.map((newid) => send(lab, clone({ newid })))));
    const tasks = replies.map((reply) => lab.taskOf(reply));
    await lab.clock.runUntil(Promise.all(tasks.map((task) => task.done)));
    expect(tasks.map((task) => task.status)).toEqual(['OK', 'OK', 'OK']);
    const configs = await Promise.all(ids.map((id) => configOf(lab, id)));
    for (const key of ['net0', 'scsi0', 'vmgenid']) expect(new Set(configs.map((config) => config[key])).size).toBe(3);
  });
});
