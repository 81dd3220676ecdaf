// Resource pools: groups of VMs and storages.
import { failure, forbidden } from '../errors.ts';
import { splitList } from '../schema/formats.ts';
import { flag, formatted, oneOf, required, text } from '../schema/parameter.ts';
import type { ParameterTable } from '../schema/parameter.ts';
import type { Pool, World } from '../state/world.ts';
import { may, needs, optionalText, textOf } from './route.ts';
import type { Call, Route } from './route.ts';
import { resourceItem } from './status-item.ts';

function prefixed<T>(prefix: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw failure(`${prefix}: ${error instanceof Error ? error.message : String(error)}`);
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

function requireWritable(call: Call): void {
  if (!call.world.quorate) throw failure("cfs-lock 'file-user_cfg' error: no quorum!");
}

function members(call: Call, one: Pool): unknown[] {
  const vms = [...one.vms].flatMap((vmid) => call.world.vms.get(vmid) ?? []);
  return vms.map((vm) => resourceItem(call.world, vm, false));
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
    requireWritable(call);
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
    requireWritable(call);
    const one = pool(call);
    if (call.params['comment'] !== undefined) one.comment = textOf(call.params['comment']);
    for (const entry of splitList(textOf(call.params['vms']))) changeVm(call, one, Number(entry));
    for (const entry of splitList(textOf(call.params['storage']))) {
      if (call.params['delete'] === 1) one.storages.delete(entry);
      else one.storages.add(entry);
    }
    return null;
  });
}

function changeVm(call: Call, one: Pool, vmid: number): void {
  const current = call.world.poolOf(vmid);
  if (call.params['delete'] === 1) {
    if (!one.vms.delete(vmid)) throw failure(`VM ${vmid} is not a pool member`);
    return;
  }
  if (current === one.id) throw failure(`VM ${vmid} is already a pool member`);
  if (current !== undefined && call.params['allow-move'] !== 1) {
    throw failure(`VM ${vmid} belongs already to pool '${current}' and 'allow-move' is not set`);
  }
  for (const other of call.world.pools.values()) other.vms.delete(vmid);
  one.vms.add(vmid);
}

function remove(call: Call): null {
  return prefixed('delete pool failed', () => {
    requireWritable(call);
    const one = pool(call);
    const [vmid] = one.vms;
    const [storage] = one.storages;
    if (vmid !== undefined) throw failure(`pool '${one.id}' is not empty (contains VM ${vmid})`);
    if (storage !== undefined) throw failure(`pool '${one.id}' is not empty (contains storage '${storage}')`);
    call.world.pools.delete(one.id);
    return null;
  });
}

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
    run: create,
  },
  { method: 'PUT', path: '/pools', permission: allocate, parameters: changes, run: change },
  { method: 'DELETE', path: '/pools', permission: allocate, parameters: { poolid: required(poolid) }, run: remove },
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
    run: remove,
  },
];
