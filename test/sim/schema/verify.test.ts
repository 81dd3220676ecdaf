// Tests of parameter verification: Proxmox's texts for good and bad values.
import { describe, expect, it } from 'vitest';
import { ApiError } from '../errors.ts';
import { flag, formatted, integer, oneOf, required, text } from './parameter.ts';
import type { ParameterTable } from './parameter.ts';
import { readPropertyString, verify } from './verify.ts';
import { netFormat, vmOptions } from './vm-options.ts';

const table: ParameterTable = {
  id: required(integer(1, 9)),
  on: flag(),
  mode: oneOf('a', 'b'),
  name: formatted('dns-name'),
  short: text({ maxLength: 3 }),
  size: text({ pattern: /\d+[MG]?/ }),
  needs: { type: 'string', requires: 'mode' },
  list: formatted('pve-configid-list'),
  'net[n]': formatted(netFormat),
};

function errorsOf(raw: Record<string, unknown>): Record<string, string> | undefined {
  try {
    verify(table, { id: '1', ...raw });
    return undefined;
  } catch (error) {
    return (error as ApiError).errors;
  }
}

describe('verify', () => {
  const rows: { name: string; raw: Record<string, unknown>; want: Record<string, string> | undefined }[] = [
    {
      name: 'good values',
      raw: { on: '1', mode: 'a', name: 'web-1.example', short: 'abc', size: '5G', net31: 'virtio,bridge=vmbr0' },
      want: undefined,
    },
    { name: 'a number that is none', raw: { id: 'x' }, want: { id: "type check ('integer') failed - got 'x'" } },
    { name: 'below the minimum', raw: { id: '0' }, want: { id: 'value must have a minimum value of 1' } },
    { name: 'above the maximum', raw: { id: '10' }, want: { id: 'value must have a maximum value of 9' } },
    {
      name: 'the word true in a form',
      raw: { on: 'true' },
      want: { on: "type check ('boolean') failed - got 'true'" },
    },
    { name: 'true in JSON', raw: { on: true }, want: undefined },
    {
      name: 'true for an integer',
      raw: { id: true },
      want: { id: "type check ('integer') failed - got JSON::PP::Boolean" },
    },
    { name: 'an object', raw: { name: {} }, want: { name: "type check ('string') failed - got HASH" } },
    { name: 'a list for a list', raw: { list: ['ab', 'cd'] }, want: undefined },
    { name: 'a repeated key', raw: { mode: ['a', 'b'] }, want: { mode: "type check ('string') failed - got ARRAY" } },
    {
      name: 'outside the enumeration',
      raw: { mode: 'c' },
      want: { mode: "value 'c' does not have a value in the enumeration 'a, b'" },
    },
    {
      name: 'a bad name',
      raw: { name: 'a b' },
      want: { name: 'invalid format - value does not look like a valid DNS name\n' },
    },
    { name: 'too long', raw: { short: 'abcd' }, want: { short: 'value may only be 3 characters long' } },
    {
      name: 'a pattern matches the whole',
      raw: { size: '5GB' },
      want: { size: 'value does not match the regex pattern' },
    },
    {
      name: 'a requirement sits on what is missing',
      raw: { needs: 'x' },
      want: { mode: "missing property required by 'needs'" },
    },
    {
      name: 'unknown',
      raw: { nope: '1' },
      want: { nope: 'property is not defined in schema and the schema does not allow additional properties' },
    },
    {
      name: 'beyond a family',
      raw: { net32: 'virtio' },
      want: { net32: 'property is not defined in schema and the schema does not allow additional properties' },
    },
    {
      name: 'inside a property string',
      raw: { net0: 'virtio,tag=0' },
      want: { net0: 'invalid format - format error\nnet0.tag: value must have a minimum value of 1\n' },
    },
  ];
  it.each(rows)('$name', ({ raw, want }) => {
    expect(errorsOf(raw)).toEqual(want);
  });

  it('makes numbers of integers and booleans', () => {
    expect(verify(table, { id: '7', on: '0', short: '1' })).toEqual({ id: 7, on: 0, short: '1' });
  });

  it('names what is missing', () => {
    expect(() => verify(table, {})).toThrow(ApiError);
  });
});

describe('options of a VM', () => {
  const rows: { option: string; value: string; good: boolean }[] = [
    { option: 'memory', value: '16', good: true },
    { option: 'memory', value: '15', good: false },
    { option: 'cores', value: '129', good: true },
    { option: 'cpulimit', value: '129', good: false },
    { option: 'scsi0', value: 'shared:5,mbps_rd=-1', good: true },
    { option: 'scsi0', value: 'shared:5,iops_rd=1.5', good: false },
    { option: 'ipconfig0', value: 'ip=10.0.0.5/24,gw=10.0.0.1', good: true },
    { option: 'ipconfig0', value: 'gw=10.0.0.1', good: false },
    { option: 'ipconfig0', value: 'ip=dhcp,gw=10.0.0.1', good: true },
    { option: 'net0', value: 'virtio,bridge=vmbr0,tag=4095', good: false },
    { option: 'cpu', value: 'host', good: true },
    { option: 'cpu', value: 'nosuchcpu', good: false },
    { option: 'boot', value: 'order=scsi0;net0', good: true },
    { option: 'boot', value: 'order=', good: false },
    { option: 'sshkeys', value: 'ssh-ed25519%20AAAA', good: true },
    { option: 'sshkeys', value: 'ssh-ed25519 AAAA', good: false },
    { option: 'tags', value: 'a;b', good: true },
    { option: 'nameserver', value: 'x', good: true },
  ];
  it.each(rows)('$option=$value is good: $good', ({ option, value, good }) => {
    const attempt = (): unknown => verify(vmOptions, { [option]: value });
    if (good) expect(attempt()).toEqual({ [option]: vmOptions[option]?.type === 'integer' ? Number(value) : value });
    else expect(attempt).toThrow(ApiError);
  });
});

describe('readPropertyString', () => {
  const rows: { name: string; value: string; want: unknown }[] = [
    {
      name: 'default key',
      value: 'virtio,bridge=vmbr0',
      want: { values: { model: 'virtio', bridge: 'vmbr0' }, errors: {} },
    },
    {
      name: 'model as key',
      value: 'e1000=BC:24:11:00:00:01',
      want: { values: { model: 'e1000', macaddr: 'BC:24:11:00:00:01' }, errors: {} },
    },
    {
      name: 'words for booleans',
      value: 'virtio,firewall=on',
      want: { values: { model: 'virtio', firewall: '1' }, errors: {} },
    },
    {
      name: 'twice the same',
      value: 'virtio,tag=1,tag=2',
      want: { syntax: 'duplicate key in comma-separated list property: tag' },
    },
    {
      name: 'a key without a value',
      value: 'virtio,tag=',
      want: { syntax: 'missing key in comma-separated list property' },
    },
  ];
  it.each(rows)('$name', ({ value, want }) => {
    expect(readPropertyString(netFormat, value)).toEqual(want);
  });
});
