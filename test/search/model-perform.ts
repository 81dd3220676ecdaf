// Carries out the actions of the search's machines, as the controller does it: one call each, to a VM that was seen to be ours.
import { pveTrouble } from '../../src/controllers/pve-trouble.ts';
import { nextVmid } from '../../src/domain/vmid.ts';
import type { ActionResult } from '../../src/machine/advance.ts';
import type { Facts } from '../../src/machine/facts.ts';
import type { Action } from '../../src/machine/vocabulary.ts';
import { type Call, type CallKind, existing, type World } from './model-world.ts';

/** The operator's hands; each effect may be disturbed there. */
export interface ModelHands {
  world: World;
  /** A call to Proxmox VE; answers the task's id, null when there is none. */
  send(call: Call): Promise<string | null>;
  /** A write to the API server that is not conditional. */
  write(label: string, change: (world: World) => void): Promise<void>;
}

const DONE: ActionResult = { kind: 'done' };

/** Carries out an action; throws one of the classes of errors. */
export async function performModel(hands: ModelHands, action: Action, facts: Facts): Promise<ActionResult> {
  if (isCall(action.kind)) return send(hands, callOf(action, action.kind, facts));
  switch (action.kind) {
    case 'reserveVmid':
      return reserve(hands, nextFree(hands.world, action.first));
    case 'restoreVmid':
      return reserve(hands, action.vmid);
    case 'releaseVmid':
      // The list may not show the stranger yet; the next number must not be the same one.
      hands.world.listed = existing(hands.world);
      await release(hands, [action.vmid]);
      return { kind: 'done', status: { vmid: undefined } };
    case 'releaseReservations':
      await release(hands, hands.world.reserved);
      return DONE;
    default:
      throw new TypeError(`No machine of the search asks for ${action.kind}.`);
  }
}

const CALLS: ReadonlySet<string> = new Set<CallKind>(['clone', 'configure', 'start', 'shutdown', 'stop', 'destroy']);

function isCall(kind: string): kind is CallKind {
  return CALLS.has(kind);
}

// The list may be an old one: a number that is taken since shows when the clone is refused.
function nextFree({ listed, reserved }: World, first: number): number {
  const vmid = nextVmid({ first, used: new Set(listed), reserved: new Set(reserved) });
  if (vmid === undefined) throw new RangeError('Every VMID is taken.');
  return vmid;
}

async function reserve({ write }: ModelHands, vmid: number): Promise<ActionResult> {
  await write(`reserve VMID ${vmid}`, (world) => {
    world.reserved = [...new Set([...world.reserved, vmid])].toSorted((a, b) => a - b);
  });
  return DONE;
}

/** Gives back the VMIDs, unless there are none. */
export async function release({ write }: Pick<ModelHands, 'write'>, vmids: readonly number[]): Promise<void> {
  if (vmids.length === 0) return;
  await write(`release VMID ${vmids.join(' and ')}`, (world) => {
    world.reserved = world.reserved.filter((reserved) => !vmids.includes(reserved));
  });
}

async function send(hands: ModelHands, call: Call): Promise<ActionResult> {
  try {
    const upid = await hands.send(call);
    return upid === null ? DONE : { kind: 'task', upid };
  } catch (error) {
    throw pveTrouble(error, 'lab');
  }
}

function callOf(action: Action, kind: CallKind, { observed, held }: Facts): Call {
  if (action.kind === 'clone') return { kind, vmid: action.vmid };
  if (observed?.kind !== 'ours' || held.vmid === undefined)
    throw new TypeError('A VM is only written to after its stamp was seen.');
  return { kind, vmid: held.vmid, ...(kind === 'configure' ? { digest: observed.digest } : {}) };
}
