// Answers for the calls about a VM's firewall.
import { answers } from './answers.ts';
import type { PveApi } from './client.ts';
import { PveError } from './errors.ts';
import { printParameters, type ParametersOf } from './parameters.ts';
import type { Sender } from './sender.ts';

type FirewallCalls =
  'firewallOptions' | 'setFirewallOptions' | 'ipset' | 'createIpset' | 'deleteIpset' | 'addToIpset' | 'removeFromIpset';

export function firewallCalls(send: Sender): Pick<PveApi, FirewallCalls> {
  return {
    firewallOptions: async (vm) =>
      send('GET /nodes/{node}/qemu/{vmid}/firewall/options', answers.firewallOptions, { path: { ...vm } }),
    setFirewallOptions: async (vm, { delete: deleted, ...options }) => {
      const call = 'PUT /nodes/{node}/qemu/{vmid}/firewall/options';
      const parameters = printParameters(call, {
        ...(options as ParametersOf<typeof call>),
        ...(deleted === undefined || deleted.length === 0 ? {} : { delete: deleted.join(',') }),
      });
      await send(call, answers.nothing, { path: { ...vm }, parameters });
    },
    ipset: async (vm, name) => {
      const members = send('GET /nodes/{node}/qemu/{vmid}/firewall/ipset/{name}', answers.ipset, {
        path: { ...vm, name },
      });
      return members.catch((error: unknown) => {
        if (error instanceof PveError && error.kind === 'not-found') return null;
        throw error;
      });
    },
    createIpset: async (vm, name) => {
      const call = 'POST /nodes/{node}/qemu/{vmid}/firewall/ipset';
      await send(call, answers.nothing, { path: { ...vm }, parameters: printParameters(call, { name }) });
    },
    deleteIpset: async (vm, name) => {
      const call = 'DELETE /nodes/{node}/qemu/{vmid}/firewall/ipset/{name}';
      const parameters = printParameters(call, { force: true });
      await send(call, answers.nothing, { path: { ...vm, name }, parameters });
    },
    addToIpset: async (vm, name, cidr) => {
      const call = 'POST /nodes/{node}/qemu/{vmid}/firewall/ipset/{name}';
      await send(call, answers.nothing, { path: { ...vm, name }, parameters: printParameters(call, { cidr }) });
    },
    removeFromIpset: async (vm, name, cidr) =>
      send('DELETE /nodes/{node}/qemu/{vmid}/firewall/ipset/{name}/{cidr}', answers.nothing, {
        path: { ...vm, name, cidr },
      }),
  };
}
