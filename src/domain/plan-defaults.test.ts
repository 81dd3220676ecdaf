// Every default of a plan, once.
import { describe, expect, test } from 'vitest';
import type { PlanSpec } from '../api/plan.ts';
import { planDifference, type ResolvedPlan, resolvePlan } from './plan-defaults.ts';

const least: PlanSpec = { clusterRef: { name: 'lab' }, template: { vmid: 9000 } };

test('a plan that says nothing', () => {
  expect(resolvePlan(least)).toEqual({
    clusterName: 'lab',
    targetNode: undefined,
    cloneType: 'Linked',
    firstVMID: 100,
    nameRule: undefined,
    osUser: undefined,
    domain: undefined,
    network: { model: 'AsInTemplate', bridge: 'vmbr0', vlan: 0, auto: true, dhcpIPv4: false, dhcpIPv6: false },
    firewall: undefined,
    firewallEnabled: true,
    systemStorage: undefined,
    additionalStorage: undefined,
  });
});

describe('what a plan says', () => {
  test.each<{ name: string; spec: Partial<PlanSpec>; want: Partial<ResolvedPlan> }>([
    {
      name: 'names and places',
      spec: {
        targetNode: 'pve2',
        cloneType: 'Full',
        firstVMID: 5000,
        nameRule: '{client_id}',
        osUser: 'admin',
        domain: 'example.com',
      },
      want: {
        targetNode: 'pve2',
        cloneType: 'Full',
        firstVMID: 5000,
        nameRule: '{client_id}',
        osUser: 'admin',
        domain: 'example.com',
      },
    },
    {
      name: 'storages',
      spec: { systemDisk: { storage: 'fast' }, additionalDisk: { storage: 'slow' } },
      want: { systemStorage: 'fast', additionalStorage: 'slow' },
    },
    {
      name: 'a firewall that is off',
      spec: { firewall: { enabled: false } },
      want: { firewallEnabled: false, firewall: { enabled: false } },
    },
    {
      name: 'a firewall with a policy is on',
      spec: { firewall: { inputPolicy: 'DROP' } },
      want: { firewallEnabled: true, firewall: { inputPolicy: 'DROP' } },
    },
    {
      name: 'all of the network',
      spec: {
        network: { model: 'virtio', bridge: 'vmbr1', vlan: 7, autoNetwork: false, dhcpIPv4: true, dhcpIPv6: true },
      },
      want: { network: { model: 'virtio', bridge: 'vmbr1', vlan: 7, auto: false, dhcpIPv4: true, dhcpIPv6: true } },
    },
    {
      name: 'a part of it',
      spec: { network: { vlan: 9 } },
      want: {
        network: { model: 'AsInTemplate', bridge: 'vmbr0', vlan: 9, auto: true, dhcpIPv4: false, dhcpIPv6: false },
      },
    },
  ])('$name', ({ spec, want }) => expect(resolvePlan({ ...least, ...spec })).toMatchObject(want));
});

describe('what of a plan would be built otherwise', () => {
  test.each<{ name: string; change: Partial<PlanSpec>; want: string[] }>([
    { name: 'nothing', change: {}, want: [] },
    { name: 'the node', change: { targetNode: 'pve2' }, want: ['targetNode'] },
    { name: 'the way of cloning', change: { cloneType: 'Full' }, want: ['cloneType'] },
    { name: 'the user', change: { osUser: 'debian' }, want: ['osUser'] },
    { name: 'the network card', change: { network: { model: 'virtio' } }, want: ['network'] },
    { name: 'the firewall', change: { firewall: { macFilter: false } }, want: ['firewall'] },
    {
      name: 'storages',
      change: { systemDisk: { storage: 'a' }, additionalDisk: { storage: 'b' } },
      want: ['systemDisk', 'additionalDisk'],
    },
    { name: 'the domain', change: { domain: 'example.com' }, want: ['domain'] },
    {
      name: 'options are compared as a package',
      change: { cpuCores: 4, systemDisk: { sizeGiB: 40 }, network: { rateMBps: 1 } },
      want: [],
    },
    {
      name: 'defaults that are spelled out',
      change: { cloneType: 'Linked', firewall: { dhcp: true }, network: { bridge: 'vmbr0' } },
      want: [],
    },
  ])('$name', ({ change, want }) => {
    expect(planDifference(least, { ...least, ...change })).toEqual(want);
    expect(planDifference({ ...least, ...change }, least)).toEqual(want);
  });
});
