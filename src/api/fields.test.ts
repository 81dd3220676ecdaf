import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import {
  bridgeName,
  caBundle,
  hostname,
  ipAddress,
  isPlainIP,
  namespaceName,
  nodeName,
  objectName,
  storageName,
  vlanTag,
  vmid,
} from './fields.ts';

const label63 = 'a'.repeat(63);

describe.each<{ name: string; schema: z.ZodType; good: unknown[]; bad: unknown[] }>([
  {
    name: 'objectName',
    schema: objectName,
    good: ['a', 'kvm-small', '2.0.192.in-addr.arpa', 'a'.repeat(253)],
    bad: ['', 'A', '-a', 'a-', 'a_b', 'a'.repeat(254), 'a\n', 7],
  },
  { name: 'namespaceName', schema: namespaceName, good: ['a', label63], bad: ['a.b', `${label63}a`, 'a\n'] },
  { name: 'vmid', schema: vmid, good: [100, 999_999_999], bad: [99, 1_000_000_000, 100.5, '100'] },
  { name: 'nodeName', schema: nodeName, good: ['pve1', 'PVE-1'], bad: ['pve1.example.com', 'pve_1', '-pve', ''] },
  {
    name: 'storageName',
    schema: storageName,
    good: ['local-lvm', 'ceph.rbd_1', 'ab'],
    bad: ['a', '1local', 'local:vm', 'local-', 'lo cal'],
  },
  {
    name: 'bridgeName',
    schema: bridgeName,
    good: ['vmbr0', 'vmbr0.7', 'my_bridge-1'],
    bad: ['0vmbr', 'vmbr0,tag=7', 'a'.repeat(16), 'vmbr 0', 'vmbr0\n'],
  },
  { name: 'vlanTag', schema: vlanTag, good: [0, 1, 4094], bad: [-1, 4095, 1.5, '7'] },
  {
    name: 'hostname',
    schema: hostname,
    good: ['web-1', 'web-1.example.com', '1.example.com', `${label63}.de`],
    bad: ['web_1.example.com', 'Web.example.com', 'web-.example.com', 'a..b', 'a.', '.a', `${label63}a.de`, 'a\n'],
  },
  {
    name: 'ipAddress',
    schema: ipAddress,
    good: ['192.0.2.1', '::', '2001:db8::1', '2001:DB8:0:0:0:0:0:1', '64:ff9b::192.0.2.1'],
    bad: [
      '192.0.2.256',
      '192.0.2.010',
      '192.0.2',
      '192.0.2.1/24',
      'fe80::1%eth0',
      '::ffff:192.0.2.1',
      '::ffff:c000:201',
    ],
  },
  {
    name: 'caBundle',
    schema: caBundle,
    good: ['-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'],
    bad: ['', 'MIIB', '-----BEGIN PRIVATE KEY-----'],
  },
])('$name', ({ schema, good, bad }) => {
  test.each(good)('takes %j', (value) => {
    expect(schema.safeParse(value).success).toBe(true);
  });
  test.each(bad)('refuses %j', (value) => {
    expect(schema.safeParse(value).success).toBe(false);
  });
});

describe('isPlainIP', () => {
  test('takes every IPv4 address', () => {
    fc.assert(fc.property(fc.ipV4(), (text) => isPlainIP(text)));
  });

  test('takes every IPv6 address that is not mapped', () => {
    const group = fc.integer({ min: 1, max: 0xff_ff });
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) =>
        isPlainIP(groups.map((value) => value.toString(16)).join(':')),
      ),
    );
  });

  test('refuses every mapped IPv4 address', () => {
    fc.assert(fc.property(fc.ipV4(), (text) => !isPlainIP(`::ffff:${text}`)));
  });

  test.each(['0:0:0:0:0:ffff:c000:201', '::FFFF:192.0.2.1', '0000:0000:0000:0000:0000:ffff:192.0.2.1'])(
    'sees that %s is a mapped address',
    (text) => {
      expect(isPlainIP(text)).toBe(false);
    },
  );
});
