// The event that tells people what a pipeline has done, when it has come to its end.
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { EventInput } from '../kube/events.ts';
import type { Machine } from '../machine/vocabulary.ts';

type Told = Pick<EventInput, 'reason' | 'message'>;

/** What is told at the end, by the name of the pipeline. Those that are not in here are one step of the others. */
const COMPLETIONS: Readonly<Record<string, (status: VirtualMachineStatus) => Told>> = {
  deploy: (status) => ({ reason: 'Ready', message: `${nameOf(status)} is ${inPlace(status)}.` }),
  reinstall: (status) => ({
    reason: 'Reinstalled',
    message: `${nameOf(status)} was reinstalled and is ${inPlace(status)}.`,
  }),
  redeploy: (status) => ({
    reason: 'Redeployed',
    message: `${nameOf(status)} was made anew and is ${inPlace(status)}.`,
  }),
  change_package: (status) => ({ reason: 'PackageApplied', message: `${nameOf(status)} was brought to its package.` }),
  set_dns_records: (status) => ({
    reason: 'DNSRecordsSet',
    message: `The DNS records of virtual machine ${status.vmid} were made anew.`,
  }),
  start: (status) => ({ reason: 'Started', message: `${nameOf(status)} was started on node ${status.node}.` }),
  stop: (status) => ({ reason: 'Stopped', message: `${nameOf(status)} was stopped.` }),
  reboot: (status) => ({ reason: 'Rebooted', message: `${nameOf(status)} was restarted by its guest.` }),
  reset: (status) => ({ reason: 'Reset', message: `${nameOf(status)} was reset.` }),
  reset_password: (status) => ({
    reason: 'PasswordReset',
    message: `${nameOf(status)} has a new password; it is in Secret ${status.credentialsSecret}.`,
  }),
};

/** What is told of a VM with this status when the pipeline is complete. */
export function completion(
  { name, entries }: Pick<Machine, 'name' | 'entries'>,
  status: VirtualMachineStatus,
): EventInput {
  const titles = entries.map(({ step }) => step.title).join(', ');
  const told = COMPLETIONS[name]?.(status) ?? {
    reason: 'Configured',
    message: `Done for virtual machine ${status.vmid}: ${titles}.`,
  };
  return { type: 'Normal', ...told };
}

function nameOf({ vmid }: VirtualMachineStatus): string {
  return `Virtual machine ${vmid}`;
}

function inPlace({ node, addresses, powerState }: VirtualMachineStatus): string {
  const address = addresses?.[0]?.address;
  const stopped = powerState === 'Stopped' ? ', and stopped,' : '';
  return `ready${stopped} on node ${node}${address === undefined ? '' : ` with address ${address}`}`;
}
