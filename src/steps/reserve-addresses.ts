// set_ip: reserves the addresses of the VM, all on one network, and keeps what it holds already.
import type { IPAddressReservation } from '../api/reservations.ts';
import type { AddressStatus, VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { type AddressChoice as PoolChoice, chooseAddresses } from '../domain/address-plan.ts';
import type { Design, Facts } from '../machine/facts.ts';
import type { AddressChoice, Step, Verdict } from '../machine/vocabulary.ts';
import { designOf } from './own-vm.ts';

export const reserveAddresses: Step = {
  id: 'reserve-addresses',
  title: 'Reserve addresses',
  condition: 'AddressesAllocated',
  needs: () => ['addresses'],
  plan,
};

function plan(facts: Facts): Verdict {
  const { network } = designOf(facts).plan;
  const chosen = chooseAddresses({
    wanted: wantedAddresses(designOf(facts)),
    held: facts.held.addresses,
    pools: facts.addresses?.pools ?? [],
    clusterName: facts.cluster.name,
    namespace: facts.vm.metadata.namespace ?? '',
    network,
    taken: (place, address) => facts.addresses?.taken(place, address) === true,
  });
  if (chosen.problem !== undefined) return { kind: 'stall', ...chosen.problem };
  if (chosen.reserve.length > 0) return reserve(chosen.reserve.map(withPoolFacts));
  const { bridge, vlan } = chosen.network;
  const place = { ...facts.status.network, bridge, vlan };
  return { kind: 'done', note: { status: allocatedStatus(facts.held.addresses, place) } };
}

/** How many addresses of each family are to be reserved. With DHCP they come from elsewhere; a pool would give one that nobody uses. */
export function wantedAddresses({ plan: { network }, package: resources }: Design): { ipv4: number; ipv6: number } {
  return {
    ipv4: network.dhcpIPv4 ? 0 : resources.ipv4Addresses,
    ipv6: network.dhcpIPv6 ? 0 : resources.ipv6Addresses,
  };
}

// What the pool says now goes into the reservation: later edits of the pool touch new allocations only.
function withPoolFacts({ pool, address, family, order }: PoolChoice): AddressChoice {
  const { bridge, vlan, prefixLength, gateway, nameservers } = pool.spec;
  return {
    poolName: pool.metadata.name,
    bridge,
    vlan: vlan ?? 0,
    address,
    family,
    prefixLength,
    gateway,
    nameservers,
    order,
  };
}

function reserve(choices: readonly AddressChoice[]): Verdict {
  const list = choices.map((choice) => choice.address).join(', ');
  return { kind: 'act', action: { kind: 'reserveAddresses', choices }, why: `${list} is not reserved yet` };
}

function allocatedStatus(
  held: readonly IPAddressReservation[],
  network: NonNullable<VirtualMachineStatus['network']>,
): Partial<VirtualMachineStatus> {
  return { addresses: held.toSorted(byFamilyAndOrder).map(addressStatus), network };
}

function byFamilyAndOrder(left: IPAddressReservation, right: IPAddressReservation): number {
  if (left.spec.family !== right.spec.family) return left.spec.family === 'IPv4' ? -1 : 1;
  return left.spec.order - right.spec.order;
}

function addressStatus({ spec }: IPAddressReservation): AddressStatus {
  return {
    address: spec.address,
    prefixLength: spec.prefixLength,
    gateway: spec.gateway,
    nameservers: spec.nameservers,
    pool: spec.poolName,
    primary: spec.order === 0,
  };
}
