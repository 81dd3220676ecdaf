// Carries out one action on the world. Every write to Proxmox VE goes to a VM whose stamp was read in this very pass.
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { StalledError } from '../errors.ts';
import type { ActionResult } from '../machine/advance.ts';
import type { Facts } from '../machine/facts.ts';
import { type Action, type ActionKind, PASSWORD_FROM_SECRET } from '../machine/vocabulary.ts';
import type { DriveKey } from '../pve/drive.ts';
import { PveError } from '../pve/errors.ts';
import { printStamp } from '../pve/stamp.ts';
import { changeDns } from './dns-publication.ts';
import { DONE, type Handler, type Handlers, type Hands, ownRef, task } from './hands.ts';
import { CREDENTIAL_HANDLERS, passwordOf } from './perform-credentials.ts';
import { POWER_HANDLERS } from './perform-power.ts';
import { REMOVAL_HANDLERS } from './perform-removal.ts';
import { pveTrouble, reasonOfPveError } from './pve-trouble.ts';

const HANDLERS: Handlers<ActionKind> = {
  ...POWER_HANDLERS,
  ...REMOVAL_HANDLERS,
  ...CREDENTIAL_HANDLERS,
  reserveAddresses: async ({ allocations, vm }, { choices }, { cluster }) => {
    await allocations.reserveAddresses(vm, cluster.name, choices);
    return { kind: 'done', status: { clusterName: cluster.name } };
  },
  reserveVmid: async ({ allocations, vm, connection }, { first }, { cluster }) => {
    const used = new Set((connection().inventory.snapshot() ?? (await connection().inventory.refresh())).vms.keys());
    await allocations.reserveVmid(vm, cluster.name, first, used);
    return { kind: 'done', status: { clusterName: cluster.name } };
  },
  restoreVmid: async ({ allocations, vm }, { vmid }, { cluster }) => {
    if (await allocations.restoreVmid(vm, cluster.name, vmid)) return DONE;
    throw new StalledError(
      'IdentityMismatch',
      `VMID ${vmid} of this VM is reserved for another object now. Nothing is touched.`,
    );
  },
  releaseVmid: async ({ allocations, vm, connection }, { vmid }) => {
    // The list may not show the stranger yet; the next number must not be the same one.
    await connection().inventory.refresh();
    await allocations.releaseVmid(vm, vmid);
    return { kind: 'done', status: { vmid: undefined } };
  },
  clone: async ({ vm, connection }, { template, vmid, name, full, storage }) =>
    task(
      await connection().api.clone({
        source: template,
        newid: vmid,
        name,
        full,
        description: printStamp({ uid: vm.metadata.uid ?? '', vmid }),
        ...(storage === undefined ? {} : { storage }),
      }),
    ),
  migrate: async ({ connection }, { target, targetStorage }, facts) =>
    task(
      await connection().api.migrate(ownRef(facts), {
        target,
        ...(targetStorage === undefined ? {} : { targetStorage }),
      }),
    ),
  configure,
  revertPending,
  resizeDisk: async ({ connection }, { disk, sizeGiB }, facts) =>
    task(await connection().api.resize(ownRef(facts), { disk: disk as DriveKey, sizeGiB })),
  setFirewallOptions: async ({ connection }, { set }, facts) => {
    await connection().api.setFirewallOptions(ownRef(facts), set);
    return DONE;
  },
  createIpset: async ({ connection }, { name }, facts) => {
    await connection().api.createIpset(ownRef(facts), name);
    return DONE;
  },
  deleteIpset: async ({ connection }, { name }, facts) => {
    await connection().api.deleteIpset(ownRef(facts), name);
    return DONE;
  },
  addToIpset: async ({ connection }, { name, cidr }, facts) => {
    await connection().api.addToIpset(ownRef(facts), name, cidr);
    return DONE;
  },
  removeFromIpset: async ({ connection }, { name, cidr }, facts) => {
    await connection().api.removeFromIpset(ownRef(facts), name, cidr);
    return DONE;
  },
  publishDns: async ({ context, vm }, { addresses }, { design, status }) => {
    const publish = addresses ?? status.addresses ?? [];
    const dns = await changeDns(context, { ...vm, status }, design, { publish });
    return { kind: 'done', status: { dns, ...(addresses === undefined ? {} : { addresses: [...addresses] }) } };
  },
};

/** Carries out an action; throws one of the five classes of errors. */
export async function perform(hands: Hands, action: Action, facts: Facts): Promise<ActionResult> {
  const handler = HANDLERS[action.kind] as Handler<ActionKind>;
  try {
    return await handler(hands, action, facts);
  } catch (error) {
    throw pveTrouble(error, facts.cluster.name);
  }
}

async function configure(
  hands: Hands,
  { set, remove }: Extract<Action, { kind: 'configure' }>,
  facts: Facts,
): Promise<ActionResult> {
  const vm = ownRef(facts);
  const handsOverPassword = set['cipassword'] === PASSWORD_FROM_SECRET;
  const password = handsOverPassword ? { cipassword: passwordOf(hands, facts) } : {};
  // The digest is that of the configuration the change was planned on: somebody else's change in between is not overwritten.
  const change = { set: { ...set, ...password }, delete: remove, digest: digestOf(facts) };
  try {
    const upid = await hands.connection().api.updateConfig(vm, change);
    const status = handsOverPassword ? { operation: handedOver(facts.status) } : undefined;
    return upid === null ? { kind: 'done', status } : { kind: 'task', upid, status };
  } catch (error) {
    if (isRefusal(error)) return refused(error, facts.cluster.name);
    throw error;
  }
}

function digestOf({ observed }: Facts): string | undefined {
  return observed?.kind === 'ours' ? observed.digest : undefined;
}

function refused(error: PveError, clusterName: string): ActionResult {
  const trouble = pveTrouble(error, clusterName);
  const message = trouble instanceof Error ? trouble.message : error.message;
  return { kind: 'refused', explanation: { reason: reasonOfPveError(error), message } };
}

/** A refusal of what was asked for, as opposed to one of the moment (a lock, a digest) or of who asks. */
function isRefusal(error: unknown): error is PveError {
  return (
    error instanceof PveError &&
    !error.maybeApplied &&
    (error.kind === 'refused' || error.kind === 'schema-rejected' || error.kind === 'no-space')
  );
}

function handedOver(status: VirtualMachineStatus): NonNullable<VirtualMachineStatus['operation']> {
  if (status.operation === undefined) throw new TypeError('A password is handed over within an operation.');
  return { ...status.operation, passwordHandedOver: true };
}

// A refused call can leave a part of itself behind as pending, even on a stopped VM; reading shows it as if it were in force.
async function revertPending(
  { connection }: Hands,
  { keys }: Extract<Action, { kind: 'revertPending' }>,
  facts: Facts,
): Promise<ActionResult> {
  const vm = ownRef(facts);
  const { api } = connection();
  const pending = await api.pending(vm);
  const ours = pending
    .filter((entry) => keys.includes(entry.key) && (entry.pending !== undefined || entry.deletion))
    .map((entry) => entry.key);
  if (ours.length > 0) await api.updateConfig(vm, { set: {}, revert: ours });
  return DONE;
}
