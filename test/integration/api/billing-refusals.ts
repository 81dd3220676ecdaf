// What the API server must refuse a billing system by itself, with what a program must find in the answer.

/** One refusal: what is sent, and what a program reads in the answer. */
export interface BillingRefusal {
  name: string;
  /** Merged into the spec of the page's order or reinstallation, or sent as a merge patch. */
  spec: Record<string, unknown>;
  field: string;
  /** The message of the rule; a word of Kubernetes where the schema itself refuses. */
  says: string;
  reason?: string;
}

const UID = '6a0a5f6e-6d7b-4c1b-9d38-3c1b8d3f7a11';
const GROWS = 'Proxmox VE cannot shrink a disk';
const LETTERS = 'must be letters, digits and hyphens, because it becomes part of a name';
const NAME = 'must be an object name: lower-case letters, digits, hyphens and dots';
const LATER = 'cannot be changed, set or removed later';

/** Refused when a machine is ordered. */
export const ORDER_REFUSALS: readonly BillingRefusal[] = [
  {
    name: 'a plan that cannot have that name',
    spec: { planRef: { name: 'KVM Small' } },
    field: 'spec.planRef.name',
    says: NAME,
  },
  {
    name: 'a client with a slash',
    spec: { billing: { clientID: 'a/b', serviceID: '1' } },
    field: 'spec.billing.clientID',
    says: LETTERS,
  },
  {
    name: 'a service with a dot',
    spec: { billing: { clientID: '1', serviceID: '1.2' } },
    field: 'spec.billing.serviceID',
    says: LETTERS,
  },
  {
    name: 'a host name with an underscore',
    spec: { hostname: 'web_1.example.com' },
    field: 'spec.hostname',
    says: 'must be a DNS name',
  },
  {
    name: 'a key of two lines',
    spec: { sshAuthorizedKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\nAAAA'] },
    field: 'spec.sshAuthorizedKeys[0]',
    says: 'must be one public key on one line',
  },
  {
    name: 'an option without a name',
    spec: { configurableOptions: { '': '1' } },
    field: 'spec.configurableOptions',
    says: 'the names of options must have 1 to 128 characters',
  },
  {
    name: 'a consent to no volume',
    spec: { consent: { destroyVolumes: ['disk-1'] } },
    field: 'spec.consent.destroyVolumes[0]',
    says: 'must be a volume id: storage:volume',
  },
  {
    name: 'a consent to no snapshot',
    spec: { consent: { deleteSnapshots: ['1st'] } },
    field: 'spec.consent.deleteSnapshots[0]',
    says: 'must be the name of a snapshot',
  },
  {
    name: 'no core',
    spec: { options: { cpuCores: 0 } },
    field: 'spec.options.cpuCores',
    says: 'greater than or equal to 1',
  },
  {
    name: 'a number as text',
    spec: { options: { cpuCores: '2' } },
    field: 'spec.options.cpuCores',
    says: 'must be of type integer',
    reason: 'FieldValueTypeInvalid',
  },
  {
    name: 'no plan',
    spec: { planRef: undefined },
    field: 'spec.planRef',
    says: 'Required value',
    reason: 'FieldValueRequired',
  },
  {
    name: 'a strategy that there is not',
    spec: { runStrategy: 'always' },
    field: 'spec.runStrategy',
    says: 'Unsupported value',
    reason: 'FieldValueNotSupported',
  },
];

/** Refused of a machine with disks of 20 and 10 GiB, or of one that was built with 30 and 5. */
export const CHANGE_REFUSALS: readonly (BillingRefusal & { of?: string })[] = [
  {
    name: 'a smaller system disk',
    spec: { options: { systemDiskGiB: 19 } },
    field: 'spec.options.systemDiskGiB',
    says: `systemDiskGiB can only grow: ${GROWS}`,
  },
  {
    name: 'a smaller additional disk',
    spec: { options: { additionalDiskGiB: 9 } },
    field: 'spec.options.additionalDiskGiB',
    says: `additionalDiskGiB can only grow: ${GROWS}`,
  },
  {
    name: 'no additional disk, without a consent',
    spec: { options: { additionalDiskGiB: 0 } },
    field: 'spec.options.additionalDiskGiB',
    says: `additionalDiskGiB can only grow: ${GROWS}`,
  },
  {
    name: 'a system disk below what was built',
    of: 'built',
    spec: { options: { systemDiskGiB: 29 } },
    field: 'spec.options.systemDiskGiB',
    says: 'spec.options.systemDiskGiB must not be less than what the machine was built with',
  },
  {
    name: 'an additional disk below what was built',
    of: 'built',
    spec: { options: { additionalDiskGiB: 4 } },
    field: 'spec.options.additionalDiskGiB',
    says: 'spec.options.additionalDiskGiB must not be less than what the machine was built with',
  },
  {
    name: 'another service',
    spec: { billing: { serviceID: '5547' } },
    field: 'spec.billing',
    says: `billing ${LATER}`,
  },
  {
    name: 'a host name later',
    spec: { hostname: 'web-1.example.com' },
    field: 'spec.hostname',
    says: `hostname ${LATER}`,
  },
];

/** Refused when an operation is made. */
export const OPERATION_REFUSALS: readonly BillingRefusal[] = [
  {
    name: 'for a machine that cannot have that name',
    spec: { type: 'Start', virtualMachineName: 'A' },
    field: 'spec.virtualMachineName',
    says: NAME,
  },
  {
    name: 'with patience for a start',
    spec: { type: 'Start', stop: {} },
    field: 'spec.stop',
    says: 'stop must not be set with a type other than Stop and Reboot',
  },
  {
    name: 'that reinstalls without parameters',
    spec: { type: 'Reinstall' },
    field: 'spec.reinstall',
    says: 'reinstall must be set with type Reinstall',
  },
  {
    name: 'that makes the machine anew without parameters',
    spec: { type: 'Redeploy' },
    field: 'spec.redeploy',
    says: 'redeploy must be set with type Redeploy',
  },
  {
    name: 'that makes the machine anew without the word',
    spec: { type: 'Redeploy', redeploy: { confirmation: 'redeploy' } },
    field: 'spec.redeploy.confirmation',
    says: 'Unsupported value',
    reason: 'FieldValueNotSupported',
  },
  {
    name: 'that resets to nothing',
    spec: { type: 'ResetStatus' },
    field: 'spec.resetStatus',
    says: 'resetStatus must be set with type ResetStatus',
  },
  {
    name: 'that removes without its word',
    spec: { type: 'ResetStatus', resetStatus: { state: 'remove' } },
    field: 'spec.resetStatus.confirmation',
    says: 'confirmation must be REMOVE with state remove',
  },
  {
    name: 'that adopts nothing',
    spec: { type: 'Adopt' },
    field: 'spec.adopt',
    says: 'adopt must be set with type Adopt',
  },
  {
    name: 'that adopts from no object',
    spec: { type: 'Adopt', adopt: { vmid: 2000, mode: 'Observe', previousUID: UID.toUpperCase() } },
    field: 'spec.adopt.previousUID',
    says: 'must be the UID of an object',
  },
  {
    name: 'that reinstalls without the word',
    spec: { type: 'Reinstall', reinstall: { confirmation: 'yes' } },
    field: 'spec.reinstall.confirmation',
    says: 'Unsupported value',
    reason: 'FieldValueNotSupported',
  },
];

/** A rule of the whole object has no field. */
export const LONG_NAME: BillingRefusal = {
  name: 'a name that is too long for a host',
  spec: {},
  field: '<nil>',
  says: 'metadata.name must have at most 63 characters',
};
