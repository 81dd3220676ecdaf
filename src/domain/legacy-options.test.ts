// The options of billing panels: every name, every value form, every refusal.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type OptionName, optionSchemas } from '../api/options.ts';
import { configurableOptionPath, parseConfigurableOptions } from './legacy-options.ts';

const EVERY_NAME: readonly (readonly [string, OptionName])[] = [
  ['CPU Cores', 'cpuCores'],
  ['RAM', 'memoryGiB'],
  ['Backups', 'backups'],
  ['Snapshots', 'snapshots'],
  ['System Disk', 'systemDiskGiB'],
  ['Additional Disk', 'additionalDiskGiB'],
  ['System Disk Read Bandwidth', 'systemDiskReadMBps'],
  ['System Disk Write Bandwidth', 'systemDiskWriteMBps'],
  ['System Disk Read IOPS', 'systemDiskReadIOPS'],
  ['System Disk Write IOPS', 'systemDiskWriteIOPS'],
  ['Additional Disk Read Bandwidth', 'additionalDiskReadMBps'],
  ['Additional Disk Write Bandwidth', 'additionalDiskWriteMBps'],
  ['Additional Disk Read IOPS', 'additionalDiskReadIOPS'],
  ['Additional Disk Write IOPS', 'additionalDiskWriteIOPS'],
  ['Network Bandwidth', 'networkMBps'],
  ['IPv4 Addresses', 'ipv4Addresses'],
  ['IPv6 Addresses', 'ipv6Addresses'],
  ['Operating System', 'operatingSystem'],
];

const LEGACY_NAMES: readonly (readonly [string, OptionName])[] = [
  ['B', 'backups'],
  ['S', 'snapshots'],
  ['CPU', 'cpuCores'],
  ['RAM', 'memoryGiB'],
  ['ipv4', 'ipv4Addresses'],
  ['ipv6', 'ipv6Addresses'],
  ['OS', 'operatingSystem'],
];

describe('parseConfigurableOptions', () => {
  it.each(EVERY_NAME)('knows %s', (name, option) => {
    const value = option === 'operatingSystem' ? 9000 : 4;
    expect(parseConfigurableOptions({ [name]: String(value) })).toMatchObject({
      options: { [option]: value },
      problems: [],
    });
  });

  it('knows a name for every option', () => {
    expect(EVERY_NAME.map(([, option]) => option).sort()).toEqual(Object.keys(optionSchemas).sort());
  });

  it.each(LEGACY_NAMES.flatMap(([name, option]) => [[name, option] as const, [`${name}|Oferta`, option] as const]))(
    'knows the legacy name %s',
    (name, option) => {
      const value = option === 'operatingSystem' ? 1012 : 3;
      const parsed = parseConfigurableOptions({ [name]: `${value}|whatever | the panel shows` });
      expect(parsed.options).toEqual({ [option]: value });
      expect(parsed.keys.get(option)).toBe(name);
    },
  );

  it.each([
    { name: 'a bare value', value: '2', want: 2 },
    { name: 'a value with its text', value: '2|2 Cores', want: 2 },
    { name: 'a value with an empty text', value: '2|', want: 2 },
    { name: 'blanks around it', value: ' 2 |2 Cores', want: 2 },
    { name: 'a leading zero', value: '02', want: 2 },
    { name: 'the upper bound', value: '128', want: 128 },
  ])('reads $name', ({ value, want }) => {
    expect(parseConfigurableOptions({ 'CPU Cores': value }).options.cpuCores).toBe(want);
  });

  it('lets a plain name have a text as well', () => {
    expect(parseConfigurableOptions({ 'CPU Cores|Rdzenie': '4' }).options).toEqual({ cpuCores: 4 });
  });

  it('takes 0 for a value', () => {
    const { options } = parseConfigurableOptions({ 'Additional Disk': '0|none', 'IPv4 Addresses': '0' });
    expect(options).toEqual({ additionalDiskGiB: 0, ipv4Addresses: 0 });
  });

  it('has no minus zero', () => {
    expect(Object.is(parseConfigurableOptions({ Backups: '-0' }).options.backups, 0)).toBe(true);
  });

  it.each([
    '',
    ' ',
    '|4 Cores',
    'four',
    '4 cores',
    '1.5',
    '1,5',
    '1e2',
    '0x4',
    '+4',
    '--4',
    '４',
    '٤',
    'NaN',
    'Infinity',
  ])('refuses the value %j', (value) => {
    const { options, problems } = parseConfigurableOptions({ 'CPU Cores': value });
    expect(options).toEqual({});
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).toContain('a whole number from 1 to 128');
  });

  it.each([
    { option: 'CPU Cores', value: '0', bound: 'from 1 to 128' },
    { option: 'CPU Cores', value: '129', bound: 'from 1 to 128' },
    { option: 'RAM', value: '-1', bound: 'from 1 to 4096' },
    { option: 'System Disk', value: '131073', bound: 'from 0 to 131072' },
    { option: 'Network Bandwidth', value: '99999999999999999999999', bound: 'from 0 to 1000000' },
    { option: 'Operating System', value: '99', bound: 'from 100 to 999999999' },
  ])('refuses $option = $value, which is out of bounds', ({ option, value, bound }) => {
    const { problems } = parseConfigurableOptions({ [option]: value });
    expect(problems).toEqual([
      {
        path: `spec.configurableOptions["${option}"]`,
        message: `The option "${option}" is "${value}"; it must be a whole number ${bound}.`,
        code: 'OptionInvalid',
      },
    ]);
  });

  it.each([
    { written: 'cpu cores', meant: 'CPU Cores' },
    { written: 'CPU cores', meant: 'CPU Cores' },
    { written: 'CPUCores', meant: 'CPU Cores' },
    { written: 'CPU_Cores', meant: 'CPU Cores' },
    { written: 'CPU Core', meant: 'CPU Cores' },
    { written: 'Sytem Disk', meant: 'System Disk' },
    { written: 'Ram', meant: 'RAM' },
    { written: 'IPv4 Address', meant: 'IPv4 Addresses' },
    { written: 'IPV4|IPv4', meant: 'ipv4' },
    { written: 'os|Operating system', meant: 'OS' },
    { written: 'cpu|vCPU', meant: 'CPU' },
    // Two letters added, left out or replaced, at either end.
    { written: 'xxSnapshots', meant: 'Snapshots' },
    { written: 'Snapshotsxx', meant: 'Snapshots' },
    { written: 'apshots', meant: 'Snapshots' },
    { written: 'Snapsho', meant: 'Snapshots' },
    { written: 'XXapshots', meant: 'Snapshots' },
    { written: 'SnapshoXX', meant: 'Snapshots' },
    { written: 'Snaxxhots', meant: 'Snapshots' },
    { written: 'Snaxpsxhots', meant: 'Snapshots' },
    { written: 'Snphots', meant: 'Snapshots' },
    { written: 'Backup', meant: 'Backups' },
  ])('asks for $written whether $meant was meant', ({ written, meant }) => {
    const { options, problems } = parseConfigurableOptions({ [written]: '2' });
    expect(options).toEqual({});
    expect(problems).toHaveLength(1);
    expect(problems[0]?.path).toBe(configurableOptionPath(written));
    expect(problems[0]?.message).toContain(`did you mean "${meant}"?`);
    expect(problems[0]?.message).toContain('case-sensitive');
  });

  it.each([
    'Colour',
    '',
    '|',
    'x',
    '__proto__',
    'constructor',
    'toString',
    'Disk',
    'xxxSnapshots',
    'XXXpshots',
    'pshots',
    'Snapsh',
  ])('refuses the unknown name %j without a guess', (name) => {
    const map = JSON.parse(`{${JSON.stringify(name)}: "1"}`) as Record<string, string>;
    const { options, problems } = parseConfigurableOptions(map);
    expect(options).toEqual({});
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).not.toContain('did you mean');
  });

  it.each([
    { first: 'CPU Cores', second: 'CPU|vCPU' },
    { first: 'B', second: 'Backups' },
    { first: 'CPU|a', second: 'CPU|b' },
    { first: 'RAM', second: 'RAM|Memory' },
  ])('refuses $first beside $second', ({ first, second }) => {
    for (const map of [
      { [first]: '2', [second]: '2' },
      { [second]: '2', [first]: '2' },
    ]) {
      const { problems } = parseConfigurableOptions(map);
      expect(problems).toEqual([
        {
          path: configurableOptionPath(second),
          message: `The options "${first}" and "${second}" mean the same; remove one of them.`,
          code: 'OptionDuplicate',
        },
      ]);
    }
  });

  it('names every problem of a map', () => {
    const { options, problems } = parseConfigurableOptions({ 'cpu cores': '2', RAM: 'much', Backups: '3|3 backups' });
    expect(options).toEqual({ backups: 3 });
    expect(problems.map(({ path }) => path)).toEqual([
      'spec.configurableOptions["RAM"]',
      'spec.configurableOptions["cpu cores"]',
    ]);
  });

  it('reads every value within the bounds of every option and no other', () => {
    fc.assert(
      fc.property(fc.constantFrom(...EVERY_NAME), fc.integer(), fc.string(), ([name, option], value, text) => {
        const { options, problems } = parseConfigurableOptions({ [name]: `${value}|${text}` });
        const isLegal = optionSchemas[option].safeParse(value).success;
        expect(options[option]).toBe(isLegal ? value : undefined);
        expect(problems).toHaveLength(isLegal ? 0 : 1);
      }),
    );
  });

  it('gives short messages without control characters for whatever a panel sends', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ maxLength: 128 }), fc.string({ maxLength: 256 })), (map) => {
        for (const { message } of parseConfigurableOptions(map).problems) {
          expect(message.length).toBeLessThanOrEqual(300);
          expect(message).not.toMatch(/[\n\r\t\0]/);
        }
      }),
    );
  });
});
