// Tests of cloud-init: the documents, what is pending, and writing the drive anew.
import { describe, expect, it } from 'vitest';
import { answers, ask, checkRow, fails, labWith, read, refuses, started } from './call-table.ts';
import type { ApiCall, CallRow, Given } from './call-table.ts';

const mac = 'BC:24:11:5A:FF:DF';
const put = (params: Record<string, unknown>): ApiCall => ['PUT qemu/100/config', params];
const key = 'ssh-ed25519%20AAAAC3NzaC1lZDI1NTE5AAAAIHc5kz4cLCzLVJRYOEDLDhSYBFKWQ6b7IGPCzU3FNk2w%20user%40example';

async function dump(type: string, ...changes: Record<string, unknown>[]): Promise<string[]> {
  const lab = await labWith(put({ net0: `virtio=${mac},bridge=vmbr0` }), ...changes.map(put));
  return String(await read(lab, 'GET qemu/100/cloudinit/dump', { type }))
    .trimEnd()
    .split('\n');
}

describe('the user’s document', () => {
  const head = ['#cloud-config', 'hostname: web1', 'manage_etc_hosts: true'];
  const tail = ['chpasswd:', '  expire: False', 'users:', '  - default', 'package_upgrade: true'];
  const rows: { name: string; change: Record<string, unknown>; want: string[] }[] = [
    { name: 'of nothing set (cloudinit-no-drive)', change: { onboot: 1 }, want: [...head, 'fqdn: web1', ...tail] },
    {
      name: 'with a domain',
      change: { searchdomain: 'example.org other.org' },
      want: [...head, 'fqdn: web1.example.org', ...tail],
    },
    {
      name: 'with a name that has one',
      change: { name: 'web1.example.com', searchdomain: 'example.org' },
      want: [...head, 'fqdn: web1.example.com', ...tail],
    },
    { name: 'with a user', change: { ciuser: 'deb' }, want: [...head, 'fqdn: web1', 'user: deb', ...tail] },
    {
      name: 'with root as the user',
      change: { ciuser: 'root' },
      want: [...head, 'fqdn: web1', 'user: root', 'chpasswd:', '  expire: False', 'package_upgrade: true'],
    },
    {
      name: 'with a hashed password',
      change: { cipassword: '$5$salt$hash' },
      want: [...head, 'fqdn: web1', 'password: $5$salt$hash', ...tail],
    },
    {
      name: 'with keys',
      change: { sshkeys: key },
      want: [...head, 'fqdn: web1', 'ssh_authorized_keys:', `  - ${decodeURIComponent(key)}`, ...tail],
    },
    {
      name: 'without an upgrade (behaviours.md 5)',
      change: { ciupgrade: 0 },
      want: [...head, 'fqdn: web1', ...tail.slice(0, -1), 'package_upgrade: false'],
    },
  ];
  it.each(rows)('$name', async ({ change, want }) => {
    expect(await dump('user', change)).toEqual(want);
  });
});

describe('the network’s document', () => {
  const card = [
    'version: 1',
    'config:',
    '    - type: physical',
    '      name: eth0',
    `      mac_address: '${mac.toLowerCase()}'`,
  ];
  const rows: { name: string; change: Record<string, unknown>; want: string[] }[] = [
    { name: 'of a card without addresses', change: { onboot: 1 }, want: [] },
    {
      name: 'with an address and a gateway',
      change: { ipconfig0: 'ip=10.99.0.50/24,gw=10.99.0.254' },
      want: [
        '      subnets:',
        '      - type: static',
        "        address: '10.99.0.50'",
        "        netmask: '255.255.255.0'",
        "        gateway: '10.99.0.254'",
      ],
    },
    {
      name: 'with a small network',
      change: { ipconfig0: 'ip=10.0.0.5/30' },
      want: [
        '      subnets:',
        '      - type: static',
        "        address: '10.0.0.5'",
        "        netmask: '255.255.255.252'",
      ],
    },
    {
      name: 'with a large network',
      change: { ipconfig0: 'ip=10.0.0.5/8' },
      want: ['      subnets:', '      - type: static', "        address: '10.0.0.5'", "        netmask: '255.0.0.0'"],
    },
    {
      name: 'with DHCP',
      change: { ipconfig0: 'ip=dhcp,ip6=dhcp' },
      want: ['      subnets:', '      - type: dhcp4', '      - type: dhcp6'],
    },
    {
      name: 'with an address of its own making',
      change: { ipconfig0: 'ip6=auto' },
      want: ['      subnets:', '      - type: ipv6_slaac'],
    },
    {
      name: 'with a newer address',
      change: { ipconfig0: 'ip6=fd00::50/64,gw6=fd00::1' },
      want: ['      subnets:', '      - type: static6', "        address: 'fd00::50/64'", "        gateway: 'fd00::1'"],
    },
    {
      name: 'with name servers',
      change: { nameserver: '1.1.1.1 2606:4700:4700::1111', searchdomain: 'example.org' },
      want: [
        '    - type: nameserver',
        '      address:',
        "      - '1.1.1.1'",
        "      - '2606:4700:4700::1111'",
        '      search:',
        "      - 'example.org'",
      ],
    },
    { name: 'with a blank for a name server', change: { nameserver: '' }, want: [] },
  ];
  it.each(rows)('$name', async ({ change, want }) => {
    expect(await dump('network', change)).toEqual([...card, ...want]);
  });

  it('has every card in order', async () => {
    const lines = await dump('network', { net1: 'virtio=BC:24:11:00:00:02,bridge=vmbr0', ipconfig1: 'ip=dhcp' });
    expect(lines.filter((line) => line.includes('name: '))).toEqual(['      name: eth0', '      name: eth1']);
  });
});

describe('the instance id', () => {
  it('changes with the documents and with nothing else', async () => {
    const one = await dump('meta');
    expect(one[0]).toMatch(/^instance-id: [0-9a-f]{40}$/);
    expect(await dump('meta', { cores: 2 })).toEqual(one);
    expect(await dump('meta', { ciuser: 'deb' })).not.toEqual(one);
  });
});

describe('a document is refused', () => {
  const rows: CallRow[] = [
    {
      name: 'of an unknown type',
      call: ['GET qemu/100/cloudinit/dump', { type: 'bad' }],
      want: refuses({ type: "value 'bad' does not have a value in the enumeration 'user, network, meta'" }),
    },
    {
      name: 'without a type',
      call: ['GET qemu/100/cloudinit/dump'],
      want: refuses({ type: 'property is missing and it is not optional' }),
    },
    {
      name: 'of a VM that is not there',
      call: ['GET qemu/999/cloudinit/dump', { type: 'user' }],
      want: fails("Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist"),
    },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(), row);
  });
});

describe('what is pending', () => {
  const pending = async (...steps: Given): Promise<unknown> => read(await labWith(...steps), 'GET qemu/100/cloudinit');

  it('of a stopped VM is what it has', async () => {
    expect(await pending(put({ ciuser: 'deb', cipassword: 'secret' }))).toEqual([
      { key: 'cipassword', value: '**********' },
      { key: 'ciuser', value: 'deb' },
    ]);
  });

  const changes: { name: string; before: Record<string, unknown>; change: Record<string, unknown>; want: object[] }[] =
    [
      {
        name: 'another value is told beside the old one',
        before: { ciuser: 'deb' },
        change: { ciuser: 'bob' },
        want: [{ key: 'ciuser', value: 'deb', pending: 'bob' }],
      },
      {
        name: 'what is new comes first',
        before: { ciuser: 'deb' },
        change: { nameserver: '1.1.1.1', ipconfig0: 'ip=dhcp' },
        want: [
          { key: 'nameserver', pending: '1.1.1.1' },
          { key: 'ipconfig0', pending: 'ip=dhcp' },
          { key: 'ciuser', value: 'deb' },
        ],
      },
      { name: 'a new name is told nowhere', before: {}, change: { name: 'other' }, want: [] },
      {
        name: 'nor is another address',
        before: { ipconfig0: 'ip=10.0.0.5/24' },
        change: { ipconfig0: 'ip=10.0.0.6/24' },
        want: [],
      },
      {
        name: 'what is gone has no value',
        before: { ciuser: 'deb', ipconfig0: 'ip=dhcp' },
        change: { delete: 'ciuser,ipconfig0' },
        want: [
          { key: 'ciuser', delete: 1 },
          { key: 'ipconfig0', delete: 1 },
        ],
      },
      { name: 'what was added and taken back is nothing', before: {}, change: { revert: 'ciuser' }, want: [] },
      { name: 'zero counts as nothing', before: { ciupgrade: 0 }, change: { onboot: 1 }, want: [] },
      {
        name: 'zero instead of one counts as gone',
        before: { ciupgrade: 1 },
        change: { ciupgrade: 0 },
        want: [{ key: 'ciupgrade', delete: 1 }],
      },
      {
        name: 'passwords are hidden in both',
        before: { cipassword: 'first' },
        change: { cipassword: 'second' },
        want: [{ key: 'cipassword', value: '**********', pending: '**********' }],
      },
    ];
  it.each(changes)('of a running VM: $name', async ({ before, change, want }) => {
    const given: Given = Object.keys(before).length === 0 ? [] : [put(before)];
    expect(await pending(...given, ...started, put(change))).toEqual(want);
  });

  const ends: { name: string; calls: ApiCall[] }[] = [
    { name: 'writing the drive anew (surprise 26)', calls: [['PUT qemu/100/cloudinit']] },
    { name: 'the next start', calls: [['POST qemu/100/status/stop'], ['POST qemu/100/status/start']] },
  ];
  it.each(ends)('ends with $name', async ({ calls }) => {
    expect(
      await pending(put({ ciuser: 'deb' }), ...started, put({ ciuser: 'bob', ipconfig0: 'ip=dhcp' }), ...calls),
    ).toEqual([{ key: 'ciuser', value: 'bob' }]);
  });

  it('without a drive is nothing to write', async () => {
    const lab = await labWith(put({ delete: 'ide2' }));
    expect(await ask(lab, ['PUT qemu/100/cloudinit'])).toMatchObject(answers(null));
    expect(await read(lab, 'GET qemu/100/cloudinit')).toEqual([]);
  });
});
