// Tests of console tickets: to whom they are bound, how long they live, and how many sockets they carry.
import { describe, expect, it } from 'vitest';
import { ask, demoLab, fails, labWith, read, started } from './call-table.ts';
import { operatorToken } from '../testing.ts';
import type { Lab } from '../testing.ts';

interface Proxy {
  port: string;
  ticket: string;
  password: string;
  upid: string;
  user: string;
}

const invalid = { status: 401, reason: 'permission denied - invalid PVEVNC ticket' };

async function open(lab: Lab, vmid = 100): Promise<Proxy> {
  return (await read(lab, `POST qemu/${vmid}/vncproxy`, { websocket: 1 })) as Proxy;
}

function join(
  lab: Lab,
  { port, ticket }: Pick<Proxy, 'port' | 'ticket'>,
  more: { vmid?: number; authorization?: string } = {},
): Promise<{ status: number }> {
  const { vmid = 100, authorization = 'PVEAPIToken=root@pam!all=s' } = more;
  const params = { port, vncticket: ticket };
  return lab.clock.runUntil(
    lab.simulator.handle({
      method: 'GET',
      path: `/nodes/pve1/qemu/${vmid}/vncwebsocket`,
      params,
      authorization,
      websocket: true,
    }),
  );
}

describe('vncproxy', () => {
  it('answers port as text, a password of eight signs, and the ticket that begins with it (behaviours.md 9)', async () => {
    const proxy = await open(await labWith());
    expect(proxy).toMatchObject({ port: '5900', user: 'root@pam!all', upid: expect.stringMatching(/:vncproxy:100:/) });
    expect(proxy.password).toHaveLength(8);
    expect(proxy.ticket.startsWith(`${proxy.password}:PVEVNC:`)).toBe(true);
  });

  it('takes the next port while the others are open (surprise 52)', async () => {
    const lab = await labWith();
    expect([await open(lab), await open(lab), await open(lab)].map(({ port }) => port)).toEqual([
      '5900',
      '5901',
      '5902',
    ]);
    await lab.clock.advance(11_000);
    expect((await open(lab)).port).toBe('5900');
  });

  it('of a VM that is not there', async () => {
    expect(await ask(demoLab(), ['POST qemu/999/vncproxy'])).toMatchObject(
      fails("Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist"),
    );
  });

  const ends: { name: string; runs: boolean; joins: boolean; want: string }[] = [
    { name: 'nobody comes', runs: true, joins: false, want: 'connection timed out' },
    { name: 'the VM is stopped', runs: false, joins: true, want: 'Failed to run vncproxy.' },
    { name: 'the connection was there', runs: true, joins: true, want: 'OK' },
  ];
  it.each(ends)('ends when $name: $want', async ({ runs, joins, want }) => {
    const lab = await labWith(...(runs ? started : []));
    const proxy = await open(lab);
    if (joins) expect(await join(lab, proxy)).toMatchObject({ status: 101 });
    await lab.clock.advance(15_000);
    expect(lab.simulator.world.tasks.get(proxy.upid)?.status).toBe(want);
  });
});

describe('vncwebsocket', () => {
  it('without a handshake answers the port (surprise 52)', async () => {
    const lab = await labWith();
    const { port, ticket } = await open(lab);
    expect(await read(lab, 'GET qemu/100/vncwebsocket', { port, vncticket: ticket })).toEqual({ port: '5900' });
  });

  const rows: {
    name: string;
    change: (proxy: Proxy) => Parameters<typeof join>[1];
    more?: Parameters<typeof join>[2];
  }[] = [
    { name: 'another ticket', change: ({ port }) => ({ port, ticket: 'PVEVNC:69000000::xx' }) },
    { name: 'another port', change: ({ ticket }) => ({ port: '5999', ticket }) },
    { name: 'another VM', change: (proxy) => proxy, more: { vmid: 9000 } },
    { name: 'another token', change: (proxy) => proxy, more: { authorization: operatorToken } },
  ];
  it.each(rows)('refuses $name, after three seconds', async ({ change, more }) => {
    const lab = await labWith(...started);
    const proxy = await open(lab);
    const before = lab.clock.now();
    expect(await join(lab, change(proxy), more)).toMatchObject(invalid);
    expect(lab.clock.now() - before).toBe(3000);
  });

  it('refuses a ticket that is older than forty seconds', async () => {
    const lab = await labWith(...started);
    const proxy = await open(lab);
    await lab.clock.advance(41_000);
    expect(await join(lab, proxy)).toMatchObject(invalid);
  });

  it('carries one connection; the second is closed without an answer after five seconds', async () => {
    const lab = await labWith(...started);
    const proxy = await open(lab);
    expect(await join(lab, proxy)).toMatchObject({ status: 101 });
    const before = lab.clock.now();
    expect(await join(lab, proxy)).toMatchObject({ status: 0 });
    expect(lab.clock.now() - before).toBe(5000);
  });

  it('closes a connection that comes after ten seconds', async () => {
    const lab = await labWith(...started);
    const proxy = await open(lab);
    await lab.clock.advance(11_000);
    expect(await join(lab, proxy)).toMatchObject({ status: 0 });
  });
});

describe('a ticket checked for somebody else', () => {
  const check = async (change: Record<string, unknown>, waitMs = 0): Promise<unknown> => {
    const lab = await labWith(...started);
    const { ticket } = await open(lab);
    await lab.clock.advance(waitMs);
    return ask(lab, [
      'POST /access/vncticket',
      { authid: 'root@pam!all', vncticket: ticket, path: '/vms/100', privs: 'VM.Console', ...change },
    ]);
  };
  const rows: { name: string; change: Record<string, unknown>; waitMs?: number; want: object }[] = [
    { name: 'is good', change: {}, want: { status: 200, data: null } },
    { name: 'is another’s', change: { authid: 'operator@pve!k8s' }, want: invalid },
    { name: 'is for another VM', change: { path: '/vms/101' }, want: invalid },
    { name: 'is none', change: { vncticket: 'x' }, want: invalid },
    { name: 'is old', change: {}, waitMs: 41_000, want: invalid },
  ];
  it.each(rows)('$name', async ({ change, waitMs, want }) => {
    expect(await check(change, waitMs)).toMatchObject(want);
  });
});
