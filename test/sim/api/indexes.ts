// The directory answers: what lies below a path. They look at nothing, so they answer for missing things too.
import { failure } from '../errors.ts';
import { node, required, storageId, text, vmid } from '../schema/parameter.ts';
import { may } from './route.ts';
import type { Route } from './route.ts';

function names(key: string, ...values: string[]): Record<string, string>[] {
  return values.map((value) => ({ [key]: value }));
}

const vmIndex = [
  'config',
  'cloudinit',
  'pending',
  'status',
  'unlink',
  'vncproxy',
  'termproxy',
  'migrate',
  'resize',
  'move',
  'rrd',
  'rrddata',
  'monitor',
  'agent',
  'snapshot',
  'spiceproxy',
  'sendkey',
  'firewall',
  'mtunnel',
  'remote_migrate',
];
const storageIndex = [
  'content',
  'download-url',
  'file-restore',
  'import-metadata',
  'identity',
  'oci-registry-pull',
  'prunebackups',
  'rrd',
  'rrddata',
  'status',
  'upload',
];
const statusIndex = ['current', 'start', 'stop', 'reset', 'shutdown', 'suspend', 'reboot'];

export const indexRoutes: Route[] = [
  {
    method: 'GET',
    path: '/',
    permission: 'all',
    parameters: {},
    run: () => names('subdir', 'version', 'cluster', 'nodes', 'storage', 'access', 'pools'),
  },
  {
    method: 'GET',
    path: '/nodes/{node}/qemu/{vmid}',
    permission: 'all',
    proxied: true,
    parameters: { node, vmid },
    run: () => names('subdir', ...vmIndex),
  },
  {
    method: 'GET',
    path: '/nodes/{node}/qemu/{vmid}/status',
    permission: 'all',
    proxied: true,
    parameters: { node, vmid },
    run: () => names('subdir', ...statusIndex),
  },
  {
    method: 'GET',
    path: '/nodes/{node}/storage/{storage}',
    permission: (call) => void may(call, '/', 'Sys.Audit'),
    proxied: true,
    parameters: { node, storage: required(storageId) },
    run: () => names('subdir', ...storageIndex),
  },
  {
    method: 'GET',
    path: '/nodes/{node}/capabilities/qemu/machines',
    permission: 'all',
    proxied: true,
    parameters: { node, arch: text() },
    run: () => {
      throw failure(
        "could not load supported machine versions - can't open '/usr/share/kvm/machine-versions-x86_64.json' - No such file or directory\n",
      );
    },
  },
  {
    method: 'GET',
    path: '/nodes/{node}/capabilities/qemu/migration',
    permission: 'all',
    proxied: true,
    parameters: { node },
    run: () => ({ 'has-dbus-vmstate': false }),
  },
];
