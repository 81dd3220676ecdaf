// Tests of what happens to managed VMs when their node is lost.
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import { Simulator } from '../simulator.ts';
import { demoTopology, Lab } from '../testing.ts';
import { fencedMs } from './ha-recovery.ts';

/** VM 100 runs on pve1 and is managed in the given state. */
async function managed(state: string | undefined, ha = true): Promise<Lab> {
  const clock = new VirtualClock();
  const simulator = new Simulator({ topology: { ...demoTopology(), ha }, clock });
  const lab = new Lab(1, { clock, simulator });
  await lab.clone(100);
  await lab.task('POST', '/nodes/pve1/qemu/100/status/start');
  if (state !== undefined) simulator.world.haResources.set('vm:100', { state });
  return lab;
}

/** Where VM 100 is, and whether it runs, as another node tells. */
function whereabouts({ simulator: { world } }: Lab): string {
  const vm = world.vms.get(100);
  return `${vm?.running === undefined ? 'stopped' : 'running'} on ${vm?.node}`;
}

describe('a managed VM of a lost node', () => {
  it('runs on another node two minutes later, started by the cluster itself', async () => {
    const lab = await managed('started');
    lab.simulator.nodeDown('pve1');
    await lab.clock.advance(fencedMs - 1000);
    expect(whereabouts(lab)).toBe('stopped on pve1');
    await lab.clock.advance(5000);
    expect(whereabouts(lab)).toBe('running on pve2');
    const task = lab.simulator.world.tasks.ofNode('pve2')[0];
    expect(task).toMatchObject({ type: 'qmstart', id: '100', status: 'OK', caller: { id: 'root@pam' } });
  });

  const rows: { name: string; state?: string; ha?: boolean; act: (lab: Lab) => unknown; want: string }[] = [
    {
      name: 'that is only cut off is moved too',
      state: 'started',
      act: ({ simulator }) => simulator.cutNode('pve1'),
      want: 'running on pve2',
    },
    {
      name: 'that is back in time is started there again',
      state: 'started',
      act: async ({ simulator, clock }) => {
        simulator.nodeDown('pve1');
        await clock.advance(60_000);
        simulator.nodeUp('pve1');
      },
      want: 'running on pve1',
    },
    {
      name: 'whose resource is ignored stays',
      state: 'ignored',
      act: ({ simulator }) => simulator.nodeDown('pve1'),
      want: 'stopped on pve1',
    },
    {
      name: 'that is not managed stays',
      act: ({ simulator }) => simulator.nodeDown('pve1'),
      want: 'stopped on pve1',
    },
    {
      name: 'stays where no managers run',
      state: 'started',
      ha: false,
      act: ({ simulator }) => simulator.nodeDown('pve1'),
      want: 'stopped on pve1',
    },
    {
      name: 'stays without quorum',
      state: 'started',
      act: ({ simulator }) => {
        simulator.nodeDown('pve1');
        simulator.nodeDown('pve2');
      },
      want: 'stopped on pve1',
    },
  ];
  it.each(rows)('$name', async ({ state, ha, act, want }) => {
    const lab = await managed(state, ha);
    await act(lab);
    await lab.clock.advance(fencedMs + 5000);
    expect(whereabouts(lab)).toBe(want);
  });

  it('with local disks is moved and cannot start', async () => {
    const clock = new VirtualClock();
    const simulator = new Simulator({ topology: { ...demoTopology(), ha: true }, clock });
    const lab = new Lab(1, { clock, simulator });
    await lab.task('POST', '/nodes/pve2/qemu/9001/clone', { newid: 100 });
    await lab.task('POST', '/nodes/pve2/qemu/100/status/start');
    simulator.world.haResources.set('vm:100', {});
    simulator.nodeDown('pve2');
    await clock.advance(fencedMs + 5000);
    expect(whereabouts(lab)).toBe('stopped on pve1');
    expect(simulator.world.tasks.ofNode('pve1')[0]?.status).toMatch(/^volume 'local-lvm:.*' does not exist$/);
  });
});
