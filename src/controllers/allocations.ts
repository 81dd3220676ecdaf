// Reserves addresses and VMIDs as objects. The name of the object is the lock: the API server refuses a second one.
import type { IPAddressReservation, VMIDReservation } from '../api/reservations.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { addressReservationName, vmidReservationName } from '../domain/reservation-names.ts';
import { nextVmid } from '../domain/vmid.ts';
import { StalledError } from '../errors.ts';
import { isAlreadyExists, isNotFound } from '../kube/errors.ts';
import type { AddressChoice } from '../machine/vocabulary.ts';
import { type Context, INDEX } from './context.ts';

/** How long a name that turned out to be taken is passed over, until the store shows who holds it. */
const REFUSED_MS = 30_000;
const MAX_TRIES = 50;
const MANAGED_BY = { 'app.kubernetes.io/managed-by': 'pve-operator' };

export class Allocations {
  readonly #context: Pick<Context, 'client' | 'stores' | 'now'>;
  /** Names that a call of this process is about to create: two VMs that look at the same time must not choose the same. */
  readonly #claimed = new Set<string>();
  readonly #refused = new Map<string, number>();

  constructor(context: Pick<Context, 'client' | 'stores' | 'now'>) {
    this.#context = context;
  }

  /** Reservations of a VM, addresses by family and order. */
  heldBy(vm: VirtualMachine): { addresses: readonly IPAddressReservation[]; vmids: readonly VMIDReservation[] } {
    const { addressReservations, vmidReservations } = this.#context.stores;
    const uid = vm.metadata.uid ?? '';
    return {
      addresses: addressReservations.byIndex(INDEX.virtualMachine, uid).toSorted((a, b) => a.spec.order - b.spec.order),
      vmids: vmidReservations.byIndex(INDEX.virtualMachine, uid).toSorted((a, b) => a.spec.vmid - b.spec.vmid),
    };
  }

  /** Whether an address is held or about to be. */
  addressTaken(cluster: string, network: { bridge: string; vlan: number }, address: string): boolean {
    const name = addressReservationName({ cluster, ...network, address });
    return this.#context.stores.addressReservations.get(name) !== undefined || this.#isClaimed(name);
  }

  /**
   * Creates the reservations that were chosen. One that somebody else was faster with is left out: the next look
   * chooses another address.
   */
  async reserveAddresses(vm: VirtualMachine, cluster: string, choices: readonly AddressChoice[]): Promise<void> {
    const named = choices.map((choice) => ({ choice, name: addressReservationName({ cluster, ...choice }) }));
    for (const { name } of named) this.#claimed.add(name);
    try {
      for (const { choice, name } of named) {
        const { order, family, address, bridge, vlan, prefixLength, gateway, nameservers, poolName } = choice;
        await this.#create(
          name,
          () =>
            this.#context.client.create(resources.ipAddressReservation, {
              metadata: { name, labels: MANAGED_BY },
              spec: {
                clusterRef: { name: cluster },
                bridge,
                vlan,
                address,
                family,
                prefixLength,
                ...(gateway === undefined ? {} : { gateway }),
                ...(nameservers === undefined ? {} : { nameservers: [...nameservers] }),
                poolName,
                order,
                virtualMachine: holder(vm),
              },
            }),
          (made) => this.#context.stores.addressReservations.observe(made),
        );
      }
    } finally {
      for (const { name } of named) this.#claimed.delete(name);
    }
  }

  /** Reserves the first VMID from `first` on that neither Proxmox VE nor anybody here uses. */
  async reserveVmid(vm: VirtualMachine, cluster: string, first: number, used: ReadonlySet<number>): Promise<number> {
    for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
      const vmid = this.#freeVmid(cluster, first, used);
      if (vmid === undefined)
        throw new StalledError('VMIDsExhausted', `No VMID is free from ${first} on. Lower firstVMID of the plan.`);
      const name = vmidReservationName({ cluster, vmid });
      this.#claimed.add(name);
      try {
        const made = await this.#create(
          name,
          () =>
            this.#context.client.create(resources.vmidReservation, {
              metadata: { name, labels: MANAGED_BY },
              spec: { clusterRef: { name: cluster }, vmid, virtualMachine: holder(vm) },
            }),
          (object) => this.#context.stores.vmidReservations.observe(object),
        );
        if (made) return vmid;
      } finally {
        this.#claimed.delete(name);
      }
    }
    throw new StalledError('VMIDsExhausted', `Every VMID that was tried from ${first} on is taken.`);
  }

  #freeVmid(cluster: string, first: number, used: ReadonlySet<number>): number | undefined {
    const reserved = new Set(
      this.#context.stores.vmidReservations.byIndex(INDEX.cluster, cluster).map(({ spec }) => spec.vmid),
    );
    const taken = new Set(used);
    for (;;) {
      const vmid = nextVmid({ first, used: taken, reserved });
      if (vmid === undefined || !this.#isClaimed(vmidReservationName({ cluster, vmid }))) return vmid;
      taken.add(vmid);
    }
  }

  /** Gives a VMID back that turned out to belong to somebody else in Proxmox VE. */
  async releaseVmid(vm: VirtualMachine, vmid: number): Promise<void> {
    for (const reservation of this.heldBy(vm).vmids.filter((held) => held.spec.vmid === vmid))
      await this.#delete(reservation);
  }

  /** Gives back everything that a VM holds. */
  async releaseAll(vm: VirtualMachine): Promise<void> {
    const { addresses, vmids } = this.heldBy(vm);
    for (const reservation of [...addresses, ...vmids]) await this.#delete(reservation);
  }

  async #delete(reservation: IPAddressReservation | VMIDReservation): Promise<void> {
    const { client, stores } = this.#context;
    const isAddress = 'address' in reservation.spec;
    const type = isAddress ? resources.ipAddressReservation : resources.vmidReservation;
    try {
      await client.delete<IPAddressReservation | VMIDReservation>(type, reservation.metadata.name, undefined, {
        uid: reservation.metadata.uid,
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    if (isAddress) stores.addressReservations.forget(reservation as IPAddressReservation);
    else stores.vmidReservations.forget(reservation as VMIDReservation);
  }

  /** Creates an object; false when the name is taken. */
  async #create<T>(name: string, create: () => Promise<T>, observe: (made: T) => void): Promise<boolean> {
    try {
      observe(await create());
      return true;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      this.#refused.set(name, this.#context.now());
      return false;
    }
  }

  #isClaimed(name: string): boolean {
    if (this.#claimed.has(name)) return true;
    const refusedAt = this.#refused.get(name);
    if (refusedAt === undefined) return false;
    if (this.#context.now() - refusedAt < REFUSED_MS) return true;
    this.#refused.delete(name);
    return false;
  }
}

function holder(vm: VirtualMachine) {
  return { namespace: vm.metadata.namespace ?? '', name: vm.metadata.name, uid: vm.metadata.uid ?? '' };
}
