// Tests of the saved state: a simulator that goes on where another one ended, certificate and ports included.
import { describe, expect, it } from 'vitest';
import { VirtualClock } from './clock.ts';
import { parseStates, stateText } from './saved-state.ts';
import { Simulator } from './simulator.ts';
import { demoTopology, Lab, operatorToken } from './testing.ts';
import { TlsClient } from './tls-client.ts';

/** The lab's cluster after its hosts have lost power: saved as text, read again, an hour later. */
function restarted(lab: Lab): Lab {
  const [state] = parseStates(stateText([lab.simulator.save()]));
  if (state === undefined) throw new Error('nothing was saved');
  const clock = new VirtualClock(state.at + 3_600_000);
  return new Lab(1, { clock, simulator: new Simulator({ topology: demoTopology(), clock, state }) });
}

describe('after a restart', () => {
  const reads: string[] = [
    '/nodes/pve1/qemu/100/config',
    '/nodes/pve1/qemu/100/pending',
    '/nodes/pve1/qemu/100/snapshot',
    '/nodes/pve1/qemu/100/cloudinit',
    '/nodes/pve1/qemu/100/firewall/options',
    '/nodes/pve1/qemu/100/firewall/rules',
    '/nodes/pve1/qemu/100/firewall/ipset/ipfilter-net0',
    '/nodes/pve1/storage/shared/content',
    '/nodes/pve1/tasks',
    '/cluster/nextid',
    '/access/permissions',
  ];
  it('reads answer as before', async () => {
    const lab = new Lab();
    await lab.clone(100);
    await lab.call('PUT', '/nodes/pve1/qemu/100/config', { ipconfig0: 'ip=10.0.0.5/24', tags: 'a;b' });
    await lab.task('POST', '/nodes/pve1/qemu/100/snapshot', { snapname: 'first' });
    await lab.task('POST', '/nodes/pve1/qemu/100/status/start');
    await lab.call('PUT', '/nodes/pve1/qemu/100/config', { cores: 4, delete: 'serial0' });
    await lab.call('PUT', '/nodes/pve1/qemu/100/firewall/options', { enable: 1 });
    await lab.call('POST', '/nodes/pve1/qemu/100/firewall/rules', { type: 'in', action: 'ACCEPT' });
    await lab.call('POST', '/nodes/pve1/qemu/100/firewall/ipset', { name: 'ipfilter-net0' });
    await lab.call('POST', '/nodes/pve1/qemu/100/firewall/ipset/ipfilter-net0', { cidr: '10.0.0.5' });
    const again = restarted(lab);
    for (const path of reads)
      expect([path, await again.call('GET', path)]).toEqual([path, await lab.call('GET', path)]);
    expect(again.simulator.leaks()).toEqual(lab.simulator.leaks());
  });

  it('work goes on: the clone is changed, started and destroyed', async () => {
    const lab = new Lab();
    await lab.clone(100);
    const again = restarted(lab);
    expect(await again.call('PUT', '/nodes/pve1/qemu/100/config', { cores: 2 })).toMatchObject({ status: 200 });
    expect(await again.task('POST', '/nodes/pve1/qemu/100/status/start')).toBe('OK');
    expect(await again.task('POST', '/nodes/pve1/qemu/100/status/stop')).toBe('OK');
    expect(await again.task('DELETE', '/nodes/pve1/qemu/100')).toBe('OK');
    expect(again.simulator.world.volumes.ownedBy(100)).toEqual([]);
  });

  it('a worker that ran has died, and what it locked stays locked', async () => {
    const lab = new Lab();
    const reply = await lab.call('POST', '/nodes/pve1/qemu/9000/clone', { newid: 100, full: 1 });
    await lab.clock.advance(100);
    const again = restarted(lab);
    expect(await again.call('GET', `/nodes/pve1/tasks/${String(reply.data)}/status`)).toMatchObject({
      data: { status: 'stopped', exitstatus: 'unexpected status' },
    });
    expect(again.simulator.leaks()).toMatchObject({ halfClones: [100] });
  });

  it('the random sequence goes on instead of repeating itself', async () => {
    const lab = new Lab();
    await lab.clone(100);
    const again = restarted(lab);
    await again.clone(101);
    await lab.clone(101);
    expect((await again.config(101))['net0']).toBe((await lab.config(101))['net0']);
    expect((await again.config(101))['net0']).not.toBe((await again.config(100))['net0']);
  });

  it('later changes do not reach a state saved before', async () => {
    const lab = new Lab();
    const state = lab.simulator.save();
    lab.simulator.changeByHand(9000, (options) => (options['cores'] = '7'));
    expect(state.world.vms.find(({ vmid }) => vmid === 9000)?.options['cores']).toBe('1');
  });

  it('clients find it under the same ports with the same certificate', async () => {
    const first = new Simulator({ topology: demoTopology(), speed: 'instant' });
    const before = await first.listen();
    const state = first.save();
    await first.close();
    const second = new Simulator({ topology: demoTopology(), speed: 'instant', state });
    const client = new TlsClient(before);
    try {
      expect(await second.listen()).toEqual(before);
      expect(await client.send({ path: '/version', authorization: operatorToken })).toMatchObject({ status: 200 });
    } finally {
      client.close();
      await second.close();
    }
  });
});

describe('a state file', () => {
  const rows = [
    { name: 'of another format', text: '[{"format":2}]', want: 'The state file is not valid' },
    { name: 'that is something else', text: '{"a":1}', want: 'The state file is not valid' },
    { name: 'that is no JSON', text: 'state', want: 'JSON' },
  ];
  it.each(rows)('$name is refused', ({ text, want }) => {
    expect(() => parseStates(text)).toThrow(want);
  });
});
