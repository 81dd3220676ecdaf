// Which host name a VM may have.
import type { VirtualMachine } from '../../api/virtual-machine.ts';
import type { DNSZone } from '../../api/dns-zone.ts';
import type { PlanSpec } from '../../api/plan.ts';
import { fqdn, fqdnProblems, vmName } from '../../domain/names.ts';
import { namespaceAllowed } from '../../domain/namespaces.ts';
import type { AdmissionFacts } from '../facts.ts';
import type { Reason, Review, Rule } from '../rule.ts';
import { planSpecOf } from './change.ts';

type VmReview = Review<VirtualMachine>;

const PATH = 'spec.hostname';

export const nameValid: Rule<VirtualMachine> = {
  id: 'name-valid',
  kind: 'VirtualMachine',
  verbs: ['CREATE'],
  title:
    'The name rule of the plan gives a name: its macros have the billing ids that they need, and it is not too long.',
  codes: ['NameInvalid'],
  example:
    'The name rule of the plan has {client_id}, but the VM has no billing ids; set spec.billing or use a plan with another nameRule.',
  check(review, facts) {
    const { problems } = namedBy(review, planSpecOf(review.object, facts));
    const { hostname } = review.object.spec;
    const host = hostOf(review, facts);
    const all = [...problems, ...(host === undefined ? [] : fqdnProblems(host))];
    return all.map(({ path, message }): Reason => {
      // The rule is the plan's, the choice of the plan the VM's.
      const field = path === 'spec.nameRule' || (path === PATH && hostname === undefined) ? 'spec.planRef.name' : path;
      return { path: field, code: 'NameInvalid', message };
    });
  },
};

export const hostnameInDomain: Rule<VirtualMachine> = {
  id: 'hostname-in-domain',
  kind: 'VirtualMachine',
  verbs: ['CREATE'],
  title: 'A host name is below the domain of the plan, if the plan has one.',
  codes: ['HostnameNotAllowed'],
  rights: ['bypass'],
  example:
    'spec.hostname "www.example.org" is not below example.com, the domain of plan kvm. Choose a name that ends in .example.com, or leave it out.',
  check({ object }, facts) {
    const { hostname, planRef } = object.spec;
    const domain = planSpecOf(object, facts)?.domain;
    if (hostname === undefined || domain === undefined || hostname.endsWith(`.${domain}`)) return [];
    const message = `spec.hostname "${hostname}" is not below ${domain}, the domain of plan ${planRef.name}. Choose a name that ends in .${domain}, or leave it out.`;
    const unless = { verb: 'bypass', resource: 'plans', name: planRef.name } as const;
    return [{ path: PATH, code: 'HostnameNotAllowed', message, unless }];
  },
};

export const hostnameInOwnZone: Rule<VirtualMachine> = {
  id: 'hostname-in-own-zone',
  kind: 'VirtualMachine',
  verbs: ['CREATE'],
  title: 'A host name in a zone that the operator keeps is in one that the namespace may use.',
  codes: ['ZoneNotAllowed'],
  example:
    'spec.hostname "web.example.com" is in the DNS zone example.com, which may not be used in namespace customer-1. Choose a name in another domain, or ask the platform team to add the namespace to the allowedNamespaces of the DNSZone.',
  check({ object, namespace }, facts) {
    const { hostname } = object.spec;
    const zones = hostname === undefined ? [] : closestZones(hostname, facts.zones());
    const [first] = zones;
    if (first === undefined || zones.some(({ spec }) => namespaceAllowed(spec.allowedNamespaces, namespace))) return [];
    const message = `spec.hostname "${hostname}" is in the DNS zone ${zoneName(first)}, which may not be used in namespace ${namespace}. Choose a name in another domain, or ask the platform team to add the namespace to the allowedNamespaces of the DNSZone.`;
    return [{ path: PATH, code: 'ZoneNotAllowed', message }];
  },
};

export const hostnameFree: Rule<VirtualMachine> = {
  id: 'hostname-free',
  kind: 'VirtualMachine',
  verbs: ['CREATE'],
  title: 'No other VM has or asks for the host name: the two would overwrite the DNS records of each other.',
  codes: ['NameTaken'],
  example:
    'Another virtual machine has the host name web.example.com. Choose another name, or wait until that one is gone.',
  check(review, facts) {
    const host = hostOf(review, facts);
    // A name without a domain is in no DNS zone.
    if (host === undefined || !host.includes('.')) return [];
    const { name } = review.object.metadata;
    const others = facts
      .virtualMachinesWithHostname(host)
      .filter(({ metadata }) => metadata.namespace !== review.namespace || metadata.name !== name);
    if (others.length === 0) return [];
    const path = review.object.spec.hostname === undefined ? 'metadata.name' : PATH;
    // Whose the other one is may be none of the tenant's business.
    const message = `Another virtual machine has the host name ${host}. Choose another name, or wait until that one is gone.`;
    return [{ path, code: 'NameTaken', message }];
  },
};

function hostOf(review: VmReview, facts: AdmissionFacts): string | undefined {
  const plan = planSpecOf(review.object, facts);
  const { name } = namedBy(review, plan);
  return plan && name && fqdn({ hostname: review.object.spec.hostname, name, domain: plan.domain });
}

// The API server has given UID and time of creation before it asks.
function namedBy({ object, namespace }: VmReview, plan: PlanSpec | undefined): ReturnType<typeof vmName> {
  if (plan === undefined) return { problems: [] };
  const { name, uid = '', creationTimestamp } = object.metadata;
  const createdAt = new Date(creationTimestamp ?? 0);
  return vmName({ rule: plan.nameRule, billing: object.spec.billing, namespace, name, uid, createdAt });
}

/** Of the zones that hold the name those with the longest name; several objects may stand for one zone. */
function closestZones(hostname: string, zones: readonly DNSZone[]): readonly DNSZone[] {
  const holding = zones.filter((zone) => hostname === zoneName(zone) || hostname.endsWith(`.${zoneName(zone)}`));
  const longest = Math.max(...holding.map((zone) => zoneName(zone).length));
  return holding.filter((zone) => zoneName(zone).length === longest);
}

function zoneName({ spec }: DNSZone): string {
  return spec.zone.replace(/\.$/, '');
}
