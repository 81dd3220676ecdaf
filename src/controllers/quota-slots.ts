// Takes places in the quotas of plans as objects. The name of the object is the lock: the API server refuses a second one.
import type { QuotaSlot } from '../api/quota-slot.ts';
import { resources } from '../api/resources.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import { hasMachine, nextSlot, type PlanQuota, quotaSentence, slotChanges, type SlotChanges } from '../domain/quota.ts';
import { quotaSlotName } from '../domain/reservation-names.ts';
import type { Explanation } from '../errors.ts';
import type { NewObject } from '../kube/client.ts';
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from '../kube/errors.ts';
import { type Context, INDEX, type Stores } from './context.ts';

const MAX_TRIES = 50;
const LABELS = { 'app.kubernetes.io/managed-by': 'pve-operator' };

/** What `INDEX.quota` is made of. */
export function quotaKeyOf({ metadata, spec }: Pick<QuotaSlot, 'metadata' | 'spec'>): string {
  return quotaKey(metadata.namespace ?? '', spec.planRef.name);
}

/** The quota that a plan sets to a namespace. */
export function quotaKey(namespace: string, plan: string): string {
  return `${namespace}/${plan}`;
}

type QuotaStores = Pick<Stores, 'plans' | 'planRevisions' | 'virtualMachines' | 'quotaSlots'>;

export class QuotaSlots {
  readonly #client: Context['client'];
  readonly #stores: QuotaStores;
  /** Slots that a call of this process is about to create, by the key of their quota: number and UID of who takes it. */
  readonly #claimed = new Map<string, Map<number, string>>();

  constructor({ client, stores }: Pick<Context, 'client' | 'stores'>) {
    this.#client = client;
    this.#stores = stores;
  }

  /** What is to become of the slots of a VM that is not being deleted; undefined where they may stay as they are. */
  changesFor(vm: VirtualMachine): SlotChanges | undefined {
    const changes = slotChanges({
      held: heldBy(vm, this.#stores),
      named: vm.spec.planRef.name,
      built: builtPlan(vm, this.#stores),
      isMade: hasMachine(vm),
      quotaOf: (plan) => quotaOf(plan, this.#stores),
    });
    return changes.take.length + changes.release.length === 0 ? undefined : changes;
  }

  /**
   * Carries the changes out. A slot that there is no room for is left out: `quotaRefusal` tells of it. May be repeated
   * after a crash at any point.
   */
  async settle(vm: VirtualMachine, { take, release }: SlotChanges): Promise<void> {
    for (const { plan, limit } of take) await this.#take(vm, plan, limit);
    for (const slot of release) await this.#delete(slot);
  }

  /** Gives back every slot of a VM. One that the store does not show yet is collected when it does. */
  async releaseAll(vm: VirtualMachine): Promise<void> {
    for (const slot of heldBy(vm, this.#stores)) await this.#delete(slot);
  }

  /** Takes away a slot whose VM is gone. */
  async collect(slot: QuotaSlot): Promise<void> {
    await this.#delete(slot);
  }

  async #take(vm: VirtualMachine, plan: string, limit: number | undefined): Promise<void> {
    for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
      const number = this.#next(vm, plan, limit);
      if (number === undefined) return;
      if (await this.#claiming(vm, plan, number)) return;
    }
  }

  #next(vm: VirtualMachine, plan: string, limit: number | undefined): number | undefined {
    const { namespace = '', uid = '' } = vm.metadata;
    const key = quotaKey(namespace, plan);
    const slots = this.#stores.quotaSlots.byIndex(INDEX.quota, key);
    // One that a lost answer was about has come through the watch in between.
    if (slots.some(({ spec }) => spec.virtualMachine.uid === uid)) return undefined;
    const claimed = this.#claimed.get(key) ?? new Map<number, string>();
    const members = new Set([
      ...slots.map(({ spec }) => spec.virtualMachine.uid),
      ...claimed.values(),
      ...this.#residents(namespace, plan),
    ]);
    const taken = new Set([...slots.map(({ spec }) => spec.number), ...claimed.keys()]);
    return nextSlot({ taken, members: members.size, limit });
  }

  // VMs that were built before there was a quota count before they have come to take their slots.
  #residents(namespace: string, plan: string): string[] {
    return this.#stores.virtualMachines
      .byIndex(INDEX.plan, plan)
      .filter((vm) => vm.metadata.namespace === namespace && hasMachine(vm) && builtPlan(vm, this.#stores) === plan)
      .flatMap(({ metadata }) => metadata.uid ?? []);
  }

  /** Of two VMs that look at the same time only one must go for a number, and both must count. */
  async #claiming(vm: VirtualMachine, plan: string, number: number): Promise<boolean> {
    const { namespace = '', uid = '' } = vm.metadata;
    const key = quotaKey(namespace, plan);
    const claims = this.#claimed.get(key) ?? new Map<number, string>();
    this.#claimed.set(key, claims.set(number, uid));
    try {
      return await this.#create(newSlot(vm, plan, number));
    } finally {
      claims.delete(number);
      if (claims.size === 0) this.#claimed.delete(key);
    }
  }

  /**
   * False when another number is to be tried. One that an earlier call of ours made is ours; whoever else has it counts
   * from now on.
   */
  async #create(slot: NewObject<QuotaSlot>): Promise<boolean> {
    const { name, namespace } = slot.metadata;
    try {
      this.#stores.quotaSlots.observe(await this.#client.create(resources.quotaSlot, slot));
      return true;
    } catch (error) {
      // In a namespace that is being deleted nothing is made any more, and its machines go.
      if (isNamespaceTerminating(error)) return true;
      if (!isAlreadyExists(error)) throw error;
    }
    try {
      const there = await this.#client.get(resources.quotaSlot, name, namespace);
      this.#stores.quotaSlots.observe(there);
      return there.spec.virtualMachine.uid === slot.spec.virtualMachine.uid;
    } catch (error) {
      // Given back in between: it is free again.
      if (!isNotFound(error)) throw error;
      return false;
    }
  }

  async #delete(slot: QuotaSlot): Promise<void> {
    const { name, namespace, uid } = slot.metadata;
    try {
      await this.#client.delete(resources.quotaSlot, name, namespace, { uid });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    this.#stores.quotaSlots.forget(slot);
  }
}

/** Why a VM may not be made or changed to a plan: its quota is full. Undefined where it has a slot, or needs none. */
export function quotaRefusal(
  vm: VirtualMachine,
  plan: string,
  stores: Pick<Stores, 'plans' | 'quotaSlots'>,
): Explanation | undefined {
  const limit = quotaOf(plan, stores)?.limit;
  if (limit === undefined || heldBy(vm, stores).some(({ spec }) => spec.planRef.name === plan)) return undefined;
  const namespace = vm.metadata.namespace ?? '';
  return { reason: 'QuotaExceeded', message: quotaSentence({ plan, namespace, limit }) };
}

/** The same for a VM that is to be made. One that exists is never held up. */
export function deployRefusal(
  vm: VirtualMachine,
  stores: Pick<Stores, 'plans' | 'planRevisions' | 'quotaSlots'>,
): Explanation | undefined {
  if (hasMachine(vm)) return undefined;
  return quotaRefusal(vm, builtPlan(vm, stores) ?? vm.spec.planRef.name, stores);
}

function heldBy({ metadata }: VirtualMachine, { quotaSlots }: Pick<Stores, 'quotaSlots'>): readonly QuotaSlot[] {
  return quotaSlots.byIndex(INDEX.virtualMachine, metadata.uid ?? '');
}

function quotaOf(plan: string, { plans }: Pick<Stores, 'plans'>): PlanQuota {
  const found = plans.get(plan);
  return found === undefined ? undefined : { limit: found.spec.quota?.virtualMachinesPerNamespace };
}

/** Of a machine whose revision is gone the plan that it names is taken for the one that it was built from. */
function builtPlan(vm: VirtualMachine, { planRevisions }: Pick<Stores, 'planRevisions'>): string | undefined {
  const revision = planRevisions.get(vm.status?.planRevision ?? '');
  if (revision !== undefined) return revision.spec.planName;
  return hasMachine(vm) ? vm.spec.planRef.name : undefined;
}

function newSlot(vm: VirtualMachine, plan: string, number: number): NewObject<QuotaSlot> {
  const { name, namespace, uid = '' } = vm.metadata;
  return {
    metadata: { name: quotaSlotName({ plan, number }), namespace, labels: LABELS },
    spec: { planRef: { name: plan }, number, virtualMachine: { name, uid } },
  };
}
