// Answers for the calls about backups of VMs on a storage.
import { answers } from './answers.ts';
import type { PveApi } from './client.ts';
import { printParameters } from './parameters.ts';
import type { Sender } from './sender.ts';

/** Proxmox waits this long for a deletion before it hands out the task. */
const DELETION_DELAY_SECONDS = 10;

export function backupCalls(send: Sender): Pick<PveApi, 'backups' | 'deleteVolume'> {
  return {
    backups: async (node, storage, vmid) => {
      const call = 'GET /nodes/{node}/storage/{storage}/content';
      const parameters = printParameters(call, { content: 'backup', vmid });
      const found = await send(call, answers.backups, { path: { node, storage }, parameters });
      return found.filter((backup) => backup.vmid === vmid);
    },
    deleteVolume: async (node, storage, volid) => {
      const call = 'DELETE /nodes/{node}/storage/{storage}/content/{volume}';
      const parameters = printParameters(call, { delay: DELETION_DELAY_SECONDS });
      return send(call, answers.upidOrNull, { path: { node, storage, volume: volid }, parameters });
    },
  };
}
