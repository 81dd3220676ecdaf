// The table of all rules of admission, in the order of docs/admission.md.
import type { Rule } from './rule.ts';

export const RULES: readonly Rule[] = [];
