// THE LISTS: every pipeline of a virtual machine, step by step. A state is the last completed step; the key is its word.
import { defineMachine, defineStatelessMachine, type Machine } from './machine/vocabulary.ts';
import { createAdditionalDisk, growAdditionalDisk, limitAdditionalDisk } from './steps/additional-disk.ts';
import { cloneTemplate } from './steps/clone-template.ts';
import { migrateToTarget } from './steps/migrate-to-target.ts';
import { publishDns } from './steps/publish-dns.ts';
import { destroyVm, releaseReservations, stopForDeletion, withdrawDns } from './steps/remove-vm.ts';
import { reserveAddresses } from './steps/reserve-addresses.ts';
import { setCloudInit } from './steps/set-cloud-init.ts';
import { setCpuAndMemory } from './steps/set-cpu-and-memory.ts';
import { setFirewall } from './steps/set-firewall.ts';
import { setNetwork } from './steps/set-network.ts';
import { startVm, verifyRunning } from './steps/start-vm.ts';
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

/** From any state to nothing. Records go before the machine, reservations only after it is proven gone. */
export const terminate: Machine = defineStatelessMachine(
  'terminate',
  'terminate',
  [stopForDeletion, withdrawDns, destroyVm, releaseReservations],
  { failedState: 'error_terminate' },
);

export const MACHINES: readonly Machine[] = [deploy, terminate];
