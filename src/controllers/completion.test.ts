// What people are told when a pipeline has come to its end.
import { describe, expect, test } from 'vitest';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { MACHINES, machineNamed } from '../machines.ts';
import { completion } from './completion.ts';

const STATUS: VirtualMachineStatus = {
  vmid: 2000,
  node: 'pve1',
  powerState: 'Running',
  credentialsSecret: 'web-1-credentials',
  addresses: [{ address: '192.0.2.10', prefixLength: 24, primary: true }],
};
const told = (machine: string, change: Partial<VirtualMachineStatus> = {}) =>
  completion(machineNamed(machine)!, { ...STATUS, ...change });

describe('the end of a pipeline', () => {
  test.each<{ machine: string; status?: Partial<VirtualMachineStatus>; reason: string; message: string }>([
    {
      machine: 'deploy',
      reason: 'Ready',
      message: 'Virtual machine 2000 is ready on node pve1 with address 192.0.2.10.',
    },
    {
      machine: 'deploy',
      status: { addresses: [] },
      reason: 'Ready',
      message: 'Virtual machine 2000 is ready on node pve1.',
    },
    {
      machine: 'deploy',
      status: { powerState: 'Stopped', addresses: undefined },
      reason: 'Ready',
      message: 'Virtual machine 2000 is ready, and stopped, on node pve1.',
    },
    {
      machine: 'reinstall',
      reason: 'Reinstalled',
      message: 'Virtual machine 2000 was reinstalled and is ready on node pve1 with address 192.0.2.10.',
    },
    {
      machine: 'redeploy',
      reason: 'Redeployed',
      message: 'Virtual machine 2000 was made anew and is ready on node pve1 with address 192.0.2.10.',
    },
    {
      machine: 'change_package',
      reason: 'PackageApplied',
      message: 'Virtual machine 2000 was brought to its package.',
    },
    { machine: 'start', reason: 'Started', message: 'Virtual machine 2000 was started on node pve1.' },
    { machine: 'stop', reason: 'Stopped', message: 'Virtual machine 2000 was stopped.' },
    { machine: 'reboot', reason: 'Rebooted', message: 'Virtual machine 2000 was restarted by its guest.' },
    { machine: 'reset', reason: 'Reset', message: 'Virtual machine 2000 was reset.' },
    {
      machine: 'reset_password',
      reason: 'PasswordReset',
      message: 'Virtual machine 2000 has a new password; it is in Secret web-1-credentials.',
    },
    {
      machine: 'set_dns_records',
      reason: 'DNSRecordsSet',
      message: 'The DNS records of virtual machine 2000 were made anew.',
    },
    { machine: 'set_network', reason: 'Configured', message: 'Done for virtual machine 2000: Configure network.' },
  ])('$machine: $message', ({ machine, status, reason, message }) => {
    expect(told(machine, status)).toEqual({ type: 'Normal', reason, message });
  });

  test('is told of as ready where a machine was made, and nowhere else', () => {
    const ready = MACHINES.filter(({ name }) => completion(machineNamed(name)!, STATUS).message.includes(' ready'));
    expect(ready.map(({ name }) => name).toSorted()).toEqual(['deploy', 'redeploy', 'reinstall']);
  });
});
