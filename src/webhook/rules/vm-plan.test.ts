import { aBuiltVm, aCluster, aNewVm, created, holdRule, NAMESPACE, updated } from '../../../test/builders/admission.ts';
import { aPlan } from '../../../test/builders/objects.ts';
import { planOfSameCluster, planUsable } from './vm-plan.ts';

const PATH = 'spec.planRef.name';
const otherCluster = aPlan({ clusterRef: { name: 'east' } }, 'kvm-east');
const closedCluster = aCluster();
closedCluster.spec = { ...closedCluster.spec, allowedNamespaces: { names: ['customer-2'] } };

holdRule(planUsable, [
  { name: 'a plan for all', review: created(aNewVm()) },
  {
    name: 'a plan for the namespace',
    review: created(aNewVm()),
    world: { plans: [aPlan({ allowedNamespaces: { names: ['customer-0', NAMESPACE] } })] },
  },
  {
    name: 'a plan for others',
    review: created(aNewVm()),
    world: { plans: [aPlan({ allowedNamespaces: { names: ['customer-2'] } })] },
    want: [{ path: PATH, code: 'PlanNotAllowed' }],
  },
  {
    name: 'a plan for a namespace whose name begins alike',
    review: created(aNewVm()),
    world: { plans: [aPlan({ allowedNamespaces: { names: ['customer-12', 'customer-'] } })] },
    want: [{ path: PATH, code: 'PlanNotAllowed' }],
  },
  {
    name: 'a plan for nobody',
    review: created(aNewVm()),
    world: { plans: [aPlan({ allowedNamespaces: { names: [] } })] },
    want: [{ path: PATH, code: 'PlanNotAllowed' }],
  },
  {
    name: 'no plan',
    review: created(aNewVm({ planRef: { name: 'kvm-smal' } })),
    want: [{ path: PATH, code: 'PlanNotFound', says: 'Plan kvm-smal does not exist' }],
  },
  {
    name: 'a cluster for others',
    review: created(aNewVm()),
    world: { clusters: [closedCluster] },
    want: [{ path: PATH, code: 'ClusterNotAllowed', says: 'The cluster of plan kvm' }],
  },
  { name: 'a cluster that does not exist yet', review: created(aNewVm()), world: { clusters: [] } },
  {
    name: 'a change to a plan for others',
    review: updated(aBuiltVm(), aBuiltVm({ planRef: { name: 'big' } })),
    world: { plans: [aPlan(), aPlan({ allowedNamespaces: { names: [] } }, 'big')] },
    want: [{ path: PATH, code: 'PlanNotAllowed' }],
  },
  {
    name: 'a change to a plan that does not exist',
    review: updated(aBuiltVm(), aBuiltVm({ planRef: { name: 'big' } })),
    want: [{ path: PATH, code: 'PlanNotFound' }],
  },
  {
    name: 'a grant that was revoked, and something else that changes',
    review: updated(aBuiltVm(), aBuiltVm({ runStrategy: 'Always', options: { cpuCores: 2 } })),
    world: { plans: [aPlan({ allowedNamespaces: { names: [] } })] },
  },
  {
    name: 'a plan that is gone, and something else that changes',
    review: updated(aBuiltVm(), aBuiltVm({ runStrategy: 'Always' })),
    world: { plans: [] },
  },
]);

holdRule(planOfSameCluster, [
  {
    name: 'another plan of the cluster',
    review: updated(aBuiltVm(), aBuiltVm({ planRef: { name: 'big' } })),
    world: { plans: [aPlan(), aPlan({}, 'big')] },
  },
  {
    name: 'a plan of another cluster',
    review: updated(aBuiltVm(), aBuiltVm({ planRef: { name: 'kvm-east' } })),
    world: { plans: [aPlan(), otherCluster] },
    want: [{ path: PATH, code: 'ClusterChanged' }],
  },
  {
    name: 'a plan of another cluster, and a status that is taken away with it',
    review: updated(aBuiltVm(), aNewVm({ planRef: { name: 'kvm-east' } })),
    world: { plans: [aPlan(), otherCluster] },
    want: [{ path: PATH, code: 'ClusterChanged' }],
  },
  {
    name: 'a plan of another cluster before the VM is anywhere',
    review: updated(aNewVm(), aNewVm({ planRef: { name: 'kvm-east' } })),
    world: { plans: [aPlan(), otherCluster] },
  },
  {
    name: 'a plan that does not exist, which is said elsewhere',
    review: updated(aBuiltVm(), aBuiltVm({ planRef: { name: 'none' } })),
  },
  {
    name: 'a VM that was adopted on another cluster, and something else that changes',
    review: updated(
      aBuiltVm({}, { clusterName: 'east' }),
      aBuiltVm({ runStrategy: 'Always' }, { clusterName: 'east' }),
    ),
  },
]);
