// Tests of a VM's figures: what of them follows from the configuration and what from the process.
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import { demoTopology } from '../testing.ts';
import { buildWorld } from './build-world.ts';
import { liveStatus, memoryMiB } from './vm-status.ts';
import type { VmStatus } from './vm-status.ts';
import { Vm } from './vm.ts';

const GiB = 1024 ** 3;

function statusOf(options: Record<string, string>, running?: Partial<NonNullable<Vm['running']>>): VmStatus {
  const clock = new VirtualClock();
  const world = buildWorld(demoTopology(), clock, 1);
  const vm = new Vm(100, 'pve1', options);
  if (running !== undefined)
    vm.running = {
      startedAt: clock.now() - 60_000,
      pid: 4711,
      qmpStatus: 'running',
      agentReadyAt: undefined,
      options,
      ...running,
    };
  return liveStatus(world, vm);
}

describe('memoryMiB', () => {
  const rows: { text: string | undefined; want: number }[] = [
    { text: undefined, want: 512 },
    { text: '2048', want: 2048 },
    { text: 'current=1024', want: 1024 },
  ];
  it.each(rows)('$text', ({ text, want }) => {
    expect(memoryMiB(text === undefined ? {} : { memory: text })).toBe(want);
  });
});

describe('the size of the boot disk', () => {
  const disks = {
    scsi0: 'local:1/a.raw,size=10G',
    scsi1: 'local:1/b.raw,size=20G',
    ide2: 'local:iso/a.iso,media=cdrom,size=1G',
  };
  const rows: { name: string; options: Record<string, string>; want: number }[] = [
    { name: 'is that of the first in the order', options: { ...disks, boot: 'order=scsi1;scsi0' }, want: 20 },
    { name: 'passes over media and cards', options: { ...disks, boot: 'order=ide2;net0;scsi0' }, want: 10 },
    {
      name: 'is nothing when the order names no disk (power-reboot-timeout)',
      options: { ...disks, boot: 'order=net0' },
      want: 0,
    },
    { name: 'is that of the first slot without an order', options: disks, want: 10 },
    { name: 'is that of the old boot disk', options: { ...disks, bootdisk: 'scsi1' }, want: 20 },
    { name: 'is nothing without disks', options: {}, want: 0 },
  ];
  it.each(rows)('$name', ({ options, want }) => {
    expect(statusOf(options).maxDisk).toBe(want * GiB);
  });
});

describe('processors', () => {
  const rows: { options: Record<string, string>; want: number }[] = [
    { options: {}, want: 1 },
    { options: { cores: '4' }, want: 4 },
    { options: { cores: '2', sockets: '2' }, want: 4 },
    { options: { cores: '4', vcpus: '2' }, want: 2 },
    { options: { cores: '64' }, want: 16 },
  ];
  it.each(rows)('$options: $want of the node’s 16', ({ options, want }) => {
    expect(statusOf(options).cpus).toBe(want);
  });
});

describe('a process', () => {
  it('that is none has no figures', () => {
    expect(statusOf({ memory: '1024' })).toMatchObject({
      status: 'stopped',
      qmpStatus: 'stopped',
      uptime: 0,
      cpu: 0,
      mem: 0,
      netIn: 0,
      maxMem: GiB,
      pid: undefined,
    });
  });

  it('has figures below what the VM has', () => {
    const status = statusOf({ memory: '1024' }, {});
    expect(status).toMatchObject({ status: 'running', uptime: 60, pid: 4711 });
    expect(status.mem).toBeGreaterThan(0);
    expect(status.mem).toBeLessThan(GiB);
    expect(status.cpu).toBeGreaterThan(0);
    expect(status.cpu).toBeLessThan(1);
  });

  it('that is paused runs still (surprise 31)', () => {
    expect(statusOf({}, { qmpStatus: 'paused' })).toMatchObject({ status: 'running', qmpStatus: 'paused' });
  });

  it('that has just begun has received one packet', () => {
    expect(statusOf({}, { startedAt: new VirtualClock().now() })).toMatchObject({ netIn: 42, netOut: 0, uptime: 0 });
  });
});

it('a serial port and tags are told', () => {
  expect(statusOf({ serial0: 'socket', tags: 'a;b' })).toMatchObject({ serial: true, tags: 'a;b' });
  expect(statusOf({ serialx: 'socket' })).toMatchObject({ serial: false, tags: undefined });
});
