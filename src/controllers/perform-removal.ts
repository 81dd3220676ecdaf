// Taking away: disks, snapshots, backups, addresses, records, and in the end the VM itself.
import { readStamp } from '../pve/stamp.ts';
import type { PveApi } from '../pve/client.ts';
import type { Facts } from '../machine/facts.ts';
import { changeDns } from './dns-publication.ts';
import { DONE, type Hands, type Handlers, ownRef, task } from './hands.ts';

type RemovalKind =
  | 'destroyDisk'
  | 'deleteSnapshot'
  | 'removeBackups'
  | 'destroy'
  | 'withdrawDns'
  | 'releaseAddresses'
  | 'releaseReservations';

const WITHDRAWN = { forward: { ok: 0, failed: 0 }, reverse: { ok: 0, failed: 0 }, withdrawn: true, zones: [] };

export const REMOVAL_HANDLERS: Handlers<RemovalKind> = {
  // With the digest of the configuration in which the volume was seen: another one may be in the slot by now.
  destroyDisk: async ({ connection }, { disk }, facts) => {
    const digest = facts.observed?.kind === 'ours' ? facts.observed.digest : undefined;
    const upid = await connection().api.updateConfig(ownRef(facts), {
      set: {},
      delete: [disk],
      destroyVolumes: true,
      digest,
    });
    return upid === null ? DONE : task(upid);
  },
  deleteSnapshot: async ({ connection }, { name }, facts) =>
    task(await connection().api.deleteSnapshot(ownRef(facts), name)),
  removeBackups,
  destroy: async ({ connection }, _action, facts) =>
    task(await connection().api.destroy(ownRef(facts), { purge: true })),
  withdrawDns: async ({ context, vm }, _action, { design, status }) => {
    const { zones } = await changeDns(context, { ...vm, status }, design, { remove: status.addresses ?? [] });
    const failed = zones.filter((zone) => !zone.ok).map((zone) => zone.zone);
    // Records never hold a deletion up; what stays behind is told.
    if (failed.length > 0) {
      const message = `DNS records may be left in ${failed.join(', ')}.`;
      context.events.emit(vm, { type: 'Warning', reason: 'LeftBehind', message });
    }
    return { kind: 'done', status: { dns: WITHDRAWN } };
  },
  releaseAddresses: async ({ context, allocations, vm }, { addresses }, { design, status }) => {
    const kept = (status.addresses ?? []).filter(({ address }) => !addresses.includes(address));
    const going = (status.addresses ?? []).filter(({ address }) => addresses.includes(address));
    const dns =
      going.length === 0
        ? status.dns
        : await changeDns(context, { ...vm, status }, design, { publish: kept, remove: going });
    await allocations.releaseAddresses(vm, addresses);
    return { kind: 'done', status: { addresses: kept, dns } };
  },
  releaseReservations: async ({ allocations, vm }) => {
    await allocations.releaseAll(vm);
    return DONE;
  },
};

/** Backups whose notes carry this VM's stamp: the former owner of a VMID may have left some too. */
async function removeBackups(
  { context, connection, vm }: Hands,
  _action: unknown,
  { cluster, held, status }: Facts,
): Promise<typeof DONE> {
  const { api } = connection();
  const storages = backupStorages({ cluster, node: status.node });
  const left: string[] = [];
  for (const { storage, node } of storages) {
    const failed = await removeBackupsOn(api, { storage, node, vmid: held.vmid ?? 0, uid: vm.metadata.uid ?? '' });
    if (failed) left.push(storage);
  }
  if (left.length > 0) {
    const message = `Backups may be left on ${left.join(', ')}.`;
    context.events.emit(vm, { type: 'Warning', reason: 'LeftBehind', message });
  }
  return DONE;
}

// A shared storage shows the same from every node; a local one only has what was backed up on its own.
function backupStorages({ cluster, node }: Pick<Facts, 'cluster'> & { node: string | undefined }) {
  const all = (cluster.snapshot?.storages ?? []).filter(
    ({ content, status }) => content.includes('backup') && status === 'available',
  );
  const shared = new Map(all.filter((one) => one.shared).map((one) => [one.storage, one]));
  return [...all.filter((one) => !one.shared && (node === undefined || one.node === node)), ...shared.values()];
}

/** Removes what is ours there; answers whether anything of it may be left. Backups never hold a deletion up. */
async function removeBackupsOn(
  api: PveApi,
  { storage, node, vmid, uid }: { storage: string; node: string; vmid: number; uid: string },
): Promise<boolean> {
  try {
    const backups = await api.backups(node, storage, vmid);
    const own = backups.filter(({ notes }) => readStamp(notes)?.uid === uid);
    let isLeft = false;
    for (const { volid } of own) {
      // One that is protected keeps no other one.
      const removal = api.deleteVolume(node, storage, volid);
      isLeft = await removal.then(
        () => isLeft,
        () => true,
      );
    }
    return isLeft;
  } catch {
    return true;
  }
}
