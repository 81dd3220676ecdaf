// Answers for what must be true after any disturbance: one VM an object, one reservation each, and nothing left behind.
import { expect } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import { secretType } from '../../src/kube/secrets.ts';
import { readStamp } from '../../src/pve/stamp.ts';
import type { PlanSpec } from '../../src/api/plan.ts';
import { OPERATOR_NAMESPACE, TOKEN_SECRET } from '../builders/objects.ts';
import { until } from '../kube/until.ts';
import { condition, NO_LEAKS, type World } from './harness-world.ts';

/** What a simulated VM came to be, without what differs from VM to VM. */
export interface Shape {
  config: Record<string, string>;
  firewall: { options: object; ipsets: Record<string, number> };
  running: boolean;
  node: string;
}

/** A plan whose deploy makes every kind of call: migration, growth, second disk, limits, firewall with an address set. */
export const EVERY_CALL: Partial<PlanSpec> = {
  targetNode: 'pve2',
  cpuCores: 2,
  systemDisk: { sizeGiB: 4, readMBps: 50 },
  additionalDisk: { sizeGiB: 2, writeMBps: 20 },
  network: { rateMBps: 10 },
};

/** Demands that every VM object of the world has exactly one VM that runs, carries its stamp and holds what its status says. */
export async function expectOneVmEach(world: World, strangers: readonly number[] = []): Promise<void> {
  const vms = await world.list(resources.virtualMachine);
  const vmids = vms.map(({ status }) => status?.vmid ?? 0).sort((a, b) => a - b);
  expect(world.madeVmids.filter((vmid) => !strangers.includes(vmid))).toEqual(vmids);
  for (const vm of vms) expectOwn(world, vm);
  await expectReservations(world, vms);
  expect(world.sim.leaks()).toEqual(NO_LEAKS);
}

function expectOwn(world: World, vm: VirtualMachine): void {
  const { vmid = 0 } = vm.status ?? {};
  const made = world.sim.world.vms.get(vmid);
  expect(readStamp(made?.options['description'])).toEqual({ uid: vm.metadata.uid, vmid });
  expect(made?.node).toBe(vm.status?.node);
  expect(made?.running?.qmpStatus).toBe('running');
}

async function expectReservations(world: World, vms: readonly VirtualMachine[]): Promise<void> {
  const vmids = await world.list(resources.vmidReservation);
  expect(vmids.map(({ spec }) => `${spec.virtualMachine.uid} ${spec.vmid}`).sort()).toEqual(
    vms.map(({ metadata, status }) => `${metadata.uid} ${status?.vmid}`).sort(),
  );
  const addresses = await world.list(resources.ipAddressReservation);
  const told = vms.flatMap(({ metadata, status }) =>
    (status?.addresses ?? []).map(({ address }) => `${metadata.uid} ${address}`),
  );
  expect(addresses.map(({ spec }) => `${spec.virtualMachine.uid} ${spec.address}`).sort()).toEqual(told.sort());
  expect(told).toHaveLength(vms.length);
}

/** The shape of a VM, for a comparison with one whose deploy was not disturbed. */
export function shapeOf(world: World, vm: VirtualMachine): Shape {
  const { vmid = 0, name = '', addresses = [] } = vm.status ?? {};
  const made = world.sim.world.vms.get(vmid);
  if (made === undefined) throw new Error(`The simulator has no VM ${vmid}.`);
  const own = [String(vmid), vm.metadata.uid ?? '', name, ...addresses.map(({ address }) => address)];
  const plain = (text: string): string => own.reduce((left, part) => left.replaceAll(part, '·'), text);
  const config = Object.entries(made.options)
    .filter(([key]) => !RANDOM_OPTIONS.has(key))
    .map(([key, value]): [string, string] => [key, plain(value).replace(/virtio=[0-9A-F:]{17}/, 'virtio=·')]);
  const file = world.sim.world.firewallOf(vmid);
  return {
    config: Object.fromEntries(config),
    firewall: {
      options: { ...file.options },
      ipsets: Object.fromEntries([...file.ipsets].map(([set, { entries }]) => [set, entries.length])),
    },
    running: made.running !== undefined,
    node: made.node,
  };
}

const RANDOM_OPTIONS = new Set(['cipassword', 'meta', 'smbios1', 'vmgenid']);

/** Makes the operator look at every unready VM again, and waits until it has looked at this one. */
export async function lookAgain(world: World, vmid: number): Promise<void> {
  const seen = world.sim.requests.length;
  await touchToken(world);
  await until(`VM ${vmid} was looked at again`, () =>
    world.sim.requests.slice(seen).some(({ method, path }) => method === 'GET' && path.includes(`/qemu/${vmid}/`)),
  );
}

/** Changes the Secret with the token in a way that means nothing: as after any change of it, all that waits is looked at again. */
export async function touchToken(world: World): Promise<void> {
  touches += 1;
  const metadata = { annotations: { 'example.com/touched': String(touches) } };
  await world.patch(secretType, TOKEN_SECRET, { metadata }, OPERATOR_NAMESPACE);
}

let touches = 0;

/** Requests that change something, for one VM or for the whole cluster, since the log had that many entries. */
export function changesSince(world: World, count: number, vmid?: number): string[] {
  return world.sim.requests
    .slice(count)
    .filter(({ method, path }) => method !== 'GET' && (vmid === undefined || path.includes(`/qemu/${vmid}`)))
    .map(({ method, path }) => `${method} ${path}`);
}

/** Reason of a VM's Ready condition. */
export function reasonOf(vm: VirtualMachine): string | undefined {
  return condition(vm, 'Ready')?.reason;
}
