// The administrator's actions as JSON, for the control port.
import { z } from 'zod';
import { VirtualClock } from './clock.ts';
import type { Simulator } from './simulator.ts';

const vmid = z.number().int();
const node = z.string();

const actionSchema = z.discriminatedUnion('action', [
  z.strictObject({
    action: z.literal('changeByHand'),
    vmid,
    options: z.record(z.string(), z.string().nullable()),
  }),
  z.strictObject({ action: z.literal('stealVmid'), vmid, node: node.optional() }),
  z.strictObject({ action: z.literal('setLock'), vmid, lock: z.string().nullable() }),
  z.strictObject({ action: z.literal('holdLock'), vmid, forMs: z.number().positive() }),
  z.strictObject({
    action: z.literal('holdStorageLock'),
    storage: z.string(),
    forMs: z.number().positive(),
    node: node.optional(),
  }),
  z.strictObject({ action: z.literal('setAgent'), vmid, agent: z.enum(['answering', 'absent', 'hanging']) }),
  z.strictObject({
    action: z.literal('fillStorage'),
    storage: z.string(),
    freeBytes: z.number().nonnegative().default(0),
    node: node.optional(),
  }),
  z.strictObject({ action: z.literal('hideVolume'), volid: z.string(), hidden: z.boolean().default(true) }),
  z.strictObject({ action: z.literal('nodeDown'), node }),
  z.strictObject({ action: z.literal('nodeUp'), node }),
  z.strictObject({ action: z.literal('cutNode'), node }),
  z.strictObject({ action: z.literal('pauseNode'), node }),
  z.strictObject({ action: z.literal('moveVm'), vmid, node }),
  z.strictObject({ action: z.literal('killVm'), vmid }),
  z.strictObject({ action: z.literal('revokeToken'), id: z.string() }),
  z.strictObject({ action: z.literal('revokePrivilege'), role: z.string(), privilege: z.string() }),
  z.strictObject({ action: z.literal('setRole'), role: z.string(), privileges: z.array(z.string()) }),
  z.strictObject({ action: z.literal('advance'), ms: z.number().nonnegative() }),
]);

type Action = z.infer<typeof actionSchema>;
type ActionOf<Name extends Action['action']> = Extract<Action, { action: Name }>;
type Actions = { [Name in Action['action']]: (simulator: Simulator, action: ActionOf<Name>) => void | Promise<void> };

const actions: Actions = {
  changeByHand: (simulator, { vmid: id, options }) =>
    simulator.changeByHand(id, (current) => {
      for (const [key, value] of Object.entries(options)) {
        if (value === null) delete current[key];
        else current[key] = value;
      }
    }),
  stealVmid: (simulator, action) => simulator.stealVmid(action.vmid, undefined, action.node),
  setLock: (simulator, { vmid: id, lock }) => simulator.setLock(id, lock),
  holdLock: (simulator, { vmid: id, forMs }) => void simulator.holdLock(id, forMs),
  holdStorageLock: (simulator, action) => void simulator.holdStorageLock(action.storage, action.forMs, action.node),
  setAgent: (simulator, { vmid: id, agent }) => simulator.setAgent(id, agent),
  fillStorage: (simulator, action) => simulator.fillStorage(action.storage, action.freeBytes, action.node),
  hideVolume: (simulator, { volid, hidden }) => simulator.hideVolume(volid, hidden),
  nodeDown: (simulator, action) => simulator.nodeDown(action.node),
  nodeUp: (simulator, action) => simulator.nodeUp(action.node),
  cutNode: (simulator, action) => simulator.cutNode(action.node),
  pauseNode: (simulator, action) => simulator.pauseNode(action.node),
  moveVm: (simulator, action) => simulator.moveVm(action.vmid, action.node),
  killVm: (simulator, action) => simulator.killVm(action.vmid),
  revokeToken: (simulator, { id }) => simulator.revokeToken(id),
  revokePrivilege: (simulator, { role, privilege }) => simulator.revokePrivilege(role, privilege),
  setRole: (simulator, { role, privileges }) => simulator.setRole(role, privileges),
  advance: async (simulator, { ms }) => {
    if (!(simulator.clock instanceof VirtualClock)) throw new Error('time can only be advanced with --speed virtual');
    await simulator.clock.advance(ms);
  },
};

/** Carries out the action in that JSON value; throws a ZodError when it is none. */
export async function act(simulator: Simulator, json: unknown): Promise<{ done: string }> {
  const action = actionSchema.parse(json);
  // The table is keyed by the same tag the union is, which the compiler cannot follow through the look-up.
  await (actions[action.action] as (simulator: Simulator, action: Action) => void | Promise<void>)(simulator, action);
  return { done: action.action };
}
