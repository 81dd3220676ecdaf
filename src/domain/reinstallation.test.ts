// What a reinstallation installs, by what is named, declared and built, and what it must not.
import { describe, expect, test } from 'vitest';
import { aPackage, anOwner } from '../../test/builders/facts.ts';
import { aPlan } from '../../test/builders/objects.ts';
import type { PlanSpec } from '../api/plan.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../api/virtual-machine.ts';
import { reinstallation } from './reinstallation.ts';

const LINUX = 9000;
const OTHER_LINUX = 9001;
const WINDOWS = 9100;

function offering(familyChange?: PlanSpec['familyChange']): PlanSpec {
  const allowedTemplates = [{ vmid: OTHER_LINUX }, { vmid: WINDOWS, family: 'Windows' as const }];
  return aPlan({ template: { vmid: LINUX }, allowedTemplates, familyChange }).spec;
}

/** A VM that was built from a template; without one it was not built yet. */
function aVm(built: number | undefined, spec: Partial<VirtualMachineSpec> = {}): VirtualMachine {
  const vm = anOwner();
  const status = built === undefined ? undefined : { effective: aPackage({ operatingSystem: built }) };
  return { ...vm, spec: { ...vm.spec, ...spec }, status };
}

const declared = (operatingSystem: number) => ({ options: { operatingSystem } });

describe('without a word about families', () => {
  test.each<{ name: string; vm: VirtualMachine; named?: number; want: number }>([
    { name: 'what the plan says', vm: aVm(LINUX), want: LINUX },
    { name: 'what the plan says, whatever was there', vm: aVm(OTHER_LINUX), want: LINUX },
    { name: 'what the options say', vm: aVm(LINUX, declared(OTHER_LINUX)), want: OTHER_LINUX },
    { name: 'what is named', vm: aVm(LINUX, declared(OTHER_LINUX)), named: WINDOWS, want: WINDOWS },
    { name: 'what was there, where the options are wrong', vm: aVm(OTHER_LINUX, declared(666)), want: OTHER_LINUX },
    {
      name: 'what is named, where the options are wrong',
      vm: aVm(LINUX, declared(666)),
      named: WINDOWS,
      want: WINDOWS,
    },
    { name: 'what the plan says, where nothing was there', vm: aVm(undefined), want: LINUX },
  ])('installs $name', ({ vm, named, want }) => {
    expect(reinstallation(vm, offering(), named)).toEqual({ kind: 'installs', operatingSystem: want });
  });

  test('knows nothing to install where nothing was there and the options are wrong', () => {
    const want = { kind: 'installs', operatingSystem: undefined };
    expect(reinstallation(aVm(undefined, declared(666)), offering('Forbidden'), undefined)).toEqual(want);
  });

  test('refuses what the plan does not allow', () => {
    const message = 'The template 666 is not one that the plan allows; choose 9000, 9001, 9100.';
    const want = { kind: 'refused', refusal: { reason: 'NotAllowed', message } };
    expect(reinstallation(aVm(LINUX), offering(), 666)).toEqual(want);
  });
});

describe('where families must not be mixed', () => {
  test.each<{ name: string; vm: VirtualMachine; named?: number; refused: boolean }>([
    { name: 'what is named, of the other family', vm: aVm(LINUX), named: WINDOWS, refused: true },
    { name: 'what is named, back again', vm: aVm(WINDOWS), named: LINUX, refused: true },
    { name: 'what is declared, of the other family', vm: aVm(LINUX, declared(WINDOWS)), refused: true },
    { name: 'what the plan says, of the other family', vm: aVm(WINDOWS), refused: true },
    { name: 'what is named, of the same', vm: aVm(LINUX, declared(WINDOWS)), named: OTHER_LINUX, refused: false },
    { name: 'what is declared, of the same', vm: aVm(WINDOWS, declared(WINDOWS)), refused: false },
    { name: 'a first system', vm: aVm(undefined), named: WINDOWS, refused: false },
    { name: 'what is there, where the options are wrong', vm: aVm(WINDOWS, declared(666)), refused: false },
  ])('$name: refused $refused', ({ vm, named, refused }) => {
    const found = reinstallation(vm, offering('Forbidden'), named);
    if (!refused) return expect(found.kind).toBe('installs');
    expect(found).toMatchObject({ kind: 'refused', refusal: { reason: 'FamilyMixed' } });
  });
});
