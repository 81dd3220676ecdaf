// The worker processes of a node's API daemon: few of them, each busy with one call until it is done.

/** Workers a node's daemon has. */
const perNode = 3;

interface Daemon {
  busy: number;
  waiting: (() => void)[];
}

/** The daemons of all nodes. Calls that find every worker busy wait, first come, first served. */
export class Workers {
  readonly #daemons = new Map<string, Daemon>();

  /** Runs the call in a worker of the node; one that ends at once is never seen to hold it. */
  run<T>(node: string, call: () => T | Promise<T>): T | Promise<T> {
    const daemon = this.#daemons.get(node) ?? { busy: 0, waiting: [] };
    this.#daemons.set(node, daemon);
    if (daemon.busy < perNode) return this.#work(daemon, call);
    return new Promise<void>((resolve) => daemon.waiting.push(resolve)).then(() => this.#work(daemon, call));
  }

  /** Calls that wait for a worker of the node. */
  waiting(node: string): number {
    return this.#daemons.get(node)?.waiting.length ?? 0;
  }

  #work<T>(daemon: Daemon, call: () => T | Promise<T>): T | Promise<T> {
    daemon.busy += 1;
    let result: T | Promise<T>;
    try {
      result = call();
    } catch (error) {
      this.#release(daemon);
      throw error;
    }
    if (result instanceof Promise) return result.finally(() => this.#release(daemon));
    this.#release(daemon);
    return result;
  }

  #release(daemon: Daemon): void {
    daemon.busy -= 1;
    daemon.waiting.shift()?.();
  }
}

/** Reads that the privileged daemon answers all the same: they ask QEMU, a storage, the log of a task or the RRD files. */
const privilegedReads =
  /^\/(?:cluster\/status|nodes\/\{node\}\/(?:rrddata|storage.*|tasks\/\{upid\}\/(?:status|log)|vzdump\/extractconfig|qemu|qemu\/\{vmid\}\/(?:feature|migrate|status\/current|snapshot|agent\/.*|rrd|rrddata)))$/;

/** Whether a call is handed to the privileged daemon, whose workers block; the others are answered by the proxy itself. */
export function isPrivileged({ method, path }: { method: string; path: string }): boolean {
  if (path.endsWith('/vncwebsocket')) return false;
  return method !== 'GET' || privilegedReads.test(path);
}
