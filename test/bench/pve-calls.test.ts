import { describe, expect, test } from 'vitest';
import { countCalls, endpointOf, tally, total } from './pve-calls.ts';

describe('endpointOf', () => {
  test.each([
    { path: '/cluster/resources', want: 'GET /cluster/resources' },
    { path: '/nodes/pve1/qemu/20001/config', want: 'GET /nodes/{node}/qemu/{vmid}/config' },
    { path: '/nodes/pve1/qemu/9000/config', want: 'GET /nodes/{node}/qemu/{template}/config' },
    { path: '/nodes/pve1/qemu/90001/config', want: 'GET /nodes/{node}/qemu/{vmid}/config' },
    {
      path: '/nodes/pve1/tasks/UPID:pve1:00001B5A:0A2B:68000000:qmstart:100:a@pve!k:/status',
      want: 'GET /nodes/{node}/tasks/{upid}/status',
    },
    {
      path: '/nodes/pve1/qemu/20001/firewall/ipset/ipfilter-net0',
      want: 'GET /nodes/{node}/qemu/{vmid}/firewall/ipset/ipfilter-net0',
    },
    {
      path: '/nodes/pve1/qemu/20001/firewall/ipset/ipfilter-net0/2001%3Adb8%3A%3A%2F64',
      want: 'GET /nodes/{node}/qemu/{vmid}/firewall/ipset/ipfilter-net0/{cidr}',
    },
  ])('$path', ({ path, want }) => {
    expect(endpointOf({ method: 'GET', path })).toBe(want);
  });
});

test('a clone counts for the machine although it is asked of the template', () => {
  expect(countCalls([{ method: 'POST', path: '/nodes/pve1/qemu/9000/clone' }]).shared).toEqual({});
});

test('polls of the cluster and the template are told from calls for machines', () => {
  const get = (path: string) => ({ method: 'GET', path });
  const counts = countCalls([
    get('/cluster/tasks'),
    get('/cluster/tasks'),
    get('/nodes/pve1/qemu/9000/config'),
    get('/nodes/pve1/qemu/20001/config'),
    get('/nodes/pve2/qemu/20002/config'),
    { method: 'PUT', path: '/nodes/pve2/qemu/20002/config' },
  ]);
  expect(counts).toEqual({
    forVms: { 'GET /nodes/{node}/qemu/{vmid}/config': 2, 'PUT /nodes/{node}/qemu/{vmid}/config': 1 },
    shared: { 'GET /cluster/tasks': 2, 'GET /nodes/{node}/qemu/{template}/config': 1 },
  });
  expect([total(counts.forVms), total(counts.shared)]).toEqual([3, 3]);
});

test('a tally begins with the most frequent, then goes by name', () => {
  expect(Object.entries(tally(['b', 'c', 'a', 'c']))).toEqual([
    ['c', 2],
    ['a', 1],
    ['b', 1],
  ]);
  expect(tally([])).toEqual({});
});
