// clone: makes the VM from its template, under a VMID that is reserved and with our stamp in the call itself.
import { templateDisks } from '../domain/template.ts';
import { choosePlacement, type Placement, type PlacementProblem, type PlacementRequest } from '../domain/placement.ts';
import type { Facts, TemplateFacts } from '../machine/facts.ts';
import { isoTime } from '../machine/progress.ts';
import type { Note, Step, Verdict } from '../machine/vocabulary.ts';
import { untilResolved, whileCloning } from './clone-call.ts';
import { designOf, identityMismatch } from './own-vm.ts';

const SLOT_RECHECK_MS = 5_000;
const NODE_RECHECK_MS = 30_000;

type PresentTemplate = Extract<TemplateFacts, { kind: 'present' }>;

export const cloneTemplate: Step = {
  id: 'clone-template',
  title: 'Clone template',
  condition: 'Cloned',
  needs: () => ['observed', 'template', 'credentials', 'cloneSlot'],
  plan,
};

function plan(facts: Facts): Verdict {
  if (facts.held.vmid === undefined) {
    return {
      kind: 'act',
      action: { kind: 'reserveVmid', first: designOf(facts).plan.firstVMID },
      why: 'no VMID is reserved yet',
    };
  }
  switch (facts.observed?.kind) {
    case 'ours':
      return whenCloned(facts, facts.observed);
    case 'cloning':
      return whileCloning(facts);
    case 'foreign':
      return whenTaken(facts, facts.observed);
    default:
      return whenAbsent(facts, facts.held.vmid);
  }
}

function whenCloned(facts: Facts, vm: Extract<Facts['observed'], { kind: 'ours' }>): Verdict {
  if (vm.lock === 'clone') return whileCloning(facts);
  const name = vm.config.get('name') ?? designOf(facts).name;
  const clonedAt = facts.status.clonedAt ?? isoTime(facts.now);
  return { kind: 'done', note: { status: { vmid: facts.held.vmid, node: vm.node, name, clonedAt } } };
}

// Somebody else took the id between our reservation and our clone. As long as a clone call of ours may still be carried
// out, the id must not be given up: the call would make a second VM once the stranger is gone.
function whenTaken(facts: Facts, observed: { node: string; stamped: boolean }): Verdict {
  if (facts.held.vmid === undefined || wasMade(facts)) return identityMismatch(observed, facts);
  const because = `VM ${facts.held.vmid} was made by somebody else`;
  const unresolved = untilResolved(facts, `${because}.`);
  if (unresolved !== undefined) return unresolved;
  return { kind: 'act', action: { kind: 'releaseVmid', vmid: facts.held.vmid, because }, why: because };
}

/** Whether a clone task of ours ended well: the VM there is the one that it made, whatever became of its stamp. */
function wasMade({ status }: Facts): boolean {
  const intent = status.operation?.intent;
  // A clone that failed or was refused leaves no intent.
  return intent?.action === 'clone' && intent.answered === true;
}

// Also when an earlier call got no answer: Proxmox VE makes one VM under a VMID, whichever of two calls comes first. That
// the other one may come when the VM is gone again is remembered (`cloneUnansweredAt`): the VMID is kept for as long.
function whenAbsent(facts: Facts, vmid: number): Verdict {
  if (facts.held.vmidReserved === false) {
    return { kind: 'act', action: { kind: 'restoreVmid', vmid }, why: `VMID ${vmid} is not reserved any more` };
  }
  const template = usableTemplate(facts);
  if ('verdict' in template) return template.verdict;
  const { plan: product } = designOf(facts);
  if (facts.credentials?.kind === 'absent') {
    return {
      kind: 'act',
      action: { kind: 'createCredentials', user: product.osUser },
      why: 'user and password must outlive a crash',
    };
  }
  if (facts.cloneSlot?.free === false) return waitForSlot(facts.cloneSlot);
  return planClone(facts, template, vmid);
}

function usableTemplate(facts: Facts): { node: string; disks: TemplateDisks } | { verdict: Verdict } {
  const id = designOf(facts).package.operatingSystem;
  const template = facts.template;
  switch (template?.kind) {
    case 'present':
      return checkedTemplate(template, id);
    case 'offline':
      return {
        verdict: {
          kind: 'wait',
          reason: 'WaitingForNode',
          message: `Node ${template.node} with template ${id} is offline.`,
          afterMs: NODE_RECHECK_MS,
        },
      };
    case 'notATemplate':
      return {
        verdict: {
          kind: 'stall',
          reason: 'NotATemplate',
          message: `VM ${id} on node ${template.node} is an ordinary VM, not a template. Convert it to a template or correct the plan.`,
        },
      };
    default:
      return {
        verdict: {
          kind: 'stall',
          reason: 'TemplateMissing',
          message: `Template ${id} does not exist on cluster ${facts.cluster.name}.`,
        },
      };
  }
}

type TemplateDisks = Extract<ReturnType<typeof templateDisks>, { system: unknown }>;

function checkedTemplate(
  template: PresentTemplate,
  id: number,
): { node: string; disks: TemplateDisks } | { verdict: Verdict } {
  const disks = templateDisks(template.config);
  if ('problem' in disks)
    return { verdict: { kind: 'stall', reason: 'TemplateUnusable', message: `Template ${id}: ${disks.problem}` } };
  return { node: template.node, disks };
}

function waitForSlot({ running, limit, where }: NonNullable<Facts['cloneSlot']>): Verdict {
  return {
    kind: 'wait',
    reason: 'WaitingForCloneSlot',
    message: `${running} of ${limit} clones that may run at once on ${where} are running.`,
    afterMs: SLOT_RECHECK_MS,
  };
}

function planClone(facts: Facts, template: { node: string; disks: TemplateDisks }, vmid: number): Verdict {
  const { plan: product, package: resources, name } = designOf(facts);
  const placement = choosePlacement(placementRequest(facts, template));
  if (placement.problem !== undefined) return placementProblem(placement.problem);
  return {
    kind: 'act',
    why: `VM ${vmid} does not exist yet`,
    note: { status: decidedStatus(facts, template, vmid, placement) },
    action: {
      kind: 'clone',
      template: { node: template.node, vmid: resources.operatingSystem },
      vmid,
      name,
      full: product.cloneType === 'Full',
      storage: placement.cloneStorage,
    },
  };
}

function placementRequest(facts: Facts, template: { node: string; disks: TemplateDisks }): PlacementRequest {
  const { plan: product, package: resources } = designOf(facts);
  return {
    targetNode: product.targetNode,
    cloneType: product.cloneType,
    template: { node: template.node, storage: template.disks.system.storage },
    nodes: nodesOf(facts),
    storages: storagesOf(facts),
    placedMemoryBytes: facts.cluster.placedMemoryBytes,
    wanted: {
      memoryBytes: resources.memoryGiB * 2 ** 30,
      systemStorage: product.systemStorage,
      additionalStorage: resources.additionalDiskGiB > 0 ? product.additionalStorage : undefined,
    },
  };
}

// Everything that is decided before the clone is stored with its intent, so that a later pass does not decide otherwise.
function decidedStatus(
  facts: Facts,
  template: { node: string; disks: TemplateDisks },
  vmid: number,
  placement: Placement,
): NonNullable<Note['status']> {
  const { package: resources, name, fqdn, planRevision } = designOf(facts);
  const { system, freeKey } = template.disks;
  return {
    vmid,
    planRevision,
    node: template.node,
    name,
    // From here on the host name is this VM's, against any other that asks for it.
    fqdn,
    effective: resources,
    disks: { system: system.key, additional: resources.additionalDiskGiB > 0 ? freeKey : undefined },
    placement: {
      templateNode: template.node,
      targetNode: placement.node,
      targetStorage: placement.targetStorage,
      message: placement.message.slice(0, 300),
    },
  };
}

function placementProblem({ reason, message }: PlacementProblem): Verdict {
  if (reason !== 'WaitingForNode') return { kind: 'stall', reason, message };
  return { kind: 'wait', reason, message, afterMs: NODE_RECHECK_MS };
}

function nodesOf({ cluster }: Facts) {
  return [...(cluster.snapshot?.nodes.values() ?? [])].map((node) => ({
    name: node.name,
    online: node.status === 'online',
    memoryFreeBytes: Math.max(0, (node.maxMemoryBytes ?? 0) - (node.memoryBytes ?? 0)),
  }));
}

function storagesOf({ cluster }: Facts) {
  return (cluster.snapshot?.storages ?? []).map((storage) => ({
    node: storage.node,
    storage: storage.storage,
    type: storage.pluginType ?? '',
    shared: storage.shared,
    available: storage.status === 'available',
    content: storage.content,
  }));
}
