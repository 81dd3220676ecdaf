// THE LISTS: every pipeline of a virtual machine, step by step. A state is the last completed step; the key is its word.
import type { State } from './api/states.ts';
import type { OperationType } from './api/virtual-machine-operation.ts';
import {
  defineMachine,
  definePrefixedMachine,
  defineStatelessMachine,
  type Machine,
  type Step,
} from './machine/vocabulary.ts';
import {
  changeAdditionalDisk,
  createAdditionalDisk,
  growAdditionalDisk,
  limitAdditionalDisk,
} from './steps/additional-disk.ts';
import { cloneTemplate } from './steps/clone-template.ts';
import { migrateToTarget } from './steps/migrate-to-target.ts';
import { publishDns } from './steps/publish-dns.ts';
import { recountAddresses } from './steps/recount-addresses.ts';
import { destroyVm, releaseReservations, removeBackups, stopForDeletion, withdrawDns } from './steps/remove-vm.ts';
import { reserveAddresses } from './steps/reserve-addresses.ts';
import { renewPassword, renewPasswordAnew, setGuestPassword } from './steps/reset-password.ts';
import { rebootVm, resetVm } from './steps/restart-vm.ts';
import { setAddressLine, setCloudInit, setPasswordLine } from './steps/set-cloud-init.ts';
import { setCpuAndMemory } from './steps/set-cpu-and-memory.ts';
import { setFirewall } from './steps/set-firewall.ts';
import { changeNetwork, setNetwork } from './steps/set-network.ts';
import { startOnRequest, startVm, verifyRunning } from './steps/start-vm.ts';
import { stopIfNeeded, stopOnRequest } from './steps/stop-vm.ts';
import { growSystemDisk, limitSystemDisk } from './steps/system-disk.ts';

/** From nothing to a running machine. The order is the manual's; addresses come first because everything hangs on them. */
export const deploy: Machine = defineMachine('deploy', 'creation', {
  set_ip: reserveAddresses,
  clone: cloneTemplate,
  set_dns: publishDns,
  migrated: migrateToTarget,
  set_cpu_ram: setCpuAndMemory,
  set_system_disk_size: growSystemDisk,
  set_system_disk_bandwidth: limitSystemDisk,
  set_created_additional_disk: createAdditionalDisk,
  set_additional_disk_size: growAdditionalDisk,
  set_additional_disk_bandwidth: limitAdditionalDisk,
  set_network: setNetwork,
  set_firewall: setFirewall,
  set_cloudinit: setCloudInit,
  starting: startVm,
  ready: verifyRunning,
});

/** From one package to another, comparing with what is observed; stopped only if a change needs it. */
export const changePackage: Machine = defineMachine(
  'change_package',
  'change_package',
  {
    cp_update_ip: recountAddresses,
    cp_stop: stopIfNeeded([setCpuAndMemory, limitSystemDisk, changeAdditionalDisk, limitAdditionalDisk, changeNetwork]),
    cp_cpu_ram: setCpuAndMemory,
    cp_system_disk_size: growSystemDisk,
    cp_system_disk_bandwidth: limitSystemDisk,
    cp_additional_disk: changeAdditionalDisk,
    cp_additional_disk_size: growAdditionalDisk,
    cp_additional_disk_bandwidth: limitAdditionalDisk,
    cp_network: changeNetwork,
    cp_firewall: setFirewall,
    cp_start: startVm,
    ready: verifyRunning,
  },
  { compares: true },
);

/** From any state to nothing. Records go before the machine, reservations only after it is proven gone. */
export const terminate: Machine = defineStatelessMachine(
  'terminate',
  'terminate',
  [stopForDeletion, removeBackups, withdrawDns, destroyVm, releaseReservations],
  { failedState: 'error_terminate', removes: true },
);

/** The same machine made anew: addresses, MAC address, VMID and backups stay; disks, snapshots and password do not. */
export const reinstall: Machine = definePrefixedMachine(
  'reinstall',
  'reinstall',
  [stopForDeletion, withdrawDns, destroyVm, renewPasswordAnew],
  deploy,
);

/** Another machine from the beginning: nothing of the first one stays. */
export const redeploy: Machine = definePrefixedMachine(
  'redeploy',
  'creation',
  [stopForDeletion, withdrawDns, destroyVm, releaseReservations],
  deploy,
);

/** All records of the machine, removed and made anew. */
export const setDnsRecords: Machine = definePrefixedMachine(
  'set_dns_records',
  'set_dns_records',
  [withdrawDns],
  defineMachine('set_dns_records', 'set_dns_records', { ready: publishDns }),
);

export const start: Machine = atRest('start', [startOnRequest]);
export const stop: Machine = atRest('stop', [stopOnRequest]);
const reboot = atRest('reboot', [rebootVm]);
const reset = atRest('reset', [resetVm]);
const resetPassword = atRest('reset_password', [renewPassword, setPasswordLine, setGuestPassword]);

/** A single step on demand, with the power as it was. */
const single = (name: string, step: Step): Machine => atRest(name, [step], { compares: true });
const setAddresses = atRest('set_addresses', [recountAddresses, setFirewall, setAddressLine], { compares: true });

/** A machine that leaves the state word alone, and that may be given up at any time. */
function atRest(name: string, steps: readonly Step[], options: Pick<Machine, 'compares'> = {}): Machine {
  const state: State = 'ready';
  return defineStatelessMachine(name, state, steps, { ...options, abandonable: true });
}

/** What carries out an operation. Those without a machine of their own change what the object says, not the VM. */
export const OPERATION_MACHINES: Readonly<
  Record<Exclude<OperationType, 'ResetStatus' | 'RetryTerminate' | 'Adopt'>, Machine>
> = {
  Start: start,
  Stop: stop,
  Reboot: reboot,
  Reset: reset,
  Reinstall: reinstall,
  Redeploy: redeploy,
  SetDNSRecords: setDnsRecords,
  ChangePackage: changePackage,
  ResetPassword: resetPassword,
  SetAddresses: setAddresses,
  SetCPUAndMemory: single('set_cpu_ram', setCpuAndMemory),
  SetSystemDiskSize: single('set_system_disk_size', growSystemDisk),
  SetSystemDiskLimits: single('set_system_disk_bandwidth', limitSystemDisk),
  CreateAdditionalDisk: single('set_created_additional_disk', createAdditionalDisk),
  SetAdditionalDiskSize: single('set_additional_disk_size', growAdditionalDisk),
  SetAdditionalDiskLimits: single('set_additional_disk_bandwidth', limitAdditionalDisk),
  SetNetwork: single('set_network', setNetwork),
  SetFirewall: single('set_firewall', setFirewall),
  SetCloudInit: single('set_cloudinit', setCloudInit),
};

export const MACHINES: readonly Machine[] = [deploy, terminate, ...new Set(Object.values(OPERATION_MACHINES))];

/** The machine of a name, as the status keeps it. */
export function machineNamed(name: string | undefined): Machine | undefined {
  return MACHINES.find((machine) => machine.name === name);
}
