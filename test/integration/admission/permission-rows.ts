// What admission refuses to who has not the right: guarded fields, power and operations that a plan denies, protection.
import { FINALIZER } from '../../../src/controllers/finalizer.ts';
import { FORCE_REMOVE_ANNOTATION } from '../../../src/controllers/reset-status.ts';
import { API_VERSION } from '../../../src/api/object.ts';
import type {
  VirtualMachineOperation,
  VirtualMachineOperationSpec,
} from '../../../src/api/virtual-machine-operation.ts';
import { PAUSE_ANNOTATION } from '../../../src/domain/operations.ts';
import type { Right } from '../../../src/webhook/rule.ts';
import type { Change } from './paths.ts';
import type { RefusalRow } from './row.ts';
import { aTenantVm, TENANT_NAMESPACE, VMS } from './scene.ts';

type Asked = Partial<VirtualMachineOperationSpec> & Pick<VirtualMachineOperationSpec, 'type'>;

/** An operation for a VM of the tenant. */
export function anAsked(spec: Asked, vm = 'web-1'): VirtualMachineOperation {
  return {
    apiVersion: API_VERSION,
    kind: 'VirtualMachineOperation',
    metadata: { name: 'trial', namespace: TENANT_NAMESPACE },
    spec: { virtualMachineName: vm, ...spec },
  };
}

const asked = (spec: Asked, vm?: string) => ({ create: anAsked(spec, vm) });
const annotated = (name: string) => `metadata.annotations["${name}"]`;

/** Something of a VM that needs a right to be set, and how it is set. */
export interface Guarded {
  readonly field: string;
  readonly right: Right;
  readonly set: Change;
}

/** What needs a right on a VM that exists, and on a new one. */
export const GUARDED: readonly Guarded[] = [
  { field: 'spec.suspension', right: 'suspend', set: { spec: { suspension: { reason: 'holiday' } } } },
  { field: 'spec.consent', right: 'consent', set: { spec: { consent: { deleteSnapshots: ['before-upgrade'] } } } },
  { field: 'spec.deletionPolicy', right: 'setdeletionpolicy', set: { spec: { deletionPolicy: 'Retain' } } },
  { field: 'spec.deletionProtection', right: 'setdeletionpolicy', set: { spec: { deletionProtection: true } } },
  {
    field: annotated(PAUSE_ANNOTATION),
    right: 'pause',
    set: { metadata: { annotations: { [PAUSE_ANNOTATION]: '1' } } },
  },
  {
    field: annotated(FORCE_REMOVE_ANNOTATION),
    right: 'forceremove',
    set: { metadata: { annotations: { [FORCE_REMOVE_ANNOTATION]: 'true' } } },
  },
];

/** What needs a right on a VM that exists only: a new one may have any package. */
export const GUARDED_LATER: readonly Guarded[] = [
  { field: 'spec.planRef', right: 'setplan', set: { spec: { planRef: { name: 'kvm-large' } } } },
  { field: 'spec.options', right: 'setplan', set: { spec: { options: { cpuCores: 8 } } } },
  { field: 'spec.configurableOptions', right: 'setplan', set: { spec: { configurableOptions: { RAM: '8' } } } },
];

/** The change that undoes one: what was set is null. */
export function takenAway({ spec, metadata }: Guarded['set']): Guarded['set'] {
  const [field] = Object.keys(spec ?? {});
  if (field !== undefined) return { spec: { [field]: null } };
  const [annotation = ''] = Object.keys((metadata as { annotations?: object } | undefined)?.annotations ?? {});
  return { metadata: { annotations: { [annotation]: null } } };
}

const harmless = { metadata: { labels: { team: 'shop' } }, spec: { driftPolicy: 'Correct' } };

const guardedWant = ({ field, right }: Guarded) =>
  ({
    rule: 'guarded-fields',
    code: 'PermissionRequired',
    field,
    says: [field, `"${right}"`, 'ask the platform team'],
    right,
  }) as const;

const GUARDED_ROWS: readonly RefusalRow[] = [
  ...[...GUARDED, ...GUARDED_LATER].map((guarded): RefusalRow => ({
    ...guardedWant(guarded),
    name: `${guarded.field} set on a VM`,
    refused: { merge: guarded.set, of: VMS.running },
    accepted: { merge: harmless, of: VMS.running },
  })),
  ...GUARDED.map((guarded): RefusalRow => ({
    ...guardedWant(guarded),
    name: `${guarded.field} of a new VM`,
    refused: { create: aTenantVm('trial', guarded.set.spec, guarded.set.metadata) },
    accepted: { create: aTenantVm('trial', { planRef: { name: 'kvm-large' }, options: { cpuCores: 8 } }) },
  })),
  ...GUARDED.map((guarded): RefusalRow => ({
    ...guardedWant(guarded),
    name: `${guarded.field} taken away`,
    refused: { merge: takenAway(guarded.set), of: VMS.guarded },
    accepted: { merge: harmless, of: VMS.guarded },
  })),
  {
    rule: 'finalizer-kept',
    name: 'the finalizer of the operator taken away',
    code: 'PermissionRequired',
    field: `metadata.finalizers["${FINALIZER}"]`,
    says: [FINALIZER, '"forceremove"', 'ask the platform team'],
    refused: { merge: { metadata: { finalizers: [] } }, of: VMS.held },
    accepted: { merge: { metadata: { finalizers: [FINALIZER, 'example.com/mine'] } }, of: VMS.held },
    right: 'forceremove',
  },
];

const denied = (action: string) =>
  ({
    code: 'AccessDenied',
    says: ['Access Denied', 'kvm-strict', action, 'Ask the platform team'],
    right: 'bypass',
  }) as const;

const POWER_ROWS: readonly RefusalRow[] = [
  {
    rule: 'power-permitted',
    ...denied('Stop'),
    name: 'a stop by the spec where the plan denies it',
    field: 'spec.runStrategy',
    refused: { merge: { spec: { runStrategy: 'Halted' } }, of: VMS.strict },
    accepted: { merge: { spec: { runStrategy: 'Manual' } }, of: VMS.strict },
  },
  {
    rule: 'power-permitted',
    ...denied('Start'),
    name: 'a start by the spec where the plan denies it',
    field: 'spec.runStrategy',
    refused: { merge: { spec: { runStrategy: 'Always' } }, of: VMS.strict },
    accepted: { merge: { spec: { runStrategy: 'Always' } }, of: VMS.held },
  },
  {
    rule: 'deletion-protected',
    name: 'the deletion of a protected VM',
    code: 'DeletionProtected',
    field: 'spec.deletionProtection',
    says: ['protected-1', 'Set it to false first'],
    refused: { remove: VMS.protected },
    accepted: { remove: VMS.ordinary },
  },
];

const REINSTALL = { type: 'Reinstall', reinstall: { confirmation: 'REINSTALL' } } as const;
const reinstall = (template: number) => ({ ...REINSTALL, reinstall: { ...REINSTALL.reinstall, template } });

const OPERATION_ROWS: readonly RefusalRow[] = [
  {
    rule: 'operation-possible',
    name: 'a start of a suspended VM',
    code: 'OperationRefused',
    field: 'spec.type',
    says: ['Start', 'suspended', 'until spec.suspension is gone'],
    refused: asked({ type: 'Start' }, 'suspended-1'),
    accepted: asked({ type: 'Stop' }, 'suspended-1'),
  },
  {
    rule: 'operation-possible',
    name: 'a stop of a VM that always runs',
    code: 'OperationRefused',
    field: 'spec.type',
    says: ['Stop', 'spec.runStrategy is Always', 'set it to Manual'],
    refused: asked({ type: 'Stop' }, 'running-1'),
    accepted: asked({ type: 'Reboot' }, 'running-1'),
  },
  {
    rule: 'operation-possible',
    name: 'another try of a deletion that nobody asked for',
    code: 'OperationRefused',
    field: 'spec.type',
    says: ['web-1', 'delete it first'],
    refused: asked({ type: 'RetryTerminate' }),
    accepted: asked({ type: 'ResetPassword' }),
  },
  {
    rule: 'machine-unprotected',
    name: 'a reinstallation of a protected VM',
    code: 'DeletionProtected',
    field: 'spec.type',
    says: ['Reinstall', 'Set it to false first'],
    refused: asked(REINSTALL, 'protected-1'),
    accepted: asked({ type: 'Reboot' }, 'protected-1'),
  },
  {
    rule: 'reinstall-template',
    name: 'a template that the plan does not allow',
    code: 'TemplateNotAllowed',
    field: 'spec.reinstall.template',
    says: ['9500', 'choose 9000, 9001, 9100'],
    refused: asked(reinstall(9500)),
    accepted: asked(reinstall(9100)),
  },
  {
    rule: 'reinstall-template',
    name: 'Windows over Linux where the plan forbids it',
    code: 'FamilyMixed',
    field: 'spec.reinstall.template',
    says: ['9100', 'choose a Linux template'],
    refused: asked(reinstall(9100), 'family-1'),
    accepted: asked(reinstall(9001), 'family-1'),
  },
  {
    rule: 'operation-rights',
    name: 'an adoption',
    code: 'PermissionRequired',
    field: 'spec.type',
    says: ['Adopt', '"adopt"', 'web-1', 'Ask the platform team'],
    refused: asked({ type: 'Adopt', adopt: { vmid: 2000, mode: 'TakeOver' } }),
    accepted: asked({ type: 'Reboot' }),
    right: 'adopt',
  },
  {
    rule: 'operation-rights',
    name: 'an adoption of what carries the stamp of another object',
    code: 'PermissionRequired',
    field: 'spec.type',
    says: ['Adopt', '"adopt"'],
    refused: asked({
      type: 'Adopt',
      adopt: { vmid: 2000, mode: 'Observe', previousUID: '6a0a5f6e-6d7b-4c1b-9d38-3c1b8d3f7a11' },
    }),
    accepted: asked({ type: 'Reboot' }),
    right: 'adopt',
  },
  {
    rule: 'operation-rights',
    name: 'a VM that is forgotten',
    code: 'PermissionRequired',
    field: 'spec.resetStatus.state',
    says: ['remove', '"forceremove"', 'web-1'],
    refused: asked({ type: 'ResetStatus', resetStatus: { state: 'remove', confirmation: 'REMOVE' } }),
    accepted: asked({ type: 'ResetStatus', resetStatus: { state: 'ready' } }),
    right: 'forceremove',
  },
  {
    rule: 'operation-permitted',
    ...denied('Reinstall'),
    name: 'a reinstallation that the plan denies',
    field: 'spec.type',
    refused: asked(REINSTALL, 'strict-1'),
    accepted: asked({ type: 'Reboot' }, 'strict-1'),
  },
  {
    rule: 'operation-permitted',
    ...denied('Reinstall'),
    name: 'one of a VM that is still to be made, of whatever plan',
    field: 'spec.type',
    refused: asked(REINSTALL, 'to-come'),
    accepted: asked({ type: 'Reboot' }, 'to-come'),
  },
];

/** All of them. */
export const PERMISSION_ROWS: readonly RefusalRow[] = [...GUARDED_ROWS, ...POWER_ROWS, ...OPERATION_ROWS];
