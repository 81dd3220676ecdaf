// What `/cluster/resources` knows: values broadcast every ten seconds, so they lag behind the truth.
import type { Vm } from './vm.ts';
import { liveStatus } from './vm-status.ts';
import type { VmStatus } from './vm-status.ts';
import type { World } from './world.ts';

/** Seconds between two passes of pvestatd. */
const passMs = 10_000;

/** The last broadcast of each VM, and the passes that refresh it. */
export class StatusView {
  readonly #world: World;
  readonly #vms = new Map<number, VmStatus>();
  #cancel: (() => void) | undefined;
  #live = false;

  constructor(world: World) {
    this.#world = world;
  }

  /** The last broadcast; undefined for a VM that was never seen. It stays when a VM is destroyed. */
  of(vmid: number): VmStatus | undefined {
    if (!this.#live) return this.#vms.get(vmid);
    const vm = this.#world.vms.get(vmid);
    return vm === undefined ? undefined : liveStatus(this.#world, vm);
  }

  /** One pass: every VM on a reachable node is broadcast as it is now. */
  refresh(): void {
    for (const vm of this.#world.vms.values()) this.#refreshVm(vm);
  }

  /** Begins the passes; where tasks take no time the view does not lag either (`live`). */
  start(live = false): void {
    this.#live = live;
    this.refresh();
    if (live) return;
    const again = (): void => {
      this.#cancel = this.#world.clock.after(passMs, () => {
        this.refresh();
        again();
      });
    };
    again();
  }

  stop(): void {
    this.#cancel?.();
  }

  #refreshVm(vm: Vm): void {
    if (!isHeard(this.#world, vm.node)) return;
    const status = liveStatus(this.#world, vm);
    const before = this.#vms.get(vm.vmid);
    // What has not changed stays the very same, so that what was made of it is good for longer.
    if (before === undefined || !isSame(before, status)) this.#vms.set(vm.vmid, status);
    this.#world.history.seen(vm.vmid, this.#world.clock.now() / 1000);
  }
}

/** Of a VM that runs something has always changed. */
function isSame(one: VmStatus, other: VmStatus): boolean {
  const names = Object.keys(one) as (keyof VmStatus)[];
  return other.status === 'stopped' && names.every((name) => one[name] === other[name]);
}

/** Whether the cluster hears the node's broadcasts; its API may be stuck all the same. */
function isHeard(world: World, node: string): boolean {
  const state = world.nodes.get(node)?.state;
  return state === 'up' || state === 'paused';
}
