// Reading a VM's configuration: GET config and GET pending.
import { failure, parameterError } from '../../errors.ts';
import { isDriveName } from '../../schema/drive-format.ts';
import { flag, node, snapshotName, vmid } from '../../schema/parameter.ts';
import type { Options, Vm } from '../../state/vm.ts';
import { needs, optionalText, textOf } from '../route.ts';
import type { Call, Route } from '../route.ts';
import { shownValue } from './option-groups.ts';

/** Options as answers show them. */
export function shown(options: Options): Record<string, unknown> {
  const data: Record<string, unknown> = {};
  for (const key in options) data[key] = shownValue(key, options[key] ?? '');
  return data;
}

/** The configuration with pending changes taken for done. */
export function withPending(vm: Vm): Options {
  if (!vm.hasPending) return vm.options;
  const merged = { ...vm.options, ...vm.pending };
  for (const key of vm.pendingDelete.keys()) delete merged[key];
  return merged;
}

function readConfig(call: Call): unknown {
  const vm = call.world.vm(Number(call.params['vmid']), textOf(call.params['node']));
  const snapshot = optionalText(call.params['snapshot']);
  if (snapshot !== undefined && call.params['current'] === 1) {
    const conflict = "cannot use 'snapshot' parameter with 'current'";
    throw parameterError({ snapshot: conflict, current: conflict });
  }
  if (snapshot !== undefined) {
    const section = vm.snapshots.get(snapshot);
    if (section === undefined) throw failure(`snapshot '${snapshot}' does not exist`);
    return { ...shown(snapshotOptions(vm, snapshot)), digest: vm.digest };
  }
  return { ...shown(call.params['current'] === 1 ? vm.options : withPending(vm)), digest: vm.digest };
}

/** A snapshot's options with its own fields, as the file's section holds them. */
export function snapshotOptions(vm: Vm, name: string): Options {
  const section = vm.snapshots.get(name);
  if (section === undefined) return {};
  const options: Options = { ...section.options, snaptime: String(section.snaptime) };
  if (section.description !== '') options['description'] = section.description;
  else delete options['description'];
  if (section.parent !== undefined) options['parent'] = section.parent;
  if (section.vmstate !== undefined) options['vmstate'] = section.vmstate;
  return options;
}

interface PendingItem {
  key: string;
  value?: string | number;
  pending?: string | number;
  delete?: number;
}

function pendingItem(vm: Vm, key: string): PendingItem {
  const item: PendingItem = { key };
  const value = vm.options[key];
  if (value !== undefined) item.value = shownValue(key, value);
  const pending = vm.pending[key];
  if (pending !== undefined) item.pending = key === 'cipassword' ? '********** ' : shownValue(key, pending);
  const force = vm.pendingDelete.get(key);
  if (force !== undefined) item.delete = force ? 2 : 1;
  return item;
}

function readPending(call: Call): unknown {
  const vm = call.world.vm(Number(call.params['vmid']), textOf(call.params['node']));
  const keys = new Set([...Object.keys(vm.options), ...Object.keys(vm.pending), ...vm.pendingDelete.keys()]);
  const items: PendingItem[] = [...keys].map((key) => pendingItem(vm, key));
  return [...items, { key: 'digest', value: vm.digest }];
}

/** Whether any drive of the options table has that volume. */
export function usesVolume(options: Options, volid: string): boolean {
  return Object.entries(options).some(
    ([key, value]) => (isDriveName(key) || key.startsWith('unused')) && value.split(',')[0] === volid,
  );
}

export const configReadRoutes: Route[] = [
  {
    method: 'GET',
    path: '/nodes/{node}/qemu/{vmid}/config',
    permission: needs('/vms/{vmid}', 'VM.Audit'),
    proxied: true,
    parameters: { node, vmid, current: flag(), snapshot: snapshotName },
    run: readConfig,
  },
  {
    method: 'GET',
    path: '/nodes/{node}/qemu/{vmid}/pending',
    permission: needs('/vms/{vmid}', 'VM.Audit'),
    proxied: true,
    parameters: { node, vmid },
    run: readPending,
  },
];
