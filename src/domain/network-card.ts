// Decides what a VM's network card has to be.
import type { PlanSpec } from '../api/plan.ts';
import type { Nic } from '../pve/nic.ts';

type NicModel = NonNullable<NonNullable<PlanSpec['network']>['model']>;

export interface NicRequest {
  /** Absent: the template has no network card. */
  readonly current?: Nic;
  readonly model: NicModel;
  readonly bridge: string;
  /** 0: untagged. */
  readonly vlan: number;
  /** MB/s; 0: unlimited. */
  readonly rateMBps: number;
  readonly firewall: boolean;
  /** The address that the VM is known by; absent: the one that the card has. */
  readonly macAddress?: string;
}

/** The card as declared. The MAC address and every property that is not ours stay: a guest knows its card by them. */
export function desiredNic({ current, model, bridge, vlan, rateMBps, firewall, macAddress }: NicRequest): Nic {
  const mac = macAddress ?? current?.mac;
  return {
    model: modelOf(model, current),
    ...(mac === undefined ? {} : { mac }),
    bridge,
    ...(vlan === 0 ? {} : { tag: vlan }),
    ...(rateMBps === 0 ? {} : { rate: rateMBps }),
    firewall,
    options: current?.options ?? new Map(),
  };
}

function modelOf(model: NicModel, current: Nic | undefined): string {
  return model === 'AsInTemplate' ? (current?.model ?? 'virtio') : model;
}

/** Whether two cards are the same to Proxmox VE. A rate of 0 is no rate; the case of a MAC address means nothing. */
export function nicEquals(a: Nic, b: Nic): boolean {
  return (
    a.model === b.model &&
    a.mac?.toLowerCase() === b.mac?.toLowerCase() &&
    a.bridge === b.bridge &&
    sameNumber(a.tag, b.tag) &&
    sameNumber(a.rate, b.rate) &&
    a.firewall === b.firewall &&
    mapsEqual(a.options, b.options)
  );
}

function sameNumber(a = 0, b = 0): boolean {
  return a === b;
}

function mapsEqual(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}
