// Answers whether a VM may go from one operating system to another: a plan can forbid to mix Linux and Windows.
import type { PlanSpec } from '../api/plan.ts';

type Family = 'Linux' | 'Windows';

/** The family of a template, as the plan says; undefined for a template that is not the plan's. */
export function familyOf(plan: PlanSpec, vmid: number): Family | undefined {
  const template = [plan.template, ...(plan.allowedTemplates ?? [])].find((one) => one.vmid === vmid);
  return template === undefined ? undefined : (template.family ?? 'Linux');
}

/** Why a VM that was made from one template must not be made from the other, as a sentence; undefined when it may, or one of them is not known. */
export function familyRefusal(plan: PlanSpec, from: number | undefined, to: number | undefined): string | undefined {
  if (plan.familyChange !== 'Forbidden' || from === undefined || to === undefined) return undefined;
  const before = familyOf(plan, from);
  const after = familyOf(plan, to);
  if (before === undefined || after === undefined || before === after) return undefined;
  return `The template ${to} is a ${after} one, the VM has ${before}, and the plan forbids to go from one to the other; choose a ${before} template.`;
}
