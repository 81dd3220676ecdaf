// Tests of tasks: UPIDs, how workers end, stopping them, and tasks that come back from a saved state.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import { failure, forbidden, parameterError } from '../errors.ts';
import { Random } from '../random.ts';
import { callerOf } from '../state/access.ts';
import { doneWithin, parseUpid, TaskRegistry } from './task-registry.ts';
import type { Task } from './task-registry.ts';

function registry(): { clock: VirtualClock; tasks: TaskRegistry } {
  const clock = new VirtualClock();
  return { clock, tasks: new TaskRegistry(clock, new Random(1)) };
}

const kind = { node: 'pve1', type: 'qmstart', id: '100', caller: callerOf('op@pve!k8s') };

async function ended(worker: (task: Task) => void | Promise<void>): Promise<Task> {
  const { clock, tasks } = registry();
  const task = tasks.start(kind, worker);
  await clock.runUntil(task.done);
  return task;
}

describe('the end of a worker', () => {
  // behaviours.md 3: OK, WARNINGS: n or the error's text with blanks for newlines.
  const rows: { name: string; worker: (task: Task) => void; exit: string; log: string[] }[] = [
    { name: 'without a word', worker: () => undefined, exit: 'OK', log: ['TASK OK'] },
    {
      name: 'with lines of its own',
      worker: (task) => task.print('one', 'two'),
      exit: 'OK',
      log: ['one', 'two', 'TASK OK'],
    },
    {
      name: 'with a warning',
      worker: (task) => task.warn('odd'),
      exit: 'WARNINGS: 1',
      log: ['WARN: odd', 'TASK WARNINGS: 1'],
    },
    {
      name: 'with two warnings',
      worker: (task) => {
        task.warn('odd');
        task.warn('odder');
      },
      exit: 'WARNINGS: 2',
      log: ['WARN: odd', 'WARN: odder', 'TASK WARNINGS: 2'],
    },
    {
      name: 'with a failure',
      worker: () => {
        throw failure('VM is locked (backup)');
      },
      exit: 'VM is locked (backup)',
      log: ['TASK ERROR: VM is locked (backup)'],
    },
    {
      name: 'with a failure after a warning: the failure counts',
      worker: (task) => {
        task.warn('odd');
        throw failure('broken');
      },
      exit: 'broken',
      log: ['WARN: odd', 'TASK ERROR: broken'],
    },
    {
      name: 'with a missing privilege, whose status is part of the text (auth-limited-without-vm-backup)',
      worker: () => {
        throw forbidden('/vms/100, VM.Backup');
      },
      exit: '403 Permission check failed (/vms/100, VM.Backup)',
      log: ['TASK ERROR: 403 Permission check failed (/vms/100, VM.Backup)'],
    },
    {
      name: 'with a refused parameter, on one line (config-background-delay-hotplug)',
      worker: () => {
        throw parameterError({ net0: 'hotplug problem - busy\n' });
      },
      exit: '400 Parameter verification failed. net0: hotplug problem - busy ',
      log: ['TASK ERROR: 400 Parameter verification failed. net0: hotplug problem - busy '],
    },
    {
      name: 'with an error of the simulator itself',
      worker: () => {
        throw new TypeError('not a function');
      },
      exit: 'not a function',
      log: ['TASK ERROR: not a function'],
    },
  ];
  it.each(rows)('$name', async ({ worker, exit, log }) => {
    const task = await ended(worker);
    expect({ exit: task.status, log: task.log }).toEqual({ exit, log });
  });

  it('is told in whole seconds', async () => {
    const task = await ended((worker) => worker.wait(2900));
    expect(task.endTime).toBe(task.startTime + 2);
  });
});

describe('a running worker', () => {
  it('has no exit status and is among the running', async () => {
    const { clock, tasks } = registry();
    const task = tasks.start(kind, (worker) => worker.wait(1000));
    expect([task.status, task.endTime, [...tasks.running()]]).toEqual([undefined, undefined, [task]]);
    await clock.runUntil(task.done);
    expect([...tasks.running()]).toEqual([]);
  });

  it('lets time pass', async () => {
    const { clock, tasks } = registry();
    const before = clock.now();
    await clock.runUntil(tasks.start(kind, (worker) => worker.wait(1234)).done);
    expect(clock.now() - before).toBe(1234);
  });

  it.each([0, -5])('does not wait for %i ms', async (ms) => {
    const { clock, tasks } = registry();
    const before = clock.now();
    await clock.runUntil(tasks.start(kind, (worker) => worker.wait(ms)).done);
    expect(clock.now()).toBe(before);
  });

  it('tells of a lock it waits for and gets', async () => {
    const task = await ended((worker) => worker.lockNotice()());
    expect(task.log).toEqual(['trying to acquire lock...', ' OK', 'TASK OK']);
  });
});

describe('stopping a worker', () => {
  it('ends a wait at once with `received interrupt` (behaviours.md 3)', async () => {
    const { clock, tasks } = registry();
    const task = tasks.start(kind, (worker) => worker.wait(60_000));
    const before = clock.now();
    task.stop();
    await clock.runUntil(task.done);
    expect([task.status, task.log, clock.now()]).toEqual([
      'received interrupt',
      ['TASK ERROR: received interrupt'],
      before,
    ]);
  });

  it('ends a wait for something else', async () => {
    const { clock, tasks } = registry();
    const task = tasks.start(kind, (worker) => worker.until(new Promise<void>(() => undefined)));
    task.stop();
    await clock.runUntil(task.done);
    expect(task.status).toBe('received interrupt');
  });

  it('is noticed at the next wait when the worker was busy', async () => {
    const { clock, tasks } = registry();
    const task = tasks.start(kind, async (worker) => {
      worker.stop();
      await worker.wait(1000);
    });
    await clock.runUntil(task.done);
    expect(task.status).toBe('received interrupt');
  });

  it('lets the worker clean up', async () => {
    const { clock, tasks } = registry();
    const task = tasks.start(kind, async (worker) => {
      try {
        await worker.wait(60_000);
      } finally {
        await worker.wait(500);
        worker.print('cleaned');
      }
    });
    task.stop();
    await clock.runUntil(task.done);
    expect(task.log).toEqual(['cleaned', 'TASK ERROR: received interrupt']);
  });

  it('does nothing to one that has ended (tasks-bad-upid)', async () => {
    const task = await ended(() => undefined);
    task.stop();
    expect(task.status).toBe('OK');
  });
});

describe('doneWithin', () => {
  const rows = [
    { name: 'a task that ends in time', lastsMs: 400, limitMs: 1000, want: { status: 'OK', tookMs: 400 } },
    { name: 'one that does not', lastsMs: 5000, limitMs: 1000, want: { status: undefined, tookMs: 1000 } },
  ];
  it.each(rows)('$name', async ({ lastsMs, limitMs, want }) => {
    const { clock, tasks } = registry();
    const before = clock.now();
    const task = tasks.start(kind, (worker) => worker.wait(lastsMs));
    await clock.runUntil(doneWithin(clock, task, limitMs));
    expect({ status: task.status, tookMs: clock.now() - before }).toEqual(want);
  });
});

describe('UPIDs', () => {
  it('name node, process, time, type, id and caller (behaviours.md 3)', async () => {
    const { tasks } = registry();
    const task = tasks.start(kind, () => undefined);
    expect(task.upid).toMatch(/^UPID:pve1:[0-9A-F]{8}:[0-9A-F]{8}:[0-9A-F]{8}:qmstart:100:op@pve!k8s:$/);
    await task.done;
  });

  const rows: { name: string; upid: string; want: unknown }[] = [
    {
      name: 'of a token',
      upid: 'UPID:pve1:00001719:00080719:6B028095:qmclone:9000:root@pam!op:',
      want: {
        node: 'pve1',
        type: 'qmclone',
        id: '9000',
        caller: { id: 'root@pam!op', user: 'root@pam', tokenName: 'op' },
        pid: 0x1719,
        pstart: 0x80719,
        startTime: 0x6b028095,
      },
    },
    {
      name: 'of several VMs, with an empty id (surprise 46)',
      upid: 'UPID:pve1:00000001:00000002:00000003:vzdump::root@pam:',
      want: expect.objectContaining({ id: '', type: 'vzdump' }),
    },
    {
      name: 'of a volume',
      upid: 'UPID:pve1:00000001:00000002:00000003:imgdel:700@local:root@pam!full:',
      want: expect.objectContaining({ id: '700@local' }),
    },
    {
      name: 'of a host that has been up for long: nine digits of start',
      upid: 'UPID:pve1:00000001:100000002:00000003:qmstart:100:root@pam:',
      want: expect.objectContaining({ pstart: 0x100000002 }),
    },
    {
      name: 'without its last colon',
      upid: 'UPID:pve1:00000001:00000002:00000003:qmstart:100:root@pam',
      want: undefined,
    },
    { name: 'with a short process', upid: 'UPID:pve1:0001:00000002:00000003:qmstart:100:root@pam:', want: undefined },
    {
      name: 'with a node that is no name',
      upid: 'UPID:-x:00000001:00000002:00000003:qmstart:1:r@pam:',
      want: undefined,
    },
    { name: 'of nobody', upid: 'UPID:pve1:00000001:00000002:00000003:qmstart:100::', want: undefined },
    { name: 'that is none', upid: 'nonsense', want: undefined },
    { name: 'that is empty', upid: '', want: undefined },
  ];
  it.each(rows)('$name', ({ upid, want }) => {
    expect(parseUpid(upid)).toEqual(want);
  });

  it('are read as they are written', () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9]{0,9}$/);
    const parts = fc.record({ node: word, type: word, id: fc.nat().map(String), who: word, token: word });
    fc.assert(
      fc.property(parts, ({ node, type, id, who, token }) => {
        const { tasks } = registry();
        const caller = callerOf(`${who}@pve!${token}`);
        const task = tasks.start({ node, type, id, caller }, () => undefined);
        expect(parseUpid(task.upid)).toEqual({
          node,
          type,
          id,
          caller,
          pid: task.pid,
          pstart: task.pstart,
          startTime: task.startTime,
        });
      }),
      { numRuns: 50 },
    );
  });

  it('are never the same twice', () => {
    const { tasks } = registry();
    const upids = Array.from({ length: 200 }, () => tasks.start(kind, () => undefined).upid);
    expect(new Set(upids).size).toBe(200);
  });
});

describe('the registry', () => {
  it('lists the tasks of a node, newest first', () => {
    const { tasks } = registry();
    const first = tasks.start(kind, () => undefined);
    tasks.start({ ...kind, node: 'pve2' }, () => undefined);
    const last = tasks.start(kind, () => undefined);
    expect(tasks.ofNode('pve1')).toEqual([last, first]);
    expect(tasks.ofNode('pve9')).toEqual([]);
  });

  it('knows no task it has not started', () => {
    expect(registry().tasks.get('UPID:pve1:00000001:00000002:00000003:qmstart:100:root@pam:')).toBeUndefined();
  });

  it('comes back from a saved state; a worker that ran then is dead', async () => {
    const { clock, tasks } = registry();
    const done = tasks.start(kind, (worker) => worker.warn('odd'));
    await clock.runUntil(done.done);
    const cut = tasks.start({ ...kind, type: 'qmclone' }, (worker) => {
      worker.print('half way');
      return worker.wait(60_000);
    });
    const saved = structuredClone(tasks.save());
    const later = new VirtualClock(clock.now() + 3_600_000);
    const again = new TaskRegistry(later, new Random(2));
    again.restore(saved);
    const shown = again.ofNode('pve1').map(({ upid, status, log, endTime }) => ({ upid, status, log, endTime }));
    expect(shown).toEqual([
      { upid: cut.upid, status: 'unexpected status', log: ['half way'], endTime: Math.floor(later.now() / 1000) },
      { upid: done.upid, status: 'WARNINGS: 1', log: ['WARN: odd', 'TASK WARNINGS: 1'], endTime: done.endTime },
    ]);
    expect([...again.running()]).toEqual([]);
  });

  it('goes on counting processes after that', () => {
    const { tasks } = registry();
    const before = tasks.start(kind, () => undefined);
    const { clock, tasks: again } = registry();
    again.restore(tasks.save());
    const after = again.start(kind, () => undefined);
    expect(after.pid).toBeGreaterThan(before.pid);
    expect(clock.now()).toBeGreaterThan(0);
  });

  it('leaves out what is no UPID', () => {
    const { tasks } = registry();
    tasks.restore({ nextPid: 1, tasks: [{ upid: 'nonsense', endTime: 1, status: 'OK', warnings: 0, log: [] }] });
    expect(tasks.save().tasks).toEqual([]);
  });
});
