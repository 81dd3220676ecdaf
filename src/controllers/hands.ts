// What carries actions out: the connections it uses, and what every handler of an action looks like.
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { ActionResult } from '../machine/advance.ts';
import type { Facts } from '../machine/facts.ts';
import type { Action, ActionKind } from '../machine/vocabulary.ts';
import type { VmRef } from '../pve/client.ts';
import type { Allocations } from './allocations.ts';
import type { ClusterConnection } from './clusters.ts';
import type { Context } from './context.ts';
import type { CredentialSource } from './credentials.ts';

export interface Hands {
  context: Context;
  allocations: Allocations;
  credentials: CredentialSource;
  vm: VirtualMachine;
  connection(): ClusterConnection;
}

export type Handler<K extends ActionKind> = (
  hands: Hands,
  action: Extract<Action, { kind: K }>,
  facts: Facts,
) => Promise<ActionResult>;

/** Handlers of some kinds of actions. */
export type Handlers<K extends ActionKind> = { [Kind in K]: Handler<Kind> };

export const DONE: ActionResult = { kind: 'done' };

export function task(upid: string): ActionResult {
  return { kind: 'task', upid };
}

/** The VM that this pass has seen to be ours. Anything else must not be written to. */
export function ownRef({ observed, held }: Facts): VmRef {
  if (observed?.kind !== 'ours' || held.vmid === undefined)
    throw new TypeError('A VM is only written to after its stamp was seen.');
  return { node: observed.node, vmid: held.vmid };
}
