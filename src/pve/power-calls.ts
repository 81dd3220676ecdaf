// Answers for the calls that start and end a VM.
import { answers } from './answers.ts';
import type { PveApi } from './client.ts';
import { printParameters } from './parameters.ts';
import type { Sender } from './sender.ts';

export function powerCalls(
  send: Sender,
): Pick<PveApi, 'status' | 'start' | 'shutdown' | 'reboot' | 'reset' | 'stop' | 'destroy'> {
  return {
    status: async (vm) => send('GET /nodes/{node}/qemu/{vmid}/status/current', answers.status, { path: { ...vm } }),
    start: async (vm) => send('POST /nodes/{node}/qemu/{vmid}/status/start', answers.upid, { path: { ...vm } }),
    shutdown: async (vm, { timeoutSeconds, forceStop }) => {
      const call = 'POST /nodes/{node}/qemu/{vmid}/status/shutdown';
      const parameters = printParameters(call, { timeout: timeoutSeconds, forceStop });
      return send(call, answers.upid, { path: { ...vm }, parameters });
    },
    reboot: async (vm, { timeoutSeconds } = {}) => {
      const call = 'POST /nodes/{node}/qemu/{vmid}/status/reboot';
      const parameters = printParameters(call, { timeout: timeoutSeconds });
      return send(call, answers.upid, { path: { ...vm }, parameters });
    },
    reset: async (vm) => send('POST /nodes/{node}/qemu/{vmid}/status/reset', answers.upid, { path: { ...vm } }),
    stop: async (vm, { overruleShutdown } = {}) => {
      const call = 'POST /nodes/{node}/qemu/{vmid}/status/stop';
      const parameters = printParameters(call, { 'overrule-shutdown': overruleShutdown });
      return send(call, answers.upid, { path: { ...vm }, parameters });
    },
    destroy: async (vm, { purge }) => {
      const call = 'DELETE /nodes/{node}/qemu/{vmid}';
      return send(call, answers.upid, { path: { ...vm }, parameters: printParameters(call, { purge }) });
    },
  };
}
