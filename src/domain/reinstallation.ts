// Answers which template a reinstallation installs, or why none: admission asks before, the controller once more at the end.
import type { PlanSpec } from '../api/plan.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { type Refusal, templateRefusal } from './operations-refusals.ts';
import { resolvePackage } from './package.ts';
import { familyRefusal } from './template-families.ts';

export type Reinstallation =
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** Undefined where nothing was built yet and nothing valid is declared. */
  | { readonly kind: 'installs'; readonly operatingSystem: number | undefined };

/** `named` is the template that the operation names. Without one the declared operating system is installed. */
export function reinstallation(
  { spec, status }: Pick<VirtualMachine, 'spec' | 'status'>,
  plan: PlanSpec,
  named: number | undefined,
): Reinstallation {
  const unknown = templateRefusal(plan, named);
  if (unknown !== undefined) return { kind: 'refused', refusal: unknown };
  const built = status?.effective?.operatingSystem;
  const operatingSystem = named ?? resolvePackage({ plan, spec }).package?.operatingSystem ?? built;
  const message = familyRefusal(plan, built, operatingSystem);
  if (message !== undefined) return { kind: 'refused', refusal: { reason: 'FamilyMixed', message } };
  return { kind: 'installs', operatingSystem };
}
