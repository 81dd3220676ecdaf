// Starting and stopping the process of a VM, with what can go wrong at a start.
import { failure } from '../errors.ts';
import type { Task } from '../tasks/task-registry.ts';
import { durations } from '../tasks/durations.ts';
import { bootOrder, drivesOf, isCdrom, isCloudInit, parseNet } from './drive.ts';
import { requireVolume } from './disk-work.ts';
import { regenerateCloudInit } from './cloud-init.ts';
import type { Options, Vm } from './vm.ts';
import { memoryMiB } from './vm-status.ts';
import type { World } from './world.ts';

/** Where a start writes its lines and lets time pass. */
export type Starter = Pick<Task, 'print' | 'wait'>;

/** Starts the process; pending changes must be applied already. */
export async function startProcess(world: World, vm: Vm, task: Starter, paused = false): Promise<void> {
  requireSnippets(world, vm);
  if (hasCloudInitDrive(vm.options)) {
    regenerateCloudInit(vm);
    task.print('generating cloud-init ISO');
  }
  requireDrives(world, vm);
  requireVirtualization(world, vm);
  requireBridges(world, vm, task);
  await task.wait(durations.start);
  requireGuestFits(world, vm, task);
  const now = world.clock.now();
  const bootMs = bootTime(world, vm);
  vm.running = {
    startedAt: now,
    pid: 1000 + world.random.below(30000),
    qmpStatus: paused ? 'paused' : 'running',
    agentReadyAt: bootMs === undefined ? undefined : now + bootMs,
    options: { ...vm.options },
  };
  world.history.started(vm.vmid, now / 1000);
}

/** The process goes on as a new one on another node: its counters and its uptime begin again. */
export function continueElsewhere(world: World, vm: Vm): void {
  if (vm.running === undefined) return;
  vm.running.startedAt = world.clock.now();
  vm.running.pid = 1000 + world.random.below(30000);
}

/** Ends the process; the caller applies pending changes afterwards. */
export function endProcess(world: World, vm: Vm): void {
  if (vm.running !== undefined) world.history.stopped(vm.vmid, world.clock.now() / 1000);
  vm.running = undefined;
}

function requireDrives(world: World, vm: Vm): void {
  for (const [, drive] of drivesOf(vm.options)) {
    if (drive.file !== 'none' && drive.file !== 'cdrom' && !drive.file.startsWith('/'))
      requireVolume(world, drive.file, vm.node);
  }
}

/** Custom cloud-init documents must be there. */
function requireSnippets(world: World, vm: Vm): void {
  for (const part of (vm.options['cicustom'] ?? '').split(',').filter((text) => text.includes('='))) {
    requireVolume(world, part.slice(part.indexOf('=') + 1), vm.node);
  }
}

function hasCloudInitDrive(options: Options): boolean {
  return drivesOf(options).some(([, drive]) => isCloudInit(drive));
}

function requireVirtualization(world: World, vm: Vm): void {
  const cores = Number(vm.options['cores'] ?? 1) * Number(vm.options['sockets'] ?? 1);
  if (vm.options['kvm'] !== '0' && !hasKvm(world, vm.node)) {
    throw failure(
      'KVM virtualisation configured, but not available. Either disable in VM configuration or enable in BIOS.',
    );
  }
  const available = world.nodes.get(vm.node)?.cpus ?? cores;
  if (cores > available) throw failure(`MAX ${available} vcpus allowed per VM on this node`);
}

function hasKvm(world: World, node: string): boolean {
  return world.topology.nodes.find((one) => one.name === node)?.kvm ?? true;
}

function requireBridges(world: World, vm: Vm, task: Starter): void {
  for (const [key, value] of Object.entries(vm.options)) {
    const net = /^net\d+$/.test(key) ? parseNet(value) : undefined;
    if (net?.['bridge'] === undefined) continue;
    const bridge = world.bridge(net['bridge'], vm.node);
    if (bridge === undefined) throw failure(`bridge '${net['bridge']}' does not exist`);
    if (net['tag'] !== undefined && !bridge.vlans) refuseVlan(task, bridge.name, `tap${vm.vmid}i${key.slice(3)}`);
  }
}

/** Shows only when QEMU has the card plugged into the bridge (deploy-trace, vlan-tag). */
function refuseVlan(task: Starter, bridge: string, tap: string): never {
  const script = '/usr/libexec/qemu-server/pve-bridge';
  task.print(
    `no physical interface on bridge '${bridge}'`,
    `kvm: -netdev type=tap,id=net${tap.split('i')[1]},ifname=${tap},script=${script},downscript=${script}down: network script ${script} failed with status 65280`,
  );
  throw failure('start failed: QEMU exited with code 1');
}

function requireGuestFits(world: World, vm: Vm, task: Starter): void {
  if (memoryMiB(vm.options) * 1024 ** 2 > (world.nodes.get(vm.node)?.memoryBytes ?? Infinity) * 2) {
    task.print("kvm: cannot set up guest memory 'pc.ram': Cannot allocate memory");
    throw failure('start failed: QEMU exited with code 1');
  }
  if (vm.options['cpu']?.startsWith('host') === true && !hasKvm(world, vm.node)) {
    task.print("kvm: CPU model 'host' requires KVM or HVF");
    throw failure('start failed: QEMU exited with code 1');
  }
}

/** Milliseconds until the guest's system answers; undefined when nothing boots. */
export function bootTime(world: World, vm: Vm): number | undefined {
  const own = world.guestBootMs.get(vm.vmid);
  if (own === null || vm.options['boot']?.trim() === '') return undefined;
  const order = bootOrder(vm.options['boot']);
  const boots = drivesOf(vm.options).some(([slot, drive]) => {
    const isTried = !isCdrom(drive) && (order.length === 0 || order.includes(slot));
    return isTried && world.volumes.find(drive.file, vm.node)?.bootable === true;
  });
  return boots ? (own ?? world.topology.guestBootMs) : undefined;
}

/** Whether the guest's system is up, so that it reacts to ACPI and its agent answers. */
export function guestIsUp(world: World, vm: Vm): boolean {
  const running = vm.running;
  return (
    running !== undefined &&
    running.qmpStatus === 'running' &&
    running.agentReadyAt !== undefined &&
    running.agentReadyAt <= world.clock.now()
  );
}

/** Whether the options enable the guest agent. */
export function agentEnabled(options: Options): boolean {
  return /^(?:enabled=)?(?:1|on|yes|true)(?:,|$)/.test(options['agent'] ?? '');
}
