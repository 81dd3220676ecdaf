// Plan: a package that is sold, and PlanRevision: an unchangeable copy of one state of it.
import { z } from 'zod';
import {
  allowedNamespaces,
  bridgeName,
  hostname,
  iops,
  megabytesPerSecond,
  nodeName,
  objectName,
  objectReference,
  sizeGiB,
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
import { optionSchemas } from './options.ts';
import { MOST_PER_NAMESPACE } from './quota-slot.ts';
import { OPERATION_TYPES } from './virtual-machine-operation.ts';

const template = z.object({
  vmid: vmid.describe('VMID of the template on the Proxmox cluster.'),
  family: z.enum(['Linux', 'Windows']).optional().describe('Family of its operating system. Default Linux.'),
});

const disk = (which: string, size: string, storage: string) =>
  z
    .object({
      storage: storageName.optional().describe(storage),
      sizeGiB: sizeGiB.optional().describe(size),
      readMBps: megabytesPerSecond.optional().describe('Read limit in MB/s. 0 or absent: unlimited.'),
      writeMBps: megabytesPerSecond.optional().describe('Write limit in MB/s. 0 or absent: unlimited.'),
      readIOPS: iops.optional().describe('Read limit in operations per second. 0 or absent: unlimited.'),
      writeIOPS: iops.optional().describe('Write limit in operations per second. 0 or absent: unlimited.'),
    })
    .describe(`${which} of the virtual machine.`);

const policy = z.enum(['ACCEPT', 'DROP', 'REJECT']);
const logLevel = z.enum(['nolog', 'info', 'notice', 'warning']);

/** What VMs are built from. One schema for Plan and PlanRevision: a revision is this part of the spec at one moment. */
export const planSpecSchema = z.object({
  clusterRef: objectReference('ProxmoxCluster'),
  allowedNamespaces: allowedNamespaces.optional(),
  template: template.describe('Template that is cloned unless the VM chooses another operating system.'),
  allowedTemplates: z
    .array(template)
    .max(256)
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['vmid'] })
    .optional()
    .describe('Further templates that a VM of this plan may choose as operating system.'),
  familyChange: z
    .enum(['Allowed', 'Forbidden'])
    .optional()
    .describe('Whether a VM may be reinstalled with an operating system of another family. Default Allowed.'),
  clientPermissions: z
    .object({
      operations: z
        .object({
          deny: z
            .array(z.enum(OPERATION_TYPES))
            .max(OPERATION_TYPES.length)
            .meta({ 'x-kubernetes-list-type': 'set' })
            .describe('Types of VirtualMachineOperation that are denied; Start and Stop also by runStrategy.'),
        })
        .optional()
        .describe('What may not be asked of VMs of this plan.'),
    })
    .optional()
    .describe(
      'What clients may not do with VMs of this plan. Whoever has the verb `bypass` on the plan may. Absent: nothing is denied.',
    ),
  targetNode: nodeName
    .optional()
    .describe('Node the VMs run on. Absent: the node that has the storage and the most free memory.'),
  cloneType: z
    .enum(['Linked', 'Full'])
    .optional()
    .describe('Linked shares the base disk with the template and is fast; Full copies it. Default Linked.'),
  rollOut: z
    .enum(['OnRequest', 'Automatic'])
    .optional()
    .describe(
      'How VMs that exist get an edit of this plan. OnRequest: by a VirtualMachineOperation of type ChangePackage; Automatic: by themselves. Default OnRequest.',
    ),
  firstVMID: vmid.optional().describe('VMIDs are given out in sequence from this one on. Default 100.'),
  nameRule: matching(
    /^([a-zA-Z0-9.-]|\{(client_id|service_id|random_digit_[1-9][0-9]?|random_letter_[1-9][0-9]?|unixtime|year|month|day|hour|minute|second)\})+$/,
    'must be letters, digits, hyphens, dots and known macros, for example {client_id}-{service_id}',
    { max: 200 },
  )
    .optional()
    .describe(
      'Name of the VM in Proxmox. Macros: {client_id} {service_id} {random_digit_X} {random_letter_X} {unixtime} {year} {month} {day} {hour} {minute} {second}. Default {client_id}-{service_id}; without billing ids the name is <namespace>-<name>.',
    ),
  cpuCores: optionSchemas.cpuCores.optional().describe('Number of virtual CPU cores. Default 1.'),
  memoryGiB: optionSchemas.memoryGiB.optional().describe('Memory in GiB. Default 1.'),
  backups: optionSchemas.backups
    .optional()
    .describe('Most backups a VM may keep. 0 means that backups are off. Default 0.'),
  snapshots: optionSchemas.snapshots
    .optional()
    .describe('Most snapshots a VM may keep. 0 means that snapshots are off. Default 0.'),
  osUser: matching(
    /^[a-z_][a-z0-9_-]*$/,
    'must be a user name: a lower-case letter or underscore, then lower-case letters, digits, hyphens and underscores',
    { max: 32 },
  )
    .optional()
    .describe('User that cloud-init makes in the guest. Absent: a random name for each VM.'),
  network: z
    .object({
      model: z
        .enum(['AsInTemplate', 'virtio', 'e1000', 'rtl8139', 'vmxnet3'])
        .optional()
        .describe('Model of the network card. Default AsInTemplate.'),
      bridge: bridgeName
        .optional()
        .describe('Bridge of the network card. Default vmbr0. With autoNetwork the pool decides.'),
      vlan: vlanTag
        .optional()
        .describe('VLAN tag of the network card, 0 for none. Default 0. With autoNetwork the pool decides.'),
      autoNetwork: z
        .boolean()
        .optional()
        .describe('Whether bridge and VLAN come from the pool that gives the main address. Default true.'),
      rateMBps: megabytesPerSecond.optional().describe('Limit of the network card in MB/s. 0 or absent: unlimited.'),
      ipv4Addresses: optionSchemas.ipv4Addresses.optional().describe('Number of IPv4 addresses. Default 1.'),
      ipv6Addresses: optionSchemas.ipv6Addresses.optional().describe('Number of IPv6 addresses. Default 0.'),
      dhcpIPv4: z
        .boolean()
        .optional()
        .describe(
          'Configure the guest for DHCP on IPv4. Default false. With DHCP no firewall rules are set, because the address is not known.',
        ),
      dhcpIPv6: z.boolean().optional().describe('Configure the guest for DHCP on IPv6. Default false. See dhcpIPv4.'),
    })
    .optional()
    .describe('Network card and number of addresses.'),
  firewall: z
    .object({
      enabled: z.boolean().optional().describe('Whether the firewall of the VM is on. Default true.'),
      dhcp: z.boolean().optional().describe('Allow DHCP. Default true.'),
      ndp: z.boolean().optional().describe('Allow the neighbour discovery of IPv6. Default true.'),
      routerAdvertisement: z
        .boolean()
        .optional()
        .describe('Allow the VM to send router advertisements. Default false.'),
      macFilter: z.boolean().optional().describe('Only the MAC address of the VM may send. Default true.'),
      ipFilter: z
        .boolean()
        .optional()
        .describe("Restrict every network card to its own addresses (Proxmox's `ipfilter`). Default false."),
      antiSpoofing: z
        .boolean()
        .optional()
        .describe('Keep the set ipfilter-net0 with the addresses of the VM. Default true.'),
      inputPolicy: policy.optional().describe('What happens to incoming traffic that no rule names. Default ACCEPT.'),
      outputPolicy: policy.optional().describe('What happens to outgoing traffic that no rule names. Default ACCEPT.'),
      inputLogLevel: logLevel.optional().describe('Log level of incoming traffic. Default nolog.'),
      outputLogLevel: logLevel.optional().describe('Log level of outgoing traffic. Default nolog.'),
    })
    .optional()
    .describe('Firewall of the VM.'),
  systemDisk: disk(
    'System disk',
    'Size in GiB. 0 or absent keeps the size of the template.',
    'Storage of the system disk. Absent: the storage of the template. A linked clone stays on the storage of the template.',
  ).optional(),
  additionalDisk: disk(
    'Additional disk',
    'Size in GiB. 0 or absent: no additional disk.',
    'Storage of the additional disk. Absent: the storage of the system disk.',
  ).optional(),
  domain: hostname.optional().describe('Domain under which VMs without a hostname get their FQDN: <name>.<domain>.'),
});

const quota = z.object({
  virtualMachinesPerNamespace: z
    .int()
    .min(0)
    .max(MOST_PER_NAMESPACE)
    .optional()
    .describe(
      'How many VirtualMachines of this plan each namespace may have. One more waits until there is room. 0: no new ones. Absent: as many as it likes.',
    ),
});

// Beside what VMs are built from: another quota is no other package, and makes no revision that they would have to follow.
const fullPlanSpecSchema = planSpecSchema.extend({
  quota: quota
    .optional()
    .describe(
      'How much of this plan may be used. It counts from the moment it is set, for VMs that exist as well; none that runs is touched when it is lowered.',
    ),
});

const planSpec = withRules(fullPlanSpecSchema, [
  {
    rule: 'self.clusterRef == oldSelf.clusterRef',
    message: 'clusterRef cannot be changed: make a new Plan',
    fieldPath: '.clusterRef',
  },
]);

const planStatus = z.object({
  observedGeneration: observedGenerationSchema.optional(),
  currentRevision: objectName.optional().describe('Name of the PlanRevision that equals the spec.'),
  virtualMachines: z.int().min(0).optional().describe('Number of VirtualMachine objects of this plan.'),
  conditions: conditionsSchema.optional(),
});

export const plan = defineKind({
  kind: 'Plan',
  plural: 'plans',
  singular: 'plan',
  shortNames: ['pveplan'],
  scope: 'Cluster',
  description:
    'A package of virtual machines as it is sold. An edit never moves a running VM: every VM keeps the revision it was built from.',
  rules: [nameAtMost(52, 'it is part of the names of its revisions')],
  spec: planSpec,
  status: planStatus,
  selectableFields: ['.spec.clusterRef.name'],
  printerColumns: [
    {
      name: 'Ready',
      type: 'string',
      jsonPath: ".status.conditions[?(@.type=='Ready')].status",
      description: 'Whether VMs of this plan can be deployed.',
    },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: ".status.conditions[?(@.type=='Ready')].reason",
      description: 'Why it is ready or not.',
    },
    { name: 'Cluster', type: 'string', jsonPath: '.spec.clusterRef.name', description: 'Cluster of the plan.' },
    { name: 'Template', type: 'integer', jsonPath: '.spec.template.vmid', description: 'Template of the plan.' },
    { name: 'Cores', type: 'integer', jsonPath: '.spec.cpuCores', description: 'CPU cores.', priority: 1 },
    { name: 'Memory', type: 'integer', jsonPath: '.spec.memoryGiB', description: 'Memory in GiB.', priority: 1 },
    { name: 'VMs', type: 'integer', jsonPath: '.status.virtualMachines', description: 'VMs of this plan.' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Age of the object.' },
  ],
});

const revisionSpec = withRules(
  z.object({
    planName: objectName.describe('Name of the Plan.'),
    revision: z.int().min(1).describe('Number of the revision, counted up with each different spec.'),
    plan: planSpecSchema.describe('The spec of the plan at that moment.'),
  }),
  [
    {
      rule: 'self == oldSelf',
      message: 'a revision cannot be changed: edit the Plan, the operator makes a new revision',
    },
  ],
);

export const planRevision = defineKind({
  kind: 'PlanRevision',
  plural: 'planrevisions',
  singular: 'planrevision',
  shortNames: ['pverev'],
  scope: 'Cluster',
  description: 'An unchangeable copy of a plan, made by the operator. A VM names the revision it was built from.',
  spec: revisionSpec,
  selectableFields: ['.spec.planName'],
  printerColumns: [
    { name: 'Plan', type: 'string', jsonPath: '.spec.planName', description: 'Name of the plan.' },
    { name: 'Revision', type: 'integer', jsonPath: '.spec.revision', description: 'Number of the revision.' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Age of the object.' },
  ],
});

export type PlanSpec = z.infer<typeof planSpecSchema>;
/** The spec of a Plan: what VMs are built from, and how many there may be. */
export type FullPlanSpec = z.infer<typeof fullPlanSpecSchema>;
export type PlanStatus = z.infer<typeof planStatus>;
export type Plan = ApiObject<FullPlanSpec, PlanStatus>;
export type PlanRevisionSpec = z.infer<typeof revisionSpec>;
export type PlanRevision = ApiObject<PlanRevisionSpec>;
