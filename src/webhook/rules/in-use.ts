// What may not be deleted while something needs it.
import type { DNSZone } from '../../api/dns-zone.ts';
import type { IPPool } from '../../api/ip-pool.ts';
import type { Plan, PlanRevision } from '../../api/plan.ts';
import type { ProxmoxCluster } from '../../api/proxmox-cluster.ts';
import type { IPAddressReservation, VMIDReservation } from '../../api/reservations.ts';
import type { VirtualMachine } from '../../api/virtual-machine.ts';
import { FORCE_REMOVE_ANNOTATION } from '../../controllers/reset-status.ts';
import { type KubeObject, keyOf } from '../../kube/types.ts';
import type { AdmissionFacts } from '../facts.ts';
import type { Reason, Review, Rule } from '../rule.ts';

const DELETE = ['DELETE'] as const;
const NAMED = 3;

export const protectedVm: Rule<VirtualMachine> = {
  id: 'deletion-protected',
  kind: 'VirtualMachine',
  verbs: DELETE,
  title: 'A VM with deletion protection is not deleted, unless it is removed by force.',
  codes: ['DeletionProtected'],
  example: 'spec.deletionProtection of web-1 is true. Set it to false first, if the VM is to be destroyed.',
  check({ object: { metadata, spec } }) {
    if (spec.deletionProtection !== true || metadata.annotations?.[FORCE_REMOVE_ANNOTATION] === 'true') return [];
    const message = `spec.deletionProtection of ${metadata.name} is true. Set it to false first, if the VM is to be destroyed.`;
    return [{ path: 'spec.deletionProtection', code: 'DeletionProtected', message }];
  },
};

export const planInUse: Rule<Plan> = {
  id: 'plan-in-use',
  kind: 'Plan',
  verbs: DELETE,
  title: 'A plan is not deleted while VMs are of it.',
  codes: ['InUse'],
  example: 'Plan kvm is used by 1 VirtualMachine (customer-1/web-1). Move or delete it first.',
  check: ({ object }, facts) => usedBy(object, { VirtualMachine: facts.virtualMachinesOfPlan(object.metadata.name) }),
};

export const revisionInUse: Rule<PlanRevision> = {
  id: 'plan-revision-in-use',
  kind: 'PlanRevision',
  verbs: DELETE,
  title: 'A revision is not deleted while VMs are built from it.',
  codes: ['InUse'],
  example: 'PlanRevision kvm-1 is used by 1 VirtualMachine (customer-1/web-1). Move or delete it first.',
  check({ object }, facts) {
    const { name } = object.metadata;
    return usedBy(object, { VirtualMachine: facts.virtualMachines().filter((vm) => vm.status?.planRevision === name) });
  },
};

export const clusterInUse: Rule<ProxmoxCluster> = {
  id: 'cluster-in-use',
  kind: 'ProxmoxCluster',
  verbs: DELETE,
  title: 'A cluster is not deleted while VMs live on it, or plans and pools name it.',
  codes: ['InUse'],
  example: 'ProxmoxCluster lab is used by 1 Plan (kvm). Move or delete it first.',
  check({ object }, facts) {
    const { name } = object.metadata;
    return usedBy(object, {
      VirtualMachine: facts.virtualMachines().filter(({ status }) => status?.clusterName === name),
      Plan: facts.plans().filter(({ spec }) => spec.clusterRef.name === name),
      IPPool: facts.pools().filter(({ spec }) => spec.clusterRef.name === name),
    });
  },
};

export const poolInUse: Rule<IPPool> = {
  id: 'pool-in-use',
  kind: 'IPPool',
  verbs: DELETE,
  title: 'A pool is not deleted while VMs have addresses of it.',
  codes: ['InUse'],
  example: 'IPPool ipv4 is used by 1 address of a VM (192.0.2.10). Move or delete it first.',
  check({ object }, facts) {
    const held = facts
      .addressReservations(object.spec.clusterRef.name)
      .filter(({ spec }) => spec.poolName === object.metadata.name);
    return inUse(object, [['address of a VM', held.map(({ spec }) => spec.address)]]);
  },
};

export const zoneInUse: Rule<DNSZone> = {
  id: 'zone-in-use',
  kind: 'DNSZone',
  verbs: DELETE,
  title: 'A zone is not deleted while records of VMs are in it: nobody would remove them any more.',
  codes: ['InUse'],
  example: 'DNSZone example.com is used by 1 VirtualMachine (customer-1/web-1). Move or delete it first.',
  check({ object }, facts) {
    // Several objects may write one zone, on several providers or, while one takes the other's place, on the same.
    const isTwin = ({ metadata, spec }: DNSZone): boolean =>
      metadata.name !== object.metadata.name &&
      nameOf(spec.zone) === nameOf(object.spec.zone) &&
      spec.powerDNS?.url === object.spec.powerDNS?.url;
    if (facts.zones().some(isTwin)) return [];
    const publishes = ({ status }: VirtualMachine): boolean =>
      status?.dns?.zones.some(({ zone, ok }) => ok && nameOf(zone) === nameOf(object.spec.zone)) === true &&
      status.dns.withdrawn !== true;
    return usedBy(object, { VirtualMachine: facts.virtualMachines().filter(publishes) });
  },
};

export const addressHeld: Rule<IPAddressReservation> = reservationHeld('IPAddressReservation', 'address-held');
export const vmidHeld: Rule<VMIDReservation> = reservationHeld('VMIDReservation', 'vmid-held');

// What a VM has would be given to the next one; the operator releases what it does not have any more.
function reservationHeld(
  kind: 'IPAddressReservation' | 'VMIDReservation',
  id: string,
): Rule<IPAddressReservation | VMIDReservation> {
  return {
    id,
    kind,
    verbs: DELETE,
    title: 'A reservation is released by the operator only, as long as its VM exists.',
    codes: ['InUse'],
    example: `${kind} r-1 is used by 1 VirtualMachine (customer-1/web-1). Move or delete it first.`,
    check({ object, user }: Review<IPAddressReservation | VMIDReservation>, facts: AdmissionFacts) {
      if (user.name === facts.operatorUser) return [];
      const { namespace, name, uid } = object.spec.virtualMachine;
      const vm = facts.virtualMachine(namespace, name);
      return usedBy(object, { VirtualMachine: vm?.metadata.uid === uid ? [vm] : [] });
    },
  };
}

function nameOf(zone: string): string {
  return zone.replace(/\.$/, '');
}

function usedBy(
  object: KubeObject,
  users: Readonly<Record<string, readonly (KubeObject | undefined)[]>>,
): readonly Reason[] {
  const named = Object.entries(users).map(
    ([kind, objects]) => [kind, objects.flatMap((one) => (one === undefined ? [] : [keyOf(one)]))] as const,
  );
  return inUse(object, named);
}

function inUse(
  { kind, metadata }: KubeObject,
  users: readonly (readonly [what: string, names: readonly string[]])[],
): readonly Reason[] {
  return users.flatMap(([what, names]): Reason[] => {
    if (names.length === 0) return [];
    const message = `${kind} ${metadata.name} is used by ${counted(what, names)}. Move or delete ${names.length === 1 ? 'it' : 'them'} first.`;
    return [{ path: 'metadata.name', code: 'InUse', message }];
  });
}

/** How many there are, and the first few by name. */
export function counted(what: string, names: readonly string[]): string {
  const plural = what.startsWith('address') ? what.replace('address', 'addresses') : `${what}s`;
  const list = [...names].sort().slice(0, NAMED).join(', ');
  const more = names.length > NAMED ? ', …' : '';
  return `${names.length} ${names.length === 1 ? what : plural} (${list}${more})`;
}
