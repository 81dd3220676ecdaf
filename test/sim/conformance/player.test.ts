// Tests of the player on small made-up scenarios: what it sends, what it waits for, what it forgives and what it does not.
import { describe, expect, it } from 'vitest';
import { awaited, clone, differences, ok, type PartialStep, step, surroundings, template } from './made-up.ts';
import { play } from './player.ts';

const nameOf = (vmid: number): PartialStep['request'] => ({
  method: 'GET',
  path: `/nodes/pve1/qemu/${vmid}/status/current`,
});

describe('a step', () => {
  const rows: { name: string; steps: PartialStep[]; want: string[] }[] = [
    {
      name: 'matches without a recorded body by status and reason alone',
      steps: [{ request: { method: 'GET', path: '/version' }, response: ok }],
      want: [],
    },
    {
      name: 'with another status differs, and the reason is told',
      steps: [{ request: { method: 'GET', path: '/nope' }, response: ok }],
      want: ["step 0 GET /nope: /response/status: expected 200, got 501 (Method 'GET /nope' not implemented)"],
    },
    {
      name: 'with another reason differs',
      steps: [{ request: { method: 'GET', path: '/version' }, response: { status: 200, reason: 'Fine' } }],
      want: ['step 0 GET /version: /response/reason: expected "Fine", got "OK" (OK)'],
    },
    {
      name: 'with another body differs at the first difference',
      steps: [
        {
          request: { method: 'GET', path: '/version' },
          response: { ...ok, body: { data: { release: '9.2', repoid: 'x', version: '9.2.11' } } },
        },
      ],
      want: ['step 0 GET /version: /response/body/data/repoid: expected "x", got "14a22df35955d97d"'],
    },
    {
      name: 'may have what is volatile otherwise',
      steps: [
        {
          request: { method: 'GET', path: '/version' },
          response: { ...ok, body: { data: { release: '9.2', repoid: 'x', version: '9.2.11' } } },
          volatile: ['/response/body/data/repoid'],
        },
      ],
      want: [],
    },
    {
      name: 'with a body that is no JSON compares its text',
      steps: [
        {
          request: { method: 'GET', path: '/version', token: 'bad' },
          response: { status: 401, reason: 'Authentication failed!', body: '' },
        },
      ],
      want: [],
    },
    {
      name: 'goes to the node behind its port',
      steps: [
        {
          request: { method: 'GET', path: '/cluster/ha/status/current', port: 8007 },
          response: {
            ...ok,
            body: {
              data: [
                { id: 'quorum', node: 'pve2', quorate: 1, status: 'OK', type: 'quorum' },
                {
                  id: 'fencing',
                  node: 'pve2',
                  'armed-state': 'standby',
                  status: 'standby (CRM watchdog standby)',
                  type: 'fencing',
                },
              ],
            },
          },
        },
      ],
      want: [],
    },
    {
      name: 'takes a literal header where there is one',
      steps: [
        {
          request: { method: 'GET', path: '/version', token: 'raw', authorization: 'Bearer x' },
          response: { status: 401, reason: 'No ticket' },
        },
      ],
      want: [],
    },
    {
      name: 'without a token is nobody',
      steps: [
        { request: { method: 'GET', path: '/version', token: 'none' }, response: { status: 401, reason: 'No ticket' } },
      ],
      want: [],
    },
    {
      name: 'sends a form as texts: true is no flag there',
      steps: [
        {
          request: { method: 'PUT', path: `${template}/config`, params: { onboot: true } },
          response: { status: 400, reason: 'Parameter verification failed.' },
        },
      ],
      want: [],
    },
    {
      name: 'sends JSON as it is: true is a flag there',
      steps: [
        { request: { method: 'PUT', path: `${template}/config`, params: { onboot: true }, json: true }, response: ok },
      ],
      want: [],
    },
    {
      name: 'that was answered without a connection has status 0',
      steps: [{ request: { method: 'GET', path: '/version' }, response: { status: 0, reason: '' } }],
      want: ['step 0 GET /version: /response/status: expected 0, got 200 (OK)'],
    },
  ];
  it.each(rows)('$name', async ({ steps, want }) => {
    expect(await differences(...steps)).toEqual(want);
  });
});

describe('a task', () => {
  it('of which a recording tells nothing but its end can be of any kind and say anything', async () => {
    expect(await differences({ ...clone, task: { exitstatus: 'OK' } })).toEqual([]);
  });

  it('that is recorded is awaited', async () => {
    expect(await differences(awaited, { request: nameOf(100), response: ok })).toEqual([]);
  });

  const rows: { name: string; task: NonNullable<PartialStep['task']>; want: string }[] = [
    {
      name: 'with another end',
      task: { exitstatus: 'clone failed: x' },
      want: '/task/exitstatus: expected "clone failed: x", got "OK"',
    },
    {
      name: 'of another type',
      task: { exitstatus: 'OK', type: 'qmcreate' },
      want: '/task/type: expected "qmcreate", got "qmclone"',
    },
    {
      name: 'about something else',
      task: { exitstatus: 'OK', type: 'qmclone', id: '1' },
      want: '/task/id: expected "1", got "9000"',
    },
    {
      name: 'with a line that was not written',
      task: { exitstatus: 'OK', type: 'qmclone', id: '9000', log: ['no such line'], log_lines_left_out: 9 },
      want: '/task/log/0: expected "no such line"',
    },
    {
      name: 'with lines too many',
      task: { exitstatus: 'OK', type: 'qmclone', id: '9000', log: ['TASK OK'] },
      want: '/task/log/0: expected "TASK OK"',
    },
  ];
  it.each(rows)('$name differs', async ({ task, want }) => {
    const [found] = await differences({ ...clone, task });
    expect(found).toContain(want);
  });

  it('that was expected and is none differs', async () => {
    expect(
      await differences({ request: { method: 'GET', path: '/version' }, response: ok, task: { exitstatus: 'OK' } }),
    ).toEqual(['step 0 GET /version: /task: expected a task, got none']);
  });

  it('that was not awaited runs on while the next step is played, and is judged when it is waited for', async () => {
    const full: PartialStep = {
      ...awaited,
      request: { method: 'POST', path: `${template}/clone`, params: { newid: 100, full: 1 } },
      wait: false,
    };
    const locked: PartialStep = {
      request: { method: 'PUT', path: '/nodes/pve1/qemu/100/config', params: { cores: 2 } },
      response: { status: 500, reason: 'VM is locked (clone)' },
    };
    expect(await differences(full, locked, { action: { kind: 'waitTask', step: 0 } })).toEqual([]);
    expect((await differences(full, locked))[0]).toContain('/task/exitstatus: expected "OK", got nothing');
  });
});

describe('values of earlier answers', () => {
  const running: PartialStep = { ...clone, wait: false };

  it('take the place of the recorded ones in a path', async () => {
    const upid = 'UPID:pve1:00000001:00000001:00000001:qmclone:9000:operator@pve!k8s:';
    const status: PartialStep = {
      request: { method: 'GET', path: `/nodes/pve1/tasks/${upid}/status` },
      response: ok,
      refs: [{ in: '/request/path', value: upid, from: { step: 0, pointer: '/response/body/data' } }],
    };
    expect(await differences(running, status)).toEqual([]);
    expect((await differences(running, { ...status, refs: [] }))[0]).toContain('expected 200, got 400');
  });

  it('take the place of the recorded ones in a parameter, as part of a text too', async () => {
    const recorded = 'a'.repeat(40);
    const read: PartialStep = { request: { method: 'GET', path: `${template}/config` }, response: ok };
    const write: PartialStep = {
      request: { method: 'PUT', path: `${template}/config`, params: { cores: 2, digest: recorded } },
      response: ok,
      refs: [
        { in: '/request/params/digest', value: recorded, from: { step: 0, pointer: '/response/body/data/digest' } },
      ],
    };
    expect(await differences(read, write)).toEqual([]);
    expect((await differences(read, { ...write, refs: [] }))[0]).toContain('checksum mismatch');
    const partly: PartialStep = {
      request: { method: 'PUT', path: `${template}/config`, params: { description: `from <v>` } },
      response: ok,
      refs: [
        { in: '/request/params/description', value: '<v>', from: { step: 0, pointer: '/response/body/data/name' } },
      ],
    };
    const config: PartialStep = {
      request: nameOf(9000),
      response: { ...ok, body: { data: {} } },
    };
    const seen = await differences(read, partly, config);
    expect(seen).toHaveLength(1);
  });

  it('stay as recorded when the earlier answer has none', async () => {
    const write: PartialStep = {
      request: { method: 'GET', path: '/nodes/pve1/qemu/9000/config' },
      response: ok,
      refs: [{ in: '/request/path', value: '9000', from: { step: 7, pointer: '/response/body/data' } }],
    };
    expect(await differences(write)).toEqual([]);
  });

  it('may be an archive that a backup named in its log', async () => {
    const backup: PartialStep = {
      request: { method: 'POST', path: '/nodes/pve1/vzdump', params: { vmid: '100', storage: 'shared' } },
      response: ok,
      task: { exitstatus: 'OK', log: [], log_lines_left_out: 99 },
    };
    const archive = '/mnt/pve/shared/dump/vzdump-qemu-100-2020_01_01-00_00_00.vma';
    const content: PartialStep = {
      request: { method: 'PUT', path: '/nodes/pve1/qemu/100/config', params: { description: archive } },
      response: ok,
      refs: [{ in: '/request/params/description', value: archive, from: { step: 1, pointer: '/task/log/3' } }],
    };
    const read: PartialStep = {
      request: { method: 'GET', path: '/nodes/pve1/qemu/100/config' },
      response: { ...ok, body: { data: { description: 'recorded' } } },
      patterns: { '/response/body/data/description': '/mnt/pve/shared/dump/vzdump-qemu-100-2026<HASH>' },
    };
    const [found] = await differences(awaited, backup, content, read);
    // The first difference is what the pattern does not speak of.
    expect(found).not.toContain('/data/description');
  });
});

describe('steps at once', () => {
  it('are sent together, and their tasks awaited after all answers', async () => {
    const one = (newid: number): PartialStep => ({
      ...awaited,
      request: { method: 'POST', path: `${template}/clone`, params: { newid } },
      parallel: 1,
    });
    expect(await differences(one(100), one(101), one(102), { request: nameOf(102), response: ok })).toEqual([]);
  });

  it('end where another number begins', async () => {
    const start: PartialStep = {
      request: { method: 'POST', path: '/nodes/pve1/qemu/100/status/start' },
      response: ok,
      task: { exitstatus: 'OK', log: [], log_lines_left_out: 9 },
      parallel: 2,
    };
    expect(await differences({ ...awaited, parallel: 1 }, start)).toEqual([]);
  });
});

describe('the outcome', () => {
  it('counts requests only, and names the step of each difference', async () => {
    const scenario = {
      name: 'counted',
      steps: [
        step({ action: { kind: 'sleep', seconds: 1 } }),
        step({ request: { method: 'GET', path: '/version' }, response: ok }),
        step({ request: { method: 'GET', path: '/nope' }, response: ok }),
        step({ request: { method: 'GET', path: '/version' }, response: { status: 201, reason: 'OK' } }),
      ],
    };
    const outcome = await play(scenario, surroundings);
    expect(outcome).toMatchObject({ name: 'counted', steps: 3, matched: 1 });
    expect(outcome.differences.map((line) => line.slice(0, 6))).toEqual(['step 2', 'step 3']);
  });

  it('tells of a request without a recorded answer', async () => {
    expect(await differences({ request: { method: 'GET', path: '/version' } })).toEqual([
      'step 0 GET /version: was not played',
    ]);
  });

  it('is the same every time', async () => {
    const twice = await Promise.all([differences(awaited), differences(awaited)]);
    expect(twice[0]).toEqual(twice[1]);
  });

  it('leaves out tasks that ran before the scenario began', async () => {
    const old = 'UPID:pve1:00000001:00000001:00000001:qmstart:1:root@pam:';
    const list: PartialStep = {
      request: { method: 'GET', path: '/nodes/pve1/tasks', params: { limit: 1, typefilter: 'qmstart' } },
      response: { ...ok, body: { data: [{ upid: old, type: 'qmstart' }] } },
    };
    const recorded: PartialStep = {
      ...awaited,
      response: { ...ok, body: { data: 'UPID:pve1:00000002:00000002:00000002:qmclone:9000:operator@pve!k8s:' } },
    };
    expect(await differences(recorded, list)).toEqual([]);
  });
});
