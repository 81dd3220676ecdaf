// Tests of reading a configuration: pending values, snapshots, and what a list of pending changes says.
import { describe, expect, it } from 'vitest';
import { Vm } from '../../state/vm.ts';
import { ask, checkRow, fails, labWith, read, refuses, started } from '../call-table.ts';
import type { ApiCall, CallRow } from '../call-table.ts';
import { shown, snapshotOptions, usesVolume, withPending } from './show.ts';

function vmWith(more: Partial<Vm>): Vm {
  return Object.assign(new Vm(100, 'pve1', { cores: '2', name: 'web1' }), more);
}

describe('withPending', () => {
  const rows: { name: string; vm: Vm; want: Record<string, string> }[] = [
    { name: 'nothing pending', vm: vmWith({}), want: { cores: '2', name: 'web1' } },
    { name: 'a change', vm: vmWith({ pending: { cores: '4' } }), want: { cores: '4', name: 'web1' } },
    {
      name: 'a new option',
      vm: vmWith({ pending: { memory: '512' } }),
      want: { cores: '2', name: 'web1', memory: '512' },
    },
    { name: 'a deletion', vm: vmWith({ pendingDelete: new Map([['cores', false]]) }), want: { name: 'web1' } },
  ];
  it.each(rows)('$name', ({ vm, want }) => {
    expect(withPending(vm)).toEqual(want);
    expect(vm.options).toEqual({ cores: '2', name: 'web1' });
  });
});

it('shows numbers as numbers and no password', () => {
  expect(shown({ cores: '2', memory: '512', cipassword: '$5$x' })).toEqual({
    cores: 2,
    memory: '512',
    cipassword: '**********',
  });
});

describe('snapshotOptions', () => {
  const section = {
    options: { cores: '1', description: 'of the VM' },
    snaptime: 7,
    description: '',
    parent: undefined,
    vmstate: undefined,
  };
  const rows: { name: string; more: object; want: Record<string, string> }[] = [
    {
      name: 'its own description replaces the VM’s',
      more: { description: 'own' },
      want: { cores: '1', snaptime: '7', description: 'own' },
    },
    { name: 'no description of its own hides the VM’s', more: {}, want: { cores: '1', snaptime: '7' } },
    { name: 'its parent', more: { parent: 'a' }, want: { cores: '1', snaptime: '7', parent: 'a' } },
    { name: 'its memory', more: { vmstate: 'local:1/x' }, want: { cores: '1', snaptime: '7', vmstate: 'local:1/x' } },
  ];
  it.each(rows)('$name', ({ more, want }) => {
    const vm = vmWith({ snapshots: new Map([['s1', { ...section, ...more }]]) });
    expect(snapshotOptions(vm, 's1')).toEqual(want);
  });

  it('of a snapshot that is not there are none', () => {
    expect(snapshotOptions(vmWith({}), 'nope')).toEqual({});
  });
});

describe('usesVolume', () => {
  const rows: { name: string; options: Record<string, string>; want: boolean }[] = [
    { name: 'a drive', options: { scsi0: 'local:1/a.raw,size=1G' }, want: true },
    { name: 'an unused one', options: { unused3: 'local:1/a.raw' }, want: true },
    { name: 'a medium', options: { ide2: 'local:1/a.raw,media=cdrom' }, want: true },
    { name: 'another volume', options: { scsi0: 'local:1/a.raw2' }, want: false },
    { name: 'text that names it', options: { description: 'local:1/a.raw' }, want: false },
  ];
  it.each(rows)('$name: $want', ({ options, want }) => {
    expect(usesVolume(options, 'local:1/a.raw')).toBe(want);
  });
});

describe('GET config', () => {
  const snapshot: ApiCall = ['POST qemu/100/snapshot', { snapname: 's1' }];
  const rows: CallRow[] = [
    {
      name: 'of a snapshot (config-read-options)',
      given: [snapshot, ['PUT qemu/100/config', { cores: 2 }]],
      call: ['GET qemu/100/config', { snapshot: 's1' }],
      want: { status: 200, data: expect.objectContaining({ cores: 1, digest: expect.any(String) }) },
    },
    {
      name: 'of a snapshot that is not there',
      call: ['GET qemu/100/config', { snapshot: 'nope' }],
      want: fails("snapshot 'nope' does not exist"),
    },
    {
      name: 'of a snapshot and of now',
      given: [snapshot],
      call: ['GET qemu/100/config', { snapshot: 's1', current: 1 }],
      want: refuses({
        current: "cannot use 'snapshot' parameter with 'current'",
        snapshot: "cannot use 'snapshot' parameter with 'current'",
      }),
    },
    {
      name: 'of a VM that is not there',
      call: ['GET qemu/999/config'],
      want: fails("Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist"),
    },
    {
      name: 'of a number that is none',
      call: ['GET qemu/50/config'],
      want: refuses({ vmid: 'invalid format - value does not look like a valid VM ID\n' }),
    },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(...(row.given ?? [])), row);
  });
});

describe('GET pending', () => {
  it('lists each option once, with what it will be', async () => {
    const lab = await labWith(...started);
    await ask(lab, ['PUT qemu/100/config', { cores: 4, delete: 'ostype', agent: '0', serial1: 'socket' }]);
    const items = (await read(lab, 'GET qemu/100/pending')) as { key: string }[];
    expect(new Set(items.map(({ key }) => key)).size).toBe(items.length);
    expect(items).toEqual(
      expect.arrayContaining([
        { key: 'cores', value: 1, pending: 4 },
        { key: 'ostype', value: 'l26', delete: 1 },
        { key: 'serial1', pending: 'socket' },
        { key: 'name', value: 'web1' },
        { key: 'digest', value: expect.any(String) },
      ]),
    );
  });

  it('hides passwords', async () => {
    const lab = await labWith(['PUT qemu/100/config', { cipassword: 'secret' }]);
    expect(await read(lab, 'GET qemu/100/pending')).toContainEqual({ key: 'cipassword', value: '**********' });
  });

  it('marks a password that is not applied yet with a blank behind the stars (behaviours.md 5)', async () => {
    const lab = await labWith();
    // A call that ends in an error leaves what came before it pending.
    await ask(lab, ['PUT qemu/100/config', { cipassword: 'secret', ide3: 'shared:iso/none.iso,media=cdrom' }]);
    const items = await read(lab, 'GET qemu/100/pending');
    expect(items).toContainEqual({ key: 'cipassword', pending: '********** ' });
  });
});
