// The state words of the manual: a state is the last completed step of a pipeline.

/** Deploy, in order. `creation` is where every machine starts. */
export const DEPLOY_STATES = [
  'creation',
  'set_ip',
  'clone',
  'set_dns',
  'migrated',
  'set_cpu_ram',
  'set_system_disk_size',
  'set_system_disk_bandwidth',
  'set_created_additional_disk',
  'set_additional_disk_size',
  'set_additional_disk_bandwidth',
  'set_network',
  'set_firewall',
  'set_cloudinit',
  'starting',
  'ready',
] as const;

/** Change of the package, in order, between `change_package` and `ready`. */
const CHANGE_PACKAGE_STATES = [
  'change_package',
  'cp_update_ip',
  'cp_stop',
  'cp_cpu_ram',
  'cp_system_disk_size',
  'cp_system_disk_bandwidth',
  'cp_additional_disk',
  'cp_additional_disk_size',
  'cp_additional_disk_bandwidth',
  'cp_network',
  'cp_firewall',
  'cp_start',
] as const;

/** Pipelines that begin with a word of their own and end in `ready`: reinstallation goes on with the states of the deploy. */
export const OPERATION_STATES = ['reinstall', 'set_dns_records'] as const;

/** Deletion: `terminate` while it runs, `error_terminate` when Proxmox refuses; addresses and VMID stay allocated then. */
export const TERMINATE_STATES = ['terminate', 'error_terminate'] as const;

export const STATES = [...DEPLOY_STATES, ...CHANGE_PACKAGE_STATES, ...OPERATION_STATES, ...TERMINATE_STATES] as const;

export type State = (typeof STATES)[number];
