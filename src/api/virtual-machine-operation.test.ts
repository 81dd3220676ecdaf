import { describe, expect, test } from 'vitest';
import { rootSchema } from './crd.ts';
import { parseSpec } from './parse.ts';
import { STATES } from './states.ts';
import {
  OPERATION_DEFAULTS,
  OPERATION_TYPES,
  RESET_TARGETS,
  virtualMachineOperation,
} from './virtual-machine-operation.ts';

const base = { virtualMachineName: 'web-1', type: 'Start' };
const uid = '6a0a5f6e-6d7b-4c1b-9d38-3c1b8d3f7a11';

describe('the spec of an operation', () => {
  test.each<{ name: string; spec: object }>([
    { name: 'the least', spec: base },
    { name: 'a stop at once', spec: { ...base, type: 'Stop', stop: { gracePeriodSeconds: 0 } } },
    { name: 'a stop with the longest patience', spec: { ...base, type: 'Stop', stop: { gracePeriodSeconds: 3600 } } },
    { name: 'a reinstallation', spec: { ...base, type: 'Reinstall', reinstall: { confirmation: 'REINSTALL' } } },
    {
      name: 'a reinstallation from another template',
      spec: { ...base, type: 'Reinstall', reinstall: { confirmation: 'REINSTALL', template: 9001 } },
    },
    { name: 'a reset', spec: { ...base, type: 'ResetStatus', resetStatus: { state: 'set_ip' } } },
    { name: 'an adoption', spec: { ...base, type: 'Adopt', adopt: { vmid: 2000, mode: 'Observe', previousUID: uid } } },
    { name: 'the shortest times', spec: { ...base, deadlineSeconds: 1, ttlSecondsAfterFinished: 0 } },
    { name: 'the longest times', spec: { ...base, deadlineSeconds: 604_800, ttlSecondsAfterFinished: 31_536_000 } },
  ])('$name is taken as it is', ({ spec }) => {
    expect(parseSpec(virtualMachineOperation, spec)).toEqual({ ok: true, value: spec });
  });

  test.each<{ name: string; spec: object; path: string }>([
    { name: 'no VM', spec: { type: 'Start' }, path: 'spec.virtualMachineName' },
    { name: 'no type', spec: { virtualMachineName: 'web-1' }, path: 'spec.type' },
    { name: 'an unknown type', spec: { ...base, type: 'Explode' }, path: 'spec.type' },
    {
      name: 'the word in small letters',
      spec: { ...base, reinstall: { confirmation: 'reinstall' } },
      path: 'spec.reinstall.confirmation',
    },
    {
      name: 'a reinstallation without the word',
      spec: { ...base, reinstall: {} },
      path: 'spec.reinstall.confirmation',
    },
    {
      name: 'more than an hour of patience',
      spec: { ...base, stop: { gracePeriodSeconds: 3601 } },
      path: 'spec.stop.gracePeriodSeconds',
    },
    {
      name: 'a state that nothing starts at',
      spec: { ...base, resetStatus: { state: 'starting' } },
      path: 'spec.resetStatus.state',
    },
    { name: 'an adoption without a mode', spec: { ...base, adopt: { vmid: 2000 } }, path: 'spec.adopt.mode' },
    {
      name: 'a UID that is none',
      spec: { ...base, adopt: { vmid: 2000, mode: 'Observe', previousUID: 'x' } },
      path: 'spec.adopt.previousUID',
    },
    { name: 'no time at all', spec: { ...base, deadlineSeconds: 0 }, path: 'spec.deadlineSeconds' },
    { name: 'more than a week', spec: { ...base, deadlineSeconds: 604_801 }, path: 'spec.deadlineSeconds' },
    {
      name: 'more than a year',
      spec: { ...base, ttlSecondsAfterFinished: 31_536_001 },
      path: 'spec.ttlSecondsAfterFinished',
    },
  ])('$name is refused', ({ spec, path }) => {
    const parsed = parseSpec(virtualMachineOperation, spec);
    expect(parsed.ok ? [] : parsed.problems.map((problem) => problem.path)).toEqual([path]);
  });
});

test('a pipeline can be started again at states that there are', () => {
  expect(
    RESET_TARGETS.filter((target) => target !== 'remove' && !(STATES as readonly string[]).includes(target)),
  ).toEqual([]);
});

test('the descriptions name the defaults that the operator assumes', () => {
  const { spec } = rootSchema(virtualMachineOperation).properties ?? {};
  const said = (node: { description?: string } | undefined) => node?.description ?? '';
  expect(said(spec?.properties?.stop?.properties?.gracePeriodSeconds)).toContain(
    `Default ${OPERATION_DEFAULTS.gracePeriodSeconds}.`,
  );
  expect(said(spec?.properties?.deadlineSeconds)).toContain(`Default ${OPERATION_DEFAULTS.deadlineSeconds}.`);
});

test('types are single words in PascalCase', () => {
  expect(OPERATION_TYPES.filter((type) => !/^[A-Z][A-Za-z]+$/.test(type))).toEqual([]);
  expect(new Set(OPERATION_TYPES).size).toBe(OPERATION_TYPES.length);
});
