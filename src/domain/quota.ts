// The quota of a plan: which places a VM needs, whether there is one for it, and what is said when there is none.
import type { QuotaSlot } from '../api/quota-slot.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';

/** Of a plan that exists: how many VMs each namespace may have, absent for any number. Of one that does not: undefined. */
export type PlanQuota = { readonly limit?: number } | undefined;

export interface SlotSituation {
  /** Slots that the VM has, of whatever plan. */
  readonly held: readonly QuotaSlot[];
  /** Plan that the VM names. */
  readonly named: string;
  /** Plan that the VM was built from, or is being changed to. */
  readonly built: string | undefined;
  /** Whether there is a machine, or a call under way that may make one. */
  readonly isMade: boolean;
  quotaOf(plan: string): PlanQuota;
}

export interface SlotChanges {
  readonly release: readonly QuotaSlot[];
  /** With a limit: only if there is room. Without: what exists has its place whatever the quota says. */
  readonly take: readonly { readonly plan: string; readonly limit?: number }[];
}

/**
 * What is to become of the slots of a VM. It counts in the plan that it names and in the one that it is built from, so
 * that a VM on its way to another plan loses no place before it has the new one.
 */
export function slotChanges({ held, named, built, isMade, quotaOf }: SlotSituation): SlotChanges {
  const plans = [...new Set(built === undefined ? [named] : [built, named])];
  const kept = plans.flatMap((plan) => keptSlot(held, plan, quotaOf(plan)) ?? []);
  const release = held.filter((slot) => !kept.includes(slot));
  const take = plans.flatMap((plan) => {
    const limit = quotaOf(plan)?.limit;
    if (limit === undefined || kept.some(({ spec }) => spec.planRef.name === plan)) return [];
    return isMade && plan === built ? { plan } : { plan, limit };
  });
  return { release, take };
}

// A plan that is gone may come back, and with it its quota. Of two slots, which a lost answer leads to, the lower stays.
function keptSlot(held: readonly QuotaSlot[], plan: string, quota: PlanQuota): QuotaSlot | undefined {
  if (quota !== undefined && quota.limit === undefined) return undefined;
  return held
    .filter(({ spec }) => spec.planRef.name === plan)
    .toSorted((one, other) => one.spec.number - other.spec.number)[0];
}

export interface SlotSupply {
  /** Numbers that are taken. */
  readonly taken: ReadonlySet<number>;
  /** VMs that count, with a slot or without one, not counting the one that asks. */
  readonly members: number;
  /** Absent: there is always room. */
  readonly limit: number | undefined;
}

/**
 * The number of the slot that is taken next: the lowest that is free. Undefined when there is no room. As each member has
 * at most one slot, a number within the limit is free whenever there is room.
 */
export function nextSlot({ taken, members, limit }: SlotSupply): number | undefined {
  if (limit !== undefined && members >= limit) return undefined;
  let number = 1;
  while (taken.has(number)) number += 1;
  return number;
}

/** Whether a machine was made for the object, or a call is under way that may make one. */
export function hasMachine({ status }: Pick<VirtualMachine, 'status'>): boolean {
  return status?.vmid !== undefined || status?.operation?.intent?.action === 'clone';
}

/** That there is no room for one more VM of a plan in a namespace, and what to do. */
export function quotaSentence({ plan, namespace, limit }: { plan: string; namespace: string; limit: number }): string {
  if (limit === 0)
    return `Plan ${plan} takes no new virtual machines: its quota.virtualMachinesPerNamespace is 0. Choose another plan, or have it raised.`;
  return `Namespace ${namespace} has as many virtual machines of plan ${plan} as its quota allows (${limit}). Delete one, choose another plan, or have quota.virtualMachinesPerNamespace of the plan raised.`;
}
