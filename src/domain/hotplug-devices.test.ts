// What needs a stop: network cards and drives, rule by rule and on a simulated VM that runs.
import { describe, expect, it } from 'vitest';
import {
  appliedToSimulator,
  atStart,
  changeOf,
  DISK,
  type HotplugRow,
  MAC,
  off,
  SEEN,
} from '../../test/builders/hotplug.ts';
import { restartReasons } from './hotplug.ts';

const ISO = 'shared:iso/debian-12.5.0-amd64-netinst.iso,media=cdrom';

const unplug = (key: string, device: string): string =>
  `${key} has to be unplugged, and a running guest may keep its ${device} or lose data on it.`;
const card = (what: string): string => `net0 changes ${what}, for which the card has to be unplugged.`;
const keeps = (what: string): string => `scsi0 changes ${what}, which stays as it is while the VM runs.`;
const bus = (key: string): string =>
  `${key} is on a bus where drives are plugged and unplugged only while the VM is stopped.`;
const DEVICE_KEPT = 'Proxmox VE writes it without a word, and QEMU goes on with the old value';

const net0 = (rest: string, model = `virtio=${MAC}`): Record<string, string> => ({ net0: `${model},${rest}` });

const CARDS: HotplugRow[] = [
  { name: 'rate and VLAN', set: net0('bridge=vmbr0,firewall=1,rate=10,tag=6'), source: SEEN.api },
  { name: 'no rate', config: net0('bridge=vmbr0,rate=10'), set: net0('bridge=vmbr0'), source: SEEN.card },
  { name: 'bridge', set: net0('bridge=vmbr1,firewall=1,tag=5'), source: SEEN.card },
  { name: 'no VLAN, no firewall', set: net0('bridge=vmbr0'), source: SEEN.updateNet },
  { name: 'link down', set: net0('bridge=vmbr0,firewall=1,tag=5,link_down=1'), source: SEEN.card },
  { name: 'order of properties', set: net0('tag=5,firewall=1,bridge=vmbr0'), source: SEEN.updateNet },
  {
    name: 'rate without hot-plug',
    config: { hotplug: '0' },
    set: net0('bridge=vmbr0,firewall=1,rate=9,tag=5'),
    source: SEEN.updateNet,
  },
  {
    name: 'model',
    set: net0('bridge=vmbr0,firewall=1,tag=5', `e1000=${MAC}`),
    want: card('model'),
    source: SEEN.updateNet,
  },
  {
    name: 'MAC address',
    set: net0('bridge=vmbr0,firewall=1,tag=5', 'virtio=BC:24:11:00:00:02'),
    want: card('MAC address'),
    source: SEEN.mac,
  },
  {
    name: 'MAC address to be drawn',
    set: net0('bridge=vmbr0,firewall=1,tag=5', 'virtio'),
    want: card('MAC address'),
    source: SEEN.update,
  },
  {
    name: 'MAC address, hot-plug off',
    config: { hotplug: '0' },
    set: net0('bridge=vmbr0', 'virtio=BC:24:11:00:00:02'),
    want: card('MAC address'),
    source: SEEN.off,
  },
  { name: 'queues', set: net0('bridge=vmbr0,firewall=1,queues=2,tag=5'), want: card('queues'), source: SEEN.updateNet },
  {
    name: 'MTU and rate',
    set: net0('bridge=vmbr0,firewall=1,mtu=1400,rate=5,tag=5'),
    want: card('mtu'),
    source: SEEN.updateNet,
  },
  {
    name: 'no bridge',
    set: net0('firewall=1,tag=5'),
    want: card('bridge'),
    source: SEEN.updateNet,
    notSimulated: 'every card has a bridge',
  },
  { name: 'new card', set: { net1: 'virtio=BC:24:11:00:00:09,bridge=vmbr0' }, source: SEEN.plug },
  {
    name: 'new card, hot-plug off',
    config: { hotplug: 'disk' },
    set: { net1: 'virtio,bridge=vmbr0' },
    want: off('net1', 'network'),
    source: SEEN.updateNet,
  },
  { name: 'card goes', remove: ['net0'], want: unplug('net0', 'network card'), source: SEEN.plug },
  {
    name: 'card goes, hot-plug off',
    config: { hotplug: 'disk' },
    remove: ['net0'],
    want: off('net0', 'network'),
    source: SEEN.pending,
  },
  {
    name: 'card that cannot be read',
    set: { net0: 'bridge=vmbr0' },
    want: 'net0 cannot be compared with what runs: one of the two values cannot be read.',
    source: SEEN.pending,
    notSimulated: 'refused',
  },
];

const scsi0 = (rest: string): Record<string, string> => ({ scsi0: `${DISK},${rest}` });
const TRAY_BOOT = 'order=scsi0;ide2;net0;ide3';
const LSI = 'is on a SCSI controller whose guest driver finds new disks only when it starts.';
const NOT_TOLD = 'Proxmox VE plugs it, only the guest does not notice';

const DRIVES: HotplugRow[] = [
  { name: 'another limit', set: scsi0('iops_rd=200'), source: SEEN.api },
  {
    name: 'further limits',
    set: scsi0('iops_rd=100,iops_wr_max=900,iops_wr_max_length=9,mbps_rd=20.5'),
    source: SEEN.updateDisk,
  },
  { name: 'no limits', set: scsi0('size=2G'), source: SEEN.updateDisk },
  { name: 'limit without hot-plug', config: { hotplug: '0' }, set: scsi0('mbps_wr=9'), source: SEEN.updateDisk },
  { name: 'size is not ours to write', set: scsi0('iops_rd=100,size=9G'), source: SEEN.updateDisk },
  { name: 'no backup', set: scsi0('backup=0,iops_rd=100'), source: SEEN.updateDisk },
  { name: 'cache', set: scsi0('cache=writeback,iops_rd=100'), want: keeps('cache'), source: SEEN.api },
  {
    name: 'cache beside a limit',
    set: scsi0('cache=writeback,iops_rd=900'),
    want: keeps('cache'),
    source: SEEN.updateDisk,
  },
  {
    name: 'discard and ssd',
    set: scsi0('discard=on,iops_rd=100,ssd=1'),
    want: keeps('discard, ssd'),
    source: SEEN.updateDisk,
  },
  {
    name: 'aio, iothread and ro',
    set: scsi0('aio=native,iothread=1,ro=1,iops_rd=100'),
    want: keeps('aio, iothread and 1 more'),
    source: SEEN.updateDisk,
  },
  {
    name: 'serial number',
    set: scsi0('serial=a,iops_rd=100'),
    want: keeps('serial'),
    source: SEEN.plug,
    notSimulated: DEVICE_KEPT,
  },
  {
    name: 'zero detection',
    set: scsi0('detect_zeroes=0,iops_rd=100'),
    want: keeps('detect_zeroes'),
    source: SEEN.plug,
    notSimulated: DEVICE_KEPT,
  },
  { name: 'new disk', set: { scsi2: 'shared:1' }, source: SEEN.api },
  {
    name: 'new disk with thread and limits',
    set: { scsi2: 'shared:1,format=qcow2,iothread=1,mbps_rd=20' },
    source: SEEN.plug,
  },
  {
    name: 'new disk on the one controller',
    config: { scsihw: 'virtio-scsi-pci' },
    set: { scsi2: 'shared:1' },
    source: SEEN.plug,
  },
  { name: 'new disk on virtio', set: { virtio0: 'shared:1' }, source: SEEN.plug },
  {
    name: 'new disk without hot-plug',
    config: { hotplug: 'network' },
    set: { scsi2: 'shared:1' },
    want: off('scsi2', 'disk'),
    source: SEEN.updateDisk,
  },
  {
    name: 'new disk on the default controller',
    config: { scsihw: null },
    set: { scsi2: 'shared:1' },
    want: `scsi2 ${LSI}`,
    source: SEEN.plug,
    notSimulated: NOT_TOLD,
  },
  { name: 'new disk on ide', set: { ide1: 'shared:1' }, want: bus('ide1'), source: SEEN.api },
  { name: 'new disk on sata', set: { sata0: 'shared:1' }, want: bus('sata0'), source: SEEN.api },
  { name: 'disk for another', set: { scsi1: 'shared:1' }, want: unplug('scsi1', 'disk'), source: SEEN.updateDisk },
  {
    name: 'disk for another, hot-plug off',
    config: { hotplug: '0' },
    set: { scsi1: 'shared:1' },
    want: off('scsi1', 'disk'),
    source: SEEN.updateDisk,
  },
  { name: 'disk goes', remove: ['scsi1'], want: unplug('scsi1', 'disk'), source: SEEN.plug },
  {
    name: 'disk goes, hot-plug off',
    config: { hotplug: '0' },
    remove: ['scsi1'],
    want: off('scsi1', 'disk'),
    source: SEEN.pending,
  },
  { name: 'system disk goes', remove: ['scsi0'], want: unplug('scsi0', 'disk'), source: SEEN.bootDisk },
  {
    name: 'disk on sata goes',
    config: { sata0: 'shared:300/vm-300-disk-8.qcow2' },
    remove: ['sata0'],
    want: bus('sata0'),
    source: SEEN.pending,
  },
  {
    name: 'ISO into a tray',
    config: { boot: TRAY_BOOT, ide3: 'none,media=cdrom' },
    set: { ide3: ISO },
    source: SEEN.iso,
  },
  {
    name: 'ISO out of a tray',
    config: { boot: TRAY_BOOT, ide3: ISO },
    set: { ide3: 'none,media=cdrom' },
    source: SEEN.iso,
  },
  {
    name: 'ISO into a tray outside of the boot order',
    config: { ide3: 'none,media=cdrom' },
    set: { ide3: ISO },
    source: SEEN.updateDisk,
    notSimulated: 'the drive joins the boot order at the next start, which nobody asked for',
  },
  {
    name: 'new CD-ROM drive',
    set: { ide3: ISO },
    want: 'ide3 joins the boot order, which is read only when the VM starts.',
    source: SEEN.iso,
  },
  { name: 'CD-ROM drive goes', config: { ide3: ISO }, remove: ['ide3'], want: bus('ide3'), source: SEEN.iso },
  {
    name: 'cloud-init drive',
    config: { ide2: null },
    set: { ide2: 'shared:cloudinit' },
    want: bus('ide2'),
    source: SEEN.pending,
  },
  {
    name: 'cloud-init drive on scsi',
    config: { ide2: null },
    set: { scsi5: 'shared:cloudinit' },
    source: SEEN.pending,
  },
  {
    name: 'disk into a tray',
    set: { ide2: 'shared:1' },
    want: 'ide2 cannot turn from disk to CD-ROM drive or back.',
    source: SEEN.updateDisk,
  },
  { name: 'EFI disk', set: { efidisk0: 'shared:1' }, want: atStart('efidisk0'), source: SEEN.pending },
  {
    name: 'drive that cannot be read',
    set: { scsi1: 'a=b,a=c' },
    want: 'scsi1 cannot be compared with what runs: one of the two values cannot be read.',
    source: SEEN.pending,
    notSimulated: 'refused',
  },
];

const ROWS = [...CARDS, ...DRIVES];

describe('restartReasons for devices', () => {
  it.each(ROWS)('$name ($source)', (row) => {
    expect(restartReasons(changeOf(row))).toEqual(row.want === undefined ? [] : [row.want]);
  });

  it.each(ROWS.filter(({ notSimulated }) => notSimulated === undefined))('on a simulated VM: $name', async (row) => {
    const { refused, waiting } = await appliedToSimulator(row);
    expect({ live: refused.length + waiting.length === 0, refused, waiting }).toMatchObject({
      live: row.want === undefined,
    });
  });
});
