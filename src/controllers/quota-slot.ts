// Reconciles a QuotaSlot: one whose VM is gone is given back, so that what was lost in a crash keeps nobody out.
import { resources } from '../api/resources.ts';
import type { QuotaSlot } from '../api/quota-slot.ts';
import type { ReconcileResult } from '../kube/controller.ts';
import { isNotFound } from '../kube/errors.ts';
import type { Context } from './context.ts';
import type { QuotaSlots } from './quota-slots.ts';

/** `key` is the slot's `namespace/name`. */
export async function reconcileQuotaSlot(
  key: string,
  { client, stores }: Pick<Context, 'client' | 'stores'>,
  slots: Pick<QuotaSlots, 'collect'>,
): Promise<ReconcileResult> {
  const slot = stores.quotaSlots.get(key);
  if (slot === undefined || (await hasHolder(slot, { client, stores }))) return { kind: 'done' };
  await slots.collect(slot);
  return { kind: 'done' };
}

// The two kinds are watched apart: that a VM is gone is asked of the API server itself.
async function hasHolder(
  { metadata, spec }: QuotaSlot,
  { client, stores }: Pick<Context, 'client' | 'stores'>,
): Promise<boolean> {
  const { namespace = '' } = metadata;
  const { name, uid } = spec.virtualMachine;
  if (stores.virtualMachines.get(`${namespace}/${name}`)?.metadata.uid === uid) return true;
  try {
    const vm = await client.get(resources.virtualMachine, name, namespace);
    return vm.metadata.uid === uid;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
