// Tests of the workers of a node's API daemon: three calls at a time, and which calls need one.
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import { isPrivileged, Workers } from './workers.ts';

describe('the workers of a node', () => {
  it('are three; the fourth call waits for the first to end', async () => {
    const clock = new VirtualClock(0);
    const workers = new Workers();
    const ends: string[] = [];
    const call = (name: string, ms: number, node = 'pve1'): unknown =>
      workers.run(node, async () => {
        await clock.sleep(ms);
        ends.push(`${name} ${clock.now()}`);
      });
    const all = [call('a', 300), call('b', 200), call('c', 300), call('d', 50), call('e', 50), call('x', 10, 'pve2')];
    expect([workers.waiting('pve1'), workers.waiting('pve2'), workers.waiting('pve3')]).toEqual([2, 0, 0]);
    await clock.runUntil(Promise.all(all));
    expect(ends).toEqual(['x 10', 'b 200', 'd 250', 'a 300', 'c 300', 'e 300']);
  });

  it('are free again after calls that fail', async () => {
    const workers = new Workers();
    for (let turn = 0; turn < 4; turn += 1) {
      expect(() =>
        workers.run('pve1', () => {
          throw new Error('at once');
        }),
      ).toThrow('at once');
      await expect(workers.run('pve1', () => Promise.reject(new Error('later')))).rejects.toThrow('later');
    }
    expect(workers.run('pve1', () => 'done')).toBe('done');
  });

  it('are not waited for by calls that end at once', () => {
    const workers = new Workers();
    expect([1, 2, 3, 4, 5].map((number) => workers.run('pve1', () => number))).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('isPrivileged', () => {
  // The column P of endpoints.md.
  const vm = '/nodes/{node}/qemu/{vmid}';
  const rows: { method: string; path: string; want: boolean }[] = [
    { method: 'GET', path: '/version', want: false },
    { method: 'GET', path: '/cluster/resources', want: false },
    { method: 'GET', path: '/cluster/status', want: true },
    { method: 'GET', path: '/cluster/nextid', want: false },
    { method: 'GET', path: '/nodes', want: false },
    { method: 'GET', path: '/nodes/{node}/status', want: false },
    { method: 'GET', path: '/nodes/{node}/qemu', want: true },
    { method: 'GET', path: `${vm}/config`, want: false },
    { method: 'GET', path: `${vm}/pending`, want: false },
    { method: 'GET', path: `${vm}/cloudinit`, want: false },
    { method: 'GET', path: `${vm}/status/current`, want: true },
    { method: 'GET', path: `${vm}/snapshot`, want: true },
    { method: 'GET', path: `${vm}/snapshot/{snapname}/config`, want: false },
    { method: 'GET', path: `${vm}/migrate`, want: true },
    { method: 'GET', path: `${vm}/feature`, want: true },
    { method: 'GET', path: `${vm}/agent/get-osinfo`, want: true },
    { method: 'GET', path: `${vm}/rrddata`, want: true },
    { method: 'GET', path: `${vm}/firewall/rules`, want: false },
    { method: 'GET', path: `${vm}/vncwebsocket`, want: false },
    { method: 'GET', path: '/nodes/{node}/storage', want: true },
    { method: 'GET', path: '/nodes/{node}/storage/{storage}/content', want: true },
    { method: 'GET', path: '/nodes/{node}/tasks', want: false },
    { method: 'GET', path: '/nodes/{node}/tasks/{upid}/status', want: true },
    { method: 'GET', path: '/nodes/{node}/tasks/{upid}/log', want: true },
    { method: 'PUT', path: `${vm}/config`, want: true },
    { method: 'POST', path: `${vm}/clone`, want: true },
    { method: 'DELETE', path: vm, want: true },
    { method: 'POST', path: '/pools', want: true },
  ];
  it.each(rows)('$method $path: $want', ({ method, path, want }) => {
    expect(isPrivileged({ method, path })).toBe(want);
  });
});
