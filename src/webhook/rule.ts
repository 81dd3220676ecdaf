// The vocabulary of admission: what is asked (a review), what is answered (reasons), and the rule between them.
import type { KubeObject } from '../kube/types.ts';
import type { Code } from './codes.ts';
import type { AdmissionFacts } from './facts.ts';

export type Verb = 'CREATE' | 'UPDATE' | 'DELETE';

/** RBAC verbs of our own, checked beside those of the API server. */
export const RIGHTS = {
  setplan: 'Change planRef, options and configurableOptions of a VirtualMachine that exists.',
  suspend: 'Suspend a VirtualMachine, and end the suspension.',
  consent: 'Consent to the loss of volumes and snapshots of a VirtualMachine.',
  setdeletionpolicy: 'Set deletionPolicy and deletionProtection of a VirtualMachine.',
  pause: 'Pause a VirtualMachine by its annotation.',
  forceremove: 'Let go of a VirtualMachine without touching Proxmox VE.',
  adopt: 'Make a VM that exists in Proxmox VE that of a VirtualMachine.',
  bypass: 'Use virtual machines of a Plan without the limits that it sets to clients.',
  restore: 'Write objects that otherwise only the operator writes, as from a backup.',
} as const satisfies Readonly<Record<string, string>>;

export type Right = keyof typeof RIGHTS;

/** One question to the API server's authorizer: may the requester use this verb on this object of our group? */
export interface Access {
  readonly verb: Right;
  /** Plural, as RBAC names it. */
  readonly resource: 'virtualmachines' | 'plans' | OperatorOwned;
  /** Absent for a cluster-scoped kind. */
  readonly namespace?: string;
  /** Empty where the API server has not made the name yet: the verb is then needed on all objects. */
  readonly name: string;
}

/** Kinds whose objects only the operator makes, by their plural. */
export type OperatorOwned =
  'ipaddressreservations' | 'vmidreservations' | 'planrevisions' | 'virtualmachineruns' | 'quotaslots';

/** One thing that speaks against a request. */
export interface Reason {
  /** Field as a person writes it: `spec.options.cpuCores`. */
  readonly path: string;
  readonly code: Code;
  /** A whole sentence: the field's value, the bound, what to do instead. No secrets, no names of other tenants. */
  readonly message: string;
  /** Whoever has this access is not refused for this reason, nor is the operator. Absent: nobody is excepted. */
  readonly unless?: Access;
}

/** One request. The objects have passed their kind's schema. */
export interface Review<T extends KubeObject = KubeObject> {
  readonly verb: Verb;
  /** The object as it would be; of a DELETE the object that would go. */
  readonly object: T;
  /** The object as it is; of an UPDATE only. */
  readonly old?: T;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  readonly user: { readonly name: string; readonly groups: readonly string[] };
  readonly dryRun: boolean;
}

/** One rule of the table. */
export interface Rule<T extends KubeObject = KubeObject> {
  /** In kebab-case, unique. */
  readonly id: string;
  readonly kind: string;
  readonly verbs: readonly Verb[];
  /** The sentence of docs/admission.md. */
  readonly title: string;
  /** Every code that it may give, none for a rule that only warns. */
  readonly codes: readonly Code[];
  /** Rights of which one lets a request pass all the same. */
  readonly rights?: readonly Right[];
  /** A message that it gives, for docs/admission.md. */
  readonly example: string;
  /** Pure. */
  check?(review: Review<T>, facts: AdmissionFacts): readonly Reason[];
  /** Pure: what a person should know although nothing speaks against it. */
  warn?(review: Review<T>, facts: AdmissionFacts): readonly string[];
}
