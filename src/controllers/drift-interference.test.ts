// What the operator makes of a VM that somebody changes in Proxmox VE: shown by default, changed back only where that is declared, never fought over.
import { describe, expect, test } from 'vitest';
import { resources } from '../api/resources.ts';
import { type SweptOperator, sweptOperator } from '../../test/builders/swept-operator.ts';

const PLAN = {
  cpuCores: 2,
  memoryGiB: 2,
  systemDisk: { sizeGiB: 10, readMBps: 100 },
  additionalDisk: { sizeGiB: 5 },
};
const MINUTE_MS = 60_000;

interface Interference {
  name: string;
  change(it: SweptOperator): void | Promise<void>;
  says: string;
  /** What is there again after a correction; absent where nothing is changed back. */
  corrected?(it: SweptOperator): boolean;
}

const ipset = '/firewall/ipset/ipfilter-net0';
const firewallOf = (it: SweptOperator) => it.operator.sim.world.firewallOf(it.vmid);

const CHANGES: readonly Interference[] = [
  {
    name: 'more CPU cores',
    change: (it) => it.changeByHand({ cores: '4' }),
    says: 'cores is 4 instead of 2',
    corrected: (it) => it.config()['cores'] === '2',
  },
  {
    name: 'less memory',
    change: (it) => it.changeByHand({ memory: '1024' }),
    says: 'memory is 1024 instead of 2048',
    corrected: (it) => it.config()['memory'] === '2048',
  },
  {
    name: 'limits of a disk taken away',
    change: (it) => it.changeByHand({ scsi0: (it.config()['scsi0'] ?? '').replace(/,mbps_rd=100/, '') }),
    says: 'scsi0 is',
    corrected: (it) => it.config()['scsi0']?.includes('mbps_rd=100') === true,
  },
  {
    name: 'another bridge',
    change: (it) => it.changeByHand({ net0: (it.config()['net0'] ?? '').replace('vmbr0', 'vmbr1') }),
    says: 'net0 is',
    corrected: (it) => it.config()['net0']?.includes('bridge=vmbr0') === true,
  },
  {
    name: 'the network card taken out',
    change: (it) => it.changeByHand({ net0: null }),
    says: 'net0 is missing instead of',
    corrected: (it) => it.config()['net0']?.toLowerCase().includes(macOf(it)) === true,
  },
  {
    name: 'the firewall turned off',
    change: (it) => it.call('PUT', '/firewall/options', { enable: '0' }),
    says: 'firewall options differ: enable is not 1',
    corrected: (it) => String(firewallOf(it).options['enable']) === '1',
  },
  {
    name: 'an address added to the address set',
    change: (it) => it.call('POST', ipset, { cidr: '192.0.2.99' }),
    says: '192.0.2.99 is in the address set ipfilter-net0',
    corrected: (it) =>
      !firewallOf(it)
        .ipsets.get('ipfilter-net0')
        ?.entries.some(({ cidr }) => cidr === '192.0.2.99'),
  },
];

const macOf = (it: SweptOperator): string => it.vm().status?.network?.macAddress?.toLowerCase() ?? 'unknown';

describe('a VM that was changed by hand', () => {
  test.each(CHANGES)('$name: is shown, told once, and left alone', async ({ change, says, corrected }) => {
    await using it = await sweptOperator({}, PLAN);
    await it.swept();
    expect(it.condition('DriftDetected')).toBeUndefined();
    await change(it);
    const writes = it.operator.writes().length;
    await it.swept();
    expect(it.condition('DriftDetected')).toMatchObject({ status: 'True', reason: 'Drifted' });
    expect(it.condition('DriftDetected')?.message).toContain(says);
    await it.swept();
    expect(it.warnings()).toEqual(['Drifted']);
    expect(it.operator.writes()).toHaveLength(writes);
    expect(it.condition('Ready')).toMatchObject({ status: 'True' });
    expect(corrected?.(it)).toBe(false);
  });

  test.each(CHANGES)('$name: is changed back where driftPolicy says so', async ({ change, corrected }) => {
    await using it = await sweptOperator({ driftPolicy: 'Correct' }, PLAN);
    await it.swept();
    await change(it);
    await it.swept();
    await it.swept();
    expect(corrected?.(it)).toBe(true);
    expect(it.condition('DriftDetected')).toBeUndefined();
    expect(it.vm().status).toMatchObject({ state: 'ready', powerState: 'Running', drift: { corrections: 1 } });
    expect(it.warnings()).toEqual(['Drifted']);
  });

  test.each(CHANGES)('$name: is changed back by an operation of type ChangePackage', async ({ change, corrected }) => {
    await using it = await sweptOperator({}, PLAN);
    await change(it);
    await it.swept();
    await it.operate({ type: 'ChangePackage' });
    expect(corrected?.(it)).toBe(true);
    await it.swept();
    expect(it.condition('DriftDetected')).toBeUndefined();
    expect(it.vm().status?.drift).toBeUndefined();
  });

  test('is shown no more when somebody changes it back', async () => {
    await using it = await sweptOperator({}, PLAN);
    it.changeByHand({ cores: '4' });
    await it.swept();
    expect(it.condition('DriftDetected')).toBeDefined();
    it.changeByHand({ cores: '2' });
    await it.swept();
    expect(it.condition('DriftDetected')).toBeUndefined();
    expect(it.vm().status?.drift).toBeUndefined();
  });

  test('is as declared when the change is declared, without another call', async () => {
    await using it = await sweptOperator({}, PLAN);
    it.changeByHand({ cores: '4' });
    await it.swept();
    const writes = it.operator.writes().length;
    it.edit({ options: { cpuCores: 4 } });
    await it.settled();
    expect(it.condition('DriftDetected')).toBeUndefined();
    await it.swept();
    expect(it.vm().status).toMatchObject({ state: 'ready', effective: { cpuCores: 4 } });
    expect(it.vm().status?.drift).toBeUndefined();
    expect(it.operator.writes()).toHaveLength(writes);
  });

  test('is held by the annotation of the pause', async () => {
    await using it = await sweptOperator({ driftPolicy: 'Correct' }, PLAN);
    it.annotate({ 'pve-operator.io/pause': 'true' });
    await it.settled();
    it.changeByHand({ cores: '4' });
    await it.swept();
    expect(it.config()['cores']).toBe('4');
    expect(it.condition('DriftDetected')).toBeUndefined();
  });
});

describe('a change that waits for a start', () => {
  test('is taken back without a stop: what is declared is in force still', async () => {
    await using it = await sweptOperator({ driftPolicy: 'Correct' }, PLAN);
    await it.swept();
    await it.call('POST', '/config', { cores: '4' });
    const writes = it.operator.writes().length;
    await it.swept();
    await it.swept();
    expect(it.operator.writes().slice(writes)).toEqual([expect.stringMatching(/^POST .*\/config$/)]);
    expect(it.config()['cores']).toBe('2');
    expect(it.operator.sim.world.vms.get(it.vmid)?.pending).toEqual({});
    expect(it.condition('DriftDetected')).toBeUndefined();
    expect(it.condition('RestartRequired')).toBeUndefined();
  });
});

describe('what is not changed back by itself', () => {
  test('a disk that was grown: Proxmox VE cannot shrink it', async () => {
    await using it = await sweptOperator({ driftPolicy: 'Correct' }, PLAN);
    await it.swept();
    await it.call('PUT', '/resize', { disk: 'scsi0', size: '20G' });
    const writes = it.operator.writes().length;
    await it.swept();
    expect(it.condition('DriftDetected')?.message).toContain('Disk scsi0 is larger than the 10 GiB');
    expect(it.operator.writes()).toHaveLength(writes);
    await it.operate({ type: 'ChangePackage' });
    await it.swept();
    expect(it.condition('DriftDetected')).toBeUndefined();
    expect(it.condition('ShrinkRefused')).toMatchObject({ status: 'True' });
    expect(it.warnings()).toEqual(['Drifted', 'ShrinkRefused']);
  });

  test('a disk that was taken out: the new one would be empty, so that it takes an operation', async () => {
    await using it = await sweptOperator({ driftPolicy: 'Correct' }, PLAN);
    await it.swept();
    it.changeByHand({ scsi1: null, cores: '4' });
    const writes = it.operator.writes().length;
    await it.swept();
    expect(it.condition('DriftDetected')?.message).toContain('scsi1 is missing');
    expect(it.operator.writes()).toHaveLength(writes);
    await it.operate({ type: 'ChangePackage' });
    expect(it.config()).toMatchObject({ cores: '2', scsi1: expect.stringContaining('size=5G') });
  });

  test('another name: it is put back, and the VM runs on', async () => {
    await using it = await sweptOperator({ driftPolicy: 'Correct' }, PLAN);
    await it.swept();
    const { name } = it.config();
    it.changeByHand({ name: 'mine' });
    const writes = it.operator.writes().length;
    await it.swept();
    expect(it.config()['name']).toBe(name);
    const made = it.operator.writes().slice(writes);
    expect(made.map((call) => call.split('/').at(-1))).toEqual(['config']);
    await it.swept();
    expect(it.condition('DriftDetected')).toBeUndefined();
  });

  test.each(['ChangePackage', 'SetCloudInit'] as const)(
    'another name that is only reported: %s puts it back',
    async (type) => {
      await using it = await sweptOperator({}, PLAN);
      await it.swept();
      const { name } = it.config();
      it.changeByHand({ name: 'mine' });
      await it.swept();
      expect(it.condition('DriftDetected')?.message).toContain(`name is mine instead of ${name}`);
      expect(it.config()['name']).toBe('mine');
      await it.operate({ type });
      await it.swept();
      expect(it.config()['name']).toBe(name);
      expect(it.vm().status?.name).toBe(name);
      expect(it.condition('DriftDetected')).toBeUndefined();
    },
  );

  test('another node: it is shown, and all goes on there', async () => {
    await using it = await sweptOperator({ driftPolicy: 'Correct' }, PLAN);
    const other = it.vm().status?.node === 'pve1' ? 'pve2' : 'pve1';
    it.operator.sim.moveVm(it.vmid, other);
    await it.swept();
    expect(it.vm().status?.node).toBe(other);
    expect(it.condition('Placed')).toMatchObject({ status: 'True', message: expect.stringContaining(other) });
    it.changeByHand({ cores: '4' });
    await it.swept();
    await it.swept();
    expect(it.config()['cores']).toBe('2');
  });

  test('changes that wait for a start: they are told until they are in force', async () => {
    await using it = await sweptOperator({}, PLAN);
    await it.swept();
    await it.call('POST', '/config', { vga: 'std' });
    await it.swept();
    expect(it.condition('RestartRequired')).toMatchObject({ status: 'True', message: expect.stringContaining('vga') });
    expect(it.condition('Ready')).toMatchObject({ status: 'True' });
    await it.operate({ type: 'Reboot' });
    await it.swept();
    expect(it.condition('RestartRequired')).toBeUndefined();
  });
});

describe('what the operator does not do itself', () => {
  test('a backup in between is no change: its lock is waited for', async () => {
    await using it = await sweptOperator({ driftPolicy: 'Correct' }, PLAN);
    await it.swept();
    it.operator.sim.setLock(it.vmid, 'backup');
    it.changeByHand({ cores: '4' });
    await it.swept();
    expect(it.condition('DriftDetected')).toBeUndefined();
    expect(it.vm().status?.state).toBe('ready');
    it.operator.sim.setLock(it.vmid, null);
    await it.swept();
    await it.swept();
    expect(it.config()['cores']).toBe('2');
  });

  test('a status that somebody else wrote first loses nothing that was seen', async () => {
    await using it = await sweptOperator({}, PLAN);
    await it.swept();
    it.changeByHand({ cores: '4' });
    await it.operator.fake.clock.advance(130_000);
    const { context, kube } = it.operator.fake;
    const { client } = context;
    let refused = 0;
    // Another write comes between the look at the object and the status.
    const once: typeof client.patch = (...request) => {
      refused += 1;
      context.client = client;
      kube.seed(resources.virtualMachine, it.vm());
      return client.patch(...request);
    };
    context.client = { ...client, patch: once };
    await expect(it.operator.pass()).rejects.toThrow();
    expect(refused).toBe(1);
    await it.settled();
    expect(it.condition('DriftDetected')).toMatchObject({ status: 'True' });
  });
});

describe('two who correct each other', () => {
  test('do so at most every ten minutes, and rarer each time', async () => {
    await using it = await sweptOperator({ driftPolicy: 'Correct' }, PLAN);
    await it.swept();
    const correctedAfterMinutes: number[] = [];
    const startedAt = it.operator.fake.clock.now();
    it.changeByHand({ memory: '4096' });
    for (let minutes = 0; minutes < 60; minutes += 2) {
      await it.swept();
      if (it.config()['memory'] !== '2048') continue;
      correctedAfterMinutes.push(Math.floor((it.operator.fake.clock.now() - startedAt) / MINUTE_MS));
      it.changeByHand({ memory: '4096' });
    }
    expect(correctedAfterMinutes.length).toBe(3);
    const [first = 0, second = 0, third = 0] = correctedAfterMinutes;
    expect(second - first).toBeGreaterThanOrEqual(10);
    expect(third - second).toBeGreaterThanOrEqual(20);
    expect(it.condition('DriftDetected')?.message).toContain('Changed again after it was corrected');
  }, 60_000);
});

describe('a machine that is not ours any more', () => {
  test.each([
    { name: 'without the stamp', description: 'my machine', says: 'carries no stamp', identity: 'Unstamped' },
    {
      name: 'with the stamp of another object',
      description: 'pve-operator.io/owner uid=another vmid=2000',
      says: 'carries the stamp of another object',
      identity: 'Foreign',
    },
  ])('$name: is told, and not touched whatever is declared', async ({ description, says, identity }) => {
    await using it = await sweptOperator({ driftPolicy: 'Correct', runStrategy: 'Always' }, PLAN);
    await it.swept();
    const { description: stamp = '' } = it.config();
    it.changeByHand({ description, cores: '4' });
    const writes = it.operator.writes().length;
    await it.swept();
    expect(it.condition('IdentityMismatch')?.message).toContain(says);
    expect(it.condition('Ready')).toMatchObject({ status: 'False', reason: 'IdentityMismatch' });
    expect(it.vm().status?.drift).toMatchObject({ identity });
    it.edit({ options: { cpuCores: 3 } });
    it.operator.sim.killVm(it.vmid);
    await it.swept();
    expect(it.operator.writes()).toHaveLength(writes);
    expect(it.warnings()).toEqual(['IdentityMismatch']);
    it.changeByHand({ description: stamp });
    await it.swept();
    await it.swept();
    expect(it.condition('IdentityMismatch')).toBeUndefined();
    expect(it.condition('Ready')).toMatchObject({ status: 'True' });
    expect(it.config()['cores']).toBe('3');
  });

  test('destroyed, and its VMID taken by a stranger: the stranger is not touched, also by the deletion', async () => {
    await using it = await sweptOperator({ driftPolicy: 'Correct', runStrategy: 'Always' }, PLAN);
    await it.swept();
    await it.destroyByHand();
    it.operator.sim.stealVmid(it.vmid);
    const writes = it.operator.writes().length;
    await it.swept();
    expect(it.condition('IdentityMismatch')).toMatchObject({ status: 'True' });
    await it.operate({ type: 'ChangePackage' });
    await it.operate({ type: 'Redeploy' });
    expect(it.operator.writes()).toHaveLength(writes);
    expect(it.config()).toEqual({ name: 'stranger', memory: '512' });
  });
});

describe('a machine that was destroyed', () => {
  test('is missed, told once, and made anew by nothing but an operation', async () => {
    await using it = await sweptOperator({ driftPolicy: 'Correct', runStrategy: 'Always' }, PLAN);
    await it.swept();
    await it.destroyByHand();
    const writes = it.operator.writes().length;
    await it.swept();
    await it.swept();
    expect(it.condition('Ready')).toMatchObject({ status: 'False', reason: 'VirtualMachineMissing' });
    expect(it.warnings()).toEqual(['VirtualMachineMissing']);
    expect(it.operator.writes()).toHaveLength(writes);
    await it.operate({ type: 'Redeploy' });
    await it.swept();
    expect(it.condition('Ready')).toMatchObject({ status: 'True', reason: 'Ready' });
    expect(it.config()['description']).toContain(it.vm().metadata.uid);
  });
});
