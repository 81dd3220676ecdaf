// Answers for the calls that make a VM, and read, change and move it.
import { answers } from './answers.ts';
import type { ConfigChange, PveApi } from './client.ts';
import { isConfigKey, isDrive, printConfigSet, printParameters, PveParameterError } from './parameters.ts';
import type { Sender } from './sender.ts';
import { GIB, printSize } from './size.ts';

/** Proxmox waits this long for a config call's worker before it hands out the task: most changes end within. */
const BACKGROUND_DELAY_SECONDS = 10;

export function vmCalls(
  send: Sender,
): Pick<PveApi, 'config' | 'pending' | 'clone' | 'updateConfig' | 'resize' | 'unlinkDisks' | 'migrate'> {
  return {
    config: async (vm, { current } = {}) => {
      const call = 'GET /nodes/{node}/qemu/{vmid}/config';
      return send(call, answers.config, { path: { ...vm }, parameters: printParameters(call, { current }) });
    },
    pending: async (vm) => send('GET /nodes/{node}/qemu/{vmid}/pending', answers.pending, { path: { ...vm } }),
    clone: async ({ source, ...parameters }) => {
      const call = 'POST /nodes/{node}/qemu/{vmid}/clone';
      return send(call, answers.upid, { path: { ...source }, parameters: printParameters(call, parameters) });
    },
    updateConfig: async (vm, change) =>
      send('POST /nodes/{node}/qemu/{vmid}/config', answers.upidOrNull, {
        path: { ...vm },
        parameters: printConfigChange(change),
      }),
    resize: async (vm, resize) => {
      const call = 'PUT /nodes/{node}/qemu/{vmid}/resize';
      const size = printSize('sizeBytes' in resize ? resize.sizeBytes : resize.sizeGiB * GIB);
      return send(call, answers.upid, {
        path: { ...vm },
        parameters: printParameters(call, { disk: resize.disk, size }),
      });
    },
    unlinkDisks: async (vm, { disks, force }) => {
      const call = 'PUT /nodes/{node}/qemu/{vmid}/unlink';
      const odd = disks.find((disk) => !isDrive(disk));
      if (odd !== undefined)
        throw new PveParameterError(call, 'idlist', `names ${JSON.stringify(odd)}, which is no drive`);
      const parameters = printParameters(call, { idlist: disks.join(','), force });
      await send(call, answers.nothing, { path: { ...vm }, parameters });
    },
    migrate: async (vm, { target, targetStorage }) => {
      const call = 'POST /nodes/{node}/qemu/{vmid}/migrate';
      const parameters = printParameters(call, { target, targetstorage: targetStorage });
      return send(call, answers.upid, { path: { ...vm }, parameters });
    },
  };
}

function printConfigChange(change: ConfigChange): Record<string, string> {
  const call = 'POST /nodes/{node}/qemu/{vmid}/config';
  const set = printConfigSet(change.set);
  const lists = printParameters(call, {
    delete: optionList(call, 'delete', change.delete),
    revert: optionList(call, 'revert', change.revert),
  });
  const changes = { ...set, ...lists };
  if (Object.keys(changes).length === 0) throw new PveParameterError(call, 'set', 'is empty');
  const both = change.delete?.find((key) => Object.hasOwn(set, key));
  if (both !== undefined) throw new PveParameterError(call, both, 'is set and deleted');
  if (change.destroyVolumes && lists.delete === undefined) throw new PveParameterError(call, 'force', 'has no delete');
  return {
    ...changes,
    ...printParameters(call, {
      digest: change.digest,
      force: change.destroyVolumes,
      background_delay: BACKGROUND_DELAY_SECONDS,
    }),
  };
}

function optionList(call: string, name: string, keys: readonly string[] = []): string | undefined {
  const odd = keys.find((key) => !isConfigKey(key));
  if (odd !== undefined) throw new PveParameterError(call, name, `names ${JSON.stringify(odd)}, which does not exist`);
  return keys.length === 0 ? undefined : keys.join(',');
}
