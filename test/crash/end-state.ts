// What must be the same however a run was disturbed: what is left on Proxmox, in DNS and in Kubernetes.
import type { Condition } from '../../src/api/object.ts';
import { resources } from '../../src/api/resources.ts';
import type { Vm } from '../sim/state/vm.ts';
import { type CrashWorld, STRANGER, vmOf } from './world.ts';

/** Values of one end that are compared one by one; JSON. */
export interface EndState {
  status: Record<string, unknown>;
  conditions: Record<string, string>;
  operations: Record<string, string>;
  vms: Record<string, unknown>;
  firewall: Record<string, unknown>;
  /** Addresses, VMIDs and places in quotas. */
  reservations: string[];
  secrets: string[];
  dns: string[];
}

export function endState(world: CrashWorld): EndState {
  const { sim, kube, dns } = world;
  const vm = vmOf(world);
  const { state, powerState, addresses, effective, node, planRevision, dns: published, suspension } = vm?.status ?? {};
  const reservations = [
    ...kube.objects(resources.ipAddressReservation),
    ...kube.objects(resources.vmidReservation),
    ...kube.objects(resources.quotaSlot),
  ];
  const end: EndState = {
    status: {
      state,
      powerState,
      addresses,
      effective,
      node,
      planRevision,
      zones: published?.zones,
      suspended: suspension !== undefined,
    },
    conditions: textsOf(vm?.status?.conditions),
    operations: Object.fromEntries(
      kube
        .objects(resources.virtualMachineOperation)
        .map(({ metadata, status }) => [metadata.name, JSON.stringify(textsOf(status?.conditions))]),
    ),
    vms: Object.fromEntries(ownVms(world).map((own) => [own.vmid, comparableVm(own)])),
    firewall: Object.fromEntries(
      [...sim.world.firewall]
        .filter(([, file]) => !file.isEmpty)
        .map(([vmid, file]) => [vmid, JSON.stringify(file, mapsAsLists)]),
    ),
    reservations: reservations.map(({ metadata }) => metadata.name).sort(),
    secrets: kube
      .objects(resources.secret)
      .map(({ metadata, data }) => `${metadata.namespace}/${metadata.name} ${JSON.stringify(data)}`)
      .sort(),
    dns: [...dns.records.values()].map((record) => JSON.stringify(record)).sort(),
  };
  return withoutVmid(end, ownVms(world)[0]?.vmid);
}

/** VMs that are neither templates nor somebody else's. */
export function ownVms({ sim }: CrashWorld): Vm[] {
  return [...sim.world.vms.values()].filter(
    ({ options }) => options['template'] === undefined && options['name'] !== STRANGER,
  );
}

/** `Succeeded` and `Skipped` tell whether a step had something to do in this life: either will do. */
function textsOf(conditions: readonly Condition[] = []): Record<string, string> {
  const texts = conditions.map(({ type, status, reason }) => [
    type,
    `${status}/${reason === 'Skipped' ? 'Succeeded' : reason}`,
  ]);
  return Object.fromEntries(texts.toSorted(([a = ''], [b = '']) => a.localeCompare(b)));
}

/** Values that Proxmox VE draws anew for every clone. */
const DRAWN = /^(vmgenid|meta|smbios1|digest)$/;

function comparableVm({ node, running, options, pending }: Vm): Record<string, unknown> {
  return {
    node,
    options: comparable(options),
    pending: comparable(pending),
    running: running === undefined ? 'no' : comparable(running.options),
  };
}

function comparable(options: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(options)
    .filter(([key]) => !DRAWN.test(key))
    .toSorted(([a], [b]) => a.localeCompare(b));
  return Object.fromEntries(entries.map(([key, value]) => [key, withoutChance(key, value)]));
}

function withoutChance(key: string, value: string): string {
  if (key === 'net0') return value.replace(/([0-9A-F]{2}:){5}[0-9A-F]{2}/i, 'MAC');
  // The same password, with another salt.
  return key === 'cipassword' ? value.slice(0, 3) : value;
}

/** For JSON.stringify, which leaves the content of maps out. */
export function mapsAsLists(_key: string, value: unknown): unknown {
  return value instanceof Map ? [...value] : value;
}

// A VM whose number somebody else was faster to take has another one, and everything that is named after it as well.
function withoutVmid(end: EndState, vmid: number | undefined): EndState {
  if (vmid === undefined) return end;
  return JSON.parse(JSON.stringify(end).replaceAll(new RegExp(`\\b${vmid}\\b`, 'g'), 'VMID')) as EndState;
}

/** Every value that is not as wanted, in words. */
export function differences(is: unknown, wanted: unknown, path = ''): string[] {
  if (JSON.stringify(is) === JSON.stringify(wanted)) return [];
  if (!isMap(is) || !isMap(wanted)) return [`${path} is ${JSON.stringify(is)} instead of ${JSON.stringify(wanted)}`];
  const keys = new Set([...Object.keys(is), ...Object.keys(wanted)]);
  return [...keys].flatMap((key) => differences(is[key], wanted[key], path === '' ? key : `${path}.${key}`));
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
