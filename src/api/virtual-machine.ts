// VirtualMachine: the object a tenant, a pipeline or a billing panel writes, and what became of it.
import { z } from 'zod';
import {
  bridgeName,
  hostname,
  ipAddress,
  nodeName,
  objectName,
  objectReference,
  storageName,
  vlanTag,
  vmid,
} from './fields.ts';
import {
  type ApiObject,
  conditionsSchema,
  defineKind,
  matching,
  nameAtMost,
  observedGenerationSchema,
  withRules,
} from './object.ts';
import { optionSchemas, optionsSchema } from './options.ts';
import { STATES } from './states.ts';

const growOnly = (field: string) => ({
  rule: `!has(oldSelf.${field}) || !has(self.${field}) || self.${field} >= oldSelf.${field}`,
  message: `${field} can only grow: Proxmox VE cannot shrink a disk; ask for at least the size it has`,
  fieldPath: `.${field}`,
});

/**
 * An option that is set for the first time, or again after it was removed, is held against what the machine was built
 * with. It is looked at only when it changes: the operator must be able to write status whatever the spec says.
 */
const notBelowBuilt = (field: string) => ({
  rule: [
    `!has(self.spec.options) || !has(self.spec.options.${field})`,
    `!has(oldSelf.status) || !has(oldSelf.status.effective)`,
    `(has(oldSelf.spec.options) && has(oldSelf.spec.options.${field}) && self.spec.options.${field} == oldSelf.spec.options.${field})`,
    `self.spec.options.${field} >= oldSelf.status.effective.${field}`,
  ].join(' || '),
  message: `spec.options.${field} must not be less than what the machine was built with (status.effective.${field}): Proxmox VE cannot shrink a disk`,
  fieldPath: `.spec.options.${field}`,
});

const billingID = matching(
  /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/,
  'must be letters, digits and hyphens, because it becomes part of a name',
  { max: 63 },
);

const spec = withRules(
  z.object({
    planRef: objectReference('Plan'),
    options: withRules(optionsSchema, [growOnly('systemDiskGiB'), growOnly('additionalDiskGiB')])
      .optional()
      .describe('Overrides of the plan for this VM. An option that is absent comes from the plan; 0 is a value.'),
    configurableOptions: withRules(
      z.record(z.string().min(1).max(128), z.string().max(256)).meta({ maxProperties: 64 }),
      [
        // A structural schema cannot bound the keys of a map.
        {
          rule: 'self.all(name, size(name) >= 1 && size(name) <= 128)',
          message: 'the names of options must have 1 to 128 characters',
        },
      ],
    )
      .optional()
      .describe(
        'The options of a billing panel, verbatim: names such as "CPU Cores" or "CPU|vCPU", values such as "4" or "4|4 Cores". Names are case-sensitive. What is said here must not be said in options as well.',
      ),
    billing: z
      .object({
        clientID: billingID.describe("The client's id in the billing system."),
        serviceID: billingID.describe("The service's id in the billing system."),
      })
      .optional()
      .describe('Ids of the billing system, used by the name rule of the plan.'),
    hostname: hostname
      .optional()
      .describe('Fully qualified host name. Absent: <name>.<domain of the plan>, or the name of the VM in Proxmox.'),
    sshAuthorizedKeys: z
      .array(
        matching(
          /^(ssh-|ecdsa-|sk-)[a-zA-Z0-9@.-]+ [A-Za-z0-9+/=]+( [^\r\n]*)?$/,
          'must be one public key on one line, as in a .pub file: type, key, comment; no options before it',
          { min: 20, max: 8192 },
        ).describe('One line of an authorized_keys file.'),
      )
      .max(64)
      .meta({ 'x-kubernetes-list-type': 'set' })
      .optional()
      .describe('Public SSH keys for the user of the guest.'),
  }),
  [
    {
      rule: 'self.planRef == oldSelf.planRef',
      message: 'planRef cannot be changed: make a new VirtualMachine',
      fieldPath: '.planRef',
    },
    {
      rule: 'has(self.billing) == has(oldSelf.billing) && (!has(self.billing) || self.billing == oldSelf.billing)',
      message: 'billing cannot be changed, set or removed later: the name of the VM was made from it',
      fieldPath: '.billing',
    },
    {
      rule: 'has(self.hostname) == has(oldSelf.hostname) && (!has(self.hostname) || self.hostname == oldSelf.hostname)',
      message: 'hostname cannot be changed, set or removed later: DNS records and the guest carry it',
      fieldPath: '.hostname',
    },
  ],
);

export const stepRecordSchema = z.object({
  number: z.int().min(1).describe('Place of the step in the pipeline, from 1.'),
  name: z.string().max(64).describe('Name of the step.'),
  result: z.enum(['Succeeded', 'Skipped', 'Failed']).describe('What became of the step.'),
  message: z.string().max(300).optional().describe('Why it was skipped or failed.'),
  from: z.string().max(64).describe('State before.'),
  to: z.string().max(64).describe('State after.'),
  startedAt: z.string().meta({ format: 'date-time' }).describe('When the step began.'),
  durationMs: z.int().min(0).describe('How long it took, in milliseconds.'),
});

const effective = z
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

const dnsCount = z.object({
  ok: z.int().min(0).describe('Records that were written.'),
  failed: z.int().min(0).describe('Records that could not be written.'),
});

const status = z.object({
  observedGeneration: observedGenerationSchema.optional(),
  state: z
    .enum(STATES)
    .optional()
    .describe('Last completed step of the pipeline, in the words that billing systems map on; ready when all is done.'),
  clusterName: objectName.optional().describe('ProxmoxCluster the VM lives on.'),
  vmid: vmid.optional().describe('VMID in Proxmox VE.'),
  name: z.string().max(128).optional().describe('Name in Proxmox VE.'),
  clonedAt: z
    .string()
    .meta({ format: 'date-time' })
    .optional()
    .describe('When the VM was first seen in Proxmox VE with the stamp of this object.'),
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
    })
    .optional()
    .describe('Which disk is which.'),
  credentialsSecret: objectName.optional().describe('Secret in the namespace of the VM with user and password.'),
  sshKeysDigest: z
    .string()
    .max(80)
    .optional()
    .describe('Digest of the SSH keys that cloud-init was given, to tell whether they were changed since.'),
  effective: effective.optional(),
  planRevision: objectName.optional().describe('PlanRevision the VM was built from.'),
  dns: z
    .object({
      forward: dnsCount.describe('A and AAAA records.'),
      reverse: dnsCount.describe('PTR records.'),
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
      machine: z.string().max(64).describe('Pipeline that runs: deploy or terminate.'),
      step: z.string().max(64).optional().describe('Step that is being done.'),
      runName: objectName.optional().describe('VirtualMachineRun that records it.'),
      startedAt: z.string().meta({ format: 'date-time' }).describe('When the pipeline began.'),
      from: z.string().max(64).optional().describe('State when it began.'),
      stepStartedAt: z.string().meta({ format: 'date-time' }).optional().describe('When the step began.'),
      intent: z
        .object({
          action: z.string().max(64).describe('Call that is about to be made, or was made.'),
          sentAt: z.string().meta({ format: 'date-time' }).describe('When it was decided.'),
          attempt: z.int().min(1).describe('How many times it was decided.'),
        })
        .optional()
        .describe('Stored before a call that must not be repeated blindly.'),
      taskID: z.string().max(256).optional().describe('Task (UPID) in Proxmox VE that is being waited for.'),
      taskIDs: z.array(z.string().max(256)).max(64).optional().describe('Tasks of this run so far.'),
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
      separately: z
        .boolean()
        .optional()
        .describe('Whether configuration changes go one by one, after a joint one was refused.'),
      steps: z.array(stepRecordSchema).max(64).optional().describe('Steps that are done.'),
    })
    .optional()
    .describe('Pipeline that runs at the moment.'),
  runCount: z.int().min(0).optional().describe('Number of pipeline runs of this VM so far.'),
  lastFailure: z
    .object({
      step: z.string().max(64).describe('Step that failed.'),
      reason: z.string().max(128).describe('Why, in a word from the closed list.'),
      message: z.string().max(300).describe('Why, in a sentence.'),
      time: z.string().meta({ format: 'date-time' }).describe('When it was first seen.'),
    })
    .optional()
    .describe('The last failure of a step. It stays as a record after the pipeline went on.'),
  conditions: conditionsSchema.optional(),
});

export const virtualMachine = defineKind({
  kind: 'VirtualMachine',
  plural: 'virtualmachines',
  singular: 'virtualmachine',
  shortNames: ['pvm'],
  scope: 'Namespaced',
  description:
    'A virtual machine on Proxmox VE: deployed from the template of its plan, given addresses, DNS records, disks and limits, a firewall and cloud-init, started and handed over.',
  categories: ['all'],
  rules: [
    nameAtMost(63, 'it is part of the host name of the machine'),
    notBelowBuilt('systemDiskGiB'),
    notBelowBuilt('additionalDiskGiB'),
  ],
  spec,
  status,
  selectableFields: ['.spec.planRef.name', '.status.state', '.status.node', '.status.vmid'],
  printerColumns: [
    {
      name: 'Ready',
      type: 'string',
      jsonPath: ".status.conditions[?(@.type=='Ready')].status",
      description: 'Whether the VM is up as declared.',
    },
    { name: 'State', type: 'string', jsonPath: '.status.state', description: 'Last completed step.' },
    { name: 'Doing', type: 'string', jsonPath: '.status.operation.step', description: 'Step that is being done.' },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: ".status.conditions[?(@.type=='Ready')].reason",
      description: 'Why it is ready or not.',
    },
    { name: 'Address', type: 'string', jsonPath: '.status.addresses[0].address', description: 'Main address.' },
    { name: 'Node', type: 'string', jsonPath: '.status.node', description: 'Node the VM is on.' },
    { name: 'VMID', type: 'integer', jsonPath: '.status.vmid', description: 'VMID in Proxmox VE.' },
    { name: 'Power', type: 'string', jsonPath: '.status.powerState', description: 'Whether the VM runs.' },
    { name: 'FQDN', type: 'string', jsonPath: '.status.fqdn', description: 'Fully qualified host name.', priority: 1 },
    { name: 'Plan', type: 'string', jsonPath: '.spec.planRef.name', description: 'Plan of the VM.', priority: 1 },
    {
      name: 'Since',
      type: 'date',
      jsonPath: ".status.conditions[?(@.type=='Ready')].lastTransitionTime",
      description: 'Since when it is ready or not.',
    },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Age of the object.' },
  ],
});

export type VirtualMachineSpec = z.infer<typeof spec>;
export type VirtualMachineStatus = z.infer<typeof status>;
export type VirtualMachine = ApiObject<VirtualMachineSpec, VirtualMachineStatus>;
export type EffectivePackage = z.infer<typeof effective>;
export type StepRecord = z.infer<typeof stepRecordSchema>;
export type AddressStatus = NonNullable<VirtualMachineStatus['addresses']>[number];
export type OperationStatus = NonNullable<VirtualMachineStatus['operation']>;
