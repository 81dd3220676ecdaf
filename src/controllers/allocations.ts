// Reserves addresses and VMIDs as objects. The name of the object is the lock: the API server refuses a second one.
import type { IPAddressReservation, VMIDReservation } from '../api/reservations.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { parseAddress } from '../domain/ip.ts';
import { addressReservationName, vmidReservationName } from '../domain/reservation-names.ts';
import { nextVmid } from '../domain/vmid.ts';
import { StalledError } from '../errors.ts';
import type { NewObject } from '../kube/client.ts';
import { isAlreadyExists, isNotFound } from '../kube/errors.ts';
import type { ResourceType } from '../kube/types.ts';
import type { AddressChoice } from '../machine/vocabulary.ts';
import { type Context, INDEX } from './context.ts';
import { QuotaSlots } from './quota-slots.ts';

/** How long a name that turned out to be taken is passed over, until the store shows who holds it. */
const REFUSED_MS = 30_000;
const MAX_TRIES = 50;
/** Finds the reservations of a VM without a store. */
const OWNER_LABEL = 'pve-operator.io/virtual-machine-uid';
/** On a reservation whose VM may still be there although its object is gone; delete it when the VM is. */
const LEFT_BEHIND_ANNOTATION = 'pve-operator.io/left-behind';
const MANAGED_BY = { 'app.kubernetes.io/managed-by': 'pve-operator' };

export class Allocations {
  /** Places in the quotas of plans; a VM has its own from before anything else is allocated until its object goes. */
  readonly quotaSlots: QuotaSlots;
  readonly #context: Pick<Context, 'client' | 'stores' | 'now'>;
  /** Names that a call of this process is about to create: two VMs that look at the same time must not choose the same. */
  readonly #claimed = new Set<string>();
  readonly #refused = new Map<string, number>();
  readonly #memory = new Map<string, { cluster: string; node: string; bytes: number }>();

  constructor(context: Pick<Context, 'client' | 'stores' | 'now'>) {
    this.#context = context;
    this.quotaSlots = new QuotaSlots(context);
  }

  /** Promises the memory of a VM to the node that was chosen for it; the answer takes the promise back. */
  claimMemory(uid: string, { clusterName, placement, effective }: VirtualMachineStatus): () => void {
    const node = placement?.targetNode;
    if (clusterName === undefined || node === undefined || effective === undefined) return () => undefined;
    this.#memory.set(uid, { cluster: clusterName, node, bytes: effective.memoryGiB * 2 ** 30 });
    return () => void this.#memory.delete(uid);
  }

  /** Bytes that are promised and not yet to be seen in any status, by node. */
  claimedMemory(cluster: string): Map<string, number> {
    const bytes = new Map<string, number>();
    for (const claim of this.#memory.values()) {
      if (claim.cluster === cluster) bytes.set(claim.node, (bytes.get(claim.node) ?? 0) + claim.bytes);
    }
    return bytes;
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
    const reservations = choices.map((choice) => addressReservation(vm, cluster, choice));
    await this.#claiming(
      reservations.map(({ metadata }) => metadata.name),
      async () => {
        for (const reservation of reservations) await this.#create(resources.ipAddressReservation, reservation);
      },
    );
  }

  /** Reserves the first VMID from `first` on that neither Proxmox VE nor anybody here uses. */
  async reserveVmid(vm: VirtualMachine, cluster: string, first: number, used: ReadonlySet<number>): Promise<number> {
    for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
      const vmid = this.#freeVmid(cluster, first, used);
      if (vmid === undefined)
        throw new StalledError('VMIDsExhausted', `No VMID is free from ${first} on. Lower firstVMID of the plan.`);
      if (await this.restoreVmid(vm, cluster, vmid)) return vmid;
    }
    throw new StalledError('VMIDsExhausted', `Every VMID that was tried from ${first} on is taken.`);
  }

  /** Reserves this very VMID; false when another object holds it. */
  async restoreVmid(vm: VirtualMachine, cluster: string, vmid: number): Promise<boolean> {
    const reservation = vmidReservation(vm, cluster, vmid);
    return this.#claiming([reservation.metadata.name], () => this.#create(resources.vmidReservation, reservation));
  }

  /**
   * Reserves anew what the status of a VM says it has and nothing holds any more: a reservation that was deleted by hand
   * or not restored from a backup would let the next VM have the same. Returns what was made anew, and what another
   * object holds meanwhile.
   */
  async restoreMissing(vm: VirtualMachine): Promise<{ restored: string[]; lost: string[] }> {
    const { clusterName, vmid, network } = vm.status ?? {};
    const found: { restored: string[]; lost: string[] } = { restored: [], lost: [] };
    if (clusterName === undefined || vmid === undefined || network === undefined) return found;
    const { vmids, addresses } = this.heldBy(vm);
    const note = (name: string, outcome: Outcome): void => {
      if (outcome === 'created') found.restored.push(name);
      if (outcome === 'taken') found.lost.push(name);
    };
    if (!vmids.some(({ spec }) => spec.vmid === vmid))
      note(`VMID ${vmid}`, await this.#restore(resources.vmidReservation, vmidReservation(vm, clusterName, vmid)));
    const held = new Set(addresses.map(({ spec }) => spec.address));
    for (const choice of choicesOf(vm, network).filter(({ address }) => !held.has(address))) {
      const reservation = addressReservation(vm, clusterName, choice);
      note(choice.address, await this.#restore(resources.ipAddressReservation, reservation));
    }
    return found;
  }

  // Every look at a VM comes here: what is known to be another object's is not asked for each time.
  async #restore<T extends Reservation>(type: ResourceType<T>, reservation: NewObject<T>): Promise<Outcome> {
    const { addressReservations, vmidReservations } = this.#context.stores;
    const { name } = reservation.metadata;
    const known = addressReservations.get(name) ?? vmidReservations.get(name);
    const isTaken = known !== undefined && known.spec.virtualMachine.uid !== reservation.spec.virtualMachine.uid;
    return isTaken ? 'taken' : this.#attempt(type, reservation);
  }

  async #claiming<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
    for (const name of names) this.#claimed.add(name);
    try {
      return await work();
    } finally {
      for (const name of names) this.#claimed.delete(name);
    }
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

  /** Gives back some of the addresses of a VM. */
  async releaseAddresses(vm: VirtualMachine, addresses: readonly string[]): Promise<void> {
    const held = this.heldBy(vm).addresses.filter(({ spec }) => addresses.includes(spec.address));
    for (const reservation of held) await this.#delete(reservation);
  }

  /** The reservations under these names, whoever holds them. */
  reservationsOf(
    cluster: string,
    { vmid, choices }: Pick<TakeOver, 'vmid' | 'choices'>,
  ): { addresses: readonly IPAddressReservation[]; vmid: VMIDReservation | undefined } {
    const { addressReservations, vmidReservations } = this.#context.stores;
    return {
      addresses: choices.flatMap(
        (choice) => addressReservations.get(addressReservationName({ cluster, ...choice })) ?? [],
      ),
      vmid: vmidReservations.get(vmidReservationName({ cluster, vmid })),
    };
  }

  /**
   * Makes the reservations of an owner that is gone those of this VM, and creates the others. Returns what yet another
   * object holds: that is left alone. May be repeated; whoever calls it remembers the addresses until it is done.
   */
  async takeOver(vm: VirtualMachine, cluster: string, { vmid, choices, previousUID }: TakeOver): Promise<string[]> {
    const ofVmid = vmidReservation(vm, cluster, vmid);
    const ofAddresses = choices.map((choice) => addressReservation(vm, cluster, choice));
    const names = [ofVmid, ...ofAddresses].map(({ metadata }) => metadata.name);
    const lost: string[] = [];
    // A reservation cannot be changed, only made anew; in between nobody here must choose what it stands for.
    await this.#claiming(names, async () => {
      if (!(await this.#inherit(resources.vmidReservation, ofVmid, previousUID))) lost.push(`VMID ${vmid}`);
      for (const reservation of ofAddresses) {
        const isOurs = await this.#inherit(resources.ipAddressReservation, reservation, previousUID);
        if (!isOurs) lost.push(reservation.spec.address);
      }
    });
    return lost;
  }

  async #inherit<T extends Reservation>(
    type: ResourceType<T>,
    reservation: NewObject<T>,
    previousUID: string | undefined,
  ): Promise<boolean> {
    if (await this.#create(type, reservation)) return true;
    const there = await this.#context.client.get(type, reservation.metadata.name);
    if (previousUID === undefined || there.spec.virtualMachine.uid !== previousUID) return false;
    await this.#delete(there);
    return this.#create(type, reservation);
  }

  /** Keeps what a VM holds although its object goes, and notes on it why: the VM may still use it. */
  async leaveBehind(vm: VirtualMachine, text: string): Promise<void> {
    const { client } = this.#context;
    for (const reservation of await this.allHeld(vm)) {
      const { name, uid } = reservation.metadata;
      // With the UID: one that was made anew meanwhile is somebody else's.
      const body = { metadata: { uid, annotations: { [LEFT_BEHIND_ANNOTATION]: text } } };
      await client.patch(typeOf(reservation), { name }, body, { kind: 'merge' });
    }
  }

  /** Gives back everything that a VM holds. */
  async releaseAll(vm: VirtualMachine): Promise<void> {
    for (const reservation of await this.allHeld(vm)) await this.#delete(reservation);
  }

  /** Everything that a VM holds, also what the API server knows and the store does not show yet. */
  async allHeld(vm: VirtualMachine): Promise<readonly Reservation[]> {
    const { client } = this.#context;
    const labelSelector = `${OWNER_LABEL}=${vm.metadata.uid}`;
    const held = this.heldBy(vm);
    const addresses = await client.list(resources.ipAddressReservation, { labelSelector });
    const vmids = await client.list(resources.vmidReservation, { labelSelector });
    const all = [...held.addresses, ...held.vmids, ...addresses.items, ...vmids.items];
    return [...new Map(all.map((reservation) => [reservation.metadata.uid, reservation])).values()];
  }

  async #delete(reservation: Reservation): Promise<void> {
    const { name, uid } = reservation.metadata;
    try {
      await this.#context.client.delete(typeOf(reservation), name, undefined, { uid });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    this.#forget(reservation);
  }

  #forget(reservation: Reservation): void {
    const { stores } = this.#context;
    if (isAddress(reservation)) stores.addressReservations.forget(reservation);
    else stores.vmidReservations.forget(reservation);
  }

  /** Creates a reservation; false when somebody else holds it. */
  async #create<T extends Reservation>(type: ResourceType<T>, reservation: NewObject<T>): Promise<boolean> {
    return (await this.#attempt(type, reservation)) !== 'taken';
  }

  /** One that an earlier call of ours made is ours. */
  async #attempt<T extends Reservation>(type: ResourceType<T>, reservation: NewObject<T>): Promise<Outcome> {
    const { name } = reservation.metadata;
    try {
      this.#observe(await this.#context.client.create(type, reservation));
      return 'created';
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    const there = await this.#context.client.get(type, name);
    const isOurs = there.spec.virtualMachine.uid === reservation.spec.virtualMachine.uid;
    if (isOurs) this.#observe(there);
    else this.#refused.set(name, this.#context.now());
    return isOurs ? 'ours' : 'taken';
  }

  #observe(reservation: Reservation): void {
    const { stores } = this.#context;
    if (isAddress(reservation)) stores.addressReservations.observe(reservation);
    else stores.vmidReservations.observe(reservation);
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

export type Reservation = IPAddressReservation | VMIDReservation;

/** What became of the wish for a reservation. */
type Outcome = 'created' | 'ours' | 'taken';

/** What a VM that is adopted uses already. */
export interface TakeOver {
  vmid: number;
  choices: readonly AddressChoice[];
  /** UID of the object, gone by now, whose reservations they may be. */
  previousUID?: string;
}

function typeOf(reservation: Reservation): ResourceType<Reservation> {
  return isAddress(reservation) ? resources.ipAddressReservation : resources.vmidReservation;
}

function isAddress(reservation: Reservation): reservation is IPAddressReservation {
  return 'address' in reservation.spec;
}

function metadataOf(name: string, vm: VirtualMachine) {
  return { name, labels: { ...MANAGED_BY, [OWNER_LABEL]: vm.metadata.uid ?? '' } };
}

/** The reservation of an address as it is created. */
export function addressReservation(
  vm: VirtualMachine,
  cluster: string,
  choice: AddressChoice,
): NewObject<IPAddressReservation> {
  const { order, family, address, bridge, vlan, prefixLength, gateway, nameservers, poolName } = choice;
  return {
    metadata: metadataOf(addressReservationName({ cluster, bridge, vlan, address }), vm),
    spec: {
      clusterRef: { name: cluster },
      bridge,
      vlan,
      address,
      family,
      prefixLength,
      gateway,
      nameservers: nameservers === undefined ? undefined : [...nameservers],
      poolName,
      order,
      virtualMachine: holder(vm),
    },
  };
}

function vmidReservation(vm: VirtualMachine, cluster: string, vmid: number): NewObject<VMIDReservation> {
  const name = vmidReservationName({ cluster, vmid });
  return { metadata: metadataOf(name, vm), spec: { clusterRef: { name: cluster }, vmid, virtualMachine: holder(vm) } };
}

/** The choices that the addresses of a status came from. The main address of a family is the first of it. */
function choicesOf({ status }: VirtualMachine, network: { bridge: string; vlan: number }): AddressChoice[] {
  const counts = { IPv4: 0, IPv6: 0 };
  return (status?.addresses ?? []).flatMap(({ address, prefixLength, gateway, nameservers, pool }) => {
    const family = parseAddress(address)?.family;
    if (family === undefined) return [];
    const order = counts[family]++;
    return { ...network, address, family, prefixLength, gateway, nameservers, poolName: pool ?? 'unknown', order };
  });
}

function holder(vm: VirtualMachine) {
  return { namespace: vm.metadata.namespace ?? '', name: vm.metadata.name, uid: vm.metadata.uid ?? '' };
}
