// VirtualMachine: the object a tenant, a pipeline or a billing panel writes, and what became of it.
import { z } from 'zod';
import { hostname, objectReference } from './fields.ts';
import { type ApiObject, defineKind, matching, nameAtMost, withRules } from './object.ts';
import { optionsSchema } from './options.ts';
import { statusSchema, type VirtualMachineStatus } from './virtual-machine-status.ts';

const growOnly = (field: string) => ({
  rule: `!has(oldSelf.${field}) || !has(self.${field}) || self.${field} >= oldSelf.${field}`,
  message: `${field} can only grow: Proxmox VE cannot shrink a disk; ask for at least the size it has`,
  fieldPath: `.${field}`,
});

/** Where the only disk that may go is named; a standing "yes" would also destroy the next one. */
const CONSENT = 'has(self.consent) && has(self.consent.destroyVolumes) && size(self.consent.destroyVolumes) > 0';

const additionalDiskGrowsOrGoes = {
  rule: [
    '!has(self.options) || !has(self.options.additionalDiskGiB)',
    '!has(oldSelf.options) || !has(oldSelf.options.additionalDiskGiB)',
    'self.options.additionalDiskGiB >= oldSelf.options.additionalDiskGiB',
    `(self.options.additionalDiskGiB == 0 && ${CONSENT})`,
  ].join(' || '),
  message:
    'additionalDiskGiB can only grow: Proxmox VE cannot shrink a disk; 0 removes it when spec.consent.destroyVolumes names its volume',
  fieldPath: '.options.additionalDiskGiB',
};

/**
 * An option that is set for the first time, or again after it was removed, is held against what the machine was built
 * with. It is looked at only when it changes: the operator must be able to write status whatever the spec says.
 */
const notBelowBuilt = (field: string, ...exceptions: string[]) => ({
  rule: [
    `!has(self.spec.options) || !has(self.spec.options.${field})`,
    `!has(oldSelf.status) || !has(oldSelf.status.effective)`,
    `(has(oldSelf.spec.options) && has(oldSelf.spec.options.${field}) && self.spec.options.${field} == oldSelf.spec.options.${field})`,
    `self.spec.options.${field} >= oldSelf.status.effective.${field}`,
    ...exceptions,
  ].join(' || '),
  message: `spec.options.${field} must not be less than what the machine was built with (status.effective.${field}): Proxmox VE cannot shrink a disk`,
  fieldPath: `.spec.options.${field}`,
});

const billingID = matching(
  /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/,
  'must be letters, digits and hyphens, because it becomes part of a name',
  { max: 63 },
);

const volumeID = matching(
  /^[a-zA-Z][a-zA-Z0-9._-]*:([a-zA-Z0-9_/+:@-]|\.[a-zA-Z0-9_/+:@-])+$/,
  'must be a volume id: storage:volume, of letters, digits and _ / + : @ - with single dots between them',
  { min: 3, max: 256 },
);

/** Proxmox VE's `pve-configid`, in its length for snapshots. */
const snapshotName = matching(
  /^[a-zA-Z][a-zA-Z0-9_-]+$/,
  'must be the name of a snapshot: a letter, then letters, digits, hyphens and underscores',
  { min: 2, max: 40 },
);

const spec = withRules(
  z.object({
    planRef: objectReference('Plan'),
    options: withRules(optionsSchema, [growOnly('systemDiskGiB')])
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
    runStrategy: z
      .enum(['Always', 'Halted', 'Manual'])
      .optional()
      .describe(
        'Who decides about power. Always: the operator keeps the VM running; Halted: stopped; Manual: it is started by the deploy and then left to operations and people. Unset means Manual.',
      ),
    suspension: z
      .object({ reason: z.string().min(1).max(256).describe('Why, for example unpaid.') })
      .optional()
      .describe(
        'Set by billing: the VM is stopped and kept stopped, whatever runStrategy says. Taken away, it is as it was before.',
      ),
    driftPolicy: z
      .enum(['Report', 'Correct'])
      .optional()
      .describe(
        'What happens when somebody changes the VM in Proxmox VE. Report: it is shown; Correct: it is changed back. Unset means Report. Nothing is ever destroyed for it.',
      ),
    deletionPolicy: z
      .enum(['Delete', 'Retain'])
      .optional()
      .describe(
        'What becomes of the VM when this object is deleted. Retain: it stays as it is, with its addresses reserved. Unset means Delete.',
      ),
    deletionProtection: z
      .boolean()
      .optional()
      .describe(
        'While true, a deletion of this object destroys nothing and waits, and operations that would destroy the VM or its disks (Reinstall, Redeploy, ResetStatus to terminate or remove) are refused. Unset means false.',
      ),
    consent: z
      .object({
        destroyVolumes: z
          .array(volumeID.describe('Volume as Proxmox VE names it, for example local-lvm:vm-2002-disk-1.'))
          .max(16)
          .meta({ 'x-kubernetes-list-type': 'set' })
          .optional()
          .describe('Volumes that may be destroyed when the package has no additional disk any more.'),
        deleteSnapshots: z
          .array(snapshotName.describe('Name of a snapshot.'))
          .max(64)
          .meta({ 'x-kubernetes-list-type': 'set' })
          .optional()
          .describe('Snapshots that may be deleted when Proxmox VE refuses to resize a disk because of them.'),
      })
      .optional()
      .describe('What may be destroyed, by name: a consent to one disk is none to the next.'),
  }),
  [
    additionalDiskGrowsOrGoes,
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
    notBelowBuilt(
      'additionalDiskGiB',
      `(self.spec.options.additionalDiskGiB == 0 && ${CONSENT.replaceAll('self.', 'self.spec.')})`,
    ),
  ],
  spec,
  status: statusSchema,
  selectableFields: ['.spec.planRef.name', '.status.state', '.status.node', '.status.vmid'],
  printerColumns: [
    {
      name: 'Ready',
      type: 'string',
      jsonPath: ".status.conditions[?(@.type=='Ready')].status",
      description: 'Whether the VM is up as declared.',
    },
    {
      name: 'Status',
      type: 'string',
      jsonPath: '.status.printableStatus',
      description: 'What is done with the VM, or why it is as it is.',
    },
    { name: 'State', type: 'string', jsonPath: '.status.state', description: 'Last completed step.' },
    { name: 'Doing', type: 'string', jsonPath: '.status.operation.step', description: 'Step that is being done.' },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: ".status.conditions[?(@.type=='Ready')].reason",
      description: 'Why it is ready or not.',
      priority: 1,
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
export type VirtualMachine = ApiObject<VirtualMachineSpec, VirtualMachineStatus>;
