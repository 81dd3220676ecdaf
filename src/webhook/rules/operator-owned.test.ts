import { expect, test } from 'vitest';
import { aPlan } from '../../../test/builders/objects.ts';
import { aReservation, aRevision, created, holdRule, NAMESPACE, updated } from '../../../test/builders/admission.ts';
import { API_VERSION } from '../../api/object.ts';
import { KINDS } from '../../api/kinds.ts';
import type { KubeObject } from '../../kube/types.ts';
import { operatorOwned } from './operator-owned.ts';

const plain = (kind: string, spec: object, metadata: Partial<KubeObject['metadata']> = {}): KubeObject =>
  ({ apiVersion: API_VERSION, kind, metadata: { name: 'r-1', ...metadata }, spec }) as KubeObject;

const OBJECTS: Readonly<Record<string, KubeObject>> = {
  IPAddressReservation: aReservation('192.0.2.10'),
  VMIDReservation: plain('VMIDReservation', { vmid: 2000 }),
  PlanRevision: aRevision(aPlan()),
  QuotaSlot: plain('QuotaSlot', { number: 1 }, { namespace: NAMESPACE }),
  VirtualMachineRun: plain('VirtualMachineRun', { machine: 'deploy' }, { namespace: NAMESPACE }),
};

for (const rule of operatorOwned) {
  const object = OBJECTS[rule.kind] as KubeObject;
  const refused = [{ path: 'metadata.name', code: 'OperatorOnly', unless: 'restore' }] as const;
  const { name, namespace } = object.metadata;
  holdRule(rule, [
    { name: 'it is made', review: created(object), want: refused },
    {
      name: 'its spec is changed',
      review: updated(object, plain(rule.kind, { other: 1 }, { name, namespace })),
      want: refused,
    },
    { name: 'its status is changed', review: updated(object, { ...object, status: {} } as KubeObject), want: refused },
    {
      name: 'it is labelled',
      review: updated(object, { ...object, metadata: { ...object.metadata, labels: { a: 'b' } } }),
    },
    {
      name: 'it is untied from its owner',
      review: updated({ ...object, metadata: { ...object.metadata, ownerReferences: [] } }, object),
    },
  ]);
}

test('there is a rule for each of the kinds, with the plural that RBAC knows', () => {
  expect(operatorOwned.map(({ kind }) => kind).sort()).toEqual(Object.keys(OBJECTS).sort());
  for (const { kind, check } of operatorOwned) {
    const resource = check?.(created(OBJECTS[kind] as KubeObject), {} as never)[0]?.unless?.resource;
    expect(resource).toBe(KINDS.find((one) => one.kind === kind)?.plural);
  }
});

test('the right is asked for in the namespace of the object', () => {
  const [run] = operatorOwned.filter(({ kind }) => kind === 'VirtualMachineRun');
  const object = OBJECTS['VirtualMachineRun'] as KubeObject;
  expect(run?.check?.(created(object), {} as never)[0]?.unless).toMatchObject({ namespace: NAMESPACE, name: 'r-1' });
});
