// Answers for reading Proxmox VE's answers into typed values with units in their names.
import { z } from 'zod';
import { isWrite, PveError } from './errors.ts';
import { isUpid, parseUpid, type Upid } from './upid.ts';
import type {
  Backup,
  ClusterResources,
  ClusterStatus,
  FirewallOptions,
  NodeResource,
  PendingEntry,
  Snapshot,
  StorageResource,
  TaskState,
  TaskSummary,
  VmConfig,
  VmPowerStatus,
  VmResource,
} from './answer-types.ts';

// Perl decides from a value's last use whether JSON shows it as a number or as a string: both must be read.
const number = z.union([z.number(), z.string().regex(/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/)]).transform(Number);
const text = z.union([z.string(), z.number()]).transform(String);
const flag = z
  .union([z.boolean(), z.literal([0, 1, '0', '1', ''])])
  .transform((value) => value === true || value === 1 || value === '1');
const list = (separator: RegExp) =>
  z.string().transform((value) =>
    value
      .split(separator)
      .filter((word) => word !== '')
      .sort(),
  );

const loose = <Shape extends z.ZodRawShape>(shape: Shape) => z.looseObject(shape);

const nodeResource = loose({
  type: z.literal('node'),
  node: z.string(),
  status: z.string().default('unknown'),
  maxcpu: number.optional(),
  cpu: number.optional(),
  mem: number.optional(),
  maxmem: number.optional(),
  uptime: number.optional(),
});

const vmResource = loose({
  type: z.enum(['qemu', 'lxc']),
  vmid: number,
  node: z.string(),
  status: z.string().default('unknown'),
  name: text.optional(),
  template: flag.optional(),
  lock: z.string().optional(),
  pool: z.string().optional(),
  tags: list(/[;,\s]+/).optional(),
  maxcpu: number.optional(),
  cpu: number.optional(),
  mem: number.optional(),
  maxmem: number.optional(),
  disk: number.optional(),
  maxdisk: number.optional(),
  uptime: number.optional(),
});

const storageResource = loose({
  type: z.literal('storage'),
  storage: z.string(),
  node: z.string(),
  status: z.string().default('unknown'),
  shared: flag.default(false),
  plugintype: z.string().optional(),
  content: list(/,/).optional(),
  disk: number.optional(),
  maxdisk: number.optional(),
});

const anyResource = loose({ type: z.string() });

/** Every answer the client reads: the parser of each call's `data`. */
export const answers = {
  version: loose({ version: z.string(), release: z.string() }).transform(({ version, release }) => ({
    version,
    release,
    major: Number.parseInt(version, 10),
  })),

  permissions: z
    .record(z.string(), z.record(z.string(), z.unknown()))
    .transform(
      (paths): Map<string, Set<string>> =>
        new Map(Object.entries(paths).map(([path, privileges]) => [path, new Set(Object.keys(privileges))])),
    ),

  resources: z.array(anyResource).transform((entries, context): ClusterResources => {
    const nodes: NodeResource[] = [];
    const vms: VmResource[] = [];
    const storages: StorageResource[] = [];
    const read = <T>(schema: z.ZodType<T>, entry: unknown, take: (value: T) => void): void => {
      const result = schema.safeParse(entry);
      if (result.success) take(result.data);
      else context.addIssue({ code: 'custom', message: z.prettifyError(result.error) });
    };
    for (const entry of entries) {
      if (entry.type === 'node') read(nodeResource, entry, (value) => nodes.push(toNode(value)));
      else if (entry.type === 'qemu' || entry.type === 'lxc') read(vmResource, entry, (value) => vms.push(toVm(value)));
      else if (entry.type === 'storage') read(storageResource, entry, (value) => storages.push(toStorage(value)));
    }
    return { nodes, vms, storages };
  }),

  clusterStatus: z
    .array(
      loose({
        type: z.string(),
        name: z.string(),
        quorate: flag.optional(),
        online: flag.optional(),
        ip: z.string().optional(),
      }),
    )
    .transform((entries): ClusterStatus => {
      const cluster = entries.find(({ type }) => type === 'cluster');
      const nodes = entries.filter(({ type }) => type === 'node');
      return {
        quorate: cluster === undefined || cluster.quorate === true,
        ...present({ name: cluster?.name }),
        nodes: nodes.map(({ name, online, ip }) => ({ name, online: online === true, ...present({ ip }) })),
      };
    }),

  clusterTasks: z
    .array(loose({ upid: z.string(), endtime: number.optional(), status: z.string().optional() }))
    .transform((entries): TaskSummary[] => entries.flatMap(toTaskSummary)),

  taskStatus: loose({ status: z.string(), exitstatus: z.string().optional() }).transform(({ status, exitstatus }) =>
    status === 'running' ? ({ state: 'running' } as const) : taskEnd(exitstatus ?? 'unexpected status'),
  ),

  taskLog: z.array(loose({ n: number, t: z.string() })).transform((lines) => lines.map((line) => line.t)),

  config: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
    .transform((config, context): VmConfig => {
      const { digest, ...rest } = config;
      if (typeof digest !== 'string') context.addIssue({ code: 'custom', message: 'the config has no digest' });
      const values = Object.entries(rest).map(([key, value]): [string, string] => [key, valueText(value)]);
      return { digest: String(digest), values: new Map(values) };
    }),

  pending: z
    .array(loose({ key: z.string(), value: text.optional(), pending: text.optional(), delete: number.optional() }))
    .transform((entries): PendingEntry[] =>
      entries
        .filter(({ key }) => key !== 'digest')
        .map(({ key, value, pending, delete: deletion }) => ({
          key,
          ...present({ value, pending }),
          deletion: deletion !== undefined && deletion > 0,
        })),
    ),

  status: loose({
    status: z.enum(['running', 'stopped']),
    qmpstatus: z.string().optional(),
    lock: z.string().optional(),
    uptime: number.default(0),
    cpus: number.optional(),
    maxmem: number.optional(),
    name: text.optional(),
    ha: loose({ managed: flag.default(false) }).optional(),
  }).transform(({ status, qmpstatus, lock, uptime, cpus, maxmem, name, ha }): VmPowerStatus => ({
    status,
    qmpStatus: qmpstatus ?? status,
    uptimeSeconds: uptime,
    haManaged: ha?.managed === true,
    ...present({ lock, cpuCount: cpus, maxMemoryBytes: maxmem, name }),
  })),

  firewallOptions: loose({
    digest: z.string(),
    enable: flag.optional(),
    dhcp: flag.optional(),
    ipfilter: flag.optional(),
    macfilter: flag.optional(),
    ndp: flag.optional(),
    radv: flag.optional(),
    policy_in: z.enum(['ACCEPT', 'REJECT', 'DROP']).optional(),
    policy_out: z.enum(['ACCEPT', 'REJECT', 'DROP']).optional(),
    log_level_in: z.string().optional(),
    log_level_out: z.string().optional(),
  }).transform((options): FirewallOptions & { digest: string } => options),

  ipset: z.array(loose({ cidr: z.string() })).transform((entries) => entries.map(({ cidr }) => cidr)),

  snapshots: z
    .array(
      loose({
        name: z.string(),
        description: text.optional(),
        snaptime: number.optional(),
        parent: z.string().optional(),
        vmstate: flag.optional(),
      }),
    )
    .transform((entries): Snapshot[] =>
      entries
        // Stands for the VM as it is now, not for a snapshot.
        .filter(({ name }) => name !== 'current')
        .map(({ name, ...rest }) => {
          const { description, snaptime, parent, vmstate } = rest;
          return { name, ...present({ description, snaptime, parent, vmstate }) };
        }),
    ),

  /** What the agent said against the command; undefined when it did it. */
  agentRefusal: loose({
    result: loose({ error: loose({ desc: z.string().default('unknown error') }).optional() }),
  }).transform(({ result }) => result.error?.desc),

  backups: z
    .array(
      loose({
        volid: z.string(),
        vmid: number.optional(),
        notes: text.optional(),
        ctime: number,
        size: number.optional(),
        'approximate-size': number.optional(),
        protected: flag.optional(),
        subtype: z.string().optional(),
      }),
    )
    .transform((entries): Backup[] =>
      entries
        // A container that had the same id once is another machine.
        .filter(({ subtype }) => subtype !== 'lxc')
        .map(({ volid, ctime, vmid, notes, ...rest }) => {
          const sizeBytes = rest.size ?? rest['approximate-size'];
          return { volid, ctime, ...present({ vmid, notes, sizeBytes, protected: rest.protected }) };
        }),
    ),

  upid: z.custom<Upid>(isUpid, 'no UPID'),

  /** What a call that waits a while for its task answers: null when that has already ended well. */
  upidOrNull: z.custom<Upid | null>((value) => value === null || isUpid(value), 'neither null nor a UPID'),

  nothing: z.unknown().transform(() => undefined),
};

/** Reads the `data` of a successful answer; PveError of kind `unreadable` when it is not what it should be. */
export function readAnswer<T>(parser: z.ZodType<T>, call: string, body: string): T {
  const parsed = safeJson(body);
  if (parsed === undefined) throw unreadable(call, 'The answer is not JSON');
  if (typeof parsed !== 'object' || parsed === null || !('data' in parsed)) {
    throw unreadable(call, 'The answer has no data');
  }
  const result = parser.safeParse(parsed.data);
  if (!result.success) throw unreadable(call, `The answer cannot be read: ${z.prettifyError(result.error)}`);
  return result.data;
}

/** The `total` beside the `data` of a list that comes in pages; 0 when there is none. */
export function readTotal(body: string): number {
  const result = loose({ total: number }).safeParse(safeJson(body));
  return result.success ? result.data.total : 0;
}

function safeJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

// The write behind an unreadable answer has happened: Proxmox said 200.
function unreadable(call: string, detail: string): PveError {
  return new PveError({ kind: 'unreadable', call, status: 200, detail, maybeApplied: isWrite(call) });
}

/** How a task's exit status reads: `WARNINGS: 2` is success. */
export function taskEnd(exitstatus: string): TaskState {
  const warnings = /^WARNINGS: (\d+)$/.exec(exitstatus)?.[1];
  if (warnings !== undefined) return { state: 'ok', warnings: Number(warnings) };
  return exitstatus === 'OK' ? { state: 'ok', warnings: 0 } : { state: 'failed', exitstatus };
}

// A running task has neither an end nor a status in this list.
function toTaskSummary(entry: { upid: string; endtime?: number; status?: string }): TaskSummary[] {
  const parts = parseUpid(entry.upid);
  if (parts === undefined || !isUpid(entry.upid)) return [];
  const { node, type, id, startTime } = parts;
  const state: TaskState =
    entry.endtime === undefined ? { state: 'running' } : taskEnd(entry.status ?? 'unexpected status');
  return [{ upid: entry.upid, node, type, id, startTime, state, ...present({ endTime: entry.endtime }) }];
}

function toNode(entry: z.infer<typeof nodeResource>): NodeResource {
  const { node: name, status, maxcpu, cpu, mem, maxmem, uptime } = entry;
  return {
    name,
    status: status === 'online' || status === 'offline' ? status : 'unknown',
    ...present({ cpuCount: maxcpu, cpuLoad: cpu, memoryBytes: mem, maxMemoryBytes: maxmem, uptimeSeconds: uptime }),
  };
}

function toVm(entry: z.infer<typeof vmResource>): VmResource {
  const { vmid, node, type, status, tags, name, template, lock, pool } = entry;
  return {
    vmid,
    node,
    type,
    status: status === 'running' || status === 'stopped' ? status : 'unknown',
    tags: tags ?? [],
    ...present({ name, lock, pool }),
    ...(status === 'running' || status === 'stopped' ? { template: template === true } : present({ template })),
    ...present({ cpuCount: entry.maxcpu, cpuLoad: entry.cpu, memoryBytes: entry.mem, maxMemoryBytes: entry.maxmem }),
    ...present({ diskBytes: entry.disk, maxDiskBytes: entry.maxdisk, uptimeSeconds: entry.uptime }),
  };
}

function toStorage(entry: z.infer<typeof storageResource>): StorageResource {
  const { storage, node, status, shared, plugintype, content, disk, maxdisk } = entry;
  return {
    storage,
    node,
    status: status === 'available' ? 'available' : 'unknown',
    shared,
    content: content ?? [],
    ...present({ pluginType: plugintype, usedBytes: disk, totalBytes: maxdisk }),
  };
}

function valueText(value: string | number | boolean | null): string {
  if (typeof value === 'boolean') return value ? '1' : '0';
  return value === null ? '' : String(value);
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the keys that are undefined: an absent value has no key, so that two readings compare equal. */
function present<T extends object>(values: T): Present<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<T>;
}
