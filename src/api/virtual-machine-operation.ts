// VirtualMachineOperation: one thing to be done once to a VirtualMachine, asked for as an object, and what became of it.
import { z } from 'zod';
import { objectName, vmid } from './fields.ts';
import {
  type ApiObject,
  type CelRule,
  conditionsSchema,
  defineKind,
  matching,
  observedGenerationSchema,
  withRules,
} from './object.ts';

/** One step of the pipelines again, each on its own. */
export const SINGLE_STEP_TYPES = [
  'SetAddresses',
  'SetCPUAndMemory',
  'SetSystemDiskSize',
  'SetSystemDiskLimits',
  'CreateAdditionalDisk',
  'SetAdditionalDiskSize',
  'SetAdditionalDiskLimits',
  'SetNetwork',
  'SetFirewall',
  'SetCloudInit',
] as const;

/** Everything that can be asked of a VM, one word each. */
export const OPERATION_TYPES = [
  'Start',
  'Stop',
  'Reboot',
  'Reset',
  'Reinstall',
  'Redeploy',
  'ResetStatus',
  'SetDNSRecords',
  'ChangePackage',
  'ResetPassword',
  'RetryTerminate',
  'Adopt',
  ...SINGLE_STEP_TYPES,
] as const;

/** Where ResetStatus can have a pipeline start again; the words are those of `status.state`, `remove` forgets the VM. */
export const RESET_TARGETS = [
  'ready',
  'creation',
  'set_ip',
  'change_package',
  'set_dns_records',
  'terminate',
  'remove',
] as const;

/** What is assumed when an operation says nothing. */
export const OPERATION_DEFAULTS = { gracePeriodSeconds: 60, deadlineSeconds: 3_600 } as const;

/** The parameters of a type are there exactly when the type is. */
function onlyWith(field: string, type: OperationType): CelRule {
  return {
    rule: `has(self.${field}) == (self.type == '${type}')`,
    message: `${field} must be set with type ${type}, and with no other type`,
    fieldPath: `.${field}`,
  };
}

const stop = z
  .object({
    gracePeriodSeconds: z
      .int()
      .min(0)
      .max(3_600)
      .optional()
      .describe(
        'Time that the guest has to shut down before it is forced to, in seconds. 0 forces at once. Default 60.',
      ),
  })
  .describe('How to stop; only with type Stop or Reboot.');

const reinstall = z
  .object({
    confirmation: z.enum(['REINSTALL']).describe('The word REINSTALL: everything on the disks of the VM is destroyed.'),
    template: vmid
      .optional()
      .describe('VMID of the template, one that the plan allows. Absent: the one that the VM was built from.'),
  })
  .describe('What to install; required with type Reinstall.');

const redeploy = z
  .object({
    confirmation: z
      .enum(['REDEPLOY'])
      .describe('The word REDEPLOY: the VM is destroyed with everything on its disks, and its addresses are released.'),
  })
  .describe('Required with type Redeploy.');

const resetStatus = withRules(
  z.object({
    state: z
      .enum(RESET_TARGETS)
      .describe(
        'Where the pipeline starts again; what is observed still decides what it does. `remove` forgets the VM without touching Proxmox VE.',
      ),
    confirmation: z.enum(['REMOVE']).optional().describe('The word REMOVE, required with state `remove`.'),
  }),
  [
    {
      rule: "has(self.confirmation) == (self.state == 'remove')",
      message: 'confirmation must be REMOVE with state remove, and must not be set with another state',
      fieldPath: '.confirmation',
    },
  ],
).describe('Where to start again; required with type ResetStatus.');

const adopt = z
  .object({
    vmid: vmid.describe('VMID of the VM in Proxmox VE.'),
    mode: z
      .enum(['Observe', 'TakeOver'])
      .describe(
        'Observe: changes nothing and reports what TakeOver would change. TakeOver: this object becomes the owner of the VM.',
      ),
    previousUID: matching(
      /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
      'must be the UID of an object: lower-case hexadecimal digits in groups of 8, 4, 4, 4 and 12',
      { max: 36 },
    )
      .optional()
      .describe(
        'UID of the VirtualMachine whose stamp the VM carries, when the object was restored from a backup and has a new one. Absent: the VM must carry no stamp, or that of this object.',
      ),
  })
  .describe('Which VM to adopt; required with type Adopt.');

const spec = withRules(
  z.object({
    virtualMachineName: objectName.describe(
      'VirtualMachine in the same namespace. It may be made later: the operation waits for it until its deadline.',
    ),
    type: z.enum(OPERATION_TYPES).describe('What to do.'),
    stop: stop.optional(),
    reinstall: reinstall.optional(),
    redeploy: redeploy.optional(),
    resetStatus: resetStatus.optional(),
    adopt: adopt.optional(),
    deadlineSeconds: z
      .int()
      .min(1)
      .max(604_800)
      .optional()
      .describe(
        'How long after its creation the operation may take, in seconds. One that has not begun by then is not executed; one that is being done counts as failed, and is given up if that leaves nothing half made. Default 3600.',
      ),
    ttlSecondsAfterFinished: z
      .int()
      .min(0)
      .max(31_536_000)
      .optional()
      .describe(
        'How long the object is kept after it finished, in seconds. The VM then remembers that it was executed, and the same request is not executed again. Absent: the object is kept as long as the VM.',
      ),
  }),
  [
    { rule: 'self == oldSelf', message: 'an operation cannot be changed: make a new one' },
    {
      rule: "!has(self.stop) || self.type in ['Stop', 'Reboot']",
      message: 'stop must not be set with a type other than Stop and Reboot',
      fieldPath: '.stop',
    },
    onlyWith('reinstall', 'Reinstall'),
    onlyWith('redeploy', 'Redeploy'),
    onlyWith('resetStatus', 'ResetStatus'),
    onlyWith('adopt', 'Adopt'),
  ],
);

const time = z.string().meta({ format: 'date-time' });

const status = z.object({
  observedGeneration: observedGenerationSchema.optional(),
  startedAt: time.optional().describe('When its pipeline began.'),
  completedAt: time.optional().describe('When it finished, or when it was decided that it is not executed.'),
  runName: objectName.optional().describe('VirtualMachineRun that records what it caused.'),
  observations: z.array(z.string().max(300)).max(64).optional().describe('What Adopt in the mode Observe saw.'),
  conditions: conditionsSchema.optional(),
});

export const virtualMachineOperation = defineKind({
  kind: 'VirtualMachineOperation',
  plural: 'virtualmachineoperations',
  singular: 'virtualmachineoperation',
  shortNames: ['pvmop'],
  scope: 'Namespaced',
  description:
    'Something to be done once to a virtual machine: power, reinstallation, a new password, a single step again. One runs at a time for each VM; the others wait in the order of their creation.',
  spec,
  status,
  selectableFields: ['.spec.virtualMachineName', '.spec.type'],
  printerColumns: [
    { name: 'VM', type: 'string', jsonPath: '.spec.virtualMachineName', description: 'The VM.' },
    { name: 'Type', type: 'string', jsonPath: '.spec.type', description: 'What to do.' },
    {
      name: 'Succeeded',
      type: 'string',
      jsonPath: ".status.conditions[?(@.type=='Succeeded')].status",
      description: 'Whether it was done; Unknown until it is decided.',
    },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: ".status.conditions[?(@.type=='Succeeded')].reason",
      description: 'Why.',
    },
    { name: 'Run', type: 'string', jsonPath: '.status.runName', description: 'The record of what it caused.' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Age of the object.' },
  ],
});

export type OperationType = (typeof OPERATION_TYPES)[number];
export type VirtualMachineOperationSpec = z.infer<typeof spec>;
export type VirtualMachineOperationStatus = z.infer<typeof status>;
export type VirtualMachineOperation = ApiObject<VirtualMachineOperationSpec, VirtualMachineOperationStatus>;
