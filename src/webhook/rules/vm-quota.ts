// Advises early what the operator decides with slots: a VM that a quota leaves no room for is refused where that is certain.
import type { Plan } from '../../api/plan.ts';
import type { VirtualMachine } from '../../api/virtual-machine.ts';
import { isPaused } from '../../domain/operations.ts';
import { hasMachine, quotaSentence } from '../../domain/quota.ts';
import type { AdmissionFacts } from '../facts.ts';
import type { Reason, Review, Rule } from '../rule.ts';
import { changes } from './change.ts';

const NAMED = 2;

export const quotaLeft: Rule<VirtualMachine> = {
  id: 'quota-left',
  kind: 'VirtualMachine',
  verbs: ['CREATE', 'UPDATE'],
  title:
    'The quota of the plan has room for one more VM in the namespace. A VM that is being deleted makes room, one that is paused until it has adopted a machine needs none. Of two requests at the same time both may pass: what is too many is stored and waits.',
  codes: ['QuotaExceeded'],
  example:
    'Namespace customer-1 has as many virtual machines of plan kvm as its quota allows (1). Delete one, choose another plan, or have quota.virtualMachinesPerNamespace of the plan raised.',
  check: checkQuota,
};

function checkQuota(review: Review<VirtualMachine>, facts: AdmissionFacts): readonly Reason[] {
  const { object, namespace } = review;
  if (!changes(review, ({ spec }) => spec.planRef.name) || !counts(object)) return [];
  const { name: plan } = object.spec.planRef;
  const limit = facts.plan(plan)?.spec.quota?.virtualMachinesPerNamespace;
  if (limit === undefined) return [];
  const others = facts
    .virtualMachinesOfPlan(plan)
    .filter((vm) => vm.metadata.namespace === namespace && vm.metadata.name !== object.metadata.name && counts(vm));
  if (others.length < limit) return [];
  const message = quotaSentence({ plan, namespace, limit });
  return [{ path: 'spec.planRef.name', code: 'QuotaExceeded', message }];
}

function counts(vm: VirtualMachine): boolean {
  return vm.metadata.deletionTimestamp === undefined && (hasMachine(vm) || !isPaused(vm));
}

export const quotaLowered: Rule<Plan> = {
  id: 'plan-quota-lowered',
  kind: 'Plan',
  verbs: ['CREATE', 'UPDATE'],
  title: 'A quota may be set below what there is. VMs that exist stay as they are; it is told where there are more.',
  codes: [],
  example: 'More virtual machines of plan kvm than its quota of 1 allows: 2 in customer-1. They stay; new ones wait.',
  warn(review, facts) {
    const { metadata, spec } = review.object;
    const limit = spec.quota?.virtualMachinesPerNamespace;
    if (limit === undefined || !changes(review, ({ spec: { quota } }) => quota?.virtualMachinesPerNamespace)) return [];
    const over = [...countsByNamespace(facts.virtualMachinesOfPlan(metadata.name))].filter(
      ([, count]) => count > limit,
    );
    if (over.length === 0) return [];
    const named = over.slice(0, NAMED).map(([namespace, count]) => `${count} in ${namespace}`);
    const list = over.length > NAMED ? `${named.join(', ')}, …` : named.join(', ');
    return [
      `More virtual machines of plan ${metadata.name} than its quota of ${limit} allows: ${list}. They stay; new ones wait.`,
    ];
  },
};

function countsByNamespace(vms: readonly VirtualMachine[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const vm of vms.filter(counts)) {
    const { namespace = '' } = vm.metadata;
    found.set(namespace, (found.get(namespace) ?? 0) + 1);
  }
  return new Map([...found].toSorted(([one], [other]) => one.localeCompare(other)));
}
