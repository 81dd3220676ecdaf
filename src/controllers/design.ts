// Resolves what a VM is to be: its plan in the revision it keeps, its options, its names; or what is wrong with them.
import type { Plan, PlanSpec } from '../api/plan.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { EffectivePackage } from '../api/virtual-machine-status.ts';
import { fqdn, fqdnProblems, vmName } from '../domain/names.ts';
import { namespaceAllowed } from '../domain/namespaces.ts';
import { resolvePackage } from '../domain/package.ts';
import { type ResolvedPlan, resolvePlan } from '../domain/plan-defaults.ts';
import type { Problem } from '../domain/problems.ts';
import { StalledError, WaitingError } from '../errors.ts';
import type { Design } from '../machine/facts.ts';
import { type Context, INDEX } from './context.ts';
import { currentRevision } from './plan-revisions.ts';

const REVISION_WAIT_MS = 500;

/** Throws StalledError with the object or field that is wrong, or WaitingError while the plan's revision is being made. */
export function resolveDesign(vm: VirtualMachine, context: Context): Design {
  const { plan: spec, planRevision } = planOf(vm, context);
  const plan = resolvePlan(spec);
  const name = nameOf(vm, plan);
  const host = fqdn({ hostname: vm.spec.hostname, name, domain: plan.domain });
  refuse('NameInvalid', fqdnProblems(host));
  refuseTaken(vm, host, context);
  return { plan, planRevision, package: packageOf(vm, spec), name, fqdn: host };
}

/**
 * The host name that a VM has or asks for: what `INDEX.hostname` is made of. A name that its plan makes is known from
 * the clone on.
 */
export function hostnameOf({ spec, status }: VirtualMachine): string | undefined {
  return status?.fqdn ?? spec.hostname?.toLowerCase();
}

// Two VMs of one name would overwrite each other's DNS records. Whose the other one is may be none of the tenant's business.
function refuseTaken(vm: VirtualMachine, host: string, { stores }: Context): void {
  // A name without a domain is nobody's: it is in no DNS zone.
  if (!host.includes('.')) return;
  const { uid } = vm.metadata;
  const others = stores.virtualMachines.byIndex(INDEX.hostname, host).filter(({ metadata }) => metadata.uid !== uid);
  if (!others.some((other) => goesBefore(other, vm))) return;
  throw new StalledError(
    'NameTaken',
    `Another virtual machine has the host name ${host}. Make this one anew with another name or spec.hostname, or wait until that one is gone.`,
  );
}

// Who has the name keeps it; between those that only ask for it age decides, and the UID within one second.
function goesBefore(one: VirtualMachine, other: VirtualMachine): boolean {
  const has = (vm: VirtualMachine): boolean => vm.status?.fqdn !== undefined;
  if (has(one) !== has(other)) return has(one);
  const age = ({ metadata }: VirtualMachine): string => `${metadata.creationTimestamp ?? ''} ${metadata.uid ?? ''}`;
  return age(one) < age(other);
}

/** The plan that the VM keeps, or the newest revision of the one that it names. */
function planOf(vm: VirtualMachine, context: Context): { plan: PlanSpec; planRevision: string } {
  const kept = vm.status?.planRevision;
  const revision = kept === undefined ? undefined : context.stores.planRevisions.get(kept);
  if (revision !== undefined) return { plan: revision.spec.plan, planRevision: revision.metadata.name };
  const plan = allowedPlan(vm, context);
  const current = currentRevision(plan, context.stores);
  if (current === undefined) {
    throw new WaitingError('InProgress', `The revision of plan ${plan.metadata.name} is being made.`, REVISION_WAIT_MS);
  }
  return { plan: current.spec.plan, planRevision: current.metadata.name };
}

/** The plan that a VM names, if its namespace may use it. Throws StalledError. */
export function allowedPlan(vm: VirtualMachine, { stores }: Pick<Context, 'stores'>): Plan {
  const namespace = vm.metadata.namespace ?? '';
  const { name } = vm.spec.planRef;
  const plan = stores.plans.get(name);
  if (plan === undefined)
    throw new StalledError('PlanNotFound', `Plan ${name} does not exist. Create it or correct spec.planRef.`);
  if (!namespaceAllowed(plan.spec.allowedNamespaces, namespace)) {
    throw new StalledError('NotAllowed', `Plan ${name} may not be used in namespace ${namespace}.`);
  }
  const cluster = stores.clusters.get(plan.spec.clusterRef.name);
  if (cluster !== undefined && !namespaceAllowed(cluster.spec.allowedNamespaces, namespace)) {
    throw new StalledError(
      'NotAllowed',
      `ProxmoxCluster ${cluster.metadata.name} may not be used in namespace ${namespace}.`,
    );
  }
  return plan;
}

function nameOf(vm: VirtualMachine, plan: ResolvedPlan): string {
  if (vm.status?.name !== undefined) return vm.status.name;
  const { name, problems } = vmName({
    rule: plan.nameRule,
    billing: vm.spec.billing,
    namespace: vm.metadata.namespace ?? '',
    name: vm.metadata.name,
    uid: vm.metadata.uid ?? '',
    createdAt: new Date(vm.metadata.creationTimestamp ?? 0),
  });
  refuse('NameInvalid', problems);
  return name ?? vm.metadata.name;
}

// What the VM was built from holds until a package change: an edit during the deploy must not move the target.
function packageOf(vm: VirtualMachine, plan: PlanSpec): EffectivePackage {
  if (vm.status?.effective !== undefined) return vm.status.effective;
  const resolved = resolvePackage({ plan, spec: vm.spec });
  refuse('OptionInvalid', resolved.problems);
  if (resolved.package === undefined) throw new TypeError('A package without problems is complete.');
  return resolved.package;
}

function refuse(reason: 'NameInvalid' | 'OptionInvalid', problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  throw new StalledError(
    reason,
    problems
      .map(({ path, message }) => `${path}: ${message}`)
      .join(' ')
      .slice(0, 300),
  );
}
