// VirtualMachineRun: the record of one run of a pipeline, step by step.
import { z } from 'zod';
import { objectName } from './fields.ts';
import { type ApiObject, defineKind, withRules } from './object.ts';
import { stepRecordSchema } from './virtual-machine-status.ts';

const spec = withRules(
  z.object({
    virtualMachineName: objectName.describe('VirtualMachine of the run.'),
    number: z.int().min(1).describe('Number of the run, counted per VM.'),
    machine: z.string().max(64).describe('Pipeline, for example deploy or change_package.'),
    trigger: z.string().max(128).describe('What started it.'),
    from: z.string().max(64).describe('State when it began.'),
  }),
  [{ rule: 'self == oldSelf', message: 'a run cannot be changed' }],
);

const status = z.object({
  result: z
    .enum(['Running', 'Succeeded', 'Failed'])
    .describe('What became of the run. Failed: it waits for a person and goes on by itself when the cause is gone.'),
  to: z.string().max(64).optional().describe('State that was reached.'),
  error: z.string().max(300).optional().describe('What it is stopped by.'),
  startedAt: z.string().meta({ format: 'date-time' }).optional().describe('When it began.'),
  completedAt: z.string().meta({ format: 'date-time' }).optional().describe('When it was done.'),
  durationMs: z.int().min(0).optional().describe('How long it took, in milliseconds.'),
  duration: z.string().max(32).optional().describe('How long it took, for people: 12.3s, 4m05s or 1h02m.'),
  steps: z.array(stepRecordSchema).max(64).optional().describe('The steps, in order.'),
  taskIDs: z.array(z.string().max(256)).max(64).optional().describe('Tasks (UPIDs) in Proxmox VE.'),
});

export const virtualMachineRun = defineKind({
  kind: 'VirtualMachineRun',
  plural: 'virtualmachineruns',
  singular: 'virtualmachinerun',
  shortNames: ['pvmrun'],
  scope: 'Namespaced',
  description:
    'The record of one run of a pipeline: each step with its result, time and duration. The newest 50 of a VM are kept.',
  spec,
  status,
  selectableFields: ['.spec.virtualMachineName', '.status.result'],
  printerColumns: [
    { name: 'VM', type: 'string', jsonPath: '.spec.virtualMachineName', description: 'The VM.' },
    { name: 'Pipeline', type: 'string', jsonPath: '.spec.machine', description: 'Pipeline that ran.' },
    { name: 'Result', type: 'string', jsonPath: '.status.result', description: 'What became of it.' },
    { name: 'To', type: 'string', jsonPath: '.status.to', description: 'State that was reached.' },
    { name: 'Took', type: 'string', jsonPath: '.status.duration', description: 'How long it took.' },
    { name: 'Error', type: 'string', jsonPath: '.status.error', description: 'What it is stopped by.', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Age of the object.' },
  ],
});

export type VirtualMachineRunSpec = z.infer<typeof spec>;
export type VirtualMachineRunStatus = z.infer<typeof status>;
export type VirtualMachineRun = ApiObject<VirtualMachineRunSpec, VirtualMachineRunStatus>;
