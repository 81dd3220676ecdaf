// Tests of which VMs a backup is of.
import { describe, expect, it } from 'vitest';
import { demoTopology } from '../testing.ts';
import { VirtualClock } from '../clock.ts';
import { buildWorld } from '../state/build-world.ts';
import { Vm } from '../state/vm.ts';
import type { BackupJob } from '../state/world.ts';
import { guestsOf } from './backup-guests.ts';

describe('guestsOf', () => {
  const rows: { name: string; job: BackupJob; want: number[] }[] = [
    { name: 'named VMs', job: { vmid: '100,101' }, want: [100, 101] },
    { name: 'a named VM that is not there', job: { vmid: '999' }, want: [999] },
    { name: 'one as a number', job: { vmid: 100 }, want: [100] },
    { name: 'all', job: { all: 1 }, want: [100, 101, 9000, 9001] },
    { name: 'all but some', job: { all: 1, exclude: '9000,9001,5' }, want: [100, 101] },
    { name: 'those of a pool', job: { pool: 'team' }, want: [101] },
    { name: 'those of a pool that is not there', job: { pool: 'nope' }, want: [] },
    { name: 'not all', job: { all: 0, vmid: '100' }, want: [100] },
    { name: 'nobody', job: {}, want: [] },
  ];
  it.each(rows)('$name', ({ job, want }) => {
    const world = buildWorld(demoTopology(), new VirtualClock(), 1);
    for (const vmid of [100, 101]) world.vms.set(vmid, new Vm(vmid, 'pve1', {}));
    world.pools.set('team', { id: 'team', comment: undefined, vms: new Set([101]), storages: new Set() });
    expect(guestsOf(world, job).toSorted((left, right) => left - right)).toEqual(want);
  });
});
