// What is around an operation. "Not shown" is said of its VM only where a list can be trusted.
import { describe, expect, test } from 'vitest';
import { aListedVm, anOwner, aSnapshot, at, type SnapshotShape, VMID } from '../../test/builders/facts.ts';
import { anOperation } from '../../test/builders/operations.ts';
import { createFakeContext } from '../../test/fakes/context.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import type { Context } from './context.ts';
import { operationSurroundings, vmKeyOf } from './virtual-machine-operation-surroundings.ts';

const status: VirtualMachineStatus = { state: 'ready', clusterName: 'lab', vmid: VMID };

describe('the list of a cluster shows the VM', () => {
  const rows: { name: string; status?: VirtualMachineStatus; shape: SnapshotShape | undefined; want: boolean }[] = [
    { name: 'that is in it', shape: { vms: [aListedVm(VMID)] }, want: true },
    { name: 'that is not in it', shape: {}, want: false },
    {
      name: 'under whose number there is a container',
      shape: { vms: [aListedVm(VMID, { type: 'lxc' })] },
      want: false,
    },
    { name: 'before the first poll', shape: undefined, want: true },
    { name: 'of another cluster', status: { ...status, clusterName: 'other' }, shape: {}, want: true },
    {
      name: 'that was called ready and never made',
      status: { state: 'ready', clusterName: 'lab' },
      shape: {},
      want: false,
    },
    { name: 'that was made just before', status: { ...status, settledAt: at(-20) }, shape: {}, want: true },
    { name: 'that was made before the list', status: { ...status, settledAt: at(-21) }, shape: {}, want: false },
    { name: 'that was made after the list', status: { ...status, settledAt: at(30) }, shape: {}, want: true },
  ];

  test.each(rows)('$name: $want', async ({ shape, want, ...row }) => {
    await using fake = createFakeContext();
    fake.kube.seed(resources.virtualMachine, { ...anOwner(), status: row.status ?? status });
    const snapshot = () => (shape === undefined ? undefined : aSnapshot(shape));
    const clusters = { open: () => [{ name: 'lab', inventory: { snapshot } }] } as unknown as Context['clusters'];
    const around = operationSurroundings('customer-1/web-1', { ...fake.context, clusters });
    expect(around.snapshotShowsVm).toBe(want);
  });
});

describe('what is around the operations of a VM', () => {
  test('is the VM and its operations, and none of others', async () => {
    await using fake = createFakeContext();
    const { kube, context } = fake;
    const vm = kube.seed(resources.virtualMachine, anOwner());
    kube.seed(resources.virtualMachineOperation, anOperation('Start'));
    kube.seed(resources.virtualMachineOperation, anOperation('Stop', { spec: { virtualMachineName: 'web-2' } }));
    kube.seed(resources.virtualMachineOperation, anOperation('Reset', { metadata: { namespace: 'customer-2' } }));
    const { siblings, ...rest } = operationSurroundings('customer-1/web-1', context);
    expect(siblings.map(({ metadata }) => metadata.name)).toEqual(['start']);
    expect(rest).toMatchObject({
      vm: { metadata: { uid: vm.metadata.uid } },
      snapshotShowsVm: true,
      now: context.now(),
    });
  });

  test('is there before the VM is', async () => {
    await using fake = createFakeContext();
    const operation = fake.kube.seed(resources.virtualMachineOperation, anOperation('Start'));
    const around = operationSurroundings(vmKeyOf(operation), fake.context);
    expect(around).toMatchObject({ vm: undefined, siblings: [operation], snapshotShowsVm: true });
  });
});
