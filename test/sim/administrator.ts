// What an administrator does behind a client's back: by hand, on the hosts, or in the rights.
import { recoverLater } from './api/ha-recovery.ts';
import { failure } from './errors.ts';
import { Vm } from './state/vm.ts';
import type { Options } from './state/vm.ts';
import { holdStorage } from './state/storage-lock.ts';
import { continueElsewhere, endProcess } from './state/power.ts';
import type { AgentMode, NodeState, World } from './state/world.ts';

/** Actions on the cluster that are no API calls. Each takes effect at once. */
export class Administrator {
  /** The cluster's state, for tests that look behind the API. */
  readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  /** Edits a VM's configuration file. */
  changeByHand(vmid: number, change: (options: Options) => void): void {
    const vm = this.#vm(vmid);
    change(vm.options);
    vm.touch();
  }

  /** Creates somebody else's VM under that id. */
  stealVmid(vmid: number, options: Options = { name: 'stranger', memory: '512' }, node?: string): void {
    if (this.world.vms.has(vmid)) throw failure(`VM ${vmid} already exists`);
    const home = node ?? this.#firstNode();
    this.world.vms.set(vmid, new Vm(vmid, home, { ...options }));
  }

  /** Writes or removes the lock line of a VM. */
  setLock(vmid: number, lock: string | null): void {
    this.changeByHand(vmid, (options) => {
      if (lock === null) delete options['lock'];
      else options['lock'] = lock;
    });
  }

  /** Holds the file lock of a VM's configuration, as a tool on the host does that works on it; resolves when given back. */
  holdLock(vmid: number, forMs: number): Promise<void> {
    const { node } = this.#vm(vmid);
    const request = { key: `${node}/${vmid}`, file: `/var/lock/qemu-server/lock-${vmid}.conf`, timeoutMs: forMs };
    return this.world.locks.hold(request, () => this.world.clock.sleep(forMs));
  }

  /** Holds a storage's lock, as a slow allocation elsewhere does; resolves when given back. */
  holdStorageLock(id: string, forMs: number, node = this.#firstNode()): Promise<void> {
    return holdStorage(this.world, this.world.volumes.storage(id), node, forMs);
  }

  /** What the guest's agent does from now on: answer once booted, be absent, or take commands and never answer. */
  setAgent(vmid: number, agent: AgentMode): void {
    this.#vm(vmid);
    this.world.agentModes.set(vmid, agent);
  }

  /** The process ends as if the guest had powered off or QEMU had crashed. */
  killVm(vmid: number): void {
    endProcess(this.world, this.#vm(vmid));
  }

  /** Puts other data on a storage until only that many bytes are free. */
  fillStorage(id: string, freeBytes = 0, node?: string): void {
    const storage = this.world.volumes.storages.get(id);
    if (storage === undefined) throw failure(`storage '${id}' does not exist`);
    const at = node ?? this.#firstNode();
    const known = this.world.volumes.usedBytes(storage, at) - storage.otherBytes;
    storage.otherBytes = storage.totalBytes - known - freeBytes;
  }

  /** Powers a node off; its VMs stop running. */
  nodeDown(name: string): void {
    this.#setNode(name, 'down');
    for (const vm of this.world.vms.values()) if (vm.node === name) endProcess(this.world, vm);
    recoverLater(this.world, name);
  }

  /** Cuts a node off from the cluster; it goes on running on its own. */
  cutNode(name: string): void {
    this.#setNode(name, 'cut');
    recoverLater(this.world, name);
  }

  /** Stops the node's API daemons in their tracks: connections open, answers do not come until `nodeUp`. */
  pauseNode(name: string): void {
    this.#setNode(name, 'paused');
  }

  /** Brings a node back from whatever it was; one that was powered off has booted anew. */
  nodeUp(name: string): void {
    const wasDown = this.world.nodes.get(name)?.state === 'down';
    const node = this.#setNode(name, 'up');
    if (wasDown) node.bootedAt = this.world.clock.now();
    this.world.wakeNode(name);
  }

  revokeToken(id: string): void {
    this.world.access.tokens.delete(id);
  }

  /** Takes one privilege out of a role. */
  revokePrivilege(role: string, privilege: string): void {
    this.world.access.roles.get(role)?.delete(privilege);
  }

  /** Sets the privileges of a role. */
  setRole(role: string, privileges: readonly string[]): void {
    this.world.access.setRole(role, privileges);
  }

  /** Moves a volume's file out of sight, or back. */
  hideVolume(volid: string, hidden = true): void {
    for (const volume of this.world.volumes.all()) {
      if (`${volume.storage}:${volume.name}` === volid) volume.hidden = hidden;
    }
  }

  /** Rewrites an image in version 2 of qcow2 (`qemu-img amend -o compat=0.10`). */
  downgradeImage(volid: string): void {
    for (const volume of this.world.volumes.all()) {
      if (`${volume.storage}:${volume.name}` === volid) volume.isVersion2 = true;
    }
  }

  /** Moves a VM as high availability would, without a task of the client. */
  moveVm(vmid: number, node: string): void {
    const vm = this.#vm(vmid);
    if (!this.world.nodes.has(node)) throw failure(`no such cluster node '${node}'`);
    vm.node = node;
    continueElsewhere(this.world, vm);
  }

  #firstNode(): string {
    return this.world.nodes.keys().next().value ?? '';
  }

  #vm(vmid: number): Vm {
    const vm = this.world.vms.get(vmid);
    if (vm === undefined) throw failure(`VM ${vmid} does not exist`);
    return vm;
  }

  #setNode(name: string, state: NodeState): { bootedAt: number } {
    const node = this.world.nodes.get(name);
    if (node === undefined) throw failure(`no such cluster node '${name}'`);
    node.state = state;
    node.changedAt = this.world.clock.now();
    return node;
  }
}
