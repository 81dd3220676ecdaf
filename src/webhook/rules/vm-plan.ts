// Which plan a VM may name.
import type { VirtualMachine } from '../../api/virtual-machine.ts';
import { namespaceAllowed } from '../../domain/namespaces.ts';
import type { AdmissionFacts } from '../facts.ts';
import type { Reason, Review, Rule } from '../rule.ts';
import { changes } from './change.ts';

const PATH = 'spec.planRef.name';

export const planUsable: Rule<VirtualMachine> = {
  id: 'plan-usable',
  kind: 'VirtualMachine',
  verbs: ['CREATE', 'UPDATE'],
  title:
    'The plan exists, and plan and cluster may be used in the namespace. A grant that is revoked stops new uses, not VMs that exist.',
  codes: ['PlanNotFound', 'PlanNotAllowed', 'ClusterNotAllowed'],
  example:
    'Plan kvm may not be used in namespace customer-1. Use another plan, or ask the platform team to add the namespace to its allowedNamespaces.',
  check: checkUsable,
};

function checkUsable(review: Review<VirtualMachine>, facts: AdmissionFacts): readonly Reason[] {
  const { namespace, object } = review;
  if (!changes(review, ({ spec }) => spec.planRef.name)) return [];
  const { name } = object.spec.planRef;
  const plan = facts.plan(name);
  if (plan === undefined) {
    const message = `Plan ${name} does not exist. Correct spec.planRef.name, or create the plan first.`;
    return [{ path: PATH, code: 'PlanNotFound', message }];
  }
  if (!namespaceAllowed(plan.spec.allowedNamespaces, namespace)) {
    const message = `Plan ${name} may not be used in namespace ${namespace}. Use another plan, or ask the platform team to add the namespace to its allowedNamespaces.`;
    return [{ path: PATH, code: 'PlanNotAllowed', message }];
  }
  const cluster = facts.cluster(plan.spec.clusterRef.name);
  if (cluster === undefined || namespaceAllowed(cluster.spec.allowedNamespaces, namespace)) return [];
  const message = `The cluster of plan ${name} may not be used in namespace ${namespace}. Use another plan, or ask the platform team to add the namespace to the allowedNamespaces of the ProxmoxCluster.`;
  return [{ path: PATH, code: 'ClusterNotAllowed', message }];
}

export const planOfSameCluster: Rule<VirtualMachine> = {
  id: 'plan-of-same-cluster',
  kind: 'VirtualMachine',
  verbs: ['UPDATE'],
  title: 'Another plan is of the cluster that the VM lives on.',
  codes: ['ClusterChanged'],
  example:
    'Plan kvm-east is of cluster east, and the VM is on cluster lab. Choose a plan of that cluster, or make the VM anew.',
  check(review, facts) {
    const { planRef } = review.object.spec;
    const present = (review.old ?? review.object).status?.clusterName;
    const wanted = facts.plan(planRef.name)?.spec.clusterRef.name;
    if (!changes(review, ({ spec }) => spec.planRef.name)) return [];
    if (present === undefined || wanted === undefined || present === wanted) return [];
    const message = `Plan ${planRef.name} is of cluster ${wanted}, and the VM is on cluster ${present}. Choose a plan of that cluster, or make the VM anew.`;
    return [{ path: PATH, code: 'ClusterChanged', message }];
  },
};
