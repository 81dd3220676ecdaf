// What admission refuses for the sake of data, with the webhook stopped: the controller refuses it too, and touches nothing.
import { describe, expect, test } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import type { Plan, PlanSpec } from '../../src/api/plan.ts';
import type { Reason } from '../../src/api/conditions.ts';
import type { VirtualMachineSpec } from '../../src/api/virtual-machine.ts';
import type { OperationType, VirtualMachineOperationSpec } from '../../src/api/virtual-machine-operation.ts';
import { reconcilePlan } from '../../src/controllers/plan.ts';
import { reconcileVirtualMachineOperation } from '../../src/controllers/virtual-machine-operation.ts';
import { aPlan, PLAN } from '../builders/objects.ts';
import { edit, request } from '../builders/requests.ts';
import { NAMESPACE, type SimulatedOperator, simulatedOperator } from '../builders/simulated-operator.ts';

const BASE: Partial<PlanSpec> = {
  systemDisk: { sizeGiB: 20 },
  additionalDisk: { storage: 'local', sizeGiB: 5 },
  allowedTemplates: [{ vmid: 9001, family: 'Windows' }],
  familyChange: 'Forbidden',
};
const { signal: never } = new AbortController();
const REINSTALL = { confirmation: 'REINSTALL' } as const;

/** web-1, ready, with disks of 20 and 5 GiB made from template 9000. */
async function deployed(spec: Partial<VirtualMachineSpec> = {}): Promise<SimulatedOperator> {
  const operator = await simulatedOperator(BASE);
  operator.declare('web-1', spec);
  await operator.passes();
  expect(operator.vm()?.status?.state).toBe('ready');
  return operator;
}

/** Writes the plan, or another one, as its controller would find it. */
async function plan({ fake }: SimulatedOperator, change: Partial<PlanSpec>, name = PLAN): Promise<void> {
  const found = fake.kube.objects(resources.plan).find(({ metadata }) => metadata.name === name);
  const { spec } = aPlan({ ...BASE, ...change }, name);
  const stored: Plan =
    found === undefined
      ? await fake.kube.client.create(resources.plan, { metadata: { name }, spec })
      : await fake.kube.client.replace(resources.plan, { ...found, spec });
  const done = reconcilePlan(stored.metadata.name, fake.context, never);
  await fake.clock.advance(1_000);
  await done;
}

function drivesOf({ sim }: SimulatedOperator): (string | undefined)[] {
  const options = sim.world.vms.get(2000)?.options ?? {};
  return [options['scsi0'], options['scsi1']];
}

/** Everything that is written to the VM by what `act` sets off. */
async function writesOf(operator: SimulatedOperator, act: () => Promise<unknown>): Promise<string[]> {
  const before = operator.writes().length;
  await act();
  await operator.passes();
  return operator.writes().slice(before);
}

/** What the operation itself says of its end. */
async function endOf({ fake, parts }: SimulatedOperator, name: string) {
  await reconcileVirtualMachineOperation(`${NAMESPACE}/${name}`, parts, never);
  const found = fake.kube.objects(resources.virtualMachineOperation).find(({ metadata }) => metadata.name === name);
  return found?.status?.conditions?.[0];
}

describe('an operation', () => {
  test.each<{
    name: string;
    vm?: Partial<VirtualMachineSpec>;
    /** Declared after the deploy. */
    later?: Partial<VirtualMachineSpec>;
    type: OperationType;
    spec?: Partial<VirtualMachineOperationSpec>;
    want: Reason;
    says: RegExp;
  }>([
    {
      name: 'that installs a template which the plan does not allow',
      type: 'Reinstall',
      spec: { reinstall: { ...REINSTALL, template: 666 } },
      want: 'NotAllowed',
      says: /template 666 is not one that the plan allows; choose 9000, 9001/,
    },
    {
      name: 'that installs a system of the other family',
      type: 'Reinstall',
      spec: { reinstall: { ...REINSTALL, template: 9001 } },
      want: 'FamilyMixed',
      says: /template 9001 is a Windows one, the VM has Linux/,
    },
    {
      name: 'that installs a declared system of the other family',
      later: { options: { operatingSystem: 9001 } },
      type: 'Reinstall',
      spec: { reinstall: REINSTALL },
      want: 'FamilyMixed',
      says: /template 9001 is a Windows one, the VM has Linux/,
    },
    {
      name: 'that reinstalls a protected VM',
      vm: { deletionProtection: true },
      type: 'Reinstall',
      spec: { reinstall: REINSTALL },
      want: 'DeletionProtected',
      says: /deletionProtection is true/,
    },
    {
      name: 'that forgets a protected VM',
      vm: { deletionProtection: true },
      type: 'ResetStatus',
      spec: { resetStatus: { state: 'remove', confirmation: 'REMOVE' } },
      want: 'DeletionProtected',
      says: /deletionProtection is true/,
    },
    {
      name: 'that makes a VM anew which is ready',
      type: 'Redeploy',
      spec: { redeploy: { confirmation: 'REDEPLOY' } },
      want: 'VirtualMachineReady',
      says: /the VM is ready/,
    },
    {
      name: 'that adopts another VM',
      type: 'Adopt',
      spec: { adopt: { vmid: 9001, mode: 'TakeOver' } },
      want: 'NotAdoptable',
      says: /has VM 2000 already/,
    },
  ])('$name fails with $want', async ({ vm, later, type, spec, want, says }) => {
    await using operator = await deployed(vm);
    if (later !== undefined) await edit(operator, later);
    let name = '';
    const writes = await writesOf(operator, async () => void (name = await request(operator, type, spec)));
    expect(writes).toEqual([]);
    const end = await endOf(operator, name);
    expect(end).toMatchObject({ type: 'Succeeded', status: 'False', reason: want });
    expect(end?.message).toMatch(says);
    expect(operator.vm()?.status?.effective?.operatingSystem).toBe(9000);
  });
});

describe('a declaration', () => {
  const options = (change: VirtualMachineSpec['options']) => (operator: SimulatedOperator) =>
    edit(operator, { options: change });

  test.each<{ name: string; act: (operator: SimulatedOperator) => Promise<void>; want: Reason; condition: string }>([
    {
      name: 'of a smaller system disk',
      act: options({ systemDiskGiB: 15 }),
      want: 'ShrinkRefused',
      condition: 'ShrinkRefused',
    },
    {
      name: 'of a smaller additional disk, by the billing map',
      act: (operator) => edit(operator, { configurableOptions: { 'Additional Disk': '4|4 GB' } }),
      want: 'ShrinkRefused',
      condition: 'ShrinkRefused',
    },
    {
      name: 'without the additional disk',
      act: options({ additionalDiskGiB: 0 }),
      want: 'ConsentRequired',
      condition: 'ConsentRequired',
    },
    {
      name: 'in a plan that rolls out by itself and has smaller disks',
      act: (operator) => plan(operator, { systemDisk: { sizeGiB: 15 }, rollOut: 'Automatic' }),
      want: 'ShrinkRefused',
      condition: 'ShrinkRefused',
    },
    {
      name: 'in a plan that rolls out by itself and has no additional disk',
      act: (operator) => plan(operator, { additionalDisk: undefined, rollOut: 'Automatic' }),
      want: 'ConsentRequired',
      condition: 'ConsentRequired',
    },
    {
      name: 'of another plan with smaller disks',
      act: async (operator) => {
        await plan(operator, { systemDisk: { sizeGiB: 15 } }, 'small');
        await edit(operator, { planRef: { name: 'small' } });
      },
      want: 'ShrinkRefused',
      condition: 'ShrinkRefused',
    },
    {
      name: 'of a plan of another cluster',
      act: async (operator) => {
        await plan(operator, { clusterRef: { name: 'east' } }, 'east');
        await edit(operator, { planRef: { name: 'east' } });
      },
      want: 'ClusterChanged',
      condition: 'PackageUpToDate',
    },
    {
      name: 'of a plan that the namespace may not use',
      act: async (operator) => {
        await plan(operator, { allowedNamespaces: { names: ['others'] } }, 'theirs');
        await edit(operator, { planRef: { name: 'theirs' } });
      },
      want: 'NotAllowed',
      condition: 'PackageUpToDate',
    },
    {
      name: 'of another system',
      act: options({ operatingSystem: 9001 }),
      want: 'ChangePending',
      condition: 'PackageUpToDate',
    },
  ])('$name: $want', async ({ act, want, condition }) => {
    await using operator = await deployed();
    const before = drivesOf(operator);
    const writes = await writesOf(operator, () => act(operator));
    expect(writes).toEqual([]);
    expect(drivesOf(operator)).toEqual(before);
    expect(before.filter((drive) => drive !== undefined)).toHaveLength(2);
    const shown = operator.vm()?.status?.conditions?.find(({ type }) => type === condition);
    expect(shown).toMatchObject({ reason: want });
  });
});
