// Tests of long and repeated runs: the same seed gives the same run to the last byte, and a day passes in virtual time at once.
import { describe, expect, it } from 'vitest';
import { stateText } from './saved-state.ts';
import { Lab, operatorToken } from './testing.ts';

/** A morning's work of several clients, with connections that break at random. */
async function morning(seed: number): Promise<Lab> {
  const lab = new Lab(seed);
  lab.simulator.faults.add({
    match: { share: 0.1 },
    when: 'before',
    effect: { status: 596, reason: 'Broken pipe' },
    times: 99,
  });
  for (let vmid = 100; vmid < 106; vmid += 1) {
    const sent = ['clone', 'clone'].map((call, index) =>
      lab.send('POST', `/nodes/pve1/qemu/9000/${call}`, { newid: vmid + index * 100 }),
    );
    await lab.clock.runUntil(Promise.allSettled(sent));
    await lab.clock.advance(4000);
    await lab.call('POST', `/nodes/pve1/qemu/${vmid}/status/start`);
    await lab.call('POST', `/nodes/pve1/qemu/${vmid}/vncproxy`);
  }
  await lab.clock.advance(600_000);
  return lab;
}

/** Everything a run leaves: what was asked and answered, and the state of the cluster. */
function traces(lab: Lab): { requests: string; state: string } {
  return { requests: JSON.stringify(lab.simulator.requests), state: stateText([lab.simulator.save()]) };
}

describe('a run', () => {
  it('is the same from the same seed: requests, struck ones among them, tasks, MAC addresses, figures', async () => {
    const [one, other] = [traces(await morning(7)), traces(await morning(7))];
    expect(one.requests).toBe(other.requests);
    expect(one.state).toBe(other.state);
    expect(one.requests).toContain('"reason":"Broken pipe"');
  });

  it('is another one from another seed', async () => {
    const [one, other] = [traces(await morning(7)), traces(await morning(8))];
    expect(one.requests).not.toBe(other.requests);
    expect(one.state).not.toBe(other.state);
  });

  it('gives every VM an address of its own', async () => {
    const lab = await morning(7);
    const addresses = [...lab.simulator.world.vms.values()].flatMap((vm) => {
      const net = vm.isTemplate ? undefined : vm.options['net0'];
      return net === undefined ? [] : [net.split(',')[0]];
    });
    expect(addresses.length).toBeGreaterThan(6);
    expect(new Set(addresses).size).toBe(addresses.length);
  });
});

describe('a day', () => {
  it('of hourly backups passes at once, each run with its task and its archive', async () => {
    const lab = new Lab();
    for (const vmid of [100, 101, 102]) await lab.clone(vmid);
    lab.simulator.world.backupJobs.set('hourly', {
      id: 'hourly',
      schedule: '*:30',
      storage: 'shared',
      vmid: '100,101,102',
      enabled: 1,
      'prune-backups': 'keep-last=5',
    });
    const startedAt = performance.now();
    await lab.clock.advance(24 * 3_600_000);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    const backups = lab.simulator.world.tasks.ofNode('pve1').filter(({ type }) => type === 'vzdump');
    expect(backups.map(({ status }) => status)).toEqual(Array.from({ length: 24 }, () => 'OK'));
    const minutes = backups.map(({ startTime }) => (startTime % 3600) / 60);
    expect(new Set(minutes)).toEqual(new Set([30]));
    for (const vmid of [100, 101, 102]) {
      const archives = [...lab.simulator.world.volumes.all()].filter(({ archive }) => archive?.vmid === vmid);
      expect({ vmid, archives: archives.length }).toEqual({ vmid, archives: 5 });
    }
    expect(lab.simulator.leaks()).toMatchObject({ lockedVms: [], halfClones: [] });
  });

  it('makes figures of a day: a full row for each minute, and counters that agree with them', async () => {
    const lab = new Lab();
    await lab.clone(100);
    await lab.task('POST', '/nodes/pve1/qemu/100/status/start');
    await lab.clock.advance(60_000 - (lab.clock.now() % 60_000));
    const counted = async (): Promise<number> =>
      ((await lab.call('GET', '/nodes/pve1/qemu/100/status/current')).data as { netout: number }).netout;
    const before = await counted();
    await lab.clock.advance(24 * 3_600_000);
    const rows = (await lab.call('GET', '/nodes/pve1/qemu/100/rrddata', { timeframe: 'day' })).data as {
      netout?: number;
      cpu?: number;
      maxcpu?: number;
    }[];
    expect(rows).toHaveLength(1440);
    expect(rows.every(({ cpu = -1 }) => cpu > 0 && cpu < 1)).toBe(true);
    const summed = rows.reduce((sum, { netout = 0 }) => sum + netout * 60, 0);
    const passed = (await counted()) - before;
    expect(Math.abs(summed - passed) / passed).toBeLessThan(0.001);
  });

  it('leaves nothing behind of consoles that were opened and never used', async () => {
    const lab = new Lab();
    for (let hour = 0; hour < 24; hour += 1) {
      const reply = await lab.call('POST', '/nodes/pve1/qemu/9000/vncproxy', { websocket: 1 });
      expect((reply.data as { port: string }).port).toBe('5900');
      await lab.clock.advance(3_600_000);
    }
    expect(lab.simulator.world.consoles.byTicket.size).toBe(1);
    const ended = lab.simulator.world.tasks.ofNode('pve1').map(({ status }) => status);
    expect(new Set(ended)).toEqual(new Set(['connection timed out']));
    const answer = lab.simulator.handle({ method: 'GET', path: '/version', authorization: operatorToken });
    expect(await lab.clock.runUntil(answer)).toMatchObject({ status: 200 });
  });
});
