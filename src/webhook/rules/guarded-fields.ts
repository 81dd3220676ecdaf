// Fields of a VM that cost money or data: whoever may edit a VM may not therefore change them.
import { isDeepStrictEqual } from 'node:util';
import type { VirtualMachine } from '../../api/virtual-machine.ts';
import { FINALIZER } from '../../controllers/finalizer.ts';
import { FORCE_REMOVE_ANNOTATION } from '../../controllers/reset-status.ts';
import { isPaused, PAUSE_ANNOTATION } from '../../domain/operations.ts';
import type { Reason, Review, Right, Rule } from '../rule.ts';

interface GuardedField {
  readonly path: string;
  readonly right: Right;
  /** What the field means; two spellings of one meaning are equal. Undefined is what a new object has by itself. */
  meaning(vm: VirtualMachine): unknown;
  /** Whether the right is needed on CREATE too. Plan and options are guarded there by who may use the plan. */
  readonly onCreate: boolean;
}

const FIELDS: readonly GuardedField[] = [
  { path: 'spec.planRef', right: 'setplan', onCreate: false, meaning: ({ spec }) => spec.planRef.name },
  { path: 'spec.options', right: 'setplan', onCreate: false, meaning: ({ spec }) => filled(spec.options) },
  {
    path: 'spec.configurableOptions',
    right: 'setplan',
    onCreate: false,
    meaning: ({ spec }) => filled(spec.configurableOptions),
  },
  { path: 'spec.suspension', right: 'suspend', onCreate: true, meaning: ({ spec }) => spec.suspension },
  { path: 'spec.consent', right: 'consent', onCreate: true, meaning: ({ spec }) => filled(spec.consent) },
  {
    path: 'spec.deletionPolicy',
    right: 'setdeletionpolicy',
    onCreate: true,
    meaning: ({ spec }) => unlessDefault(spec.deletionPolicy, 'Delete'),
  },
  {
    path: 'spec.deletionProtection',
    right: 'setdeletionpolicy',
    onCreate: true,
    meaning: ({ spec }) => unlessDefault(spec.deletionProtection, false),
  },
  {
    path: annotationPath(PAUSE_ANNOTATION),
    right: 'pause',
    onCreate: true,
    meaning: (vm) => unlessDefault(isPaused(vm), false),
  },
  {
    path: annotationPath(FORCE_REMOVE_ANNOTATION),
    right: 'forceremove',
    onCreate: true,
    meaning: ({ metadata }) => metadata.annotations?.[FORCE_REMOVE_ANNOTATION],
  },
];

export const guardedFields: Rule<VirtualMachine> = {
  id: 'guarded-fields',
  kind: 'VirtualMachine',
  verbs: ['CREATE', 'UPDATE'],
  title:
    'Plan and options, suspension, consent, deletion policy and protection, pause and forced removal are changed only by who has the right to.',
  codes: ['PermissionRequired'],
  rights: ['setplan', 'suspend', 'consent', 'setdeletionpolicy', 'pause', 'forceremove'],
  example:
    'spec.suspension may be changed only by who has the verb "suspend" on this VirtualMachine. Leave it as it is, or ask the platform team.',
  check(review) {
    return FIELDS.filter((field) => isChanged(field, review)).map(({ path, right }) => refusal(review, path, right));
  },
};

export const finalizerKept: Rule<VirtualMachine> = {
  id: 'finalizer-kept',
  kind: 'VirtualMachine',
  verbs: ['UPDATE'],
  title: 'The finalizer of the operator stays: without it the VM would live on, with nobody who pays for it.',
  codes: ['PermissionRequired'],
  rights: ['forceremove'],
  example: `metadata.finalizers[${JSON.stringify(FINALIZER)}] may be changed only by who has the verb "forceremove" on this VirtualMachine. Leave it as it is, or ask the platform team.`,
  check(review) {
    const { old, object } = review;
    const has = (vm: VirtualMachine | undefined): boolean => vm?.metadata.finalizers?.includes(FINALIZER) === true;
    if (!has(old) || has(object)) return [];
    return [refusal(review, `metadata.finalizers[${JSON.stringify(FINALIZER)}]`, 'forceremove')];
  },
};

function isChanged({ meaning, onCreate }: GuardedField, { verb, object, old }: Review<VirtualMachine>): boolean {
  if (verb === 'CREATE') return onCreate && meaning(object) !== undefined;
  return !isDeepStrictEqual(old && meaning(old), meaning(object));
}

function refusal({ namespace, object }: Review<VirtualMachine>, path: string, right: Right): Reason {
  return {
    path,
    code: 'PermissionRequired',
    message: `${path} may be changed only by who has the verb "${right}" on this VirtualMachine. Leave it as it is, or ask the platform team.`,
    unless: { verb: right, resource: 'virtualmachines', namespace, name: object.metadata.name },
  };
}

function annotationPath(annotation: string): string {
  return `metadata.annotations[${JSON.stringify(annotation)}]`;
}

function unlessDefault<T>(value: T, byDefault: T): T | undefined {
  return value === byDefault ? undefined : value;
}

/** An empty object or list says as much as none. */
function filled(value: object | undefined): object | undefined {
  const entries = Object.entries(value ?? {}).filter(([, one]) => one !== undefined && !isEmptyList(one));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
