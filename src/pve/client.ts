// Answers for talking to one Proxmox VE cluster: typed calls, reads retried, writes never.
import type { Clock } from '../clock.ts';
import type {
  ClusterResources,
  ClusterStatus,
  FirewallOptions,
  PendingEntry,
  TaskState,
  TaskSummary,
  VmConfig,
  VmPowerStatus,
} from './answer-types.ts';
import { answers, readAnswer, readTotal } from './answers.ts';
import type { DriveKey } from './drive.ts';
import { answerError, isWrite, PveError, type PveAnswer } from './errors.ts';
import {
  isConfigKey,
  printConfigSet,
  printParameters,
  PveParameterError,
  type Call,
  type ConfigSet,
  type ParametersOf,
} from './parameters.ts';
import { printSize, GIB } from './size.ts';
import type { PveTransport } from './transport.ts';
import { parseUpid, type Upid } from './upid.ts';
import type { z } from 'zod';

/** Where a VM is. The node must be looked up before each call: after a move the old one says "does not exist". */
export interface VmRef {
  readonly node: string;
  readonly vmid: number;
}

export type CloneParameters = ParametersOf<'POST /nodes/{node}/qemu/{vmid}/clone'> & {
  /** The template. */
  readonly source: VmRef;
};

export interface ConfigChange {
  readonly set: ConfigSet;
  readonly delete?: readonly string[];
  /** Of the config that the change was made for: Proxmox refuses it (`conflict`) when it is another one now. */
  readonly digest?: string;
  /** Pending changes to be dropped. */
  readonly revert?: readonly string[];
}

export type Resize = { readonly disk: DriveKey } & ({ readonly sizeGiB: number } | { readonly sizeBytes: number });

export interface FirewallChange extends FirewallOptions {
  readonly delete?: readonly string[];
  readonly digest?: string;
}

/** One cluster. Every method throws PveError; PveParameterError means that nothing was sent. */
export interface PveApi {
  version(): Promise<{ version: string; release: string; major: number }>;
  /** The token's own privileges by path. */
  permissions(): Promise<Map<string, Set<string>>>;
  resources(): Promise<ClusterResources>;
  clusterStatus(): Promise<ClusterStatus>;
  /** The running and latest tasks of all nodes, at most 25 a node. */
  clusterTasks(): Promise<TaskSummary[]>;
  taskStatus(upid: Upid): Promise<TaskState>;
  /** The last lines of a task's log. */
  taskLog(upid: Upid, options: { readonly tail: number }): Promise<string[]>;
  /** With pending changes as if in force, unless `current`. A missing VM is a PveError of kind `not-found`. */
  config(vm: VmRef, options?: { readonly current?: boolean }): Promise<VmConfig>;
  pending(vm: VmRef): Promise<PendingEntry[]>;
  status(vm: VmRef): Promise<VmPowerStatus>;
  clone(parameters: CloneParameters): Promise<Upid>;
  /** null when Proxmox was done within ten seconds; a refusal can leave a part of the change behind as pending. */
  updateConfig(vm: VmRef, change: ConfigChange): Promise<Upid | null>;
  /** Grows to this size; every refusal comes from the task. */
  resize(vm: VmRef, resize: Resize): Promise<Upid>;
  /** Offline, with local disks. */
  migrate(vm: VmRef, options: { readonly target: string; readonly targetStorage?: string }): Promise<Upid>;
  start(vm: VmRef): Promise<Upid>;
  stop(vm: VmRef, options?: { readonly overruleShutdown?: boolean }): Promise<Upid>;
  destroy(vm: VmRef, options: { readonly purge: true }): Promise<Upid>;
  firewallOptions(vm: VmRef): Promise<FirewallOptions & { digest: string }>;
  setFirewallOptions(vm: VmRef, change: FirewallChange): Promise<void>;
  /** The set's members, null when there is no such set. */
  ipset(vm: VmRef, name: string): Promise<string[] | null>;
  createIpset(vm: VmRef, name: string): Promise<void>;
  /** With its members. */
  deleteIpset(vm: VmRef, name: string): Promise<void>;
  addToIpset(vm: VmRef, name: string, cidr: string): Promise<void>;
  removeFromIpset(vm: VmRef, name: string, cidr: string): Promise<void>;
}

export interface PveApiOptions {
  readonly transport: PveTransport;
  readonly clock: Clock;
  /** 0 to 1, for the jitter of retries. */
  readonly random: () => number;
  readonly readTimeoutMs?: number;
  readonly writeTimeoutMs?: number;
}

/** Proxmox waits this long for a config call's worker before it hands out the task: most changes end within. */
const BACKGROUND_DELAY_SECONDS = 10;

const READ_RETRIES = 2;
const RETRY_BASE_MS = 200;

/** Lines asked for at first; nearly every failed task's log is shorter. */
const LOG_PAGE = 500;

export function createPveApi(options: PveApiOptions): PveApi {
  const send = createSender(options);
  return { ...clusterCalls(send), ...vmCalls(send), ...powerCalls(send), ...firewallCalls(send) };
}

interface CallInput {
  /** Values for the template's `{…}`. */
  readonly path?: Readonly<Record<string, string | number>>;
  readonly parameters?: Readonly<Record<string, string>>;
}

interface Sender {
  /** Sends one call and reads the answer's data. */
  <T>(call: Call, parser: z.ZodType<T>, input?: CallInput): Promise<T>;
  readonly raw: (call: Call, input?: CallInput) => Promise<PveAnswer>;
}

function createSender(options: PveApiOptions): Sender {
  const { transport, clock, random, readTimeoutMs = 10_000, writeTimeoutMs = 60_000 } = options;

  const once = async (call: Call, input: CallInput): Promise<PveAnswer> => {
    const [method, template] = call.split(' ', 2) as ['GET' | 'POST' | 'PUT' | 'DELETE', string];
    // GET and DELETE take parameters in the query only: a body there is answered with 501.
    const inQuery = method === 'GET' || method === 'DELETE';
    const parameters = input.parameters ?? {};
    const answer = await transport({
      method,
      path: fillPath(template, input.path ?? {}),
      call,
      timeoutMs: method === 'GET' ? readTimeoutMs : writeTimeoutMs,
      ...(inQuery ? { query: parameters } : { form: parameters }),
    }).catch((cause: unknown) => {
      throw asPveError(call, cause);
    });
    if (answer.status < 200 || answer.status > 299) throw answerError(call, answer);
    return answer;
  };

  const raw = async (call: Call, input: CallInput = {}): Promise<PveAnswer> => {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await once(call, input);
      } catch (error) {
        if (isWrite(call) || attempt >= READ_RETRIES || !isWorthRepeating(error)) throw error;
      }
      await clock.sleep(RETRY_BASE_MS * 2 ** attempt * (0.5 + random()));
    }
  };

  const send = async <T>(call: Call, parser: z.ZodType<T>, input?: CallInput): Promise<T> =>
    readAnswer(parser, call, (await raw(call, input)).body);
  return Object.assign(send, { raw });
}

function isWorthRepeating(error: unknown): boolean {
  return error instanceof PveError && (error.kind === 'unreachable' || error.kind === 'timeout');
}

// A transport that breaks in a way of its own may have sent the request before.
function asPveError(call: string, cause: unknown): PveError {
  if (cause instanceof PveError) return cause;
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new PveError({ kind: 'unreachable', call, detail, maybeApplied: isWrite(call), cause });
}

// Colons and at signs are allowed in a path and make the server's log readable; a CIDR's slash is not.
function fillPath(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(values[name] ?? '');
    if (value === '' || /^\.+$/.test(value)) throw new PveParameterError(template, name, 'must not be empty');
    return encodeURIComponent(value).replaceAll('%3A', ':').replaceAll('%40', '@');
  });
}

function taskPath(upid: Upid): { node: string; upid: string } {
  const node = parseUpid(upid)?.node;
  if (node === undefined) throw new PveParameterError('GET /nodes/{node}/tasks/{upid}/status', 'upid', 'is no UPID');
  return { node, upid };
}

type ClusterCalls =
  'version' | 'permissions' | 'resources' | 'clusterStatus' | 'clusterTasks' | 'taskStatus' | 'taskLog';

function clusterCalls(send: Sender): Pick<PveApi, ClusterCalls> {
  return {
    version: async () => send('GET /version', answers.version),
    permissions: async () => send('GET /access/permissions', answers.permissions),
    resources: async () => send('GET /cluster/resources', answers.resources),
    clusterStatus: async () => send('GET /cluster/status', answers.clusterStatus),
    clusterTasks: async () => send('GET /cluster/tasks', answers.clusterTasks),
    taskStatus: async (upid) =>
      send('GET /nodes/{node}/tasks/{upid}/status', answers.taskStatus, { path: taskPath(upid) }),
    taskLog: async (upid, { tail }) => {
      const call = 'GET /nodes/{node}/tasks/{upid}/log';
      const page = async (start: number): Promise<PveAnswer> =>
        send.raw(call, { path: taskPath(upid), parameters: printParameters(call, { start, limit: LOG_PAGE }) });
      const first = await page(0);
      const total = readTotal(first.body);
      const { body } = total > LOG_PAGE ? await page(total - tail) : first;
      return readAnswer(answers.taskLog, call, body).slice(-tail);
    },
  };
}

function vmCalls(send: Sender): Pick<PveApi, 'config' | 'pending' | 'clone' | 'updateConfig' | 'resize' | 'migrate'> {
  return {
    config: async (vm, { current } = {}) => {
      const call = 'GET /nodes/{node}/qemu/{vmid}/config';
      return send(call, answers.config, { path: { ...vm }, parameters: printParameters(call, { current }) });
    },
    pending: async (vm) => send('GET /nodes/{node}/qemu/{vmid}/pending', answers.pending, { path: { ...vm } }),
    clone: async ({ source, ...parameters }) => {
      const call = 'POST /nodes/{node}/qemu/{vmid}/clone';
      return send(call, answers.upid, { path: { ...source }, parameters: printParameters(call, parameters) });
    },
    updateConfig: async (vm, change) =>
      send('POST /nodes/{node}/qemu/{vmid}/config', answers.upidOrNull, {
        path: { ...vm },
        parameters: printConfigChange(change),
      }),
    resize: async (vm, resize) => {
      const call = 'PUT /nodes/{node}/qemu/{vmid}/resize';
      const size = printSize('sizeBytes' in resize ? resize.sizeBytes : resize.sizeGiB * GIB);
      return send(call, answers.upid, {
        path: { ...vm },
        parameters: printParameters(call, { disk: resize.disk, size }),
      });
    },
    migrate: async (vm, { target, targetStorage }) => {
      const call = 'POST /nodes/{node}/qemu/{vmid}/migrate';
      const parameters = printParameters(call, { target, targetstorage: targetStorage });
      return send(call, answers.upid, { path: { ...vm }, parameters });
    },
  };
}

function printConfigChange(change: ConfigChange): Record<string, string> {
  const call = 'POST /nodes/{node}/qemu/{vmid}/config';
  const set = printConfigSet(change.set);
  const lists = printParameters(call, {
    delete: optionList(call, 'delete', change.delete),
    revert: optionList(call, 'revert', change.revert),
  });
  const changes = { ...set, ...lists };
  if (Object.keys(changes).length === 0) throw new PveParameterError(call, 'set', 'is empty');
  const both = change.delete?.find((key) => Object.hasOwn(set, key));
  if (both !== undefined) throw new PveParameterError(call, both, 'is set and deleted');
  return {
    ...changes,
    ...printParameters(call, { digest: change.digest, background_delay: BACKGROUND_DELAY_SECONDS }),
  };
}

function optionList(call: string, name: string, keys: readonly string[] = []): string | undefined {
  const odd = keys.find((key) => !isConfigKey(key));
  if (odd !== undefined) throw new PveParameterError(call, name, `names ${JSON.stringify(odd)}, which does not exist`);
  return keys.length === 0 ? undefined : keys.join(',');
}

function powerCalls(send: Sender): Pick<PveApi, 'status' | 'start' | 'stop' | 'destroy'> {
  return {
    status: async (vm) => send('GET /nodes/{node}/qemu/{vmid}/status/current', answers.status, { path: { ...vm } }),
    start: async (vm) => send('POST /nodes/{node}/qemu/{vmid}/status/start', answers.upid, { path: { ...vm } }),
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

type FirewallCalls =
  'firewallOptions' | 'setFirewallOptions' | 'ipset' | 'createIpset' | 'deleteIpset' | 'addToIpset' | 'removeFromIpset';

function firewallCalls(send: Sender): Pick<PveApi, FirewallCalls> {
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
