// Tests of the guest agent: its answers, its absence and what that costs, and who may ask, by release.
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import { Simulator } from '../simulator.ts';
import { demoTopology, Lab, operatorToken } from '../testing.ts';
import { answers, ask, checkRow, fails, forbids, labWith, read, refuses, started } from './call-table.ts';
import type { ApiCall, CallRow, Given } from './call-table.ts';

const agent = (command: string, params: Record<string, unknown> = {}, method = 'POST'): ApiCall => [
  `${method} qemu/100/agent/${command}`,
  params,
];
const password = (more: Record<string, unknown>): ApiCall => agent('set-user-password', { username: 'root', ...more });

describe('an agent answers', () => {
  // agent-exec and agent-set-user-password of the cluster.
  const rows: CallRow[] = [
    { name: 'a ping', call: agent('ping'), want: answers({ result: {} }) },
    {
      name: 'its system',
      call: agent('get-osinfo', {}, 'GET'),
      want: { status: 200, data: { result: expect.objectContaining({ id: 'debian' }) } },
    },
    { name: 'a password', call: password({ password: 'newpass12' }), want: answers({ result: {} }) },
    {
      name: 'a hashed password',
      call: password({ password: '$6$abc$def', crypted: 1 }),
      want: answers({ result: {} }),
    },
    {
      name: 'a password of other letters (surprise 56)',
      call: password({ password: 'pässwörd' }),
      want: answers({ result: {} }),
    },
    {
      name: 'a password that is short',
      call: password({ password: 'abcd' }),
      want: refuses({ password: 'value must be at least 5 characters long' }),
    },
    {
      name: 'no password',
      call: password({}),
      want: refuses({ password: 'property is missing and it is not optional' }),
    },
    {
      name: 'a password of nobody',
      call: password({ username: 'nouser', password: 'newpass12' }),
      want: fails("Agent error: child process has failed to set user password: chpasswd: user 'nouser' does not exist"),
    },
    {
      name: 'a program',
      call: agent('exec', { command: 'hostname' }),
      want: { status: 200, data: { pid: expect.any(Number) } },
    },
    {
      name: 'a program that is not there (observed 3)',
      call: agent('exec', { command: '/bin/nosuch' }),
      want: { status: 596, reason: 'Broken pipe' },
    },
    {
      name: 'the end of what never ran',
      call: agent('exec-status', { pid: 999_999 }, 'GET'),
      want: fails('Agent error: PID ld does not exist'),
    },
    {
      name: 'a file',
      call: agent('file-read', { file: '/etc/passwd' }, 'GET'),
      want: { status: 200, data: expect.objectContaining({ 'bytes-read': 61 }) },
    },
    {
      name: 'a file that is not there',
      call: agent('file-read', { file: '/nope' }, 'GET'),
      want: fails("Agent error: failed to open file '/nope' (mode: 'r'): No such file or directory"),
    },
    { name: 'a file to write', call: agent('file-write', { file: '/a', content: 'x' }), want: answers(null) },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(...started), row);
  });

  it('what a program printed, once', async () => {
    const lab = await labWith(...started);
    const { pid } = (await read(lab, 'POST qemu/100/agent/exec', { command: ['echo', 'a', 'b'] })) as { pid: number };
    const status = agent('exec-status', { pid }, 'GET');
    expect(await ask(lab, status)).toMatchObject(
      answers({ exited: 1, exitcode: 0, 'out-data': 'a b\n', 'out-truncated': 0 }),
    );
    expect(await ask(lab, status)).toMatchObject(fails('Agent error: PID ld does not exist'));
  });

  it('the addresses cloud-init gave it', async () => {
    const lab = await labWith(
      [
        'PUT qemu/100/config',
        { ipconfig0: 'ip=10.0.0.9/24,gw=10.0.0.1', net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0' },
      ],
      ...started,
    );
    expect(await read(lab, 'GET qemu/100/agent/network-get-interfaces')).toEqual({
      result: [
        expect.objectContaining({ name: 'lo' }),
        expect.objectContaining({
          name: 'eth0',
          'hardware-address': 'bc:24:11:00:00:01',
          'ip-addresses': [
            { 'ip-address': '10.0.0.9', 'ip-address-type': 'ipv4', prefix: 24 },
            { 'ip-address': 'fe80::be24:11ff:fe00:1', 'ip-address-type': 'ipv6', prefix: 64 },
          ],
        }),
      ],
    });
  });
});

describe('no agent answers', () => {
  const start: ApiCall = ['POST qemu/100/status/start'];
  const off: ApiCall = ['PUT qemu/100/config', { delete: 'agent' }];
  const rows: { name: string; given: Given; want: string; seconds: number }[] = [
    { name: 'of a VM that is stopped', given: [], want: 'VM 100 is not running', seconds: 0 },
    {
      name: 'of a VM without the option',
      given: [off, ...started],
      want: 'No QEMU guest agent configured',
      seconds: 0,
    },
    { name: 'of a stopped VM without the option', given: [off], want: 'No QEMU guest agent configured', seconds: 0 },
    { name: 'while the guest boots', given: [start], want: 'QEMU guest agent is not running', seconds: 3 },
    {
      name: 'of a guest that does not boot',
      given: [['PUT qemu/100/config', { boot: 'order=net0' }], ...started],
      want: 'QEMU guest agent is not running',
      seconds: 3,
    },
    {
      name: 'of a paused VM (agent-after-pause)',
      given: [...started, ['POST qemu/100/status/suspend']],
      want: 'QEMU guest agent is not running',
      seconds: 3,
    },
    {
      name: 'that was removed',
      given: [...started, (lab) => lab.simulator.setAgent(100, 'absent')],
      want: 'QEMU guest agent is not running',
      seconds: 3,
    },
    {
      name: 'that hangs',
      given: [...started, (lab) => lab.simulator.setAgent(100, 'hanging')],
      want: "VM 100 qmp command 'guest-ping' failed - got timeout",
      seconds: 10,
    },
  ];
  it.each(rows)('$name, after $seconds s', async ({ given, want, seconds }) => {
    const lab = await labWith(...given);
    const before = lab.clock.now();
    expect(await ask(lab, agent('ping'))).toMatchObject(fails(want));
    expect((lab.clock.now() - before) / 1000).toBe(seconds);
  });

  it('of a VM that is not there', async () => {
    expect(await ask(await labWith(), ['POST qemu/999/agent/ping'])).toMatchObject(
      fails("Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist"),
    );
  });
});

describe('the privilege of 9', () => {
  const rows: { call: ApiCall; privileges: string[]; want: object }[] = [
    { call: agent('ping'), privileges: ['VM.GuestAgent.Audit'], want: { status: 200 } },
    { call: agent('ping'), privileges: ['VM.GuestAgent.Unrestricted'], want: { status: 200 } },
    {
      call: agent('ping'),
      privileges: ['VM.Audit'],
      want: forbids('/vms/100, VM.GuestAgent.Audit|VM.GuestAgent.Unrestricted'),
    },
    {
      call: password({ password: 'newpass12' }),
      privileges: ['VM.GuestAgent.Audit'],
      want: forbids('/vms/100, VM.GuestAgent.Unrestricted'),
    },
    {
      call: agent('exec', { command: 'hostname' }),
      privileges: ['VM.GuestAgent.Audit'],
      want: forbids('/vms/100, VM.GuestAgent.Unrestricted'),
    },
    {
      call: agent('file-read', { file: '/etc/passwd' }, 'GET'),
      privileges: ['VM.GuestAgent.FileRead'],
      want: { status: 200 },
    },
    {
      call: agent('file-read', { file: '/etc/passwd' }, 'GET'),
      privileges: ['VM.GuestAgent.Audit'],
      want: forbids('/vms/100, VM.GuestAgent.FileRead|VM.GuestAgent.Unrestricted'),
    },
    {
      call: agent('file-write', { file: '/a', content: 'x' }),
      privileges: ['VM.GuestAgent.FileWrite'],
      want: { status: 200 },
    },
  ];
  it.each(rows)('$call.0 with $privileges', async ({ call, privileges, want }) => {
    const lab = await labWith(...started);
    lab.simulator.setRole('PveOperator', privileges);
    expect(await ask(lab, call, operatorToken)).toMatchObject(want);
  });

  it.each(['ping', 'exec', 'file-write'])('of 8 is VM.Monitor for %s (behaviours.md 9)', async (command) => {
    const clock = new VirtualClock();
    const topology = { ...demoTopology(), version: { release: '8.4', version: '8.4.21', repoid: 'x' } };
    const lab = new Lab(1, { clock, simulator: new Simulator({ topology, clock }) });
    const call = agent(
      command,
      { ping: {}, exec: { command: 'true' }, 'file-write': { file: '/a', content: 'x' } }[command],
    );
    lab.simulator.setRole('PveOperator', ['VM.Audit', 'VM.GuestAgent.Unrestricted']);
    expect(await ask(lab, call, operatorToken)).toMatchObject(forbids('/vms/100, VM.Monitor'));
    lab.simulator.setRole('PveOperator', ['VM.Monitor']);
    expect(await ask(lab, call, operatorToken)).toMatchObject({ status: 500 });
  });
});
