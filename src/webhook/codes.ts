// The closed list of codes by which clients tell why admission refused something: a code keeps its meaning for good.

interface CodeMeaning {
  /** When the code is used; a sentence of docs/admission.md. */
  readonly meaning: string;
  /** What the answer's status says: 403 for a right that is missing, 409 for what else is there, 422 for the object itself. */
  readonly httpStatus: 403 | 409 | 422;
}

/** Every code, with its meaning. */
export const CODES = {
  AccessDenied: { meaning: 'The plan denies this action to clients.', httpStatus: 403 },
  PermissionRequired: {
    meaning: 'The field needs a right of its own that the requester does not have.',
    httpStatus: 403,
  },
  OperatorOnly: { meaning: 'Only the operator writes objects of this kind.', httpStatus: 403 },
  PlanNotAllowed: { meaning: 'The plan may not be used in this namespace.', httpStatus: 403 },
  ClusterNotAllowed: { meaning: "The plan's cluster may not be used in this namespace.", httpStatus: 403 },
  HostnameNotAllowed: { meaning: 'The host name is not below the domain of the plan.', httpStatus: 403 },
  ZoneNotAllowed: { meaning: 'The host name is in a DNS zone that this namespace may not use.', httpStatus: 403 },
  QuotaExceeded: {
    meaning: 'The namespace has as many virtual machines of the plan as its quota allows.',
    httpStatus: 403,
  },
  PlanNotFound: { meaning: 'There is no plan of this name.', httpStatus: 422 },
  ClusterChanged: { meaning: 'The plan is of another cluster than the one that the VM lives on.', httpStatus: 422 },
  OptionUnknown: { meaning: 'There is no option of this name.', httpStatus: 422 },
  OptionInvalid: { meaning: 'The value of an option is no whole number within its bounds.', httpStatus: 422 },
  OptionDuplicate: { meaning: 'Two entries say the same option.', httpStatus: 422 },
  TemplateNotAllowed: { meaning: 'The plan does not allow this template.', httpStatus: 422 },
  FamilyMixed: { meaning: 'The plan forbids to go from Linux to Windows or back.', httpStatus: 422 },
  DiskShrink: { meaning: 'A disk would have to become smaller.', httpStatus: 422 },
  ConsentRequired: { meaning: 'A disk would be destroyed without a consent that names its volume.', httpStatus: 422 },
  NameInvalid: { meaning: 'The name rule of the plan gives no valid name.', httpStatus: 422 },
  NameTaken: { meaning: 'Another virtual machine has the host name.', httpStatus: 409 },
  OperationRefused: { meaning: 'The virtual machine would refuse the operation.', httpStatus: 422 },
  DeletionProtected: { meaning: 'spec.deletionProtection is true.', httpStatus: 403 },
  InUse: { meaning: 'Something that exists needs the object.', httpStatus: 409 },
  NodeUnknown: { meaning: 'The cluster has no node of this name.', httpStatus: 422 },
  StorageUnknown: { meaning: 'The cluster has no such storage, or it takes no disks.', httpStatus: 422 },
  PoolInvalid: { meaning: 'The addresses, mask and gateway of a pool do not fit together.', httpStatus: 422 },
  PoolOverlap: { meaning: 'Two pools of one network have an address in common.', httpStatus: 409 },
  AddressAllocated: { meaning: 'The pool has given out an address that it would not have any more.', httpStatus: 409 },
  AddressTaken: { meaning: 'A gateway or name server has the address of a virtual machine.', httpStatus: 409 },
  TargetForbidden: { meaning: 'A URL leads to the operator itself or to its host.', httpStatus: 422 },
  UrlInvalid: { meaning: 'A URL cannot be read.', httpStatus: 422 },
  EndpointTaken: { meaning: 'Another ProxmoxCluster object has the same endpoint.', httpStatus: 409 },
} as const satisfies Readonly<Record<string, CodeMeaning>>;

export type Code = keyof typeof CODES;
