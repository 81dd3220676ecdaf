// The closed lists of condition types and reasons, with what they mean and what a person can do; docs/conditions.md is printed from here.

/** One entry per step kind; shared by every pipeline, so that each goes False/InProgress again while a pipeline redoes it. */
export const STEP_CONDITIONS = {
  AddressesAllocated: 'The addresses and the VMID are reserved for this VM.',
  Cloned: 'The template was cloned and the clone carries the stamp of this object.',
  DNSPublished: 'Every matching DNS zone was written. False never holds the pipeline up.',
  Placed: 'The VM is on its node and its storage, or it is known why it stays.',
  ComputeConfigured: 'CPU cores and memory are as the package says.',
  SystemDiskSized: 'The system disk has at least the size of the package.',
  SystemDiskLimited: 'Throughput and IOPS limits of the system disk are set.',
  AdditionalDiskCreated: 'The additional disk exists if the package has one.',
  AdditionalDiskSized: 'The additional disk has at least the size of the package.',
  AdditionalDiskLimited: 'Throughput and IOPS limits of the additional disk are set.',
  NetworkConfigured: 'Model, bridge, VLAN, rate and firewall flag of the network card are set.',
  FirewallConfigured: 'Options, policies and the address set of the firewall are set.',
  CloudInitConfigured: 'User, password, keys, addresses and DNS servers are handed to cloud-init.',
  Started: 'The VM was started and seen running.',
} as const;

export const SUMMARY_CONDITIONS = {
  Ready: 'The object is as declared and can be used.',
  Reconciling: 'A pipeline runs. Present only while it is true (kstatus).',
  Stalled: 'Only a person can help; the message says how. Present only while it is true (kstatus).',
  PackageUpToDate: 'The VM was built from the current plan, options and SSH keys.',
} as const;

/** Present only while they are true. */
export const ABNORMAL_CONDITIONS = {
  Locked: 'Proxmox VE holds a lock on the VM; everything waits until it is gone.',
  IdentityMismatch: 'The VM under the VMID does not carry the stamp of this object; nothing is touched.',
  Paused: 'The annotation pve-operator.io/pause holds everything for this VM.',
  Suspended: 'The VM is suspended: stopped, and kept stopped.',
  ReservationLost: 'Another object holds an address or the VMID that this VM uses.',
  StartBackOff: 'The VM is to run always and stops by itself again and again; its starts are spaced out.',
  DeletionProtected: 'The object is being deleted and protected; nothing is destroyed.',
  RestartRequired: 'Changes are pending in Proxmox VE that take effect at the next start.',
  DriftDetected: 'The VM was changed in Proxmox VE and is not as declared any more.',
  ShrinkRefused: 'A disk is larger than declared; Proxmox VE cannot shrink one.',
  ConsentRequired: 'Something would have to be destroyed that spec.consent does not name.',
  FirewallInactive: 'The firewall of the VM cannot work as declared, for example because of DHCP.',
  LeftBehind: 'Something was left on Proxmox VE that a person should look at.',
} as const;

/** On a ProxmoxCluster only, and only while they are true. */
export const CLUSTER_CONDITIONS = {
  TokenOverprivileged: 'The API token may do more in Proxmox VE than the operator ever does; the message names it.',
} as const;

/** On a VirtualMachineOperation only. */
export const OPERATION_CONDITIONS = {
  Succeeded:
    'The operation was carried out. Unknown while it waits or is being done; True and False are final: nothing changes them any more.',
} as const;

export type StepCondition = keyof typeof STEP_CONDITIONS;
export type SummaryCondition = keyof typeof SUMMARY_CONDITIONS;
export type AbnormalCondition = keyof typeof ABNORMAL_CONDITIONS;
export type OperationCondition = keyof typeof OPERATION_CONDITIONS;
export type ClusterCondition = keyof typeof CLUSTER_CONDITIONS;
export type ConditionType = StepCondition | SummaryCondition | AbnormalCondition;

interface ReasonText {
  meaning: string;
  /** What a person can do; absent where there is nothing to do. */
  cure?: string;
}

export const REASONS = {
  // the normal course
  Succeeded: { meaning: 'The step or the operation is done.' },
  Skipped: { meaning: 'There was nothing to do.' },
  InProgress: { meaning: 'The step or the operation is being done.' },
  Ready: { meaning: 'Everything is as declared.' },
  Terminating: { meaning: 'The object is being deleted.' },
  PartlyFailed: {
    meaning: 'Some DNS zones could not be written; the message names them.',
    cure: 'Look at the DNSZone objects. The pipeline is not held up by it.',
  },
  ChangePending: {
    meaning: 'Plan, options or SSH keys differ from what the VM was built from; the message says in what.',
    cure: 'Options and another plan are applied by themselves; an edit of the plan by an operation of type ChangePackage, SSH keys by SetCloudInit, another operating system by Reinstall.',
  },
  Paused: {
    meaning: 'The annotation pve-operator.io/pause is set; nothing is done with this VM.',
    cure: 'Take the annotation away.',
  },
  Suspended: { meaning: 'The VM is suspended (spec.suspension) and kept stopped.', cure: 'Take spec.suspension away.' },
  Halted: { meaning: 'The VM is in place and kept stopped because spec.runStrategy says so.' },
  StoppedByHand: {
    meaning: 'The VM is in place and stopped, by an operation or in Proxmox VE; nothing that is declared asks for it.',
    cure: 'Start it by an operation, or set spec.runStrategy to Always.',
  },
  StartBackOff: {
    meaning:
      'The VM has stopped by itself again soon after it was started. It is started once more after a pause that grows from 10 seconds to 5 minutes, and is forgotten when it has run for 10 minutes.',
    cure: 'Look at its console and its logs for why it ends. An edit of the spec starts it at once; with spec.runStrategy Manual it stays stopped.',
  },
  DeletionProtected: {
    meaning:
      'While spec.deletionProtection is true, an object that is being deleted waits, and an operation that would destroy the VM or its disks is refused. Nothing is destroyed.',
    cure: 'Set spec.deletionProtection to false to let the deletion go on, or to ask for the operation once more.',
  },
  RestartRequired: {
    meaning: 'Changes of the configuration are pending until the VM is started anew.',
    cure: 'Restart the VM with an operation of type Reboot.',
  },
  Drifted: {
    meaning: 'Somebody changed the VM in Proxmox VE; the message says what.',
    cure: 'Create an operation of type ChangePackage, or set spec.driftPolicy to Correct, or change it back.',
  },
  ShrinkRefused: {
    meaning: 'A disk is larger than the package says. Proxmox VE cannot shrink it, so it stays as it is.',
    cure: 'Ask for at least the size that the disk has.',
  },
  ConsentRequired: {
    meaning: 'Something would have to be destroyed; the message names it.',
    cure: 'Name it in spec.consent if it may be destroyed.',
  },
  ClusterChanged: {
    meaning: 'The new plan is of another cluster; a VM cannot be moved between clusters.',
    cure: 'Choose a plan of the same cluster, or make the VM anew.',
  },
  NotRunning: { meaning: 'The VM is stopped; what was asked for needs a running one.', cure: 'Start it first.' },
  StillRunning: {
    meaning: 'The VM runs on after a forced stop.',
    cure: 'Look at the VM in Proxmox VE; its task log says why it does not stop.',
  },
  ReservationLost: {
    meaning:
      'The reservation of an address or of the VMID was deleted or changed by hand, and another object holds it by now. Nothing was changed; two machines may be using the same.',
    cure: 'Make the other machine anew or give it another address, then delete its reservation: this VM takes it back by itself.',
  },
  // operations
  Queued: { meaning: 'The operation waits until the pipeline that runs is done, or for its turn.' },
  WaitingForVirtualMachine: {
    meaning: 'The VirtualMachine that the operation names does not exist yet.',
    cure: 'Create it, or delete the operation if the name is wrong.',
  },
  AlreadyExecuted: {
    meaning:
      'The same request, by name and spec, was executed before, and the VM remembers it. It is not executed again.',
    cure: 'Give the operation another name if it is wanted once more.',
  },
  DeadlineExceeded: {
    meaning:
      'The operation was not done when its deadline came. If it had not begun, it is not executed; the message says what became of one that had.',
    cure: 'Make a new one, with a longer deadlineSeconds if the VM is busy for longer.',
  },
  Superseded: { meaning: 'A later operation makes this one pointless before it began; the message names it.' },
  ObserveFirst: {
    meaning: 'An Adopt in the mode TakeOver, and none in the mode Observe has succeeded for this VM before.',
    cure: 'Make one in the mode Observe, read what it reports, and ask for the TakeOver then.',
  },
  NotAdoptable: {
    meaning: 'The VM cannot become that of the object; the message says why.',
    cure: 'Correct what the message names, or adopt another VM.',
  },
  Interrupted: {
    meaning: 'The operation began, and another one took its place before it was done.',
    cure: 'Make a new one if it is still wanted.',
  },
  VirtualMachineDeleted: { meaning: 'The VirtualMachine is being deleted or gone; the operation is not executed.' },
  NotBeingDeleted: {
    meaning: 'RetryTerminate was asked for, but the VirtualMachine is not being deleted.',
    cure: 'Delete the VirtualMachine first.',
  },
  RunStrategyDecides: {
    meaning: 'Start and Stop work only where spec.runStrategy is Manual or unset; here it decides about power.',
    cure: 'Change spec.runStrategy of the VirtualMachine instead.',
  },
  VirtualMachineReady: {
    meaning: 'Redeploy was asked for, but the VM is ready. A machine that works is not destroyed by it.',
    cure: 'Use Reinstall, or delete the VirtualMachine and make it anew.',
  },
  // waiting: goes on by itself
  WaitingForTask: { meaning: 'A task runs in Proxmox VE.' },
  WaitingForCloneSlot: {
    meaning: 'As many clones as allowed run on the storage or node of the template.',
    cure: 'Raise limits.clonesPerStorage or limits.clonesPerNode of the ProxmoxCluster if the storage can take it.',
  },
  WaitingForLock: {
    meaning: 'Proxmox VE holds a lock on the VM (backup, snapshot, migration, …).',
    cure: 'Wait for the operation that holds it; `qm unlock` only when nothing runs any more.',
  },
  WaitingForNode: { meaning: 'The node of the VM or of the template is offline.', cure: 'Bring the node back.' },
  WaitingForQuorum: { meaning: 'The cluster has no quorum.', cure: 'Bring nodes back until the cluster has quorum.' },
  MigrationSlow: { meaning: 'The migration runs for longer than expected. It is watched on.' },
  ClusterUnreachable: {
    meaning: 'No endpoint of the cluster answers.',
    cure: 'Check the network and the endpoints of the ProxmoxCluster.',
  },
  Retrying: { meaning: 'A call failed in a way that passes; it is tried again with growing pauses.' },
  Verifying: { meaning: 'A call got no answer; what happened is being looked up before anything else is done.' },
  // stalled: a person has to act
  PoolEmpty: {
    meaning: 'No matching pool has a free address.',
    cure: 'Grow a pool or add one; the VM goes on by itself.',
  },
  NoMatchingPool: {
    meaning: 'No pool matches cluster, family, bridge, VLAN and namespace.',
    cure: 'Create an IPPool for this network or correct the plan.',
  },
  PlanNotFound: { meaning: 'The plan does not exist.', cure: 'Create the Plan or correct spec.planRef.' },
  PlanInvalid: { meaning: 'The plan is not usable; the message names the field.', cure: 'Correct the Plan.' },
  QuotaExceeded: {
    meaning: 'The namespace has as many virtual machines of the plan as its quota allows.',
    cure: 'Delete one, choose another plan, or raise quota.virtualMachinesPerNamespace of the Plan; the VM goes on by itself.',
  },
  NotAllowed: {
    meaning: 'The namespace may not use the plan, cluster, pool or zone, or the plan does not allow the template.',
    cure: 'Ask the platform team to grant it.',
  },
  FamilyMixed: {
    meaning:
      'The reinstallation would go from Linux to Windows or back, and the plan forbids that. Nothing is destroyed.',
    cure: 'Choose a template of the family that the VM has.',
  },
  OptionInvalid: {
    meaning: 'An option is unknown, said twice or out of bounds; the message names it.',
    cure: 'Correct the option.',
  },
  NameInvalid: {
    meaning: 'The name rule yields a name that is no DNS name.',
    cure: 'Correct nameRule of the Plan or the billing ids.',
  },
  ClusterNotFound: { meaning: 'The ProxmoxCluster does not exist.', cure: 'Create it or correct clusterRef.' },
  TemplateMissing: {
    meaning: 'The template does not exist on the cluster.',
    cure: 'Create the template or correct the plan.',
  },
  NotATemplate: {
    meaning: 'The VM that the plan names as template is an ordinary VM.',
    cure: 'Convert it to a template or correct the plan.',
  },
  TemplateUnusable: {
    meaning:
      'The template lacks something that the deploy needs, for example an unambiguous system disk or a cloud-init drive.',
    cure: 'Correct the template; the message says what is missing.',
  },
  NoNodeWithStorage: {
    meaning: 'No node that is online has the storage that the plan names.',
    cure: 'Correct the storage in the plan or make it available.',
  },
  StorageMissing: {
    meaning: 'A storage that the plan names does not exist or takes no disk images.',
    cure: 'Correct the storage in the plan.',
  },
  VMIDsExhausted: { meaning: 'No VMID is free from firstVMID on.', cure: 'Lower firstVMID of the plan.' },
  SecretMissing: {
    meaning: 'A Secret or a key in it is missing.',
    cure: "Create the Secret in the operator's namespace.",
  },
  Unauthorized: { meaning: 'Proxmox VE does not accept the API token.', cure: 'Correct the token in the Secret.' },
  Forbidden: {
    meaning: 'The API token lacks a privilege; the message names it.',
    cure: 'Grant the privilege to the token in Proxmox VE.',
  },
  ExcessPrivileges: {
    meaning: 'The API token has privileges that nothing here needs. Whoever gets hold of it could use them.',
    cure: 'Give the token a role with the privileges of docs/privileges.md and no others.',
  },
  CertificateInvalid: {
    meaning: 'The certificate of the endpoint is not the expected one. The token was not sent.',
    cure: 'Correct caBundle or fingerprint, or find out who answers there.',
  },
  Refused: {
    meaning: 'Proxmox VE refuses the call; the message carries its words.',
    cure: 'Correct what the message names.',
  },
  TaskFailed: {
    meaning: 'A task failed in Proxmox VE; the message carries its last lines.',
    cure: 'Look at the task in Proxmox VE; it is tried again.',
  },
  NoSpace: { meaning: 'The storage is full.', cure: 'Free space or choose another storage.' },
  NameTaken: {
    meaning:
      'Another virtual machine has the host name, or a Secret of the name that the credentials need belongs to something else.',
    cure: 'Make the VM anew with another hostname, or rename or delete that Secret; the message says which.',
  },
  IdentityMismatch: {
    meaning: 'The VM does not carry our stamp. Nothing is touched.',
    cure: 'Find out whose VM it is.',
  },
  CloneBroken: {
    meaning: 'A clone was cut off and Proxmox VE keeps its lock for good.',
    cure: 'Remove the half clone in Proxmox VE (`qm unlock`, then `qm destroy`); the VM is cloned again by itself.',
  },
  VirtualMachineMissing: {
    meaning: 'The VM is gone from Proxmox VE.',
    cure: 'Restore it, make it anew with an operation of type Redeploy, or delete the object.',
  },
  DHCP: { meaning: 'With DHCP the address is not known: no firewall rules and no address set.' },
  AddressRangeInvalid: {
    meaning:
      'The first and last address, gateway and mask of the pool do not fit together; the message names the field.',
    cure: 'Correct the pool.',
  },
  Overlapping: {
    meaning: 'The pool overlaps another pool of the same network; the older one is used.',
    cure: 'Correct one of the two.',
  },
  ProviderUnreachable: { meaning: 'The DNS provider does not answer.', cure: 'Check URL and network.' },
  ProviderRefused: {
    meaning: 'The DNS provider refuses the key or does not hold the zone.',
    cure: 'Correct the key or create the zone at the provider.',
  },
  InUse: { meaning: 'The object is being deleted while others use it; it waits.', cure: 'Delete what uses it first.' },
  InternalError: {
    meaning: 'An error in the operator itself; the log has the details.',
    cure: 'Report it, with the log.',
  },
} as const satisfies Record<string, ReasonText>;

export type Reason = keyof typeof REASONS;
