// What became of a VirtualMachine: where it is, what it was built from, and the pipeline that is under way.
import { z } from 'zod';
import { bridgeName, ipAddress, nodeName, objectName, storageName, vlanTag, vmid } from './fields.ts';
import { conditionsSchema, observedGenerationSchema } from './object.ts';
import { optionSchemas } from './options.ts';
import { STATES } from './states.ts';

const time = z.string().meta({ format: 'date-time' });

export const stepRecordSchema = z.object({
  number: z.int().min(1).describe('Place of the step in the pipeline, from 1.'),
  name: z.string().max(64).describe('Name of the step.'),
  result: z.enum(['Succeeded', 'Skipped', 'Failed']).describe('What became of the step.'),
  message: z.string().max(300).optional().describe('Why it was skipped or failed.'),
  from: z.string().max(64).describe('State before.'),
  to: z.string().max(64).describe('State after.'),
  startedAt: time.describe('When the step began.'),
  durationMs: z.int().min(0).describe('How long it took, in milliseconds.'),
});

export const effectiveSchema = z
  .object({
    cpuCores: optionSchemas.cpuCores,
    memoryGiB: optionSchemas.memoryGiB,
    backups: optionSchemas.backups,
    snapshots: optionSchemas.snapshots,
    systemDiskGiB: optionSchemas.systemDiskGiB,
    systemDiskReadMBps: optionSchemas.systemDiskReadMBps,
    systemDiskWriteMBps: optionSchemas.systemDiskWriteMBps,
    systemDiskReadIOPS: optionSchemas.systemDiskReadIOPS,
    systemDiskWriteIOPS: optionSchemas.systemDiskWriteIOPS,
    additionalDiskGiB: optionSchemas.additionalDiskGiB,
    additionalDiskReadMBps: optionSchemas.additionalDiskReadMBps,
    additionalDiskWriteMBps: optionSchemas.additionalDiskWriteMBps,
    additionalDiskReadIOPS: optionSchemas.additionalDiskReadIOPS,
    additionalDiskWriteIOPS: optionSchemas.additionalDiskWriteIOPS,
    networkMBps: optionSchemas.networkMBps,
    ipv4Addresses: optionSchemas.ipv4Addresses,
    ipv6Addresses: optionSchemas.ipv6Addresses,
    operatingSystem: optionSchemas.operatingSystem,
  })
  .describe('Plan and options, resolved: what the VM is built from.');

export const executedOperationSchema = z.object({
  uid: z.string().max(64).describe('UID of the VirtualMachineOperation.'),
  name: objectName.describe('Name of it.'),
  digest: z.string().max(80).describe('Digest of name and spec: what the same request from a repository has too.'),
  type: z.string().max(64).describe('What it asked for.'),
  result: z.enum(['Succeeded', 'Failed']).describe('What became of it.'),
  reason: z.string().max(128).describe('Why, in a word from the closed list.'),
  message: z.string().max(300).optional().describe('Why, in a sentence.'),
  startedAt: time.optional().describe('When its pipeline began.'),
  completedAt: time.describe('When it ended.'),
  runName: objectName.optional().describe('VirtualMachineRun that records it.'),
  remembered: z.boolean().describe('Whether the same request is refused from now on.'),
  observations: z.array(z.string().max(300)).max(64).optional().describe('What it saw, if it was asked to look.'),
  vmid: vmid.optional().describe('VMID that an Adopt was about.'),
});

export const driftSchema = z.object({
  detectedAt: time.optional().describe('When it was first seen.'),
  identity: z
    .enum(['Unstamped', 'Foreign'])
    .optional()
    .describe(
      'The VM under the VMID does not carry the stamp of this object: it carries none, or that of another one.',
    ),
  differences: z
    .array(
      z.object({
        step: z.string().max(64).describe('Step that compares it.'),
        message: z.string().max(300).describe('What differs, in words.'),
        correction: z
          .enum(['Automatic', 'OnRequest', 'None'])
          .describe(
            'Automatic: changed back where spec.driftPolicy is Correct. OnRequest: only by an operation of type ChangePackage, because something would be made anew. None: the change of package does not change it back.',
          ),
      }),
    )
    .max(32)
    .optional()
    .describe('In what the VM differs from what is declared.'),
  pending: z.array(z.string().max(64)).max(64).optional().describe('Options whose change waits for the next start.'),
  correctedAt: time.optional().describe('When the last correction began.'),
  corrections: z.int().min(0).optional().describe('Corrections one after the other; each makes the pause longer.'),
});

const dnsCount = z.object({
  ok: z.int().min(0).describe('Records that were written.'),
  failed: z.int().min(0).describe('Records that could not be written.'),
});

export const statusSchema = z.object({
  observedGeneration: observedGenerationSchema.optional(),
  state: z
    .enum(STATES)
    .optional()
    .describe('Last completed step of the pipeline, in the words that billing systems map on; ready when all is done.'),
  printableStatus: z
    .string()
    .max(128)
    .optional()
    .describe(
      'How the VM stands, in one word for people: what is done with it, or the reason of the condition that counts most. Programs read state and conditions.',
    ),
  clusterName: objectName.optional().describe('ProxmoxCluster the VM lives on.'),
  vmid: vmid.optional().describe('VMID in Proxmox VE.'),
  name: z.string().max(128).optional().describe('Name in Proxmox VE.'),
  clonedAt: z
    .string()
    .meta({ format: 'date-time' })
    .optional()
    .describe('When the VM was first seen in Proxmox VE with the stamp of this object.'),
  cloneUnansweredAt: z
    .string()
    .meta({ format: 'date-time' })
    .optional()
    .describe(
      'When the newest clone call was sent that got no answer and was sent once more. Until it cannot be carried out any more the VMID is not given back.',
    ),
  node: nodeName.optional().describe('Node the VM is on.'),
  powerState: z
    .enum(['Running', 'Stopped', 'Unknown'])
    .optional()
    .describe('Whether the VM runs, as last seen. Unknown: its node is offline or has not reported it.'),
  fqdn: z.string().max(253).optional().describe('Fully qualified host name.'),
  osUser: z.string().max(64).optional().describe('User in the guest.'),
  addresses: z
    .array(
      z.object({
        address: ipAddress.describe('The address.'),
        prefixLength: z.int().min(1).max(128).describe('Network mask as a prefix length.'),
        gateway: ipAddress.optional().describe('Address of the default gateway.'),
        nameservers: z.array(ipAddress).max(2).optional().describe('DNS servers of the pool.'),
        pool: objectName.optional().describe('IPPool the address came from.'),
        primary: z.boolean().describe('Whether it is the main address of its family, the one on the network card.'),
      }),
    )
    .max(128)
    .optional()
    .describe('Addresses of the VM.'),
  network: z
    .object({
      bridge: bridgeName.describe('Bridge of the network card.'),
      vlan: vlanTag.describe('VLAN tag, 0 for none.'),
      macAddress: z.string().max(17).optional().describe('MAC address of the network card. A reinstallation keeps it.'),
    })
    .optional()
    .describe('Network the VM is on.'),
  placement: z
    .object({
      templateNode: nodeName.optional().describe('Node of the template.'),
      targetNode: nodeName.optional().describe('Node that was chosen.'),
      targetStorage: storageName.optional().describe('Storage that was chosen for the system disk.'),
      message: z.string().max(300).optional().describe('Why this node, or why the VM cannot be moved.'),
    })
    .optional()
    .describe('Where the VM was placed, and why.'),
  disks: z
    .object({
      system: z.string().max(16).optional().describe('Slot of the system disk, for example scsi0.'),
      additional: z
        .string()
        .max(16)
        .optional()
        .describe('Slot that is kept for the additional disk, for example scsi1.'),
      kept: z
        .string()
        .max(256)
        .optional()
        .describe('Volume of an additional disk that the package has no more, kept until consent names it.'),
      observed: z
        .object({
          systemBytes: z.int().min(0).optional().describe('Size of the system disk.'),
          additionalBytes: z.int().min(0).optional().describe('Size of the additional disk.'),
          additionalVolume: z.string().max(256).optional().describe('Volume of the additional disk.'),
        })
        .optional()
        .describe('The disks as Proxmox VE last showed them. Admission refuses to make them smaller.'),
    })
    .optional()
    .describe('Which disk is which.'),
  credentialsSecret: objectName.optional().describe('Secret in the namespace of the VM with user and password.'),
  sshKeysDigest: z
    .string()
    .max(80)
    .optional()
    .describe('Digest of the SSH keys that cloud-init was given, to tell whether they were changed since.'),
  effective: effectiveSchema.optional(),
  planRevision: objectName.optional().describe('PlanRevision the VM was built from.'),
  dns: z
    .object({
      forward: dnsCount.describe('A and AAAA records.'),
      reverse: dnsCount.describe('PTR records.'),
      withdrawn: z.boolean().optional().describe('Whether the records were removed and are to be made anew.'),
      zones: z
        .array(
          z.object({
            zone: z.string().max(254).describe('Name of the zone.'),
            provider: z.string().max(64).describe('Kind of provider.'),
            ok: z.boolean().describe('Whether the zone was written.'),
            message: z.string().max(300).optional().describe('Why not.'),
          }),
        )
        .max(64)
        .describe('What became of each matching zone.'),
    })
    .optional()
    .describe('Outcome of the DNS publication.'),
  operation: z
    .object({
      machine: z.string().max(64).describe('Pipeline that runs, for example deploy or change_package.'),
      step: z.string().max(64).optional().describe('Step that is being done.'),
      runName: objectName.optional().describe('VirtualMachineRun that records it.'),
      startedAt: time.describe('When the pipeline began.'),
      from: z.string().max(64).optional().describe('State when it began.'),
      trigger: z.string().max(128).optional().describe('What began it.'),
      request: z
        .object({
          name: objectName.describe('Name of the VirtualMachineOperation.'),
          uid: z.string().max(64).describe('UID of it.'),
          type: z.string().max(64).describe('What it asks for.'),
          digest: z.string().max(80).describe('Digest of its name and spec.'),
          remembered: z.boolean().describe('Whether the same request is refused afterwards.'),
        })
        .optional()
        .describe('The VirtualMachineOperation that asked for the pipeline.'),
      parameters: z
        .object({
          gracePeriodSeconds: z.int().min(0).max(3600).optional().describe('Time that the guest has to shut down.'),
          template: vmid.optional().describe('Template that the machine is reinstalled from.'),
        })
        .optional()
        .describe('What the operation asked for, kept here because the object may be deleted meanwhile.'),
      previous: effectiveSchema.optional().describe('What the VM was built from before this change.'),
      powerBefore: z
        .enum(['Running', 'Stopped'])
        .optional()
        .describe('Whether the VM ran before the pipeline stopped it; it is left so.'),
      changed: z
        .array(z.string().max(64))
        .max(32)
        .optional()
        .describe('Steps that have changed something in this run; the others found their work done.'),
      failedTasks: z
        .int()
        .min(0)
        .optional()
        .describe('Tasks of the step that is being done that have failed in a row.'),
      why: z.string().max(300).optional().describe('Why the step that is being done changes something.'),
      tried: z
        .array(z.string().max(64))
        .max(16)
        .optional()
        .describe('Effects that are tried once a run, whatever becomes of them.'),
      stepStartedAt: time.optional().describe('When the step began.'),
      intent: z
        .object({
          action: z.string().max(64).describe('Call that is about to be made, or was made.'),
          sentAt: time.describe('When it was decided.'),
          attempt: z.int().min(1).describe('How many times it was decided.'),
          answered: z
            .boolean()
            .optional()
            .describe('Whether Proxmox VE has answered with a task: it is not on its way any more.'),
          failed: z.boolean().optional().describe('Whether its task has failed, so that it was not carried out.'),
        })
        .optional()
        .describe('Stored before a call that must not be repeated blindly.'),
      taskID: z.string().max(256).optional().describe('Task (UPID) in Proxmox VE that is being waited for.'),
      taskIDs: z.array(z.string().max(256)).max(64).optional().describe('Tasks of this run so far.'),
      inherited: z
        .object({
          machine: z.string().max(64).describe('Pipeline that began it.'),
          step: z.string().max(64).describe('Step that began it.'),
          taskID: z.string().max(256).describe('The task.'),
        })
        .optional()
        .describe('Task of the pipeline before that this one has waited for.'),
      passwordHandedOver: z
        .boolean()
        .optional()
        .describe('Whether cloud-init has been given the password of the Secret.'),
      revert: z
        .array(z.string().max(64))
        .max(128)
        .optional()
        .describe(
          'Options of a refused configuration change that may have stayed behind as pending; they are taken back first.',
        ),
      blockedBySnapshots: z
        .boolean()
        .optional()
        .describe('Whether Proxmox VE refused to resize the disk of this step because of snapshots.'),
      guestPassword: z
        .enum(['Set', 'Refused'])
        .optional()
        .describe('What became of the new password in the running guest.'),
      separately: z
        .boolean()
        .optional()
        .describe('Whether configuration changes go one by one, after a joint one was refused.'),
      steps: z.array(stepRecordSchema).max(64).optional().describe('Steps that are done.'),
    })
    .optional()
    .describe('Pipeline that runs at the moment.'),
  executedOperations: z
    .array(executedOperationSchema)
    .max(64)
    .optional()
    .describe('Operations that were executed, so that the same request is not executed again.'),
  drift: driftSchema.optional().describe('What somebody changed in Proxmox VE, as it was last seen.'),
  settledAt: time
    .optional()
    .describe('When the last pipeline ended. A list of Proxmox VE that is older is not trusted.'),
  snapshotsInTheWay: z
    .array(z.string().max(40))
    .max(64)
    .optional()
    .describe(
      'Snapshots that keep a disk from growing to the size of the package, until spec.consent.deleteSnapshots names them all.',
    ),
  powerRetryAt: time
    .optional()
    .describe('When a start or stop that is declared and was refused is tried again. Absent: none was refused.'),
  restarts: z
    .object({
      count: z.int().min(1).describe('Starts in a row.'),
      startedAt: time.describe('When the last of them was decided.'),
      retryAt: time.optional().describe('When the VM, which has stopped again, is started once more.'),
    })
    .optional()
    .describe(
      'Starts of a VM with runStrategy Always that had stopped by itself. Each one in a row comes after a longer pause. Absent: it has run for long enough since.',
    ),
  passwordGeneration: z.int().min(0).optional().describe('How many times the password was reset.'),
  suspension: z
    .object({
      since: time.describe('When the suspension was carried out.'),
      powerBefore: z.enum(['Running', 'Stopped']).describe('Whether the VM ran before; it is so again afterwards.'),
    })
    .optional()
    .describe('The suspension that is in force.'),
  runCount: z.int().min(0).optional().describe('Number of pipeline runs of this VM so far.'),
  lastFailure: z
    .object({
      step: z.string().max(64).describe('Step that failed.'),
      reason: z.string().max(128).describe('Why, in a word from the closed list.'),
      message: z.string().max(300).describe('Why, in a sentence.'),
      time: time.describe('When it was first seen.'),
    })
    .optional()
    .describe('The last failure of a step. It stays as a record after the pipeline went on.'),
  conditions: conditionsSchema.optional(),
});

export type VirtualMachineStatus = z.infer<typeof statusSchema>;
export type EffectivePackage = z.infer<typeof effectiveSchema>;
export type StepRecord = z.infer<typeof stepRecordSchema>;
export type OperationStatus = NonNullable<VirtualMachineStatus['operation']>;
export type AddressStatus = NonNullable<VirtualMachineStatus['addresses']>[number];
export type ExecutedOperation = z.infer<typeof executedOperationSchema>;
