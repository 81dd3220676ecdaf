// Operations that the API server must refuse by itself, with what its answer must name.

/** A spec that is refused beside the name of a VM. */
export interface OperationRefusal {
  name: string;
  spec: object;
  /** Field as the answer names it. */
  field: string;
  says: RegExp;
}

const REINSTALL = { confirmation: 'REINSTALL' };
const ADOPT = { vmid: 2000, mode: 'Observe' };

/** Refused when a VirtualMachineOperation is made. */
export const OPERATION_REFUSALS: readonly OperationRefusal[] = [
  {
    name: 'no VM',
    spec: { type: 'Start', virtualMachineName: undefined },
    field: 'spec.virtualMachineName',
    says: /Required value/,
  },
  {
    name: 'no name of a VM',
    spec: { type: 'Start', virtualMachineName: 'Web_1' },
    field: 'spec.virtualMachineName',
    says: /must be an object name/,
  },
  { name: 'no type', spec: {}, field: 'spec.type', says: /Required value/ },
  { name: 'an unknown type', spec: { type: 'start' }, field: 'spec.type', says: /Unsupported value/ },
  {
    name: 'a reinstallation without its parameters',
    spec: { type: 'Reinstall' },
    field: 'spec.reinstall',
    says: /must be set with type Reinstall/,
  },
  {
    name: 'a reinstallation without the word',
    spec: { type: 'Reinstall', reinstall: {} },
    field: 'spec.reinstall.confirmation',
    says: /Required value/,
  },
  {
    name: 'a reinstallation with another word',
    spec: { type: 'Reinstall', reinstall: { confirmation: 'yes' } },
    field: 'spec.reinstall.confirmation',
    says: /Unsupported value/,
  },
  {
    name: 'the parameters of a reinstallation elsewhere',
    spec: { type: 'Reboot', reinstall: REINSTALL },
    field: 'spec.reinstall',
    says: /with no other type/,
  },
  {
    name: 'a deployment anew without the word',
    spec: { type: 'Redeploy' },
    field: 'spec.redeploy',
    says: /must be set with type Redeploy/,
  },
  {
    name: 'a deployment anew with the word of another type',
    spec: { type: 'Redeploy', redeploy: { confirmation: 'REINSTALL' } },
    field: 'spec.redeploy.confirmation',
    says: /Unsupported value/,
  },
  {
    name: 'the word of a deployment anew elsewhere',
    spec: { type: 'Reboot', redeploy: { confirmation: 'REDEPLOY' } },
    field: 'spec.redeploy',
    says: /with no other type/,
  },
  {
    name: 'a reset without a state',
    spec: { type: 'ResetStatus' },
    field: 'spec.resetStatus',
    says: /must be set with type ResetStatus/,
  },
  {
    name: 'a reset to a state that nothing starts at',
    spec: { type: 'ResetStatus', resetStatus: { state: 'cp_stop' } },
    field: 'spec.resetStatus.state',
    says: /Unsupported value/,
  },
  {
    name: 'a state elsewhere',
    spec: { type: 'Reset', resetStatus: { state: 'ready' } },
    field: 'spec.resetStatus',
    says: /with no other type/,
  },
  {
    name: 'a removal without the word',
    spec: { type: 'ResetStatus', resetStatus: { state: 'remove' } },
    field: 'spec.resetStatus.confirmation',
    says: /must be REMOVE/,
  },
  {
    name: 'the word without a removal',
    spec: { type: 'ResetStatus', resetStatus: { state: 'ready', confirmation: 'REMOVE' } },
    field: 'spec.resetStatus.confirmation',
    says: /must not be set/,
  },
  {
    name: 'an adoption of nothing',
    spec: { type: 'Adopt' },
    field: 'spec.adopt',
    says: /must be set with type Adopt/,
  },
  {
    name: 'an adoption elsewhere',
    spec: { type: 'Start', adopt: ADOPT },
    field: 'spec.adopt',
    says: /with no other type/,
  },
  {
    name: 'an adoption of a VMID that is none',
    spec: { type: 'Adopt', adopt: { ...ADOPT, vmid: 99 } },
    field: 'spec.adopt.vmid',
    says: /greater than or equal to 100/,
  },
  {
    name: 'a UID that is none',
    spec: { type: 'Adopt', adopt: { ...ADOPT, previousUID: 'web-1' } },
    field: 'spec.adopt.previousUID',
    says: /must be the UID/,
  },
  {
    name: 'patience with a start',
    spec: { type: 'Start', stop: {} },
    field: 'spec.stop',
    says: /other than Stop and Reboot/,
  },
  {
    name: 'more than an hour of patience',
    spec: { type: 'Stop', stop: { gracePeriodSeconds: 3_601 } },
    field: 'spec.stop.gracePeriodSeconds',
    says: /less than or equal to 3600/,
  },
  {
    name: 'no time to begin',
    spec: { type: 'Start', deadlineSeconds: 0 },
    field: 'spec.deadlineSeconds',
    says: /greater than or equal to 1/,
  },
  {
    name: 'more than a week to begin',
    spec: { type: 'Start', deadlineSeconds: 604_801 },
    field: 'spec.deadlineSeconds',
    says: /less than or equal to 604800/,
  },
  {
    name: 'a deletion before the end',
    spec: { type: 'Start', ttlSecondsAfterFinished: -1 },
    field: 'spec.ttlSecondsAfterFinished',
    says: /greater than or equal to 0/,
  },
  {
    name: 'more than a year to keep',
    spec: { type: 'Start', ttlSecondsAfterFinished: 31_536_001 },
    field: 'spec.ttlSecondsAfterFinished',
    says: /less than or equal to 31536000/,
  },
];
