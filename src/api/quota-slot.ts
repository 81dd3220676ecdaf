// QuotaSlot: one place in the quota of a plan, in one namespace. Its name is the lock that keeps two machines out of it.
import { z } from 'zod';
import { objectName, objectReference } from './fields.ts';
import { type ApiObject, defineKind, withRules } from './object.ts';

/** More machines than any namespace has. */
export const MOST_PER_NAMESPACE = 100_000;

const slotSpec = withRules(
  z.object({
    planRef: objectReference('Plan'),
    number: z.int().min(1).max(1_000_000).describe('Number of the place, counted from 1.'),
    virtualMachine: z
      .object({
        name: objectName.describe('Name of the VirtualMachine, in the namespace of the slot.'),
        uid: z.string().min(1).max(64).describe('UID of the VirtualMachine.'),
      })
      .describe('The VirtualMachine that has the place.'),
  }),
  [{ rule: 'self == oldSelf', message: 'a slot cannot be changed; it is deleted and made anew' }],
);

export const quotaSlot = defineKind({
  kind: 'QuotaSlot',
  plural: 'quotaslots',
  singular: 'quotaslot',
  shortNames: ['pveslot'],
  scope: 'Namespaced',
  description:
    'One place in the quota that a plan sets to each namespace, held for one virtual machine. Its name is made of the plan and a number, so that the API server itself refuses a second one. There are none of a plan without a quota.',
  spec: slotSpec,
  selectableFields: ['.spec.planRef.name', '.spec.virtualMachine.name'],
  printerColumns: [
    { name: 'Plan', type: 'string', jsonPath: '.spec.planRef.name', description: 'Plan whose quota it counts in.' },
    { name: 'Number', type: 'integer', jsonPath: '.spec.number', description: 'Number of the place.' },
    { name: 'VM', type: 'string', jsonPath: '.spec.virtualMachine.name', description: 'The VM that has it.' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Age of the object.' },
  ],
});

export type QuotaSlotSpec = z.infer<typeof slotSpec>;
export type QuotaSlot = ApiObject<QuotaSlotSpec>;
