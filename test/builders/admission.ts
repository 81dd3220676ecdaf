// Builds what rules of admission look at, and holds a rule to a table of requests: in a row stands only what it is about.
import { describe, expect, test } from 'vitest';
import type { DNSZone } from '../../src/api/dns-zone.ts';
import type { IPPool } from '../../src/api/ip-pool.ts';
import { API_VERSION } from '../../src/api/object.ts';
import type { Plan, PlanRevision } from '../../src/api/plan.ts';
import type { ProxmoxCluster } from '../../src/api/proxmox-cluster.ts';
import type { IPAddressReservation, IPAddressReservationSpec } from '../../src/api/reservations.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../../src/api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../../src/api/virtual-machine-status.ts';
import type { KubeObject, ObjectMeta } from '../../src/kube/types.ts';
import type { AdmissionFacts } from '../../src/webhook/facts.ts';
import type { Reason, Review, Right, Rule } from '../../src/webhook/rule.ts';
import { aPackage } from './facts.ts';
import { aPlan, aProxmoxCluster, aVirtualMachine, CLUSTER, OPERATOR_NAMESPACE, PLAN } from './objects.ts';

export const NAMESPACE = 'customer-1';
const VM_UID = 'uid-web-1';
export const OPERATOR_USER = `system:serviceaccount:${OPERATOR_NAMESPACE}:pve-operator`;
export const TENANT = { name: 'alice', groups: ['system:authenticated'] } as const;

/** What there is beside the request. Absent: plan, revision 1 of it and cluster of the builders, and nothing else. */
export interface World {
  readonly plans?: readonly Plan[];
  readonly planRevisions?: readonly PlanRevision[];
  readonly clusters?: readonly ProxmoxCluster[];
  readonly pools?: readonly IPPool[];
  readonly zones?: readonly DNSZone[];
  readonly virtualMachines?: readonly VirtualMachine[];
  readonly reservations?: readonly IPAddressReservation[];
  readonly allowLocalTargets?: boolean;
}

export function aCluster(change: Partial<ProxmoxCluster> = {}, name = CLUSTER): ProxmoxCluster {
  return { ...aProxmoxCluster({ endpoints: [`https://${name}.example.com:8006`] }, name), ...change };
}

export function theFacts({
  plans = [aPlan()],
  planRevisions = plans.map((plan) => aRevision(plan)),
  clusters = [aCluster()],
  pools = [],
  zones = [],
  virtualMachines = [],
  reservations = [],
  allowLocalTargets = false,
}: World = {}): AdmissionFacts {
  return {
    plan: (name) => named(plans, name),
    planRevision: (name) => named(planRevisions, name),
    cluster: (name) => named(clusters, name),
    virtualMachine: (namespace, name) =>
      virtualMachines.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
    plans: () => plans,
    clusters: () => clusters,
    pools: () => pools,
    zones: () => zones,
    virtualMachines: () => virtualMachines,
    virtualMachinesOfPlan: (plan) => virtualMachines.filter(({ spec }) => spec.planRef.name === plan),
    virtualMachinesWithHostname: (hostname) =>
      virtualMachines.filter(({ spec, status }) => (status?.fqdn ?? spec.hostname) === hostname),
    addressReservations: (cluster) => reservations.filter(({ spec }) => spec.clusterRef.name === cluster),
    operatorUser: OPERATOR_USER,
    allowLocalTargets,
  };
}

function named<T extends KubeObject>(objects: readonly T[], name: string): T | undefined {
  return objects.find(({ metadata }) => metadata.name === name);
}

export function aRevision(plan: Plan, revision = 1): PlanRevision {
  const { name: planName } = plan.metadata;
  return {
    apiVersion: API_VERSION,
    kind: 'PlanRevision',
    metadata: { name: `${planName}-${revision}` },
    spec: { planName, revision, plan: plan.spec },
  };
}

/** A VM of the namespace that is not deployed yet. */
export function aNewVm(spec: Partial<VirtualMachineSpec> = {}, metadata: Partial<ObjectMeta> = {}): VirtualMachine {
  const vm = aVirtualMachine('web-1', spec);
  const creationTimestamp = '2026-03-01T10:00:00Z';
  return { ...vm, metadata: { ...vm.metadata, namespace: NAMESPACE, uid: VM_UID, creationTimestamp, ...metadata } };
}

/** A VM that runs, built from revision 1 of the plan with a system disk of 40 GiB. */
export function aBuiltVm(
  spec: Partial<VirtualMachineSpec> = {},
  status: Partial<VirtualMachineStatus> = {},
): VirtualMachine {
  return {
    ...aNewVm(spec),
    status: {
      state: 'ready',
      clusterName: CLUSTER,
      vmid: 2000,
      powerState: 'Running',
      planRevision: `${PLAN}-1`,
      effective: aPackage({ systemDiskGiB: 40, operatingSystem: 9000 }),
      ...status,
    },
  };
}

/** An address of web-1, from pool ipv4 on vmbr0. */
export function aReservation(address: string, spec: Partial<IPAddressReservationSpec> = {}): IPAddressReservation {
  return {
    apiVersion: API_VERSION,
    kind: 'IPAddressReservation',
    metadata: { name: 'r-1' },
    spec: {
      clusterRef: { name: CLUSTER },
      bridge: 'vmbr0',
      vlan: 0,
      address,
      family: address.includes(':') ? 'IPv6' : 'IPv4',
      prefixLength: 24,
      poolName: 'ipv4',
      order: 0,
      virtualMachine: { namespace: NAMESPACE, name: 'web-1', uid: VM_UID },
      ...spec,
    },
  };
}

/** The API server's request; a status that only the old object shows is that of the new one too. */
export function aReview<T extends KubeObject>(
  review: Pick<Review<T>, 'verb' | 'object'> & Partial<Review<T>>,
): Review<T> {
  return { namespace: review.object.metadata.namespace ?? '', user: TENANT, dryRun: false, ...review };
}

export function created<T extends KubeObject>(object: T): Review<T> {
  return aReview({ verb: 'CREATE', object });
}

export function updated<T extends KubeObject>(old: T, object: T): Review<T> {
  return aReview({ verb: 'UPDATE', old, object });
}

export function deleted<T extends KubeObject>(object: T): Review<T> {
  return aReview({ verb: 'DELETE', object });
}

/** A refusal as a row expects it; `says` must be part of the message. */
interface Wanted {
  readonly path: string;
  readonly code: Reason['code'];
  readonly says?: string;
  /** The right that would do. */
  readonly unless?: Right;
}

export interface Row<T extends KubeObject> {
  readonly name: string;
  readonly review: Review<T>;
  readonly world?: World;
  /** Absent: nothing is refused. */
  readonly want?: readonly Wanted[];
  /** Parts of the warnings; absent: there are none. */
  readonly warns?: readonly string[];
}

const LONGEST_MESSAGE = 300;

/** Runs the rows, and demands that they show every code, the example of the page, and a request that passes. */
export function holdRule<T extends KubeObject>(rule: Rule<T>, rows: readonly Row<T>[]): void {
  describe(rule.id, () => {
    test.each(rows)('$name', ({ review, world, want = [], warns = [] }) => {
      expect(rule.kind).toBe(review.object.kind);
      expect(rule.verbs).toContain(review.verb);
      const { reasons, warnings } = answers(rule, review, world);
      expect(reasons.map(shown)).toEqual(want.map(withoutText));
      want.forEach(({ says = '' }, index) => expect(reasons[index]?.message).toContain(says));
      expect(warnings).toHaveLength(warns.length);
      warns.forEach((part, index) => expect(warnings[index]).toContain(part));
    });

    test('says what its page says, in whole sentences', () => {
      const all = rows.map(({ review, world }) => answers(rule, review, world));
      const texts = all.flatMap(({ reasons, warnings }) => [...reasons.map(({ message }) => message), ...warnings]);
      expect(texts).toContain(rule.example);
      for (const text of texts) {
        expect(text).toMatch(/^[^\n\r]+\.$/);
        expect(text.length).toBeLessThanOrEqual(LONGEST_MESSAGE);
      }
      const codes = all.flatMap(({ reasons }) => reasons.map(({ code }) => code));
      expect([...new Set(codes)].sort()).toEqual([...rule.codes].sort());
      const rights = all.flatMap(({ reasons }) => reasons.flatMap(({ unless }) => unless?.verb ?? []));
      expect([...new Set(rights)].sort()).toEqual([...(rule.rights ?? [])].sort());
      if (rule.codes.length > 0) expect(rows.some(({ want = [] }) => want.length === 0)).toBe(true);
    });
  });
}

function answers<T extends KubeObject>(rule: Rule<T>, review: Review<T>, world: World | undefined) {
  const facts = theFacts(world);
  return { reasons: rule.check?.(review, facts) ?? [], warnings: rule.warn?.(review, facts) ?? [] };
}

function shown({ path, code, unless }: Reason): Wanted {
  return { path, code, ...(unless === undefined ? {} : { unless: unless.verb }) };
}

function withoutText({ path, code, unless }: Wanted): Wanted {
  return { path, code, ...(unless === undefined ? {} : { unless }) };
}
