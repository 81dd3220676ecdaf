// migrated: moves the stopped VM to the node that was chosen for it before the clone.
import type { Facts, OwnVm } from '../machine/facts.ts';
import type { Step, Verdict } from '../machine/vocabulary.ts';
import { withOwnVm } from './own-vm.ts';

const NODE_RECHECK_MS = 30_000;

export const migrateToTarget: Step = {
  id: 'migrate-to-target',
  title: 'Migrate to target node',
  condition: 'Placed',
  needs: () => ['observed'],
  plan: (facts) => withOwnVm(facts, (vm) => plan(facts, vm)),
};

function plan(facts: Facts, vm: OwnVm): Verdict {
  const { targetNode, targetStorage } = facts.status.placement ?? {};
  if (targetNode === undefined || targetNode === vm.node) return whenInPlace(facts, vm);
  if (wasReady(facts)) return whenMoved(vm);
  const target = facts.cluster.snapshot?.nodes.get(targetNode);
  if (target !== undefined && target.status !== 'online') {
    return {
      kind: 'wait',
      reason: 'WaitingForNode',
      message: `Target node ${targetNode} is ${target.status}.`,
      afterMs: NODE_RECHECK_MS,
    };
  }
  return {
    kind: 'act',
    why: `the VM is on ${vm.node} and belongs on ${targetNode}`,
    action: { kind: 'migrate', target: targetNode, targetStorage },
  };
}

/** Whether this very machine, not one that was under the VMID before, has been ready. */
function wasReady({ status: { clonedAt, settledAt } }: Facts): boolean {
  return clonedAt !== undefined && settledAt !== undefined && Date.parse(settledAt) >= Date.parse(clonedAt);
}

// Where a VM is put first is ours to choose; moving it afterwards is up to people and to the cluster.
function whenMoved({ node }: OwnVm): Verdict {
  return { kind: 'skip', why: `the VM was moved to node ${node} after it had been ready`, note: { status: { node } } };
}

// The node alone does not tell whether the VM was moved there or made there.
function whenInPlace({ status }: Facts, vm: OwnVm): Verdict {
  const note = { status: { node: vm.node } };
  if (status.operation?.intent?.action === 'migrate') return { kind: 'done', note };
  return { kind: 'skip', why: status.placement?.message ?? `the VM is on its node ${vm.node} already`, note };
}
