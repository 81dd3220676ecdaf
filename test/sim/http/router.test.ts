// Tests of finding the endpoint of a path.
import { describe, expect, it } from 'vitest';
import type { Route } from '../api/route.ts';
import { Router } from './router.ts';

function route(method: Route['method'], path: string): Route {
  return { method, path, permission: 'all', parameters: {}, run: () => null };
}

const router = new Router([
  route('GET', '/version'),
  route('GET', '/nodes/{node}/qemu/{vmid}/config'),
  route('PUT', '/nodes/{node}/qemu/{vmid}/config'),
  route('GET', '/nodes/{node}/qemu'),
  route('GET', '/nodes/{node}/storage/{storage}/content/{volume*}'),
  route('GET', '/nodes/{node}/storage/{storage}/content'),
]);

describe('Router', () => {
  const rows = [
    { method: 'GET', path: '/version', want: {} },
    { method: 'GET', path: '/version/', want: {} },
    { method: 'PUT', path: '/nodes/pve1/qemu/100/config', want: { node: 'pve1', vmid: '100' } },
    { method: 'GET', path: '/nodes/a%20b/qemu', want: { node: 'a b' } },
    {
      method: 'GET',
      path: '/nodes/pve1/storage/local/content/local:100/disk.qcow2',
      want: { node: 'pve1', storage: 'local', volume: 'local:100/disk.qcow2' },
    },
    {
      method: 'GET',
      path: '/nodes/pve1/storage/local/content/local:iso%2Fa.iso',
      want: { node: 'pve1', storage: 'local', volume: 'local:iso/a.iso' },
    },
    { method: 'GET', path: '/nodes/pve1/storage/local/content', want: { node: 'pve1', storage: 'local' } },
    { method: 'POST', path: '/version', want: undefined },
    { method: 'GET', path: '/nosuch', want: undefined },
    { method: 'GET', path: '/nodes/pve1/qemu/100', want: undefined },
    { method: 'GET', path: '/nodes/pve1/qemu/100/config/more', want: undefined },
  ];
  it.each(rows)('$method $path', ({ method, path, want }) => {
    expect(router.find(method, path)?.pathParams).toEqual(want);
  });
});
