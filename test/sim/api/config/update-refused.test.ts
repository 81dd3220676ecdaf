// Tests of changes of a configuration that are refused: with which status and text, and at which parameter.
import { describe, it } from 'vitest';
import { checkRow, fails, labWith, refuses } from '../call-table.ts';
import type { ApiCall, CallRow } from '../call-table.ts';

const put = (params: Record<string, unknown>): ApiCall => ['PUT qemu/100/config', params];
const post = (params: Record<string, unknown>): ApiCall => ['POST qemu/100/config', params];
const overlay = 'shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2';

describe('a refused change', () => {
  const taken: ApiCall[] = [put({ protection: 1 })];
  const rows: CallRow[] = [
    { name: 'nothing at all', call: put({}), want: fails('no options specified') },
    { name: 'nothing but a digest', call: put({ digest: 'x' }), want: fails('no options specified') },
    { name: 'an empty list (surprise 23)', call: put({ delete: '' }), want: fails('no options specified') },
    {
      name: 'an old digest',
      call: put({ cores: 2, digest: '0'.repeat(40) }),
      want: fails('checksum mismatch (file change by other user?)'),
    },
    {
      name: 'an old digest of a task, before it begins',
      call: post({ cores: 2, digest: 'abc' }),
      want: fails('checksum mismatch (file change by other user?)'),
    },
    {
      name: 'an option that does not exist',
      call: put({ bogus: 1 }),
      want: refuses({ bogus: 'property is not defined in schema and the schema does not allow additional properties' }),
    },
    {
      name: 'deleting one that does not exist',
      call: put({ delete: 'bogus' }),
      want: refuses({ delete: "unknown option 'bogus'" }),
    },
    {
      name: 'reverting one that does not exist',
      call: put({ revert: 'nosuch' }),
      want: refuses({ revert: "unknown option 'nosuch'" }),
    },
    {
      name: 'setting and deleting',
      call: put({ cores: 2, delete: 'cores' }),
      want: refuses({ delete: "you can't use '-cores' and -delete cores' at the same time" }),
    },
    {
      name: 'setting and reverting',
      call: put({ cores: 2, revert: 'cores' }),
      want: refuses({ delete: "you can't use '-cores' and -revert cores' at the same time" }),
    },
    {
      name: 'deleting and reverting',
      call: put({ delete: 'cores', revert: 'cores' }),
      want: refuses({ revert: "you can't use '-revert cores' and '-delete cores' at the same time" }),
    },
    {
      name: 'a balloon above the memory',
      call: put({ memory: 512, balloon: 1024 }),
      want: fails('balloon value too large (must be smaller than assigned memory)'),
    },
    {
      name: 'a balloon above the memory it has',
      call: put({ balloon: 99999 }),
      want: fails('balloon value too large (must be smaller than assigned memory)'),
    },
    {
      name: 'an unknown CPU',
      call: put({ cpu: 'nosuchcpu' }),
      want: refuses({
        cpu: "invalid format - Built-in cputype 'nosuchcpu' is not defined (missing 'custom-' prefix?)\n",
      }),
    },
    {
      name: 'a boot device that is not there',
      call: put({ boot: 'order=scsi9' }),
      want: fails("invalid bootorder: device 'scsi9' does not exist'"),
    },
    {
      name: 'a boot device that is deleted in the same call',
      call: put({ boot: 'order=scsi0', delete: 'scsi0' }),
      want: fails("invalid bootorder: device 'scsi0' does not exist'"),
    },
    {
      name: 'no boot device after the sign',
      call: put({ boot: 'order=' }),
      want: refuses({ boot: 'invalid format - missing key in comma-separated list property\n' }),
    },
    {
      name: 'a tag with a sign it may not have',
      call: put({ tags: 'a!' }),
      want: refuses({ tags: 'invalid format - invalid characters in tag\n' }),
    },
    {
      name: 'a gateway without an address',
      call: put({ ipconfig0: 'gw=10.0.0.1' }),
      want: refuses({
        ipconfig0: "invalid format - format error\nipconfig0.ip: missing property required by 'ipconfig0.gw'\n",
      }),
    },
    {
      name: 'a key that ssh-keygen cannot read',
      call: put({ sshkeys: 'ssh-ed25519%20AAAA' }),
      want: fails('SSH public key validation error'),
    },
    {
      name: 'a size with a unit, which is then taken for a volume',
      call: put({ scsi1: 'shared:1G' }),
      want: fails("unable to parse directory volume name '1G'"),
    },
    { name: 'an unknown storage', call: put({ scsi1: 'nope:1' }), want: fails("storage 'nope' does not exist") },
    {
      name: 'an unknown storage, for a task at once too (surprise 20)',
      call: post({ scsi1: 'nope:1' }),
      want: fails("storage 'nope' does not exist"),
    },
    {
      name: 'an ISO that is not there',
      call: put({ ide3: 'shared:iso/none.iso,media=cdrom' }),
      want: fails("volume 'shared:iso/none.iso' does not exist"),
    },
    {
      name: 'an ISO that is no medium',
      call: put({ ide3: 'shared:iso/debian-12.5.0-amd64-netinst.iso' }),
      want: refuses({ ide3: "explicit 'media=cdrom' is required for iso images" }),
    },
    {
      name: 'a second cloud-init drive',
      call: put({ ide3: 'shared:cloudinit' }),
      want: fails("ide3 - cloud-init drive is already attached at 'ide2'"),
    },
    {
      name: 'a cloud-init drive over the one there is (surprise 27)',
      call: put({ ide2: 'shared:cloudinit' }),
      want: fails("disk image '/mnt/pve/shared/images/100/vm-100-cloudinit.qcow2' already exists"),
    },
    {
      name: 'a whole limit beside its part',
      call: put({ scsi0: `${overlay},mbps=10,mbps_rd=5` }),
      want: refuses({ scsi0: 'unable to parse drive options' }),
    },
    {
      name: 'an import with a size',
      call: put({ scsi1: `shared:1,import-from=shared:import/x.qcow2` }),
      want: refuses({ scsi1: "'import-from' requires special syntax - use <storage ID>:0,import-from=<source>" }),
    },
    {
      name: 'an import of what is not there',
      call: put({ scsi1: 'shared:0,import-from=shared:import/none.qcow2' }),
      want: fails("failed to stat '/mnt/pve/shared/import/none.qcow2'"),
    },
    {
      name: 'an import of a path',
      call: put({ scsi1: 'shared:0,import-from=/etc/passwd' }),
      want: fails('Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 651.'),
    },
    {
      name: 'a path as a drive',
      call: put({ scsi1: '/dev/sdb' }),
      want: fails('Only root can pass arbitrary filesystem paths.'),
    },
    {
      name: 'removing a disk of a protected VM',
      given: taken,
      call: put({ delete: 'scsi0' }),
      want: fails("can't remove drive 'scsi0' - protection mode enabled"),
    },
    {
      name: 'replacing a disk of a protected VM',
      given: taken,
      call: put({ scsi0: 'shared:1' }),
      want: fails("can't remove drive 'scsi0' - protection mode enabled"),
    },
    {
      name: 'freeing an unused disk of a protected VM',
      given: [put({ scsi1: 'shared:1' }), put({ delete: 'scsi1' }), ...taken],
      call: put({ delete: 'unused0' }),
      want: fails("can't remove unused disk 'shared:100/vm-100-disk-1.raw' - protection mode enabled"),
    },
    {
      name: 'a locked VM',
      given: [(lab) => lab.simulator.setLock(100, 'backup')],
      call: put({ cores: 2 }),
      want: fails('VM is locked (backup)'),
    },
    {
      name: 'a locked VM, for a task at once too',
      given: [(lab) => lab.simulator.setLock(100, 'backup')],
      call: post({ cores: 2 }),
      want: fails('VM is locked (backup)'),
    },
    {
      name: 'a VM that is not there',
      call: ['PUT qemu/999/config', { cores: 2 }],
      want: fails("Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist"),
    },
    {
      name: 'a VM that is elsewhere',
      given: [(lab) => lab.simulator.moveVm(100, 'pve2')],
      call: put({ cores: 2 }),
      want: fails("Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist"),
    },
    {
      name: 'arguments of QEMU, even for a token of root (observed 6)',
      call: put({ args: '-S' }),
      want: fails("only root can set 'args' config"),
    },
    { name: 'a lock', call: put({ lock: 'backup' }), want: fails("only root can set 'lock' config") },
    {
      name: 'to skip the lock',
      call: put({ cores: 2, skiplock: 1 }),
      want: refuses({ skiplock: 'Only root may use this option.' }),
    },
    {
      name: 'a hook script that is not there',
      call: put({ hookscript: 'local:snippets/x.sh' }),
      want: refuses({ hookscript: "script 'local:snippets/x.sh' does not exist\n" }),
    },
    {
      name: 'a device of the host',
      call: put({ hostpci0: '00:01.0' }),
      want: fails("only root can set 'hostpci0' config for non-mapped devices"),
    },
    {
      name: 'a USB device of the host',
      call: put({ usb0: 'host=1234:5678' }),
      want: fails("only root can set 'usb0' config for real devices"),
    },
    {
      name: 'a serial port of the host',
      call: put({ serial1: '/dev/ttyS0' }),
      want: fails("only root can modify 'serial1' config for real devices"),
    },
    {
      name: 'a delay of nothing',
      call: post({ cores: 2, background_delay: 0 }),
      want: refuses({ background_delay: 'value must have a minimum value of 1' }),
    },
    {
      name: 'a delay longer than the proxy waits',
      call: post({ cores: 2, background_delay: 31 }),
      want: refuses({ background_delay: 'value must have a maximum value of 30' }),
    },
    {
      name: 'a delay of a call that is no task',
      call: put({ cores: 2, background_delay: 1 }),
      want: refuses({
        background_delay: 'property is not defined in schema and the schema does not allow additional properties',
      }),
    },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(...(row.given ?? [])), row);
  });
});
