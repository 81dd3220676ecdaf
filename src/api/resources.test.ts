import { expect, test } from 'vitest';
import { apiVersionOf, type KubeObject, type ResourceType } from '../kube/types.ts';
import { KINDS } from './kinds.ts';
import { API_VERSION } from './object.ts';
import { resources } from './resources.ts';

const ours: ResourceType<KubeObject>[] = Object.values(resources).filter(({ group }) => group !== '');

test('every kind is named once', () => {
  expect(ours.map(({ kind }) => kind).sort()).toEqual(KINDS.map(({ kind }) => kind).sort());
});

test.each(ours)('$kind is where its definition says', (type) => {
  const kind = KINDS.find((candidate) => candidate.kind === type.kind);
  expect(apiVersionOf(type)).toBe(API_VERSION);
  expect({ plural: type.plural, namespaced: type.namespaced }).toEqual({
    plural: kind?.plural,
    namespaced: kind?.scope === 'Namespaced',
  });
});

test.each<{ kind: ResourceType<KubeObject>; namespaced: boolean }>([
  { kind: resources.virtualMachine, namespaced: true },
  { kind: resources.virtualMachineRun, namespaced: true },
  { kind: resources.virtualMachineOperation, namespaced: true },
  { kind: resources.secret, namespaced: true },
  { kind: resources.plan, namespaced: false },
  { kind: resources.ipAddressReservation, namespaced: false },
])('$kind.kind is namespaced: $namespaced', ({ kind, namespaced }) => {
  expect(kind.namespaced).toBe(namespaced);
});
