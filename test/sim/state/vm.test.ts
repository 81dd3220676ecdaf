// Tests of a VM's digest and of what is derived from its configuration: never older than the configuration itself.
import { describe, expect, it } from 'vitest';
import { ask, demoLab } from '../api/call-table.ts';
import type { ApiCall } from '../api/call-table.ts';
import { Vm } from './vm.ts';
import { liveStatus } from './vm-status.ts';
import type { World } from './world.ts';

describe('the digest', () => {
  const base = (): Vm => new Vm(100, 'pve1', { name: 'a', cores: '1' });
  const section = { options: {}, snaptime: 1, description: '', parent: undefined, vmstate: undefined };
  const rows: { name: string; change: (vm: Vm) => void; same: boolean }[] = [
    { name: 'is the same for the same lines', change: () => undefined, same: true },
    {
      name: 'does not ask for the order of the lines',
      change: (vm) => (vm.options = { cores: '1', name: 'a' }),
      same: true,
    },
    { name: 'does not ask for the node', change: (vm) => (vm.node = 'pve2'), same: true },
    { name: 'does not ask whether it runs', change: (vm) => (vm.running = {} as Vm['running']), same: true },
    { name: 'changes with a line', change: (vm) => (vm.options['cores'] = '2'), same: false },
    { name: 'changes with a new line', change: (vm) => (vm.options['onboot'] = '1'), same: false },
    { name: 'changes with what is pending', change: (vm) => (vm.pending['cores'] = '2'), same: false },
    { name: 'changes with what will be deleted', change: (vm) => vm.pendingDelete.set('cores', false), same: false },
    { name: 'changes with a snapshot', change: (vm) => vm.snapshots.set('s1', section), same: false },
  ];
  it.each(rows)('$name', ({ change, same }) => {
    const vm = base();
    const before = vm.digest;
    change(vm);
    vm.touch();
    expect(vm.digest === before).toBe(same);
    expect(vm.digest).toMatch(/^[0-9a-f]{40}$/);
  });

  it('tells a forced deletion from another', () => {
    const digests = [false, true].map((force) => {
      const vm = base();
      vm.pendingDelete.set('scsi0', force);
      return vm.digest;
    });
    expect(digests[0]).not.toBe(digests[1]);
  });
});

describe('a VM is called', () => {
  const rows: { options: Record<string, string>; name: string; template: boolean; lock: string | undefined }[] = [
    { options: {}, name: 'VM 100', template: false, lock: undefined },
    { options: { name: 'web1', template: '1', lock: 'backup' }, name: 'web1', template: true, lock: 'backup' },
    { options: { template: '0' }, name: 'VM 100', template: false, lock: undefined },
  ];
  it.each(rows)('$name', ({ options, name, template, lock }) => {
    const vm = new Vm(100, 'pve1', options);
    expect([vm.name, vm.isTemplate, vm.lock]).toEqual([name, template, lock]);
  });
});

/** The same VM as one that has never been asked for anything. */
function unasked(vm: Vm): Vm {
  const { node, options, pending, pendingDelete, snapshots, running } = vm;
  return Object.assign(new Vm(vm.vmid, node, options), { pending, pendingDelete, snapshots, running });
}

function expectFresh(world: World, at: string): void {
  for (const vm of world.vms.values()) {
    const copy = unasked(vm);
    expect({ at, digest: vm.digest, status: liveStatus(world, vm) }).toEqual({
      at,
      digest: copy.digest,
      status: liveStatus(world, copy),
    });
  }
}

it('what is derived of a VM is new after every call that changes it', async () => {
  const put = (params: Record<string, unknown>): ApiCall => ['PUT qemu/100/config', params];
  const calls: ApiCall[] = [
    ['POST qemu/9000/clone', { newid: 100, full: 1 }],
    put({ name: 'b', memory: 2048, cores: 2, tags: 'x' }),
    put({ scsi1: 'local:1' }),
    ['PUT qemu/100/resize', { disk: 'scsi0', size: '+1G' }],
    ['POST qemu/100/snapshot', { snapname: 's1', description: 'x' }],
    ['PUT qemu/100/snapshot/s1/config', { description: 'y' }],
    put({ delete: 'scsi1' }),
    ['POST qemu/100/status/start'],
    put({ cores: 4, name: 'c' }),
    put({ net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0,rate=5' }),
    put({ revert: 'cores' }),
    ['POST qemu/100/status/suspend', { todisk: 1 }],
    ['POST qemu/100/status/resume'],
    ['POST qemu/100/migrate', { target: 'pve2', online: 1, 'with-local-disks': 1 }],
    ['POST /nodes/pve2/qemu/100/status/stop'],
    ['POST /nodes/pve2/qemu/100/migrate', { target: 'pve1' }],
    ['POST vzdump', { vmid: '100', storage: 'shared' }],
    ['POST qemu/100/move_disk', { disk: 'ide2', storage: 'local' }],
    ['DELETE qemu/100/snapshot/s1'],
    ['PUT qemu/100/unlink', { idlist: 'unused0', force: 1 }],
    ['POST qemu/100/template'],
    ['POST qemu/100/clone', { newid: 101 }],
    ['DELETE qemu/101'],
  ];
  const lab = demoLab();
  const { world } = lab.simulator;
  for (const call of calls) {
    expectFresh(world, `before ${call[0]}`);
    await ask(lab, call);
    expectFresh(world, `during ${call[0]}`);
    await lab.clock.advance(20_000);
    expectFresh(world, `after ${call[0]}`);
  }
  expect(world.vms.get(100)?.isTemplate).toBe(true);
});
