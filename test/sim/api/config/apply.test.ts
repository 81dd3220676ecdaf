// Tests of changing a running VM: what QEMU takes at once, what waits for a stop, what is refused, and reverting.
import { describe, expect, it } from 'vitest';
import { ask, configOf, labWith, read, refuses, started } from '../call-table.ts';
import type { ApiCall, Given } from '../call-table.ts';
import type { Lab } from '../../testing.ts';

const mac = 'BC:24:11:00:00:01';
const card = `virtio=${mac},bridge=vmbr0,firewall=1`;
const overlay = 'shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2';
const put = (params: Record<string, unknown>): ApiCall => ['PUT qemu/100/config', params];
const isoFile = 'shared:iso/debian-12.5.0-amd64-netinst.iso';

interface PendingItem {
  key: string;
  value?: unknown;
  pending?: unknown;
  delete?: number;
}

/** Entries that wait for a stop, by option. */
async function waiting(lab: Lab): Promise<Record<string, unknown>> {
  const items = (await read(lab, 'GET qemu/100/pending')) as PendingItem[];
  const open = items.filter((item) => item.pending !== undefined || item.delete !== undefined);
  return Object.fromEntries(
    open.map(({ key, pending, delete: gone }) => [key, gone === undefined ? pending : `delete ${gone}`]),
  );
}

function running(...given: Given): Promise<Lab> {
  return labWith(put({ net0: card }), ...given, ...started);
}

describe('a running VM takes at once', () => {
  const rows: { name: string; given?: Given; change: Record<string, unknown>; gone?: string[] }[] = [
    { name: 'name and description', change: { name: 'b', description: 'x' } },
    { name: 'tags', change: { tags: 'a;b' } },
    { name: 'protection and start at boot', change: { protection: 1, onboot: 1 } },
    { name: 'limits of its processors', change: { cpulimit: '1.5', cpuunits: 200 } },
    {
      name: 'everything of cloud-init',
      change: { ciuser: 'bob', nameserver: '1.1.1.1', searchdomain: 'x.y', ipconfig0: 'ip=10.0.0.9/24' },
    },
    { name: 'a smaller balloon (running: put-balloon)', given: [put({ balloon: 1024 })], change: { balloon: 512 } },
    { name: 'a rate of its card', change: { net0: `${card},rate=10` } },
    { name: 'a VLAN of its card', change: { net0: `${card},tag=5` } },
    { name: 'another bridge of its card', change: { net0: `virtio=${mac},bridge=vmbr1,firewall=1` } },
    { name: 'a link that is down', change: { net0: `${card},link_down=1` } },
    {
      name: 'another MAC, by taking the card out and in',
      change: { net0: 'virtio=BC:24:11:00:00:02,bridge=vmbr0,firewall=1' },
    },
    { name: 'another model, likewise (running: put-net0-model)', change: { net0: `e1000=${mac},bridge=vmbr0` } },
    { name: 'a second card', change: { net1: 'virtio=BC:24:11:00:00:03,bridge=vmbr0' } },
    { name: 'limits of a drive', change: { scsi0: `${overlay},iops_rd=100,mbps_wr=10,size=2G` } },
    { name: 'a new SCSI disk', change: { scsi1: 'shared:1' } },
    { name: 'the loss of its pointer', change: { tablet: 0 } },
    { name: 'the hotplug option itself', change: { hotplug: 'network,disk' } },
    {
      name: 'another medium in a drive it has',
      given: [put({ ide3: 'none,media=cdrom' })],
      change: { ide3: `${isoFile},media=cdrom,size=629M` },
    },
    {
      name: 'the loss of a disk that it does not boot from',
      given: [put({ scsi1: 'shared:1' })],
      change: { delete: 'scsi1' },
      gone: ['scsi1'],
    },
    {
      name: 'its pointer’s coming back',
      given: [put({ tablet: 0 })],
      change: { delete: 'tablet' },
      gone: ['tablet'],
    },
    { name: 'the loss of tags', given: [put({ tags: 'a' })], change: { delete: 'tags' }, gone: ['tags'] },
    {
      name: 'the loss of a limit (running-extra: delete-cpulimit)',
      given: [put({ cpulimit: 1 })],
      change: { delete: 'cpulimit' },
      gone: ['cpulimit'],
    },
  ];
  it.each(rows)('$name', async ({ given = [], change, gone = [] }) => {
    const lab = await running(...given);
    expect(await ask(lab, put(change))).toMatchObject({ status: 200, data: null });
    expect(await waiting(lab)).toEqual({});
    const current = (await read(lab, 'GET qemu/100/config', { current: 1 })) as Record<string, unknown>;
    for (const key of gone) expect(current).not.toHaveProperty(key);
    const { delete: _, scsi1, ...shown } = change;
    expect(current).toMatchObject(shown);
    expect('scsi1' in current).toBe(scsi1 !== undefined);
  });
});

describe('a running VM keeps for its next start', () => {
  const rows: { name: string; given?: Given; change: Record<string, unknown>; want: Record<string, unknown> }[] = [
    { name: 'cores', change: { cores: 4 }, want: { cores: 4 } },
    { name: 'sockets', change: { sockets: 2 }, want: { sockets: 2 } },
    { name: 'memory', change: { memory: 2048 }, want: { memory: '2048' } },
    { name: 'its CPU', change: { cpu: 'x86-64-v2-AES' }, want: { cpu: 'x86-64-v2-AES' } },
    { name: 'its kind of system', change: { ostype: 'win11' }, want: { ostype: 'win11' } },
    { name: 'the order of boot', change: { boot: 'order=scsi0' }, want: { boot: 'order=scsi0' } },
    { name: 'its controller', change: { scsihw: 'virtio-scsi-pci' }, want: { scsihw: 'virtio-scsi-pci' } },
    { name: 'the agent', change: { agent: '0' }, want: { agent: '0' } },
    { name: 'a serial port', change: { serial1: 'socket' }, want: { serial1: 'socket' } },
    { name: 'switching the balloon off', change: { balloon: 0 }, want: { balloon: 0 } },
    {
      name: 'a cache of a drive',
      change: { scsi0: `${overlay},cache=writeback` },
      want: { scsi0: `${overlay},cache=writeback,size=2G` },
    },
    {
      name: 'an IO thread',
      change: { scsi0: `${overlay},iothread=1` },
      want: { scsi0: `${overlay},iothread=1,size=2G` },
    },
    { name: 'discard', change: { scsi0: `${overlay},discard=on` }, want: { scsi0: `${overlay},discard=on,size=2G` } },
    { name: 'a new IDE disk', change: { ide1: 'shared:1' }, want: { ide1: 'shared:100/vm-100-disk-1.raw,size=1G' } },
    { name: 'a new SATA disk', change: { sata0: 'shared:1' }, want: { sata0: 'shared:100/vm-100-disk-1.raw,size=1G' } },
    {
      name: 'the loss of a SATA disk',
      given: [put({ sata0: 'shared:1' })],
      change: { delete: 'sata0' },
      want: { sata0: 'delete 1' },
    },
    {
      name: 'the loss of a SATA disk with its volume',
      given: [put({ sata0: 'shared:1' })],
      change: { delete: 'sata0', force: 1 },
      want: { sata0: 'delete 2' },
    },
    { name: 'the loss of cores', change: { delete: 'cores' }, want: { cores: 'delete 1' } },
    {
      name: 'another MAC when cards are not hot-plugged (hotplug-cpu-memory-off)',
      given: [put({ hotplug: '0' })],
      change: { net0: 'virtio=BC:24:11:00:00:02,bridge=vmbr0,firewall=1' },
      want: { net0: 'virtio=BC:24:11:00:00:02,bridge=vmbr0,firewall=1' },
    },
    {
      name: 'a new card when cards are not hot-plugged',
      given: [put({ hotplug: 'disk' })],
      change: { net1: 'virtio=BC:24:11:00:00:03,bridge=vmbr0' },
      want: { net1: 'virtio=BC:24:11:00:00:03,bridge=vmbr0' },
    },
    {
      name: 'a new disk when disks are not hot-plugged',
      given: [put({ hotplug: 'network' })],
      change: { scsi1: 'shared:1' },
      want: { scsi1: 'shared:100/vm-100-disk-1.raw,size=1G' },
    },
    {
      name: 'the loss of a card when cards are not hot-plugged',
      given: [put({ hotplug: 'disk', boot: 'order=scsi0' })],
      change: { delete: 'net0' },
      want: { net0: 'delete 1' },
    },
  ];
  it.each(rows)('$name', async ({ given = [], change, want }) => {
    const lab = await running(...given);
    const before = await read(lab, 'GET qemu/100/config', { current: 1 });
    expect(await ask(lab, put(change))).toMatchObject({ status: 200, data: null });
    expect(await waiting(lab)).toEqual(want);
    const key = Object.keys(want)[0] ?? '';
    const current = (await read(lab, 'GET qemu/100/config', { current: 1 })) as Record<string, unknown>;
    expect(current[key]).toEqual((before as Record<string, unknown>)[key]);
  });

  it('shows it in GET config as if it were so (observed 13)', async () => {
    const lab = await running();
    await ask(lab, put({ cores: 4, delete: 'ostype' }));
    const config = await configOf(lab);
    expect(config).toMatchObject({ cores: 4 });
    expect(config).not.toHaveProperty('ostype');
  });

  const ends: { name: string; call: ApiCall; applied: boolean }[] = [
    { name: 'a stop applies it', call: ['POST qemu/100/status/stop'], applied: true },
    { name: 'a shutdown applies it', call: ['POST qemu/100/status/shutdown'], applied: true },
    { name: 'a reboot applies it', call: ['POST qemu/100/status/reboot'], applied: true },
    { name: 'a reset does not (config-pending-reboot)', call: ['POST qemu/100/status/reset'], applied: false },
  ];
  it.each(ends)('$name', async ({ call, applied }) => {
    const lab = await running();
    await ask(lab, put({ cores: 4, delete: 'ostype' }));
    await lab.clock.runUntil(lab.taskOf(await ask(lab, call)).done);
    expect(await waiting(lab)).toEqual(applied ? {} : { cores: 4, ostype: 'delete 1' });
    expect(await read(lab, 'GET qemu/100/config', { current: 1 })).toMatchObject({ cores: applied ? 4 : 1 });
  });

  it('is not applied by a change of something else', async () => {
    const lab = await running();
    await ask(lab, put({ cores: 4 }));
    await ask(lab, put({ name: 'b' }));
    expect(await waiting(lab)).toEqual({ cores: 4 });
  });
});

describe('a running VM refuses', () => {
  const busy = "hotplug problem - error on hot-unplugging device 'net0' - still busy in guest?\n";

  it('another MAC while its guest boots, after six seconds, and applies the rest (observed 13)', async () => {
    const lab = await labWith(put({ net0: card }), ['POST qemu/100/status/start']);
    const before = lab.clock.now();
    const change = { net0: 'virtio=BC:24:11:00:00:02,bridge=vmbr0,firewall=1', name: 'applied' };
    expect(await ask(lab, put(change))).toMatchObject(refuses({ net0: busy }));
    expect((lab.clock.now() - before) / 1000).toBeGreaterThanOrEqual(6);
    expect(await waiting(lab)).toEqual({ net0: change.net0 });
    expect(await read(lab, 'GET qemu/100/config', { current: 1 })).toMatchObject({ net0: card, name: 'applied' });
  });

  it('to give up the disk it boots from, and keeps that for later (hotplug-boot-disk-delete)', async () => {
    const lab = await running();
    const refusal = { scsi0: "hotplug problem - can't unplug bootdisk 'scsi0'\n" };
    expect(await ask(lab, put({ delete: 'scsi0' }))).toMatchObject(refuses(refusal));
    expect(await waiting(lab)).toEqual({ scsi0: 'delete 1', boot: 'order=ide2;net0' });
    await ask(lab, put({ revert: 'scsi0' }));
    expect(await waiting(lab)).toEqual({ boot: 'order=ide2;net0' });
  });

  it('as a task with the text of the refusal on one line', async () => {
    const lab = await labWith(put({ net0: card }), ['POST qemu/100/status/start']);
    const change = { net0: 'virtio=BC:24:11:00:00:02,bridge=vmbr0', background_delay: 15 };
    expect(await ask(lab, ['POST qemu/100/config', change])).toMatchObject({
      status: 500,
      reason: `failed to update VM 100: 400 Parameter verification failed. net0: ${busy.trimEnd()}`,
    });
  });
});

describe('reverting', () => {
  const rows: { name: string; changes: Record<string, unknown>[]; revert: string; want: Record<string, unknown> }[] = [
    { name: 'a change', changes: [{ cores: 4, memory: 2048 }], revert: 'cores', want: { memory: '2048' } },
    { name: 'a deletion', changes: [{ delete: 'cores' }], revert: 'cores', want: {} },
    { name: 'several', changes: [{ cores: 4, memory: 2048 }], revert: 'cores,memory', want: {} },
    { name: 'what is not pending', changes: [], revert: 'cores', want: {} },
    { name: 'an option that was not set before', changes: [{ serial1: 'socket' }], revert: 'serial1', want: {} },
  ];
  it.each(rows)('$name', async ({ changes, revert, want }) => {
    const lab = await running();
    for (const change of changes) await ask(lab, put(change));
    expect(await ask(lab, put({ revert }))).toMatchObject({ status: 200, data: null });
    expect(await waiting(lab)).toEqual(want);
  });

  it('a new disk leaves its volume unused', async () => {
    const lab = await running();
    await ask(lab, put({ sata0: 'shared:1' }));
    await ask(lab, put({ revert: 'sata0' }));
    expect(await waiting(lab)).toEqual({});
    expect(await configOf(lab)).toMatchObject({ unused0: 'shared:100/vm-100-disk-1.raw' });
  });
});
