// Plays changes of one VM's declaration over a simulated Proxmox VE, and tells what the VM is there and what it ought to be.
import { isDeepStrictEqual } from 'node:util';
import type { OptionName } from '../../src/api/options.ts';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../../src/api/virtual-machine.ts';
import { drivesOf, isCdrom, limitsOf } from '../../src/pve/drive.ts';
import { parseNic } from '../../src/pve/nic.ts';
import { anIPv6Pool } from '../builders/objects.ts';
import { type SimulatedOperator, simulatedOperator } from '../builders/simulated-operator.ts';
import type { Vm } from '../sim/state/vm.ts';
import { PLAN_VALUES, planOf } from './values.ts';

type Package = Readonly<Record<OptionName, number>>;

const GIB = 1024 ** 3;

/** Size of the system disk of every template, in GiB. */
const TEMPLATE_GIB = 2;

/** One disk: its size, and its limits in MB/s and operations a second. */
interface Disk {
  sizeGiB: number;
  limits: { readMBps: number; writeMBps: number; readIops: number; writeIops: number };
}

/** What options decide about a VM, as Proxmox VE has it. */
export interface EndState {
  cores: number;
  sockets: number;
  memoryMiB: number;
  /** The system disk first. */
  disks: Disk[];
  networkMBps: number;
  ipv4: number;
  ipv6: number;
}

export interface Scene extends AsyncDisposable {
  operator: SimulatedOperator;
  /** Declares the VM as that, and lets everything that follows come to its end. */
  declare(spec: Partial<VirtualMachineSpec>): Promise<VirtualMachine>;
  /** The VM as the simulator has it. */
  made(): Vm;
  endState(): EndState;
  /** The volume that a declaration without additional disk would destroy. */
  additionalVolume(): string | undefined;
}

/** A plan with the values for which nothing is said, pools of both families, and no VM yet. */
export async function openScene(): Promise<Scene> {
  const operator = await simulatedOperator(planOf(PLAN_VALUES));
  operator.fake.kube.seed(resources.ipPool, anIPv6Pool());
  const scene: Scene = {
    operator,
    async declare(spec) {
      const vm = operator.vm();
      if (vm === undefined) operator.declare('web-1', spec);
      else operator.fake.kube.seed(resources.virtualMachine, edited(vm, spec));
      await operator.passes();
      return demanded(operator.vm());
    },
    made: () => demanded(operator.sim.world.vms.get(demanded(operator.vm()).status?.vmid ?? 0)),
    endState: () => endStateOf(scene),
    additionalVolume: () => disksOf(scene.made()).at(1)?.volume,
    [Symbol.asyncDispose]: () => operator[Symbol.asyncDispose](),
  };
  return scene;
}

function edited(vm: VirtualMachine, spec: Partial<VirtualMachineSpec>): VirtualMachine {
  const generation = (vm.metadata.generation ?? 1) + 1;
  return { ...vm, spec: { planRef: vm.spec.planRef, ...spec }, metadata: { ...vm.metadata, generation } };
}

function demanded<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('The scene has no VM.');
  return value;
}

// Boot order and slot tell the system disk from the other one.
function disksOf({ options }: Vm) {
  const drives = drivesOf({ values: new Map(Object.entries(options)) });
  const system = /order=([a-z]+\d+)/.exec(options['boot'] ?? '')?.[1];
  return [...drives]
    .filter(([, drive]) => !isCdrom(drive))
    .sort(([left], [right]) => Number(right === system) - Number(left === system))
    .map(([, drive]) => drive);
}

function endStateOf({ made, operator }: Scene): EndState {
  const vm = made();
  const { options } = vm;
  const ipset = operator.sim.world.firewallOf(vm.vmid).ipsets.get('ipfilter-net0')?.entries ?? [];
  const members = ipset.map(({ cidr }) => cidr);
  return {
    cores: Number(options['cores']),
    sockets: Number(options['sockets']),
    memoryMiB: Number((options['memory'] ?? '').replace('current=', '')),
    disks: disksOf(vm).map((drive) => ({ sizeGiB: (drive.sizeBytes ?? 0) / GIB, limits: limitsOf(drive) })),
    networkMBps: parseNic(options['net0'] ?? '').rate ?? 0,
    ipv4: members.filter((cidr) => !cidr.includes(':')).length,
    ipv6: members.filter((cidr) => cidr.includes(':')).length,
  };
}

/** What a VM keeps from before a declaration. */
export interface Kept {
  state?: EndState;
  /** Whether the additional disk may be destroyed. */
  consent: boolean;
}

/**
 * What a declaration comes to. Three things of before stay whatever is declared: a disk never gets smaller, one that
 * nobody consented to destroying is kept as it is, and the main address of a family is never given back.
 */
export function expectedState(declared: Package, { state, consent }: Kept): EndState {
  const { cpuCores, memoryGiB, networkMBps, ipv4Addresses, ipv6Addresses } = declared;
  const [systemBefore, additionalBefore] = state?.disks ?? [];
  const system = {
    sizeGiB: Math.max(systemBefore?.sizeGiB ?? TEMPLATE_GIB, declared.systemDiskGiB),
    limits: limitsIn(declared, 'systemDisk'),
  };
  return {
    cores: cpuCores,
    sockets: 1,
    memoryMiB: memoryGiB * 1024,
    disks: [system, ...additionalDisks(declared, consent ? undefined : additionalBefore, additionalBefore)],
    networkMBps,
    ipv4: addressesLeft(state?.ipv4, ipv4Addresses),
    ipv6: addressesLeft(state?.ipv6, ipv6Addresses),
  };
}

function addressesLeft(before: number | undefined, declared: number): number {
  return Math.max(declared, Math.min(before ?? 0, 1));
}

function additionalDisks(declared: Package, kept: Disk | undefined, before: Disk | undefined): Disk[] {
  if (declared.additionalDiskGiB === 0) return kept === undefined ? [] : [kept];
  const sizeGiB = Math.max(before?.sizeGiB ?? 0, declared.additionalDiskGiB);
  return [{ sizeGiB, limits: limitsIn(declared, 'additionalDisk') }];
}

function limitsIn(declared: Package, disk: 'systemDisk' | 'additionalDisk'): Disk['limits'] {
  return {
    readMBps: declared[`${disk}ReadMBps`],
    writeMBps: declared[`${disk}WriteMBps`],
    readIops: declared[`${disk}ReadIOPS`],
    writeIops: declared[`${disk}WriteIOPS`],
  };
}

/** Everything else that must hold after any change: what does not, empty when all does. */
export function troublesOf(scene: Scene, declared: Package): string[] {
  const { operator } = scene;
  const vm = demanded(operator.vm());
  const made = scene.made();
  const status = vm.status ?? {};
  const { operatingSystem, ...wanted } = declared;
  const { operatingSystem: installed, ...effective } = status.effective ?? declared;
  const disks = scene.endState().disks.map(({ sizeGiB }) => sizeGiB);
  const checks: readonly [string, boolean][] = [
    ['the state is not ready', status.state === 'ready' && status.operation === undefined],
    ['the VM does not run', made.running?.qmpStatus === 'running'],
    ['changes are pending', !made.hasPending],
    ['the running process has other options than the configuration', isInForce(made)],
    ['the package in the status is not the declared one', isDeepStrictEqual(effective, wanted)],
    ['reservations, status, address set and address line differ', addressesAgree(scene, vm)],
    ['the firewall is not as the plan has it', firewallHolds(scene, made)],
    ['volumes or locks are left over', isClean(operator)],
    ['the object is stalled', !holds(vm, 'Stalled')],
    // Another operating system is a reinstallation, which is asked for by name.
    ['a change that waits is not told', holds(vm, 'PackageUpToDate') === (operatingSystem === installed)],
    ['a refused shrink is not told', holds(vm, 'ShrinkRefused') === isSmaller(declared, disks)],
    ['a kept disk is not told', holds(vm, 'ConsentRequired') === (disks.length > 1 && wanted.additionalDiskGiB === 0)],
  ];
  return checks.filter(([, isSo]) => !isSo).map(([trouble]) => trouble);
}

function holds({ status }: VirtualMachine, condition: string): boolean {
  return (status?.conditions ?? []).some(({ type, status: is }) => type === condition && is === 'True');
}

function isSmaller({ systemDiskGiB, additionalDiskGiB }: Package, [system = 0, additional = 0]: number[]): boolean {
  const isLess = (declared: number, made: number) => declared !== 0 && declared < made;
  return isLess(systemDiskGiB, system) || isLess(additionalDiskGiB, additional);
}

const READ_AT_START = /^(cores|sockets|memory|balloon|net0|(scsi|virtio)\d+)$/;

function isInForce({ options, running }: Vm): boolean {
  // The size is the volume's, and a process sees it grow.
  const fixed = (from: Record<string, string>) =>
    Object.entries(from)
      .filter(([key]) => READ_AT_START.test(key))
      .map(([key, value]) => `${key}: ${value.replace(/,size=\w+/, '')}`)
      .sort();
  return isDeepStrictEqual(fixed(options), fixed(running?.options ?? {}));
}

function addressesAgree({ operator, made }: Scene, vm: VirtualMachine): boolean {
  const sorted = (addresses: readonly string[]) => addresses.toSorted().join(' ');
  const told = vm.status?.addresses ?? [];
  const reserved = operator.fake.kube.objects(resources.ipAddressReservation).map(({ spec }) => spec.address);
  const { vmid, options } = made();
  const members = operator.sim.world.firewallOf(vmid).ipsets.get('ipfilter-net0')?.entries ?? [];
  const mains = told.filter(({ primary }) => primary).map(({ address, prefixLength }) => `${address}/${prefixLength}`);
  const line = [...(options['ipconfig0'] ?? '').matchAll(/\bip6?=([^,]+)/g)].map(([, cidr = '']) => cidr);
  const all = sorted(told.map(({ address }) => address));
  return sorted(reserved) === all && sorted(members.map(({ cidr }) => cidr)) === all && sorted(line) === sorted(mains);
}

const FIREWALL = { enable: '1', dhcp: '1', macfilter: '1', policy_in: 'ACCEPT', policy_out: 'ACCEPT' };

function firewallHolds({ operator }: Scene, { vmid, options }: Vm): boolean {
  const set = operator.sim.world.firewallOf(vmid).options as Record<string, unknown>;
  const isSet = Object.entries(FIREWALL).every(([key, value]) => String(set[key]) === value);
  return isSet && parseNic(options['net0'] ?? '').firewall;
}

function isClean({ sim }: SimulatedOperator): boolean {
  const { orphanVolumes, lockedVms, halfClones } = sim.leaks();
  return orphanVolumes.length + lockedVms.length + halfClones.length === 0;
}
