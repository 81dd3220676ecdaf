import { describe, expect, test } from 'vitest';
import { hostOf, isLocalTarget, serverOf } from './targets.ts';

describe('hostOf', () => {
  test.each([
    { url: 'https://PVE1.example.com:8006/api', want: 'pve1.example.com' },
    { url: 'https://pve1.example.com.', want: 'pve1.example.com' },
    { url: 'https://[2001:DB8:0:0::1]:8006', want: '2001:db8::1' },
    { url: 'https://0x7f.1', want: '127.0.0.1' },
    { url: 'https://017700000001', want: '127.0.0.1' },
    { url: 'https://2130706433/', want: '127.0.0.1' },
    { url: 'https://pve1:65535', want: 'pve1' },
    { url: 'https://pve1:65536', want: undefined },
    { url: 'https://1.2.3.400', want: undefined },
    { url: 'https://', want: undefined },
    { url: 'pve1', want: undefined },
    { url: '', want: undefined },
  ])('$url', ({ url, want }) => {
    expect(hostOf(url)).toBe(want);
  });
});

describe('isLocalTarget', () => {
  test.each([
    { host: '0.0.0.0', want: true },
    { host: '0.255.255.255', want: true },
    { host: '1.0.0.0', want: false },
    { host: '126.255.255.255', want: false },
    { host: '127.0.0.0', want: true },
    { host: '127.255.255.255', want: true },
    { host: '128.0.0.0', want: false },
    { host: '169.253.255.255', want: false },
    { host: '169.254.0.0', want: true },
    { host: '169.254.255.255', want: true },
    { host: '169.255.0.0', want: false },
    { host: '100.100.100.199', want: false },
    { host: '100.100.100.200', want: true },
    { host: '10.0.0.1', want: false },
    { host: '192.168.0.1', want: false },
    { host: '::', want: true },
    { host: '::1', want: true },
    { host: '::2', want: false },
    { host: '::ffff:7f00:1', want: true },
    { host: '::ffff:c000:201', want: false },
    { host: 'fe7f::1', want: false },
    { host: 'fe80::1', want: true },
    { host: 'febf::1', want: true },
    { host: 'fec0::1', want: false },
    { host: 'fd00:ec2::254', want: true },
    { host: 'fd00::1', want: false },
    { host: 'localhost', want: true },
    { host: 'localhost.localdomain', want: true },
    { host: 'a.localhost', want: true },
    { host: 'localhost.example.com', want: false },
    { host: 'metadata', want: true },
    { host: 'metadata.google.internal', want: true },
    { host: 'metadata.example.com', want: false },
    { host: 'pve1.example.com', want: false },
  ])('$host: $want', ({ host, want }) => {
    expect(isLocalTarget(host)).toBe(want);
  });
});

describe('serverOf', () => {
  test.each([
    { one: 'https://pve1:8006', other: 'https://PVE1:8006/', same: true },
    { one: 'https://pve1', other: 'https://pve1:443', same: true },
    { one: 'https://pve1', other: 'https://pve1:8006', same: false },
    { one: 'https://pve1:8006', other: 'https://pve2:8006', same: false },
    { one: 'https://pve1:8006', other: 'https://pve1:8007', same: false },
    { one: 'https://[::1]', other: 'https://[0:0::1]', same: true },
  ])('$one and $other', ({ one, other, same }) => {
    expect(serverOf(one, 443) === serverOf(other, 443)).toBe(same);
  });

  test('takes the port that a client adds', () => {
    expect(serverOf('http://pdns', 8081)).toBe(serverOf('http://pdns:8081', 80));
  });

  test('of what is no URL is nothing', () => {
    expect(serverOf('https://x:99999', 443)).toBeUndefined();
  });
});
