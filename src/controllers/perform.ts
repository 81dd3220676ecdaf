// Carries out one action on the world. Every write to Proxmox VE goes to a VM whose stamp was read in this very pass.
import { API_VERSION } from '../api/object.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { VirtualMachineStatus } from '../api/virtual-machine-status.ts';
import { StalledError, WaitingError } from '../errors.ts';
import { isAlreadyExists } from '../kube/errors.ts';
import { createSecret } from '../kube/secrets.ts';
import type { ActionResult } from '../machine/advance.ts';
import type { Facts } from '../machine/facts.ts';
import { type Action, type ActionKind, PASSWORD_FROM_SECRET } from '../machine/vocabulary.ts';
import type { VmRef } from '../pve/client.ts';
import type { DriveKey } from '../pve/drive.ts';
import { PveError } from '../pve/errors.ts';
import { printStamp } from '../pve/stamp.ts';
import type { Allocations } from './allocations.ts';
import type { ClusterConnection } from './clusters.ts';
import type { Context } from './context.ts';
import type { CredentialSource } from './credentials.ts';
import { changeDns } from './dns-publication.ts';
import { pveTrouble, reasonOfPveError } from './pve-trouble.ts';

export interface Hands {
  context: Context;
  allocations: Allocations;
  credentials: CredentialSource;
  vm: VirtualMachine;
  connection(): ClusterConnection;
}

type Handler<K extends ActionKind> = (
  hands: Hands,
  action: Extract<Action, { kind: K }>,
  facts: Facts,
) => Promise<ActionResult>;

const COLLECTION_MS = 2 * 60_000;
const COLLECTION_RECHECK_MS = 2_000;

const NOTHING_PUBLISHED = { forward: { ok: 0, failed: 0 }, reverse: { ok: 0, failed: 0 }, zones: [] };

const DONE: ActionResult = { kind: 'done' };

const HANDLERS: { [K in ActionKind]: Handler<K> } = {
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
  createCredentials: handOverCredentials,
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
  start: async ({ connection }, _action, facts) => task(await connection().api.start(ownRef(facts))),
  stop: async ({ connection }, _action, facts) =>
    task(await connection().api.stop(ownRef(facts), { overruleShutdown: true })),
  destroy: async ({ connection }, _action, facts) =>
    task(await connection().api.destroy(ownRef(facts), { purge: true })),
  publishDns: async ({ context, vm }, _action, { design, status }) => ({
    kind: 'done',
    status: { dns: await changeDns(context, { ...vm, status }, design, 'publish') },
  }),
  withdrawDns: async ({ context, vm }, _action, { design, status }) => {
    const { zones } = await changeDns(context, { ...vm, status }, design, 'withdraw');
    const failed = zones.filter((zone) => !zone.ok).map((zone) => zone.zone);
    // Records never hold a deletion up; what stays behind is told.
    if (failed.length > 0) {
      const message = `DNS records may be left in ${failed.join(', ')}.`;
      context.events.emit(vm, { type: 'Warning', reason: 'LeftBehind', message });
    }
    return { kind: 'done', status: { dns: NOTHING_PUBLISHED } };
  },
  releaseReservations: async ({ allocations, vm }) => {
    await allocations.releaseAll(vm);
    return DONE;
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

function task(upid: string): ActionResult {
  return { kind: 'task', upid };
}

/** The VM that this pass has seen to be ours. Anything else must not be written to. */
function ownRef({ observed, held }: Facts): VmRef {
  if (observed?.kind !== 'ours' || held.vmid === undefined)
    throw new TypeError('A VM is only written to after its stamp was seen.');
  return { node: observed.node, vmid: held.vmid };
}

async function configure(
  hands: Hands,
  { set, remove }: Extract<Action, { kind: 'configure' }>,
  facts: Facts,
): Promise<ActionResult> {
  const vm = ownRef(facts);
  const handsOverPassword = set['cipassword'] === PASSWORD_FROM_SECRET;
  const password = handsOverPassword ? { cipassword: passwordOf(hands) } : {};
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

function passwordOf({ credentials, vm }: Hands): string {
  return credentials.of(vm.metadata.uid ?? '').password;
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

async function handOverCredentials(
  { context, credentials, vm }: Hands,
  { user }: Extract<Action, { kind: 'createCredentials' }>,
  { status }: Facts,
): Promise<ActionResult> {
  const { password, user: randomUser } = credentials.of(vm.metadata.uid ?? '');
  const username = user ?? randomUser;
  const metadata = credentialsMetadata(vm);
  try {
    await createSecret(context.client, {
      metadata,
      type: 'kubernetes.io/basic-auth',
      values: { username, password },
    });
  } catch (error) {
    // Only a crash right after the creation leaves a recorded attempt behind: then the Secret is ours, with these very values.
    if (!isAlreadyExists(error)) throw error;
    if (status.operation?.intent?.attempt === 1) throw nameTaken(metadata.name, vm, context.now());
  }
  return { kind: 'done', status: { credentialsSecret: metadata.name, osUser: username } };
}

function credentialsMetadata({ metadata }: VirtualMachine) {
  const { name, namespace = '', uid = '' } = metadata;
  const owner = {
    apiVersion: API_VERSION,
    kind: 'VirtualMachine',
    name,
    uid,
    controller: true,
    blockOwnerDeletion: false,
  };
  return {
    name: `${name}-credentials`,
    namespace,
    labels: { 'app.kubernetes.io/managed-by': 'pve-operator' },
    ownerReferences: [owner],
  };
}

// The Secret of a VM of the same name that was deleted a moment ago is on its way out; the garbage collector takes a while.
function nameTaken(secretName: string, { metadata }: VirtualMachine, now: number): Error {
  const isYoung = now - Date.parse(metadata.creationTimestamp ?? '') < COLLECTION_MS;
  const message = `Secret ${secretName} exists and does not belong to this VM.`;
  if (isYoung) return new WaitingError('NameTaken', `${message} It may be about to be removed.`, COLLECTION_RECHECK_MS);
  return new StalledError('NameTaken', `${message} Rename or delete it: the credentials go there.`);
}
