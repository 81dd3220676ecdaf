// Answers for the calls about a VM's snapshots.
import { answers } from './answers.ts';
import type { PveApi } from './client.ts';
import type { Sender } from './sender.ts';

export function snapshotCalls(send: Sender): Pick<PveApi, 'snapshots' | 'deleteSnapshot'> {
  return {
    snapshots: async (vm) => send('GET /nodes/{node}/qemu/{vmid}/snapshot', answers.snapshots, { path: { ...vm } }),
    deleteSnapshot: async (vm, name) =>
      send('DELETE /nodes/{node}/qemu/{vmid}/snapshot/{snapname}', answers.upid, { path: { ...vm, snapname: name } }),
  };
}
