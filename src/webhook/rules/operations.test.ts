import { aBuiltVm, aNewVm, created, holdRule, NAMESPACE, type World } from '../../../test/builders/admission.ts';
import { aPackage } from '../../../test/builders/facts.ts';
import { aPlan } from '../../../test/builders/objects.ts';
import { anOperation } from '../../../test/builders/operations.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../../api/virtual-machine.ts';
import { RESET_TARGETS, type OperationType } from '../../api/virtual-machine-operation.ts';
import {
  machineUnprotected,
  operationPossible,
  operationRights,
  reinstallTemplate,
  reinstallWarning,
} from './operations.ts';

const asked = (type: OperationType) => created(anOperation(type));
const of = (vm: VirtualMachine): World => ({ virtualMachines: [vm] });
const having = (spec: Partial<VirtualMachineSpec>) => of(aBuiltVm(spec));
const refused = (says: string) => [{ path: 'spec.type', code: 'OperationRefused', says }] as const;
const built = aBuiltVm();
const dying = of({ ...built, metadata: { ...built.metadata, deletionTimestamp: '2026-03-01T11:00:00Z' } });
const suspension = { reason: 'unpaid' };
const owned = (uid: string) => {
  const owner = { apiVersion: 'v1', kind: 'VirtualMachine', name: 'web-1', uid };
  return created(anOperation('Start', { metadata: { ownerReferences: [owner] } }));
};

holdRule(operationPossible, [
  { name: 'a VM that may be started', review: asked('Start'), world: of(built) },
  { name: 'a VM that does not exist yet', review: asked('Start') },
  {
    name: 'a VM of that name in another namespace',
    review: asked('Start'),
    world: of(aNewVm({ suspension }, { namespace: 'customer-2' })),
  },
  ...(['Start', 'Reboot', 'Reset'] as const).map((type) => ({
    name: `${type} of a suspended VM`,
    review: asked(type),
    world: having({ suspension }),
    want: refused(`${type} is refused: the VM is suspended`),
  })),
  { name: 'Stop of a suspended VM', review: asked('Stop'), world: having({ suspension }) },
  { name: 'Reinstall of a suspended VM', review: asked('Reinstall'), world: having({ suspension }) },
  {
    name: 'Start of a halted VM',
    review: asked('Start'),
    world: having({ runStrategy: 'Halted' }),
    want: refused('runStrategy is Halted'),
  },
  {
    name: 'Stop of a VM that always runs',
    review: asked('Stop'),
    world: having({ runStrategy: 'Always' }),
    want: refused('runStrategy is Always'),
  },
  { name: 'Reboot of a VM that always runs', review: asked('Reboot'), world: having({ runStrategy: 'Always' }) },
  { name: 'Start of a VM that is being deleted', review: asked('Start'), world: dying, want: refused('being deleted') },
  { name: 'RetryTerminate of a VM that is being deleted', review: asked('RetryTerminate'), world: dying },
  {
    name: 'RetryTerminate of a VM that lives',
    review: asked('RetryTerminate'),
    world: of(built),
    want: refused('not being deleted'),
  },
  { name: 'an operation for this very VM', review: owned(built.metadata.uid ?? ''), world: of(built) },
  {
    name: 'an operation for an earlier VM of the name',
    review: owned('uid-earlier'),
    world: of(built),
    want: refused('is gone'),
  },
]);

const resetting = (state: (typeof RESET_TARGETS)[number]) =>
  created(anOperation('ResetStatus', { spec: { resetStatus: { state } } }));
const guarded = having({ deletionProtection: true });
const protectedFrom = (says: string) => [{ path: 'spec.type', code: 'DeletionProtected', says }] as const;

holdRule(machineUnprotected, [
  {
    name: 'Reinstall of a protected VM',
    review: asked('Reinstall'),
    world: guarded,
    want: protectedFrom('the disks of the VM would be destroyed'),
  },
  {
    name: 'Redeploy of a protected VM',
    review: asked('Redeploy'),
    world: guarded,
    want: protectedFrom('the VM would be destroyed'),
  },
  {
    name: 'an end of a protected VM by ResetStatus',
    review: resetting('remove'),
    world: guarded,
    want: protectedFrom('the object would be deleted'),
  },
  { name: 'ResetStatus of a protected VM', review: resetting('creation'), world: guarded },
  { name: 'Reboot of a protected VM', review: asked('Reboot'), world: guarded },
  { name: 'Reinstall of a VM that is not protected', review: asked('Reinstall'), world: of(built) },
  { name: 'Reinstall of a VM that does not exist yet', review: asked('Reinstall') },
]);

const PATH = 'spec.reinstall.template';
const reinstalling = (template?: number) =>
  created(
    anOperation('Reinstall', {
      spec: { reinstall: { confirmation: 'REINSTALL', ...(template === undefined ? {} : { template }) } },
    }),
  );
const allowedTemplates = [{ vmid: 9001 }, { vmid: 9100, family: 'Windows' as const }];
const free = { plans: [aPlan({ allowedTemplates })], virtualMachines: [built] };
const strict = { ...free, plans: [aPlan({ allowedTemplates, familyChange: 'Forbidden' })] };
const mixed = [{ path: PATH, code: 'FamilyMixed' }] as const;

holdRule(reinstallTemplate, [
  { name: 'the same again', review: reinstalling(), world: strict },
  { name: "the plan's own template", review: reinstalling(9000), world: strict },
  { name: 'another one that the plan allows', review: reinstalling(9001), world: strict },
  {
    name: 'one that the plan does not allow',
    review: reinstalling(666),
    world: of(built),
    want: [{ path: PATH, code: 'TemplateNotAllowed' }],
  },
  {
    name: 'one that the revision of the VM allows, and the plan not any more',
    review: reinstalling(9000),
    world: {
      ...free,
      plans: [aPlan({ template: { vmid: 9500 } })],
      planRevisions: [
        {
          apiVersion: '',
          kind: 'PlanRevision',
          metadata: { name: 'kvm-1' },
          spec: { planName: 'kvm', revision: 1, plan: aPlan().spec },
        },
      ],
    },
  },
  { name: 'Linux to Windows', review: reinstalling(9100), world: strict, want: mixed },
  { name: 'Linux to Windows where it is allowed', review: reinstalling(9100), world: free },
  {
    name: 'Linux to Windows, as the options of the VM say',
    review: reinstalling(),
    world: { ...strict, virtualMachines: [aBuiltVm({ options: { operatingSystem: 9100 } })] },
    want: mixed,
  },
  {
    name: 'Windows to Linux',
    review: reinstalling(9000),
    world: { ...strict, virtualMachines: [aBuiltVm({}, { effective: aPackage({ operatingSystem: 9100 }) })] },
    want: mixed,
  },
  { name: 'a VM that was never built', review: reinstalling(9100), world: { ...strict, virtualMachines: [aNewVm()] } },
  { name: 'a VM that does not exist yet', review: reinstalling(666) },
  {
    name: 'a VM whose plan is gone',
    review: reinstalling(666),
    world: { plans: [], planRevisions: [], virtualMachines: [built] },
  },
  {
    name: 'another operation',
    review: asked('Start'),
    world: { ...strict, virtualMachines: [aBuiltVm({ options: { operatingSystem: 9100 } })] },
  },
]);

holdRule(operationRights, [
  { name: 'Adopt', review: asked('Adopt'), want: [{ path: 'spec.type', code: 'PermissionRequired', unless: 'adopt' }] },
  {
    name: 'removal',
    review: resetting('remove'),
    want: [{ path: 'spec.resetStatus.state', code: 'PermissionRequired', unless: 'forceremove' }],
  },
  ...RESET_TARGETS.filter((state) => state !== 'remove').map((state) => ({ name: state, review: resetting(state) })),
  { name: 'Start', review: asked('Start') },
  { name: 'Reinstall', review: reinstalling() },
]);

holdRule(reinstallWarning, [
  { name: 'Reinstall', review: asked('Reinstall'), warns: ['will be destroyed'] },
  { name: 'Redeploy', review: asked('Redeploy'), warns: ['will be destroyed'] },
  { name: 'Reboot', review: asked('Reboot') },
  { name: 'ResetPassword in its namespace', review: { ...asked('ResetPassword'), namespace: NAMESPACE } },
]);
