// What needs a stop: CPUs, memory and plain options, rule by rule and on a simulated VM that runs.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  appliedToSimulator,
  atStart,
  BASE,
  changeOf,
  type HotplugRow,
  off,
  SEEN,
} from '../../test/builders/hotplug.ts';
import { readShared, recordingsMissing } from '../pve/testing/recorded.ts';
import { restartReasons } from './hotplug.ts';

const topology = (key: string): string =>
  `${key} cannot change while the VM runs: the CPU topology is fixed when it starts.`;
const BALLOON = 'balloon turns the balloon device on or off, which happens only when the VM starts.';
const MODULES = 'memory cannot grow to this size by whole modules while the VM runs.';
const NO_DEVICE_CHANGES = 'the simulator changes neither CPUs nor memory of a running VM';

const DIMMS = { hotplug: 'network,disk,usb,memory', numa: '1', memory: '2048' };
const CPUS = { hotplug: 'disk,network,cpu', sockets: '2', vcpus: '2' };

const OPTIONS: HotplugRow[] = [
  { name: 'name', set: { name: 'web-2' }, source: SEEN.api },
  { name: 'start at boot', set: { onboot: 1 }, source: SEEN.api },
  { name: 'tags', set: { tags: 'a;b' }, source: SEEN.api },
  { name: 'tags go', config: { tags: 'a' }, remove: ['tags'], source: SEEN.api },
  { name: 'description', set: { description: 'text' }, source: SEEN.api },
  { name: 'description goes', config: { description: 'text' }, remove: ['description'], source: SEEN.pending },
  { name: 'protection', set: { protection: 1 }, source: SEEN.pending },
  { name: 'order of starts', set: { startup: 'order=2' }, source: SEEN.pending, notSimulated: 'the token may not' },
  { name: 'share of CPU time', set: { cpuunits: 200 }, source: SEEN.apiExtra },
  { name: 'most CPU time', set: { cpulimit: 1.5 }, source: SEEN.apiExtra },
  { name: 'no most CPU time', config: { cpulimit: '1.5' }, remove: ['cpulimit'], source: SEEN.apiExtra },
  { name: 'user of the guest', set: { ciuser: 'bob' }, source: SEEN.api },
  { name: 'address of the guest', set: { ipconfig0: 'ip=10.0.0.9/24' }, source: SEEN.api },
  { name: 'name servers', set: { nameserver: '10.0.0.1', searchdomain: 'example.com' }, source: SEEN.pending },
  { name: 'second address goes', config: { ipconfig1: 'ip=dhcp' }, remove: ['ipconfig1'], source: SEEN.pending },
  { name: 'cores', set: { cores: 4 }, want: topology('cores'), source: SEEN.api },
  { name: 'cores with CPU hot-plug', config: CPUS, set: { cores: 4 }, want: topology('cores'), source: SEEN.pending },
  { name: 'fewer cores', set: { cores: 1 }, want: topology('cores'), source: SEEN.pending },
  { name: 'cores go', remove: ['cores'], want: topology('cores'), source: SEEN.pending },
  { name: 'sockets', set: { sockets: 2 }, want: topology('sockets'), source: SEEN.api },
  { name: 'CPUs in use, no CPU hot-plug', set: { vcpus: 1 }, want: off('vcpus', 'cpu'), source: SEEN.api },
  { name: 'more CPUs', config: CPUS, set: { vcpus: 4 }, source: SEEN.cpu, notSimulated: NO_DEVICE_CHANGES },
  { name: 'all CPUs', config: CPUS, remove: ['vcpus'], source: SEEN.cpu, notSimulated: NO_DEVICE_CHANGES },
  {
    name: 'more CPUs than there are',
    config: CPUS,
    set: { vcpus: 5 },
    want: 'vcpus cannot exceed the CPUs that the VM was started with.',
    source: SEEN.cpu,
  },
  {
    name: 'fewer CPUs',
    config: CPUS,
    set: { vcpus: 1 },
    want: 'vcpus gets smaller, and a running guest may keep its CPUs.',
    source: SEEN.cpu,
  },
  {
    name: 'all CPUs, no CPU hot-plug',
    config: { vcpus: '1' },
    remove: ['vcpus'],
    want: off('vcpus', 'cpu'),
    source: SEEN.cpu,
  },
  { name: 'memory', set: { memory: 2048 }, want: off('memory', 'memory'), source: SEEN.api },
  {
    name: 'memory, hot-plug off',
    config: { hotplug: '0' },
    set: { memory: 2048 },
    want: off('memory', 'memory'),
    source: SEEN.off,
  },
  {
    name: 'more memory by modules',
    config: DIMMS,
    set: { memory: 4096 },
    source: SEEN.memory,
    notSimulated: NO_DEVICE_CHANGES,
  },
  {
    name: 'more memory by modules of 1 GiB',
    config: { ...DIMMS, memory: '17408' },
    set: { memory: 'current=18432' },
    source: SEEN.memory,
    notSimulated: NO_DEVICE_CHANGES,
  },
  { name: 'memory between modules', config: DIMMS, set: { memory: 2100 }, want: MODULES, source: SEEN.memory },
  {
    name: 'memory between big modules',
    config: DIMMS,
    set: { memory: 17408 + 512 },
    want: MODULES,
    source: SEEN.memory,
  },
  {
    name: 'memory that was between modules',
    config: { ...DIMMS, memory: '2000' },
    set: { memory: 2048 },
    want: MODULES,
    source: SEEN.memory,
  },
  { name: 'memory past the host', config: DIMMS, set: { memory: 1024 * 1024 }, want: MODULES, source: SEEN.memory },
  {
    name: 'memory of huge pages',
    config: { ...DIMMS, hugepages: '2' },
    set: { memory: 4096 },
    want: MODULES,
    source: SEEN.memory,
  },
  {
    name: 'memory without nodes',
    config: { ...DIMMS, numa: null },
    set: { memory: 4096 },
    want: MODULES,
    source: SEEN.memory,
  },
  {
    name: 'memory that is no number',
    config: DIMMS,
    set: { memory: 'x' },
    want: MODULES,
    source: SEEN.memory,
    notSimulated: 'refused',
  },
  {
    name: 'less memory',
    config: DIMMS,
    set: { memory: 1024 },
    want: 'memory gets smaller, and a running guest may keep it.',
    source: SEEN.memory,
  },
  { name: 'memory goes', config: DIMMS, remove: ['memory'], want: atStart('memory'), source: SEEN.memory },
  { name: 'least memory', set: { balloon: 512 }, source: SEEN.api },
  { name: 'another least memory', config: { balloon: '256' }, set: { balloon: 512 }, source: SEEN.pending },
  {
    name: 'no balloon',
    set: { balloon: 0 },
    want: BALLOON,
    source: SEEN.pending,
    notSimulated: 'it compares the text with none',
  },
  { name: 'balloon again', config: { balloon: '0' }, set: { balloon: 512 }, want: BALLOON, source: SEEN.pending },
  { name: 'balloon by default', config: { balloon: '0' }, remove: ['balloon'], want: BALLOON, source: SEEN.pending },
  {
    name: 'no least memory',
    config: { balloon: '512' },
    remove: ['balloon'],
    source: SEEN.pending,
    notSimulated: NO_DEVICE_CHANGES,
  },
  { name: 'agent off', set: { agent: '0' }, want: atStart('agent'), source: SEEN.api },
  {
    name: 'agent trims',
    set: { agent: '1,fstrim_cloned_disks=1' },
    source: SEEN.api,
    notSimulated: 'it keeps every agent option',
  },
  { name: 'agent on another port', set: { agent: 'enabled=1,type=isa' }, want: atStart('agent'), source: SEEN.pending },
  { name: 'first agent', config: { agent: null }, set: { agent: '1' }, want: atStart('agent'), source: SEEN.pending },
  { name: 'hot-plug', config: { hotplug: '0' }, set: { hotplug: 'network,disk' }, source: SEEN.off },
  {
    name: 'default hot-plug',
    config: { hotplug: 'disk' },
    remove: ['hotplug'],
    source: SEEN.pending,
    notSimulated: 'it keeps the removal',
  },
  {
    name: 'hot-plug of memory and CPUs',
    set: { hotplug: 'network,memory,cpu' },
    want: 'hotplug concerns cpu and memory, which is settled when the VM starts.',
    source: SEEN.pending,
    notSimulated: 'it takes every value',
  },
  {
    name: 'no hot-plug of CPUs',
    config: CPUS,
    remove: ['hotplug'],
    want: 'hotplug concerns cpu, which is settled when the VM starts.',
    source: SEEN.pending,
  },
  { name: 'boot order', set: { boot: 'order=scsi0' }, want: atStart('boot'), source: SEEN.api },
  { name: 'system of the guest', set: { ostype: 'l24' }, want: atStart('ostype'), source: SEEN.api },
  { name: 'CPU model', set: { cpu: 'host' }, want: atStart('cpu'), source: SEEN.api },
  { name: 'serial port', set: { serial0: 'socket' }, want: atStart('serial0'), source: SEEN.api },
  { name: 'SCSI controller', set: { scsihw: 'virtio-scsi-pci' }, want: atStart('scsihw'), source: SEEN.api },
  { name: 'CPU nodes', set: { numa: 1 }, want: atStart('numa'), source: SEEN.pending },
  {
    name: 'what nobody knows',
    set: { 'from-the-future': 1 },
    want: atStart('from-the-future'),
    source: SEEN.pending,
    notSimulated: 'refused',
  },
  { name: 'the same value', set: { cores: 2, name: 'web-1' }, source: SEEN.pending },
  { name: 'what is not there goes', remove: ['cpu', 'net3'], source: SEEN.update },
  {
    name: 'free volume goes',
    config: { unused0: 'shared:300/vm-300-disk-7.qcow2' },
    remove: ['unused0'],
    source: SEEN.update,
  },
];

describe('restartReasons for options', () => {
  it.each(OPTIONS)('$name ($source)', (row) => {
    expect(restartReasons(changeOf(row))).toEqual(row.want === undefined ? [] : [row.want]);
  });

  it.each(OPTIONS.filter(({ notSimulated }) => notSimulated === undefined))('on a simulated VM: $name', async (row) => {
    const { refused, waiting } = await appliedToSimulator(row);
    expect({ live: refused.length + waiting.length === 0, refused, waiting }).toMatchObject({
      live: row.want === undefined,
    });
  });
});

describe('restartReasons', () => {
  it('tells every reason of a change', () => {
    const config = new Map(Object.entries(BASE));
    const set = { cores: 4, name: 'web-2', memory: 2048 };
    expect(restartReasons({ config, set, remove: ['scsi1'] })).toEqual([
      'scsi1 has to be unplugged, and a running guest may keep its disk or lose data on it.',
      topology('cores'),
      off('memory', 'memory'),
    ]);
  });

  it('finds no reason in what is there, and for what is new only short sentences', () => {
    const keys = fc.oneof(fc.constantFrom(...Object.keys(BASE), 'vcpus', 'ide3', 'net31', 'virtio15'), fc.string());
    const texts = fc.oneof(fc.constantFrom(...Object.values(BASE)), fc.string({ maxLength: 200 }));
    const lines = fc.dictionary(keys, texts, { noNullPrototype: true });
    fc.assert(
      fc.property(lines, lines, (present, wanted) => {
        const config = new Map(Object.entries(present));
        expect(restartReasons({ config, set: present, remove: [] })).toEqual([]);
        for (const reason of restartReasons({ config, set: wanted, remove: Object.keys(present) })) {
          expect(reason.length).toBeLessThanOrEqual(120);
          expect(reason).toMatch(/\.$/);
        }
      }),
    );
  });

  it.skipIf(recordingsMissing !== undefined)('foretells what the recorded VM kept as pending', () => {
    const { steps } = readShared('recorded-api/running.json') as { steps: RecordedCall[] };
    const [create, ...rest] = steps.slice(0, 1 + steps.findIndex(({ request }) => request.path.endsWith('/pending')));
    const config = new Map(Object.entries(create!.request.params ?? {}).map(([key, value]) => [key, String(value)]));
    config.set('scsi0', 'local:300/vm-300-disk-0.qcow2,size=1G').set('boot', 'order=scsi0;ide2;net0');
    const foretold = new Set<string>();
    for (const { request: call } of rest.filter(({ request }) => request.method === 'PUT')) {
      for (const [key, value] of Object.entries(call.params ?? {})) {
        if (restartReasons({ config, set: { [key]: value }, remove: [] }).length > 0) foretold.add(key);
        else config.set(key, String(value));
      }
    }
    const lines = rest.at(-1)!.response.body.data as { key: string; pending?: unknown }[];
    const pending = lines.filter((line) => line.pending !== undefined).map(({ key }) => key);
    // The QEMU behind that recording was none: it lets every card go at once.
    expect([...foretold].filter((key) => key !== 'net0').sort()).toEqual(pending.sort());
  });
});

interface RecordedCall {
  request: { method: string; path: string; params?: Record<string, string | number> };
  response: { body: { data: unknown } };
}
