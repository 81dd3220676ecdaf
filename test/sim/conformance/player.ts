// Plays a recorded scenario on a fresh simulator in virtual time and compares every step.
import { VirtualClock } from '../clock.ts';
import { Simulator } from '../simulator.ts';
import type { DirectRequest, Topology } from '../simulator.ts';
import type { ApiResponse } from '../http/dispatcher.ts';
import type { Task } from '../tasks/task-registry.ts';
import { difference, logDifference } from './compare.ts';
import type { RecordedRequest, Scenario, Step } from './recording.ts';

/** What a scenario came to. */
export interface Outcome {
  name: string;
  steps: number;
  matched: number;
  /** `step N: …` for each step that differs. */
  differences: string[];
}

/** Authorization headers by the recordings' token names, and the node behind each port. */
export interface Surroundings {
  topology: Topology;
  tokens: Readonly<Record<string, string | undefined>>;
  nodeOfPort: Readonly<Record<number, string>>;
}

/** Simulated milliseconds before a request: reads come at once, a write takes the recorder its connection and the server a fork. */
const thinkMs = { read: 20, write: 250 };

interface Played {
  response: ApiResponse;
  body: unknown;
  task: Task | undefined;
}

/** Plays one scenario from the baseline. */
export async function play(scenario: Scenario, surroundings: Surroundings): Promise<Outcome> {
  const player = new Player(scenario, surroundings);
  return player.run();
}

class Player {
  readonly #scenario: Scenario;
  readonly #surroundings: Surroundings;
  readonly #clock = new VirtualClock();
  readonly #simulator: Simulator;
  readonly #played: (Played | undefined)[] = [];

  constructor(scenario: Scenario, surroundings: Surroundings) {
    this.#scenario = scenario;
    this.#surroundings = surroundings;
    this.#simulator = new Simulator({ topology: surroundings.topology, clock: this.#clock, seed: 7 });
  }

  async run(): Promise<Outcome> {
    const { steps } = this.#scenario;
    for (let index = 0; index < steps.length;) {
      const group = this.#groupAt(index);
      await this.#playGroup(group);
      index += group.length;
    }
    await this.#simulator.close();
    return this.#judge();
  }

  #groupAt(index: number): number[] {
    const { steps } = this.#scenario;
    const together = steps[index]?.parallel;
    if (together === undefined) return [index];
    const after = steps.findIndex((step, position) => position > index && step.parallel !== together);
    const length = (after < 0 ? steps.length : after) - index;
    return Array.from({ length }, (_, position) => index + position);
  }

  async #playGroup(group: readonly number[]): Promise<void> {
    const first = this.#scenario.steps[group[0] ?? 0];
    if (first?.action !== undefined) return this.#act(first.action);
    await this.#clock.advance(first?.request?.method === 'GET' ? thinkMs.read : thinkMs.write);
    const answers = group.map((index) => this.#send(this.#scenario.steps[index] as Step));
    const responses = await this.#clock.runUntil(Promise.all(answers));
    for (const [position, index] of group.entries()) this.#remember(index, responses[position] as ApiResponse);
    for (const index of group) await this.#awaitTask(index);
  }

  #remember(index: number, response: ApiResponse): void {
    const body = parsed(response);
    const upid = upidOf(body);
    this.#played[index] = {
      response,
      body,
      task: upid === undefined ? undefined : this.#simulator.world.tasks.get(upid),
    };
  }

  async #awaitTask(index: number): Promise<void> {
    const task = this.#played[index]?.task;
    const step = this.#scenario.steps[index];
    if (task === undefined || step?.wait === false || step?.task === undefined) return;
    await this.#clock.runUntil(task.done);
  }

  #send(step: Step): Promise<ApiResponse> {
    const request = this.#withRefs(step);
    const params = request.json === true ? request.params : formValues(request.params ?? {});
    const node = request.port === undefined ? undefined : this.#surroundings.nodeOfPort[request.port];
    const authorization =
      request.token === 'raw' ? request.authorization : this.#surroundings.tokens[request.token ?? 'full'];
    const direct: DirectRequest = { method: request.method, path: request.path };
    if (params !== undefined) direct.params = params;
    if (node !== undefined) direct.node = node;
    if (authorization !== undefined) direct.authorization = authorization;
    if (request.websocket === true) direct.websocket = true;
    return this.#simulator.handle(direct).catch(() => ({ status: 0, reason: '', body: '', headers: {} }));
  }

  /** Values of earlier answers put in place of the recorded ones. */
  #withRefs(step: Step): RecordedRequest {
    const request: RecordedRequest = structuredClone(step.request as RecordedRequest);
    for (const ref of step.refs) {
      const value = plainText(this.#lookUp(ref.from.step, ref.from.pointer) ?? ref.value);
      const parameter = /^\/request\/params\/(.+)$/.exec(ref.in)?.[1];
      if (parameter === undefined) request.path = request.path.replace(ref.value, value);
      else if (request.params !== undefined)
        request.params[parameter] = String(request.params[parameter]).replace(ref.value, () => value);
    }
    return request;
  }

  #lookUp(step: number, pointer: string): unknown {
    const played = this.#played[step];
    if (played === undefined) return undefined;
    if (pointer.startsWith('/task/log')) return archiveIn(played.task?.log ?? []);
    let value: unknown = { response: { body: played.body } };
    for (const part of pointer.split('/').slice(1)) {
      value = (value as Record<string, unknown> | undefined)?.[part.replaceAll('~1', '/').replaceAll('~0', '~')];
    }
    return value;
  }

  async #act(action: NonNullable<Step['action']>): Promise<void> {
    switch (action.kind) {
      case 'sleep':
        return this.#clock.advance(Number(action['seconds']) * 1000);
      case 'waitTask':
        return this.#waitTask(Number(action['step']));
      case 'waitAgent':
        return this.#waitAgent(Number(action['vmid']));
      case 'setLock':
      case 'setRole':
      case 'hideVolume':
      case 'showVolume':
        return this.#administer(action);
      default:
        return this.#disturb(action);
    }
  }

  /** What an administrator did to VMs, roles and volumes. */
  #administer(action: NonNullable<Step['action']>): void {
    const simulator = this.#simulator;
    switch (action.kind) {
      case 'setLock':
        return simulator.setLock(Number(action['vmid']), (action['lock'] as string | null) ?? null);
      case 'setRole': {
        const without = action['without'] as string[];
        const role = String(action['role']);
        const full = this.#surroundings.topology.roles[role] ?? [];
        return simulator.setRole(
          role,
          full.filter((privilege) => !without.includes(privilege)),
        );
      }
      default:
        return simulator.hideVolume(String(action['volume']), action.kind === 'hideVolume');
    }
  }

  /** What happened to nodes and their network. */
  #disturb(action: NonNullable<Step['action']>): void {
    const node = String(action['node']);
    switch (action.kind) {
      case 'nodeDown':
        return this.#simulator.nodeDown(node);
      case 'corosyncDown':
        return this.#simulator.cutNode(node);
      case 'nodeUp':
      case 'corosyncUp':
        return this.#simulator.nodeUp(node);
      default:
        throw new Error(`unknown action ${action.kind}`);
    }
  }

  async #waitTask(step: number): Promise<void> {
    const task = this.#played[step]?.task;
    if (task !== undefined) await this.#clock.runUntil(task.done);
  }

  async #waitAgent(vmid: number): Promise<void> {
    const readyAt = this.#simulator.world.vms.get(vmid)?.running?.agentReadyAt;
    if (readyAt !== undefined) await this.#clock.advance(Math.max(0, readyAt - this.#clock.now()) + 500);
  }

  /** The process start of the scenario's first task; what started before it is history. */
  #beginning(): number {
    const first = this.#scenario.steps.map((step) => upidOf(step.response?.body)).find((upid) => upid !== undefined);
    return first === undefined ? Infinity : processStart(first);
  }

  #judge(): Outcome {
    const differences: string[] = [];
    let steps = 0;
    for (const [index, step] of this.#scenario.steps.entries()) {
      if (step.request === undefined) continue;
      steps += 1;
      const found = stepDifference(step, this.#played[index], this.#beginning());
      if (found !== undefined) differences.push(`step ${index} ${step.request.method} ${step.request.path}: ${found}`);
    }
    return { name: this.#scenario.name, steps, matched: steps - differences.length, differences };
  }
}

function stepDifference(step: Step, played: Played | undefined, begun: number): string | undefined {
  const { response } = step;
  if (response === undefined || played === undefined) return 'was not played';
  const mask = {
    volatile: new Set(step.volatile),
    patterns: step.patterns,
    isHistory: (item: unknown) => isOlder(item, begun),
  };
  const head =
    difference(response.status, played.response.status, mask, '/response/status') ??
    difference(response.reason ?? '', played.response.reason, mask, '/response/reason');
  if (head !== undefined) return `${head} (${played.response.reason})`;
  if (response.body !== undefined) {
    const body = difference(response.body === '' ? null : response.body, played.body, mask, '/response/body');
    if (body !== undefined) return body;
  }
  return step.task === undefined ? undefined : taskDifference(step.task, played.task, mask);
}

function processStart(upid: string): number {
  return parseInt(upid.split(':')[3] ?? '', 16);
}

/** Whether a listed task ran before the scenario began: the baseline does not tell of those. */
function isOlder(item: unknown, begun: number): boolean {
  const { upid } = item as { upid?: unknown };
  return typeof upid === 'string' && processStart(upid) < begun;
}

function taskDifference(
  expected: NonNullable<Step['task']>,
  task: Task | undefined,
  mask: Parameters<typeof difference>[2],
): string | undefined {
  if (task === undefined) return '/task: expected a task, got none';
  const { exitstatus, type, id, log } = expected;
  const told: [name: string, recorded: unknown, actual: unknown][] = [
    ['exitstatus', exitstatus, task.status],
    ['type', type, task.type],
    ['id', id, task.id],
  ];
  // What a recording does not tell of its task can be anything.
  for (const [name, recorded, actual] of told) {
    const found = recorded == null ? undefined : difference(recorded, actual, mask, `/task/${name}`);
    if (found !== undefined) return found;
  }
  return log == null ? undefined : logDifference(log, task.log, mask, expected.log_lines_left_out !== undefined);
}

function parsed(response: ApiResponse): unknown {
  if (response.body === '') return null;
  try {
    return JSON.parse(response.body);
  } catch {
    return response.body;
  }
}

function upidOf(body: unknown): string | undefined {
  const data = (body as { data?: unknown } | null)?.data;
  if (typeof data === 'string' && data.startsWith('UPID:')) return data;
  const upid = (data as { upid?: unknown } | null | undefined)?.upid;
  return typeof upid === 'string' ? upid : undefined;
}

function archiveIn(log: readonly string[]): string | undefined {
  return log.map((line) => /creating vzdump archive '(.*)'/.exec(line)?.[1]).find((path) => path !== undefined);
}

/** A value as a form carries it. */
function plainText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function formValues(params: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(params).map(([key, value]) => [
      key,
      Array.isArray(value) ? value.map(String) : value === null ? '' : plainText(value),
    ]),
  );
}
