// Tests of the leak check: what counts as left behind, of every kind, and what looks like it and is not.
import { describe, expect, it } from 'vitest';
import type { LeakReport } from './leaks.ts';
import { Lab } from './testing.ts';

const clean: LeakReport = { orphanVolumes: [], lockedVms: [], halfClones: [], firewallFiles: [], ipsets: [] };
const volume = { name: '100/half.qcow2', content: 'images', format: 'qcow2', sizeBytes: 1 };

/** A lab with VM 100. */
async function deployed(): Promise<Lab> {
  const lab = new Lab();
  await lab.clone(100);
  return lab;
}

describe('a volume', () => {
  const rows: { name: string; act: (lab: Lab) => unknown; want: string[] }[] = [
    { name: 'of a VM that names it', act: () => undefined, want: [] },
    {
      name: 'of a VM that is gone',
      act: (lab) => lab.simulator.world.vms.delete(100),
      want: ['shared:100/vm-100-cloudinit.qcow2', 'shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2'],
    },
    {
      name: 'its VM no longer names',
      act: (lab) => lab.simulator.changeByHand(100, (options) => delete options['scsi0']),
      want: ['shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2'],
    },
    {
      name: 'its VM names as unused',
      act: (lab) =>
        lab.simulator.changeByHand(100, (options) => {
          options['unused0'] = options['scsi0']?.split(',')[0] ?? '';
          delete options['scsi0'];
        }),
      want: [],
    },
    {
      name: 'only a pending change names',
      act: ({ simulator: { world } }) => {
        const vm = world.vms.get(100);
        if (vm === undefined) return;
        vm.pending = { scsi0: vm.options['scsi0'] ?? '' };
        delete vm.options['scsi0'];
      },
      want: [],
    },
    {
      name: 'only a snapshot names',
      act: async (lab) => {
        await lab.task('POST', '/nodes/pve1/qemu/100/snapshot', { snapname: 'first' });
        lab.simulator.changeByHand(100, (options) => delete options['scsi0']);
      },
      want: [],
    },
    {
      name: 'that holds the memory of a snapshot',
      act: async (lab) => {
        await lab.task('POST', '/nodes/pve1/qemu/100/status/start');
        expect(await lab.task('POST', '/nodes/pve1/qemu/100/snapshot', { snapname: 'first', vmstate: 1 })).toBe('OK');
      },
      want: [],
    },
    {
      name: 'without a VMID in its name that nobody names',
      act: ({ simulator: { world } }) => world.volumes.add('shared', 'pve1', volume),
      want: ['shared:100/half.qcow2'],
    },
    {
      name: 'without a VMID in its name that a VM names',
      act: (lab) => {
        lab.simulator.world.volumes.add('shared', 'pve1', volume);
        lab.simulator.changeByHand(9000, (options) => (options['scsi7'] = 'shared:100/half.qcow2,size=1'));
      },
      want: [],
    },
    {
      name: 'that is an ISO file or a backup belongs to nobody',
      act: async (lab) => {
        lab.simulator.world.volumes.add('shared', 'pve1', { ...volume, content: 'iso', name: 'iso/x.iso' });
        expect(await lab.task('POST', '/nodes/pve1/vzdump', { vmid: 100, storage: 'shared' })).toBe('OK');
      },
      want: [],
    },
    {
      name: 'of a clone that was stopped is cleaned up',
      act: async (lab) => {
        const reply = await lab.call('POST', '/nodes/pve1/qemu/9000/clone', { newid: 101, full: 1, bwlimit: 1024 });
        await lab.call('DELETE', `/nodes/pve1/tasks/${String(reply.data)}`);
        await lab.clock.runUntil(lab.taskOf(reply).done);
      },
      want: [],
    },
    {
      name: 'that was moved stays as an unused one',
      act: (lab) => lab.task('POST', '/nodes/pve1/qemu/100/move_disk', { disk: 'scsi0', storage: 'local' }),
      want: [],
    },
  ];
  it.each(rows)('$name', async ({ act, want }) => {
    const lab = await deployed();
    await act(lab);
    expect(lab.simulator.leaks().orphanVolumes.toSorted()).toEqual(want);
  });
});

describe('a lock', () => {
  const rows: { name: string; act: (lab: Lab) => unknown; want: Partial<LeakReport> }[] = [
    {
      name: 'that nobody explains',
      act: (lab) => lab.simulator.setLock(100, 'backup'),
      want: { lockedVms: [{ vmid: 100, lock: 'backup' }] },
    },
    {
      name: 'of a migration that runs',
      act: async (lab) => {
        await lab.call('POST', '/nodes/pve1/qemu/100/migrate', { target: 'pve2' });
        await lab.clock.advance(100);
      },
      want: {},
    },
    {
      name: 'of a migration that has ended',
      act: (lab) => lab.task('POST', '/nodes/pve1/qemu/100/migrate', { target: 'pve2' }),
      want: {},
    },
    {
      name: 'of another VM than the running task is about',
      act: async (lab) => {
        await lab.clone(101);
        lab.simulator.setLock(101, 'snapshot');
        await lab.call('POST', '/nodes/pve1/qemu/100/migrate', { target: 'pve2' });
        await lab.clock.advance(100);
      },
      want: { lockedVms: [{ vmid: 101, lock: 'snapshot' }] },
    },
    {
      name: 'of a clone’s placeholder is a half clone even while it runs',
      act: async (lab) => {
        await lab.call('POST', '/nodes/pve1/qemu/9000/clone', { newid: 101, full: 1 });
        await lab.clock.advance(50);
      },
      want: { halfClones: [101], lockedVms: [{ vmid: 101, lock: 'clone' }] },
    },
    {
      name: 'clone on a VM that is complete is no half clone',
      act: (lab) => lab.simulator.setLock(100, 'clone'),
      want: { lockedVms: [{ vmid: 100, lock: 'clone' }] },
    },
  ];
  it.each(rows)('$name', async ({ act, want }) => {
    const lab = await deployed();
    await act(lab);
    const { lockedVms, halfClones } = lab.simulator.leaks();
    expect({ lockedVms, halfClones }).toEqual({ lockedVms: [], halfClones: [], ...want });
  });
});

describe('a firewall file', () => {
  const rows: { name: string; act: (lab: Lab) => unknown; want: Partial<LeakReport> }[] = [
    {
      name: 'of a VM that is there',
      act: (lab) => lab.call('PUT', '/nodes/pve1/qemu/100/firewall/options', { enable: 1 }),
      want: {},
    },
    {
      name: 'of a VM that never was',
      act: (lab) => lab.call('PUT', '/nodes/pve1/qemu/555/firewall/options', { enable: 1 }),
      want: { firewallFiles: [555] },
    },
    {
      name: 'that has nothing in it',
      act: async (lab) => {
        await lab.call('POST', '/nodes/pve1/qemu/555/firewall/ipset', { name: 'gone' });
        await lab.call('DELETE', '/nodes/pve1/qemu/555/firewall/ipset/gone');
      },
      want: {},
    },
    {
      name: 'with several sets',
      act: async (lab) => {
        for (const name of ['one', 'two']) await lab.call('POST', '/nodes/pve1/qemu/555/firewall/ipset', { name });
      },
      want: { firewallFiles: [555], ipsets: ['555/one', '555/two'] },
    },
    {
      name: 'of a VM that was destroyed goes with it',
      act: async (lab) => {
        await lab.call('POST', '/nodes/pve1/qemu/100/firewall/ipset', { name: 'one' });
        expect(await lab.task('DELETE', '/nodes/pve1/qemu/100')).toBe('OK');
      },
      want: {},
    },
  ];
  it.each(rows)('$name', async ({ act, want }) => {
    const lab = await deployed();
    await act(lab);
    expect(lab.simulator.leaks()).toEqual({ ...clean, ...want });
  });
});
