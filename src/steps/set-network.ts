// set_network and cp_network: model, bridge, VLAN, rate and firewall flag of the network card. The MAC address is kept.
import { desiredNic, nicEquals } from '../domain/network-card.ts';
import type { Facts, OwnVm } from '../machine/facts.ts';
import type { Step, Verdict } from '../machine/vocabulary.ts';
import { parseNic, printNic } from '../pve/nic.ts';
import { designOf, withOwnVm } from './own-vm.ts';
import { addressLineChange, nameChange } from './set-cloud-init.ts';

export const setNetwork: Step = {
  id: 'set-network',
  title: 'Configure network',
  condition: 'NetworkConfigured',
  needs: () => ['observed'],
  batchable: true,
  plan: (facts) => withOwnVm(facts, (vm) => plan(facts, vm)),
};

/**
 * The network card of a VM that has its cloud-init already: main addresses that came since are told with it, and the name
 * that cloud-init makes the host name of is put back where somebody changed it.
 */
export const changeNetwork: Step = {
  ...setNetwork,
  id: 'change-network',
  plan: (facts) => withOwnVm(facts, (vm) => withGuestLines(plan(facts, vm), guestLines(facts, vm))),
};

function guestLines(facts: Facts, vm: OwnVm): Record<string, string> {
  return { ...addressLineChange(facts, vm), ...nameChange(facts, vm) };
}

function withGuestLines(card: Verdict, lines: Record<string, string>): Verdict {
  if (Object.keys(lines).length === 0) return card;
  const set = card.kind === 'act' && card.action.kind === 'configure' ? card.action.set : {};
  const told = 'name' in lines ? 'the name in Proxmox VE was changed' : 'cloud-init does not know the main addresses';
  const why = card.kind === 'act' ? card.why : told;
  return { kind: 'act', action: { kind: 'configure', set: { ...set, ...lines } }, why };
}

function plan(facts: Facts, { config }: OwnVm): Verdict {
  const { plan: product, package: resources } = designOf(facts);
  // Where the addresses are is where the card belongs; without addresses the plan says it.
  const { bridge, vlan } = facts.status.network ?? product.network;
  const text = config.get('net0');
  const current = text === undefined ? undefined : parseNic(text);
  const desired = desiredNic({
    current,
    model: product.network.model,
    bridge,
    vlan,
    rateMBps: resources.networkMBps,
    firewall: product.firewallEnabled,
    macAddress: facts.status.network?.macAddress,
  });
  if (current !== undefined && nicEquals(current, desired)) {
    const network = { bridge, vlan, macAddress: current.mac };
    return { kind: 'done', note: { status: { network } } };
  }
  return {
    kind: 'act',
    action: { kind: 'configure', set: { net0: printNic(desired) } },
    why: 'net0 differs from the package',
  };
}
