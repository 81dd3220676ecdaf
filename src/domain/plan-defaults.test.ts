// Every default of a plan, once.
import { describe, expect, test } from 'vitest';
import type { PlanSpec } from '../api/plan.ts';
import { type ResolvedPlan, resolvePlan } from './plan-defaults.ts';

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
