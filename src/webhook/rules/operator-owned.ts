// Objects that only the operator writes: what it has given out and what it has recorded.
import type { OperatorOwned, Rule } from '../rule.ts';
import { changes } from './change.ts';

const KINDS: Readonly<Record<string, OperatorOwned>> = {
  IPAddressReservation: 'ipaddressreservations',
  VMIDReservation: 'vmidreservations',
  PlanRevision: 'planrevisions',
  VirtualMachineRun: 'virtualmachineruns',
  QuotaSlot: 'quotaslots',
};

/** One rule for each of the kinds. */
export const operatorOwned: readonly Rule[] = Object.entries(KINDS).map(([kind, resource]) => ownedBy(kind, resource));

function ownedBy(kind: string, resource: OperatorOwned): Rule {
  const sentence = `${kind} objects are written by the operator. To restore them from a backup the verb "restore" on ${resource} is needed.`;
  return {
    id: `operator-writes-${resource}`,
    kind,
    verbs: ['CREATE', 'UPDATE'],
    title: `${kind} objects are written by the operator only, and by who restores a backup.`,
    codes: ['OperatorOnly'],
    rights: ['restore'],
    example: sentence,
    check(review) {
      const { object, namespace } = review;
      // The garbage collector unties objects from their owners, and a label harms nobody.
      if (!changes(review, (whole) => ({ ...whole, metadata: undefined }))) return [];
      const unless = {
        verb: 'restore' as const,
        resource,
        name: object.metadata.name,
        ...(namespace === '' ? {} : { namespace }),
      };
      return [{ path: 'metadata.name', code: 'OperatorOnly' as const, message: sentence, unless }];
    },
  } satisfies Rule;
}
