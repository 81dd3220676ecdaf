// The shape of a row in the tables of manifests that the API server must refuse by itself.

/** One change of a valid manifest that must be refused. */
export interface Refusal {
  name: string;
  /** Kind and name of the valid manifest. */
  of: readonly [kind: string, name: string];
  set: string;
  to?: unknown;
  /** Field as the answer names it. */
  field: string;
  says: RegExp;
}
