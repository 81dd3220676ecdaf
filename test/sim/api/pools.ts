// Resource pools: groups of VMs and storages.
import { failure, forbidden, messageOf } from '../errors.ts';
import { splitList } from '../schema/formats.ts';
import { flag, formatted, oneOf, required, text } from '../schema/parameter.ts';
import type { ParameterTable } from '../schema/parameter.ts';
import type { Pool, World } from '../state/world.ts';
import { underClusterLock } from './cluster-lock.ts';
import { may, needs, optionalText, requireAny, textOf } from './route.ts';
import type { Call, Route } from './route.ts';
import { resourceItem } from './status-item.ts';
import { storageItem } from './storage-item.ts';

function prefixed<T>(prefix: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw failure(`${prefix}: ${messageOf(error)}`);
  }
}

function pool(call: Call): Pool {
  const id = textOf(call.params['poolid']);
  const found = call.world.pools.get(id);
  if (found === undefined) throw failure(`pool '${id}' does not exist`);
  return found;
}

/** A pool to put a VM in; whether it exists is part of the permission check. */
export function requirePool(world: World, name: string | undefined): void {
  if (name !== undefined && !world.pools.has(name)) throw forbidden(`pool '${name}' does not exist`);
}

/** The VMs and storages of a pool, or only those of the type asked for; each storage once, as the local node sees it. */
function members(call: Call, one: Pool): unknown[] {
  const type = call.params['type'];
  const vms = type === undefined || type === 'qemu' ? [...one.vms] : [];
  const storages = type === undefined || type === 'storage' ? [...one.storages] : [];
  return [
    ...vms.flatMap((vmid) => call.world.vms.get(vmid) ?? []).map((vm) => resourceItem(call.world, vm, false)),
    ...storages
      .flatMap((id) => call.world.volumes.storages.get(id) ?? [])
      .map((storage) =>
        storageItem(
          call.world,
          storage,
          storage.nodes?.includes(call.node) === false ? (storage.nodes[0] ?? '') : call.node,
        ),
      ),
  ];
}

/** Who moves things between pools must be allowed to change rights on them. */
function requireModify(call: Call, path: string, privilege: string): void {
  requireAny(call, path, ['Permissions.Modify', privilege]);
}

function shown(call: Call, one: Pool, detailed: boolean): Record<string, unknown> {
  const item: Record<string, unknown> = { poolid: one.id };
  if (one.comment !== undefined) item['comment'] = one.comment;
  if (detailed) item['members'] = members(call, one);
  return item;
}

function list(call: Call): unknown {
  if (call.params['poolid'] !== undefined) return [shown(call, pool(call), true)];
  return [...call.world.pools.values()]
    .filter((one) => may(call, `/pool/${one.id}`, 'Pool.Audit'))
    .map((one) => shown(call, one, false));
}

function create(call: Call): null {
  const id = textOf(call.params['poolid']);
  return prefixed('create pool failed', () => {
    if (!/^[A-Za-z]/.test(id)) throw failure('pool name must start with a letter');
    if (call.world.pools.has(id)) throw failure(`pool '${id}' already exists`);
    call.world.pools.set(id, {
      id,
      comment: optionalText(call.params['comment']),
      vms: new Set(),
      storages: new Set(),
    });
    return null;
  });
}

function change(call: Call): null {
  return prefixed('update pools failed', () => {
    const drafts = new Map([...call.world.pools].map(([id, one]) => [id, copyOf(one)]));
    const one = drafts.get(pool(call).id) ?? pool(call);
    if (call.params['comment'] !== undefined) one.comment = textOf(call.params['comment']);
    for (const entry of splitList(textOf(call.params['vms']))) changeVm(call, { one, drafts }, Number(entry));
    for (const entry of splitList(textOf(call.params['storage']))) changeStorage(call, one, entry);
    for (const [id, draft] of drafts) call.world.pools.set(id, draft);
    return null;
  });
}

/** A change that fails half way leaves the pools as they were. */
function copyOf(one: Pool): Pool {
  return { ...one, vms: new Set(one.vms), storages: new Set(one.storages) };
}

function changeStorage(call: Call, one: Pool, id: string): void {
  requireModify(call, `/storage/${id}`, 'Datastore.Allocate');
  if (call.params['delete'] === 1) {
    if (!one.storages.delete(id)) throw failure(`Storage '${id}' is not a pool member`);
    return;
  }
  if (one.storages.has(id)) throw failure(`Storage '${id}' is already a pool member`);
  one.storages.add(id);
}

function changeVm(call: Call, { one, drafts }: { one: Pool; drafts: Map<string, Pool> }, vmid: number): void {
  requireModify(call, `/vms/${vmid}`, 'VM.Allocate');
  const current = [...drafts.values()].find((other) => other.vms.has(vmid))?.id;
  if (call.params['delete'] === 1) {
    if (!one.vms.delete(vmid)) throw failure(`VM ${vmid} is not a pool member`);
    return;
  }
  if (current === one.id) throw failure(`VM ${vmid} is already a pool member`);
  if (current !== undefined && call.params['allow-move'] !== 1) {
    throw failure(`VM ${vmid} belongs already to pool '${current}' and 'allow-move' is not set`);
  }
  for (const other of drafts.values()) other.vms.delete(vmid);
  one.vms.add(vmid);
}

function remove(call: Call): null {
  return prefixed('delete pool failed', () => {
    const one = pool(call);
    const [vmid] = one.vms;
    const [storage] = one.storages;
    if (vmid !== undefined) throw failure(`pool '${one.id}' is not empty (contains VM ${vmid})`);
    if (storage !== undefined) throw failure(`pool '${one.id}' is not empty (contains storage '${storage}')`);
    call.world.pools.delete(one.id);
    return null;
  });
}

const usersFile = 'file-user_cfg';
const underRemoval = underClusterLock({ lock: usersFile, prefix: 'delete pool failed: ' }, remove);
const poolid = formatted('pve-poolid');
const allocate = needs('/pool/{poolid}', 'Pool.Allocate');
const changes: ParameterTable = {
  poolid: required(poolid),
  comment: text(),
  vms: formatted('pve-vmid-list'),
  storage: formatted('pve-storage-id-list'),
  'allow-move': flag(),
  delete: flag(),
};

export const poolRoutes: Route[] = [
  {
    method: 'GET',
    path: '/pools',
    permission: 'all',
    parameters: { poolid, type: { ...oneOf('qemu', 'lxc', 'storage'), requires: 'poolid' } },
    run: list,
  },
  {
    method: 'POST',
    path: '/pools',
    permission: allocate,
    parameters: { poolid: required(poolid), comment: text() },
    run: underClusterLock({ lock: usersFile, prefix: 'create pool failed: ' }, create),
  },
  {
    method: 'PUT',
    path: '/pools',
    permission: allocate,
    parameters: changes,
    run: underClusterLock({ lock: usersFile, prefix: 'update pools failed: ' }, change),
  },
  {
    method: 'DELETE',
    path: '/pools',
    permission: allocate,
    parameters: { poolid: required(poolid) },
    run: underRemoval,
  },
  {
    method: 'GET',
    path: '/pools/{poolid}',
    permission: needs('/pool/{poolid}', 'Pool.Audit'),
    parameters: { poolid: required(poolid), type: oneOf('qemu', 'lxc', 'storage') },
    run: (call) => shown(call, pool(call), true),
  },
  {
    method: 'DELETE',
    path: '/pools/{poolid}',
    permission: allocate,
    parameters: { poolid: required(poolid) },
    run: underRemoval,
  },
];
