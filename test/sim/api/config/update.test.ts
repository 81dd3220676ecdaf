// Tests of changing a stopped VM's configuration: what is taken, how it is stored, each row an accepted change.
import { describe, expect, it } from 'vitest';
import { ask, configOf, labWith, read } from '../call-table.ts';
import type { ApiCall } from '../call-table.ts';

const put = (params: Record<string, unknown>): ApiCall => ['PUT qemu/100/config', params];
const overlay = 'shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2';

describe('an accepted change shows as', () => {
  // Each row: what is put, and what GET config shows of it; `undefined` means that the key is gone.
  const rows: { name: string; given?: ApiCall[]; change: ApiCall; want: Record<string, unknown> }[] = [
    { name: 'a number', change: put({ cores: 4 }), want: { cores: 4 } },
    { name: 'text for memory', change: put({ memory: 4096 }), want: { memory: '4096' } },
    {
      name: 'memory as it was written (config-memory-and-cpu-forms)',
      change: put({ memory: 'current=1024' }),
      want: { memory: 'current=1024' },
    },
    { name: 'more virtual processors than cores', change: put({ vcpus: 9 }), want: { vcpus: 9 } },
    { name: 'a fraction of processors', change: put({ cpulimit: 1.5 }), want: { cpulimit: '1.5' } },
    {
      name: 'a CPU with flags',
      change: put({ cpu: 'x86-64-v2-AES,flags=+aes' }),
      want: { cpu: 'x86-64-v2-AES,flags=+aes' },
    },
    { name: 'a balloon of nothing', change: put({ balloon: 0 }), want: { balloon: 0 } },
    { name: 'tags in order (config-tags)', change: put({ tags: 'B;a' }), want: { tags: 'a;b' } },
    { name: 'no tags as a blank, which is no tag', change: put({ tags: ';' }), want: { tags: ' ' } },
    {
      name: 'a description of several lines (config-description-unicode)',
      change: put({ description: 'línea ✓ 雪\n# % \\ "q"' }),
      want: { description: 'línea ✓ 雪\n# % \\ "q"' },
    },
    {
      name: 'a description without its last newline',
      change: put({ description: 'tail\n' }),
      want: { description: 'tail' },
    },
    {
      name: 'a description with its first blank',
      change: put({ description: ' lead' }),
      want: { description: ' lead' },
    },
    {
      name: 'no description for a blank one',
      given: [put({ description: 'x' })],
      change: put({ description: ' ' }),
      want: { description: undefined },
    },
    { name: 'a hidden password', change: put({ cipassword: 'secret' }), want: { cipassword: '**********' } },
    {
      name: 'a blank for an empty name server (surprise 23)',
      change: put({ nameserver: '' }),
      want: { nameserver: ' ' },
    },
    {
      name: 'whatever a name server is called',
      change: put({ nameserver: '1.1.1.1,8.8.8.8' }),
      want: { nameserver: '1.1.1.1,8.8.8.8' },
    },
    { name: 'a user with a blank', change: put({ ciuser: 'a b' }), want: { ciuser: 'a b' } },
    {
      name: 'an address with a foreign gateway',
      change: put({ ipconfig0: 'ip=10.0.0.5/24,gw=10.9.9.9' }),
      want: { ipconfig0: 'ip=10.0.0.5/24,gw=10.9.9.9' },
    },
    {
      name: 'an address of a card that is not there',
      change: put({ ipconfig9: 'ip=dhcp' }),
      want: { ipconfig9: 'ip=dhcp' },
    },
    {
      name: 'a gateway beside DHCP',
      change: put({ ipconfig0: 'ip=dhcp,gw=10.0.0.1' }),
      want: { ipconfig0: 'ip=dhcp,gw=10.0.0.1' },
    },
    {
      name: 'a card with its MAC',
      change: put({ net0: 'virtio=BC:24:11:AA:BB:CC,bridge=vmbr0,tag=20,firewall=1' }),
      want: { net0: 'virtio=BC:24:11:AA:BB:CC,bridge=vmbr0,firewall=1,tag=20' },
    },
    {
      name: 'a card with a new MAC when none is given (behaviours.md 5)',
      change: put({ net0: 'virtio,bridge=vmbr0' }),
      want: { net0: expect.stringMatching(/^virtio=BC:24:11(:[0-9A-F]{2}){3},bridge=vmbr0$/) },
    },
    {
      name: 'a card on a bridge that does not exist (observed 18)',
      change: put({ net1: 'virtio,bridge=nobr' }),
      want: { net1: expect.stringContaining('bridge=nobr') },
    },
    { name: 'the order of boot', change: put({ boot: 'order=ide2;scsi0' }), want: { boot: 'order=ide2;scsi0' } },
    { name: 'a legacy order of boot', change: put({ boot: 'cdn' }), want: { boot: 'cdn' } },
    { name: 'an empty order of boot as a blank', change: put({ boot: '' }), want: { boot: ' ' } },
    {
      name: 'an order of boot without the old boot disk',
      given: [put({ bootdisk: 'scsi0' })],
      change: put({ boot: 'order=scsi0' }),
      want: { boot: 'order=scsi0', bootdisk: undefined },
    },
    {
      name: 'a drive with limits and its real size (observed 15)',
      change: put({ scsi0: `${overlay},mbps_rd=20,iops_wr=100,size=9G` }),
      want: { scsi0: `${overlay},iops_wr=100,mbps_rd=20,size=2G` },
    },
    {
      name: 'a drive without limits that are not repeated',
      given: [put({ scsi0: `${overlay},mbps_rd=20` })],
      change: put({ scsi0: overlay }),
      want: { scsi0: `${overlay},size=2G` },
    },
    {
      name: 'a limit of zero',
      change: put({ scsi0: `${overlay},mbps_rd=0` }),
      want: { scsi0: `${overlay},mbps_rd=0,size=2G` },
    },
    {
      name: 'a new disk: raw without a format (surprise 21)',
      change: put({ scsi1: 'shared:1' }),
      want: { scsi1: 'shared:100/vm-100-disk-1.raw,size=1G' },
    },
    {
      name: 'a new disk in a format, which is not kept',
      change: put({ scsi1: 'shared:1,format=qcow2' }),
      want: { scsi1: 'shared:100/vm-100-disk-1.qcow2,size=1G' },
    },
    {
      name: 'a new disk on a device',
      change: put({ scsi1: 'local-lvm:1' }),
      want: { scsi1: 'local-lvm:vm-100-disk-0,size=1G' },
    },
    {
      name: 'a new disk of a tenth of a gibibyte',
      change: put({ scsi1: 'local:0.1' }),
      want: { scsi1: 'local:100/vm-100-disk-0.raw,size=104857K' },
    },
    {
      name: 'a replaced disk, whose volume becomes unused',
      given: [put({ scsi1: 'shared:1' })],
      change: put({ scsi1: 'shared:2' }),
      want: { scsi1: 'shared:100/vm-100-disk-2.raw,size=2G', unused0: 'shared:100/vm-100-disk-1.raw' },
    },
    {
      name: 'a detached disk, unused and out of the order of boot',
      change: put({ delete: 'scsi0' }),
      want: { scsi0: undefined, unused0: overlay, boot: 'order=ide2;net0' },
    },
    {
      name: 'a disk that is attached again, with what is given',
      given: [put({ scsi1: 'shared:1' }), put({ delete: 'scsi1' })],
      change: put({ scsi2: 'shared:100/vm-100-disk-1.raw,mbps_rd=5' }),
      want: { scsi2: 'shared:100/vm-100-disk-1.raw,mbps_rd=5,size=1G', unused0: undefined },
    },
    {
      name: 'nothing of a disk that is freed',
      change: put({ delete: 'scsi0', force: 1 }),
      want: { scsi0: undefined, unused0: undefined },
    },
    {
      name: 'nothing of an unused disk that is deleted',
      given: [put({ delete: 'scsi0' })],
      change: put({ delete: 'unused0' }),
      want: { unused0: undefined },
    },
    {
      name: 'a medium at the end of the order of boot (surprise 53)',
      change: put({ ide3: 'shared:iso/debian-12.5.0-amd64-netinst.iso,media=cdrom' }),
      want: {
        ide3: 'shared:iso/debian-12.5.0-amd64-netinst.iso,media=cdrom,size=629M',
        boot: 'order=scsi0;ide2;net0;ide3',
      },
    },
    {
      name: 'an empty drive that stays in the order of boot',
      given: [put({ ide3: 'shared:iso/debian-12.5.0-amd64-netinst.iso,media=cdrom' })],
      change: put({ ide3: 'none,media=cdrom' }),
      want: { ide3: 'none,media=cdrom', boot: 'order=scsi0;ide2;net0;ide3' },
    },
    {
      name: 'a medium under the name cdrom',
      change: put({ delete: 'ide2' }),
      want: { ide2: undefined, boot: 'order=scsi0;net0' },
    },
    {
      name: 'a deleted option',
      given: [put({ onboot: 1 })],
      change: put({ delete: 'onboot' }),
      want: { onboot: undefined },
    },
    {
      name: 'nothing of an option that was not set',
      change: put({ delete: 'startdate' }),
      want: { startdate: undefined },
    },
    {
      name: 'several deleted options',
      given: [put({ onboot: 1, balloon: 0 })],
      change: put({ delete: 'onboot,balloon' }),
      want: { onboot: undefined, balloon: undefined },
    },
    {
      name: 'no card that is unlinked (surprise 24)',
      change: ['PUT qemu/100/unlink', { idlist: 'net0' }],
      want: { net0: undefined, boot: 'order=scsi0;ide2' },
    },
    {
      name: 'an unlinked disk as unused',
      change: ['PUT qemu/100/unlink', { idlist: 'scsi0' }],
      want: { scsi0: undefined, unused0: overlay },
    },
    {
      name: 'nothing of a disk unlinked by force',
      change: ['PUT qemu/100/unlink', { idlist: 'scsi0', force: 1 }],
      want: { scsi0: undefined, unused0: undefined },
    },
    {
      name: 'a new identity',
      change: put({ vmgenid: '1' }),
      want: { vmgenid: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    },
  ];
  it.each(rows)('$name', async ({ given = [], change, want }) => {
    const lab = await labWith(...given);
    expect(await ask(lab, change)).toMatchObject({ status: 200, data: null });
    const config = await configOf(lab);
    expect(Object.fromEntries(Object.keys(want).map((key) => [key, config[key]]))).toEqual(want);
    expect((await read(lab, 'GET qemu/100/pending')) as unknown[]).toEqual(
      expect.not.arrayContaining([expect.objectContaining({ pending: expect.anything() })]),
    );
  });
});
