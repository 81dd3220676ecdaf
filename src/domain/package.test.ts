// Plan defaults, overrides, and what is refused.
import { describe, expect, it } from 'vitest';
import type { PlanSpec } from '../api/plan.ts';
import type { VirtualMachineSpec } from '../api/virtual-machine.ts';
import type { EffectivePackage } from '../api/virtual-machine-status.ts';
import { packageDifference, resolvePackage } from './package.ts';

type Said = Pick<VirtualMachineSpec, 'options' | 'configurableOptions'>;

const PLAN: PlanSpec = { clusterRef: { name: 'main' }, template: { vmid: 9000 } };

const RICH_PLAN: PlanSpec = {
  ...PLAN,
  allowedTemplates: [{ vmid: 9001 }, { vmid: 9002 }],
  cpuCores: 2,
  memoryGiB: 4,
  backups: 3,
  snapshots: 2,
  network: { rateMBps: 100, ipv4Addresses: 2, ipv6Addresses: 1 },
  systemDisk: { sizeGiB: 20, readMBps: 1, writeMBps: 2, readIOPS: 3, writeIOPS: 4 },
  additionalDisk: { sizeGiB: 50, readMBps: 5, writeMBps: 6, readIOPS: 7, writeIOPS: 8 },
};

const RICH_PACKAGE = {
  cpuCores: 2,
  memoryGiB: 4,
  backups: 3,
  snapshots: 2,
  systemDiskGiB: 20,
  systemDiskReadMBps: 1,
  systemDiskWriteMBps: 2,
  systemDiskReadIOPS: 3,
  systemDiskWriteIOPS: 4,
  additionalDiskGiB: 50,
  additionalDiskReadMBps: 5,
  additionalDiskWriteMBps: 6,
  additionalDiskReadIOPS: 7,
  additionalDiskWriteIOPS: 8,
  networkMBps: 100,
  ipv4Addresses: 2,
  ipv6Addresses: 1,
  operatingSystem: 9000,
};

describe('resolvePackage', () => {
  it('has a default for everything that a plan leaves open', () => {
    expect(resolvePackage({ plan: PLAN, spec: {} })).toEqual({
      package: {
        cpuCores: 1,
        memoryGiB: 1,
        backups: 0,
        snapshots: 0,
        systemDiskGiB: 0,
        systemDiskReadMBps: 0,
        systemDiskWriteMBps: 0,
        systemDiskReadIOPS: 0,
        systemDiskWriteIOPS: 0,
        additionalDiskGiB: 0,
        additionalDiskReadMBps: 0,
        additionalDiskWriteMBps: 0,
        additionalDiskReadIOPS: 0,
        additionalDiskWriteIOPS: 0,
        networkMBps: 0,
        ipv4Addresses: 1,
        ipv6Addresses: 0,
        operatingSystem: 9000,
      },
      problems: [],
    });
  });

  it('takes everything that the plan says', () => {
    expect(resolvePackage({ plan: RICH_PLAN, spec: {} }).package).toEqual(RICH_PACKAGE);
  });

  it.each<{ name: string; spec: Said; want: Partial<EffectivePackage> }>([
    { name: 'a typed option', spec: { options: { cpuCores: 8 } }, want: { cpuCores: 8 } },
    { name: 'a billing option', spec: { configurableOptions: { 'CPU Cores': '8|8 Cores' } }, want: { cpuCores: 8 } },
    { name: 'a typed 0', spec: { options: { additionalDiskGiB: 0 } }, want: { additionalDiskGiB: 0 } },
    { name: 'a billing 0', spec: { configurableOptions: { 'ipv4|IPv4': '0|none' } }, want: { ipv4Addresses: 0 } },
    {
      name: 'both, for different options',
      spec: { options: { memoryGiB: 16 }, configurableOptions: { 'B|Backup': '7' } },
      want: { memoryGiB: 16, backups: 7 },
    },
    { name: 'an option without a value', spec: { options: { cpuCores: undefined } }, want: {} },
    { name: 'an allowed template', spec: { options: { operatingSystem: 9002 } }, want: { operatingSystem: 9002 } },
    {
      name: 'a template by its legacy name',
      spec: { configurableOptions: { OS: '9001|Debian' } },
      want: { operatingSystem: 9001 },
    },
  ])('lets the VM override the plan by $name', ({ spec, want }) => {
    expect(resolvePackage({ plan: RICH_PLAN, spec })).toEqual({ package: { ...RICH_PACKAGE, ...want }, problems: [] });
  });

  it.each<{ name: string; spec: Said; path: string; text: string }>([
    {
      name: 'one resource said typed and by its name',
      spec: { options: { cpuCores: 2 }, configurableOptions: { 'CPU Cores': '2' } },
      path: 'spec.configurableOptions["CPU Cores"]',
      text: 'spec.options.cpuCores',
    },
    {
      name: 'one resource said typed and by its legacy name, also as 0',
      spec: { options: { backups: 0 }, configurableOptions: { 'B|Backup': '0' } },
      path: 'spec.configurableOptions["B|Backup"]',
      text: 'spec.options.backups',
    },
    {
      name: 'a problem of the billing map',
      spec: { configurableOptions: { 'cpu cores': '2' } },
      path: 'spec.configurableOptions["cpu cores"]',
      text: 'CPU Cores',
    },
    {
      name: 'a template that the plan does not allow',
      spec: { options: { operatingSystem: 9009 } },
      path: 'spec.options.operatingSystem',
      text: 'choose 9000, 9001, 9002',
    },
    {
      name: 'such a template from the billing map',
      spec: { configurableOptions: { 'OS|System': '9009|BSD' } },
      path: 'spec.configurableOptions["OS|System"]',
      text: 'The template 9009 is not one that the plan allows',
    },
  ])('refuses $name', ({ spec, path, text }) => {
    const resolved = resolvePackage({ plan: RICH_PLAN, spec });
    expect(resolved.package).toBeUndefined();
    expect(resolved.problems).toHaveLength(1);
    expect(resolved.problems[0]?.path).toBe(path);
    expect(resolved.problems[0]?.message).toContain(text);
  });

  it.each([
    {
      allowed: 7,
      want: 'choose 100000000, 100000001, 100000002, 100000003, 100000004, 100000005, 100000006, 100000007 or',
    },
    { allowed: 8, want: '100000006, 100000007 and 1 more or' },
  ])('names eight templates at the most, of $allowed and its own', ({ allowed, want }) => {
    const vmids = Array.from({ length: allowed + 1 }, (_, index) => ({ vmid: 100_000_000 + index }));
    const [template = { vmid: 0 }, ...allowedTemplates] = vmids;
    const plan = { ...PLAN, template, allowedTemplates };
    const { problems } = resolvePackage({ plan, spec: { options: { operatingSystem: 101 } } });
    expect(problems[0]?.message).toContain(want);
  });

  it('keeps the list of allowed templates short', () => {
    const plan = {
      ...PLAN,
      allowedTemplates: Array.from({ length: 256 }, (_, index) => ({ vmid: 100_000_000 + index })),
    };
    const { problems } = resolvePackage({ plan, spec: { options: { operatingSystem: 101 } } });
    expect(problems[0]?.message).toContain('and 249 more');
    expect(problems[0]?.message.length).toBeLessThanOrEqual(300);
  });
});

describe('packageDifference', () => {
  it('is empty for equal packages', () => {
    expect(packageDifference(RICH_PACKAGE, { ...RICH_PACKAGE })).toEqual([]);
  });

  it('names what changes, in the order of the fields', () => {
    const to = { ...RICH_PACKAGE, networkMBps: 0, cpuCores: 4 };
    expect(packageDifference(RICH_PACKAGE, to)).toEqual([
      { option: 'cpuCores', from: 2, to: 4 },
      { option: 'networkMBps', from: 100, to: 0 },
    ]);
  });
});
