// Tells in sentences what the change of package after an adoption would do to a VM: the same steps are asked, and nothing is done.
import { surplusAddresses } from '../domain/address-plan.ts';
import { type DesiredFirewall, desiredFirewall, firewallDifference } from '../domain/firewall.ts';
import { declaredPower, powerAfter } from '../domain/power.ts';
import type { Facts } from '../machine/facts.ts';
import type { Action, AddressChoice, Step, Verdict } from '../machine/vocabulary.ts';
import { changeAdditionalDisk, growAdditionalDisk, limitAdditionalDisk } from './additional-disk.ts';
import { designOf } from './own-vm.ts';
import { reserveAddresses, wantedAddresses } from './reserve-addresses.ts';
import { setCpuAndMemory } from './set-cpu-and-memory.ts';
import { setNetwork } from './set-network.ts';
import { stopIfNeeded } from './stop-vm.ts';
import { growSystemDisk, limitSystemDisk } from './system-disk.ts';

/** Steps whose verdicts tell by themselves what they would change. */
const CONFIGURING: readonly Step[] = [
  setCpuAndMemory,
  growSystemDisk,
  limitSystemDisk,
  changeAdditionalDisk,
  growAdditionalDisk,
  limitAdditionalDisk,
  setNetwork,
];

/** What `adoptionChanges` looks at, beside the addresses that the VM would hold. */
export const ADOPTION_NEEDS = ['addresses', 'observed', 'power', 'firewall', 'pending'] as const;

/**
 * One sentence for each change; empty when the VM is as declared. `facts` are those after a take-over: the VM is ours,
 * the status is filled in, and `held` are the addresses it would have.
 */
export function adoptionChanges(facts: Facts): string[] {
  const addressed = addressChanges(facts);
  const { after } = addressed;
  return [
    ...addressed.changes,
    ...CONFIGURING.flatMap((step) => verdictTexts(step.plan(after), after)),
    ...firewallChanges(after),
    ...powerChanges(after),
  ];
}

/** What becomes of the addresses, and the facts as they are then: network card and firewall follow them. */
function addressChanges(facts: Facts): { changes: string[]; after: Facts } {
  const surplus = surplusAddresses(facts.held.addresses, wantedAddresses(designOf(facts)));
  const kept = facts.held.addresses.filter((reservation) => !surplus.includes(reservation));
  const keeping: Facts = { ...facts, held: { ...facts.held, addresses: kept } };
  const verdict = reserveAddresses.plan(keeping);
  const choices = verdict.kind === 'act' && verdict.action.kind === 'reserveAddresses' ? verdict.action.choices : [];
  const released = surplus.map(({ spec }) => `${spec.address} would be taken away from the VM: the package has fewer.`);
  const reserved = choices.map(
    ({ address, poolName }) =>
      `${address} of the pool ${poolName} would be reserved for the VM. The guest is not told: that takes an operation of type SetCloudInit.`,
  );
  const stalled = verdict.kind === 'stall' ? verdictTexts(verdict, keeping) : [];
  return { changes: [...released, ...reserved, ...stalled], after: withAddresses(keeping, choices) };
}

function withAddresses(facts: Facts, choices: readonly AddressChoice[]): Facts {
  const staying = new Set(facts.held.addresses.map(({ spec }) => spec.address));
  const kept = (facts.status.addresses ?? []).filter(({ address }) => staying.has(address));
  const added = choices.map(({ address, prefixLength, order }) => ({ address, prefixLength, primary: order === 0 }));
  const [first] = choices;
  const isPlaced = facts.held.addresses.length > 0 || first === undefined;
  const network = isPlaced ? facts.status.network : { ...facts.status.network, bridge: first.bridge, vlan: first.vlan };
  return { ...facts, status: { ...facts.status, addresses: [...kept, ...added], network } };
}

function verdictTexts(verdict: Verdict, facts: Facts): string[] {
  switch (verdict.kind) {
    case 'act':
      return actionTexts(verdict.action, facts);
    case 'stall':
      return [`The change of package would stand still: ${verdict.message}`];
    // A disk that is to be made first is waited for; that it is made was told.
    case 'wait':
      return [];
    default:
      return (verdict.note?.conditions ?? []).flatMap(({ message }) => message ?? []);
  }
}

function actionTexts(action: Action, { observed }: Facts): string[] {
  const config = observed?.kind === 'ours' ? observed.config : new Map<string, string>();
  switch (action.kind) {
    case 'configure':
      return [
        ...Object.entries(action.set).map(([key, value]) => `${key}: ${config.get(key) ?? 'not set'} → ${value}.`),
        ...(action.remove ?? []).map((key) => `${key}: ${config.get(key) ?? 'not set'} would be removed.`),
      ];
    case 'resizeDisk':
      return [`${action.disk} would grow to ${action.sizeGiB} GiB.`];
    case 'destroyDisk':
      return [`${action.disk} would be DESTROYED: spec.consent names ${action.volume}.`];
    default:
      return [`The step would do: ${action.kind}.`];
  }
}

function declaredFirewall(facts: Facts): DesiredFirewall {
  const { firewall, network } = designOf(facts).plan;
  const addresses = (facts.status.addresses ?? []).map(({ address }) => address);
  return desiredFirewall({ firewall, dhcp: network.dhcpIPv4 || network.dhcpIPv6, addresses });
}

function firewallChanges(facts: Facts): string[] {
  const { firewall = { options: {}, ipset: undefined } } = facts;
  const { options, createSet, addCidrs, removeCidrs, removeSet } = firewallDifference(
    declaredFirewall(facts),
    firewall.options,
    firewall.ipset,
  );
  const settings = Object.entries(options)
    .map(([key, value]) => `${key} ${shown(firewall.options[key])} → ${value}`)
    .join(', ');
  return [
    ...(createSet ? [`The VM could send from no other address than ${addCidrs.join(', ')}.`] : []),
    ...(createSet ? [] : addCidrs.map((cidr) => `The VM could send from ${cidr} as well.`)),
    ...removeCidrs.map((cidr) => `The VM could not send from ${cidr} any more.`),
    ...(removeSet ? ['The set of addresses that the VM may send from would be removed.'] : []),
    ...(settings === '' ? [] : [`Firewall options would be set: ${settings}.`]),
  ];
}

function shown(value: unknown): string {
  if (typeof value === 'boolean') return value ? '1' : '0';
  return typeof value === 'string' || typeof value === 'number' ? String(value) : 'unset';
}

function powerChanges(facts: Facts): string[] {
  const { vm, power } = facts;
  if (power === 'stopped') {
    const { power: wanted } = powerAfter(vm.spec, { powerBefore: 'Stopped' });
    return wanted === 'Running' ? ['The VM would be started: spec.runStrategy is Always.'] : [];
  }
  const declared = declaredPower(vm.spec);
  if (declared?.power === 'Stopped') return [`The VM would be stopped: ${declared.because?.message ?? ''}`];
  const verdict = stopIfNeeded(CONFIGURING).plan(facts);
  return verdict.kind === 'act' ? [`The VM would be shut down and started again: ${verdict.why}`] : [];
}
