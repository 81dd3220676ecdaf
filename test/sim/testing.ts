// A simulator in virtual time with short calls, for the simulator's own tests.
import { readFileSync } from 'node:fs';
import { VirtualClock } from './clock.ts';
import { parseTopology, Simulator } from './simulator.ts';
import type { Topology } from './simulator.ts';
import type { Task } from './tasks/task-registry.ts';

export const operatorToken = 'PVEAPIToken=operator@pve!k8s=d3e0a7b5-0000-4000-8000-0123456789ab';

/** An answer with its body read. */
export interface Reply {
  status: number;
  reason: string;
  data: unknown;
  errors: Record<string, string> | undefined;
}

/** The cluster of `npm run simulator`: three nodes, a template on shared and one on local storage. */
export function demoTopology(): Topology {
  return parseTopology(JSON.parse(readFileSync(new URL('./topologies/demo.json', import.meta.url), 'utf8')));
}

/** The demo cluster under test. */
export class Lab {
  readonly clock: VirtualClock;
  readonly simulator: Simulator;

  constructor(seed = 1, made?: { clock: VirtualClock; simulator: Simulator }) {
    this.clock = made?.clock ?? new VirtualClock();
    this.simulator = made?.simulator ?? new Simulator({ topology: demoTopology(), clock: this.clock, seed });
  }

  /** Plays a request in virtual time. */
  async call(
    method: string,
    path: string,
    params: Record<string, unknown> = {},
    authorization = operatorToken,
  ): Promise<Reply> {
    return this.clock.runUntil(this.send(method, path, params, authorization));
  }

  /** Sends a request; time must be moved for it to be answered. */
  async send(
    method: string,
    path: string,
    params: Record<string, unknown> = {},
    authorization = operatorToken,
  ): Promise<Reply> {
    const response = await this.simulator.handle({ method, path, params, authorization });
    const body = (response.body === '' ? {} : JSON.parse(response.body)) as {
      data?: unknown;
      errors?: Record<string, string>;
    };
    return { status: response.status, reason: response.reason, data: body.data, errors: body.errors };
  }

  /** Plays a request and waits for its task; the answer is the task's exit status. */
  async task(method: string, path: string, params: Record<string, unknown> = {}): Promise<string> {
    const reply = await this.call(method, path, params);
    const task = this.taskOf(reply);
    await this.clock.runUntil(task.done);
    return task.status ?? 'running';
  }

  taskOf(reply: Reply): Task {
    const task = this.simulator.world.tasks.get(reply.data as string);
    if (task === undefined) throw new Error(`no task: ${reply.status} ${reply.reason} ${JSON.stringify(reply.errors)}`);
    return task;
  }

  /** A linked clone of the shared template. */
  async clone(vmid: number, params: Record<string, unknown> = {}): Promise<string> {
    return this.task('POST', '/nodes/pve1/qemu/9000/clone', { newid: vmid, name: `vm${vmid}`, ...params });
  }

  async config(vmid: number, node = 'pve1'): Promise<Record<string, unknown>> {
    return (await this.call('GET', `/nodes/${node}/qemu/${vmid}/config`)).data as Record<string, unknown>;
  }
}
