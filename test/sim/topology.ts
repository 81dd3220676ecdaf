// The description of a cluster the simulator starts from: its schema, and the reader of recorded baselines.
import { z } from 'zod';
import { faultSchema } from './fault-schema.ts';
import { versions } from './schema/release.ts';
import { misfits } from './topology-references.ts';

const diskSchema = z.strictObject({
  /** Drive slot of the disk, such as `scsi0`; leave out for a detached volume. */
  slot: z.string().optional(),
  storage: z.string(),
  /** Volume name below the storage, such as `9000/base-9000-disk-0.qcow2`. */
  name: z.string(),
  format: z.enum(['raw', 'qcow2', 'vmdk']).default('raw'),
  sizeBytes: z.number().int().positive(),
  usedBytes: z.number().int().nonnegative().optional(),
});

const vmSchema = z.strictObject({
  vmid: z.number().int().min(100),
  node: z.string(),
  /** Lines of the configuration file, drives included. */
  options: z.record(z.string(), z.string()),
  volumes: z.array(diskSchema).default([]),
  running: z.boolean().default(false),
  /** Milliseconds from start until the guest's system and agent answer; null when they never do. */
  guestBootMs: z.number().nullable().optional(),
});

const storageSchema = z.strictObject({
  id: z.string(),
  type: z.enum(['dir', 'nfs', 'cifs', 'lvm', 'lvmthin', 'zfspool', 'rbd']),
  content: z.array(z.string()).default(['images']),
  shared: z.boolean().default(false),
  nodes: z.array(z.string()).optional(),
  path: z.string().optional(),
  disabled: z.boolean().default(false),
  totalBytes: z
    .number()
    .int()
    .positive()
    .default(1024 ** 4),
  usedBytes: z.number().int().nonnegative().default(0),
  pruneBackups: z.string().optional(),
});

const fileSchema = z.strictObject({
  storage: z.string(),
  /** Such as `iso/debian.iso`. */
  name: z.string(),
  content: z.enum(['iso', 'import', 'snippets', 'vztmpl', 'backup']),
  format: z.string(),
  sizeBytes: z.number().int().nonnegative(),
  /** Size of the disk inside an image to be imported. */
  virtualBytes: z.number().int().positive().optional(),
  /** Node that has it, on storage that is not shared. */
  node: z.string().optional(),
});

const nodeSchema = z.strictObject({
  name: z.string(),
  ip: z.string().default('127.0.0.1'),
  cpus: z.number().int().positive().default(16),
  memoryBytes: z
    .number()
    .int()
    .positive()
    .default(64 * 1024 ** 3),
  rootBytes: z
    .number()
    .int()
    .positive()
    .default(100 * 1024 ** 3),
  /** Whether the processor can virtualise; without it only VMs with `kvm: 0` start. */
  kvm: z.boolean().default(true),
  /** Port its API listens on; absent means any. */
  port: z.number().int().min(0).max(65535).optional(),
});

const fieldsSchema = z.strictObject({
  cluster: z.string().default('pve-lab'),
  /** The major release; `version` says it exactly and wins. */
  release: z.union([z.literal(8), z.literal(9)]).default(9),
  version: z.strictObject({ release: z.string(), version: z.string(), repoid: z.string() }).optional(),
  nodes: z.array(nodeSchema).min(1),
  bridges: z
    .array(
      z.strictObject({
        name: z.string(),
        nodes: z.array(z.string()).optional(),
        port: z.string().default(''),
        /** Whether VLAN tags have a physical interface to go through; they never have without a port. */
        vlans: z.boolean().default(true),
        cidr: z.string().optional(),
      }),
    )
    .default([]),
  storages: z.array(storageSchema).min(1),
  files: z.array(fileSchema).default([]),
  vms: z.array(vmSchema).default([]),
  users: z.array(z.string()).default([]),
  roles: z.record(z.string(), z.array(z.string())).default({}),
  tokens: z
    .array(z.strictObject({ id: z.string(), secret: z.string(), privilegeSeparation: z.boolean().default(true) }))
    .default([]),
  acl: z
    .array(
      z.strictObject({ path: z.string(), role: z.string(), who: z.string(), propagate: z.boolean().default(true) }),
    )
    .default([]),
  pools: z.array(z.strictObject({ id: z.string(), comment: z.string().optional() })).default([]),
  /** Whether the high-availability managers run, as they do on every real node. */
  ha: z.boolean().default(true),
  /** High-availability groups of release 8; later releases have rules instead, made by a call. */
  haGroups: z
    .array(
      z.strictObject({
        group: z.string(),
        /** `pve1:2,pve2`: with the priority after the colon. */
        nodes: z.string(),
        restricted: z.boolean().default(false),
        nofailback: z.boolean().default(false),
        comment: z.string().optional(),
      }),
    )
    .default([]),
  /** Milliseconds a guest needs from start until its agent answers, unless a VM says otherwise. */
  guestBootMs: z.number().nonnegative().default(9000),
  /** Whether guests bring up the static IPv6 addresses of their cloud-init data. */
  guestIpv6: z.boolean().default(true),
  /** Faults armed from the start, as the control port takes them. */
  faults: z.array(faultSchema).default([]),
});

const topologySchema = fieldsSchema.superRefine((topology, context) => {
  for (const { path, message } of misfits(topology)) context.addIssue({ code: 'custom', path, message });
});

/** The description of a cluster; every field is documented by the schema above and in docs/simulator.md. */
export type Topology = Omit<z.infer<typeof topologySchema>, 'version'> & { version: Version };

interface Version {
  release: string;
  version: string;
  repoid: string;
}

/** The JSON schema of topology files; patterns in them are checked only when one is read. */
export function topologyJsonSchema(): unknown {
  return z.toJSONSchema(topologySchema, { io: 'input' });
}

/** The topology in that JSON value; throws with the wrong fields' paths. */
export function parseTopology(json: unknown): Topology {
  const result = topologySchema.safeParse(json);
  if (!result.success) throw new Error(`The topology is not valid:\n${z.prettifyError(result.error)}`);
  return { ...result.data, version: result.data.version ?? versions[result.data.release] };
}

const volumeSchema = z.object({
  volid: z.string(),
  format: z.string(),
  size: z.number(),
  used: z.number().optional(),
  content: z.string(),
  ctime: z.number().optional(),
});

const baselineSchema = z.object({
  acl: z.array(z.object({ path: z.string(), propagate: z.number(), roleid: z.string(), ugid: z.string() })),
  bridges: z.record(
    z.string(),
    z.array(z.object({ iface: z.string(), bridge_ports: z.string(), cidr: z.string().optional() })),
  ),
  cluster: z.object({
    name: z.string(),
    nodes: z.array(z.object({ name: z.string(), ip: z.string(), port: z.number() })),
  }),
  imports: z.array(volumeSchema),
  isos: z.array(volumeSchema),
  roles: z.record(z.string(), z.array(z.string())),
  storages: z.array(
    z.object({
      storage: z.string(),
      type: z.string(),
      content: z.string(),
      shared: z.number().optional(),
      path: z.string().optional(),
      'prune-backups': z.string().optional(),
    }),
  ),
  storageStatus: z.record(z.string(), z.array(z.object({ storage: z.string(), total: z.number(), used: z.number() }))),
  template: z.object({
    config: z.record(z.string(), z.union([z.string(), z.number()])),
    node: z.string(),
    vmid: z.number(),
    volumes: z.array(volumeSchema),
  }),
  tokens: z.record(
    z.string(),
    z.object({ tokenid: z.string().optional(), secret: z.string().optional(), privsep: z.number().optional() }),
  ),
  users: z.array(z.string()),
  version: z.object({ release: z.string(), version: z.string(), repoid: z.string() }),
  raw: z.object({
    '/nodes': z.array(z.object({ node: z.string(), maxcpu: z.number(), maxmem: z.number(), maxdisk: z.number() })),
  }),
});

type Baseline = z.infer<typeof baselineSchema>;

function nameOf(volid: string): { storage: string; name: string } {
  const colon = volid.indexOf(':');
  return { storage: volid.slice(0, colon), name: volid.slice(colon + 1) };
}

function templateOf(baseline: Baseline): unknown {
  const { config, node, vmid, volumes } = baseline.template;
  const options = Object.fromEntries(
    Object.entries(config)
      .filter(([key]) => key !== 'digest')
      .map(([key, value]) => [key, String(value)]),
  );
  const images = volumes.filter((volume) => volume.content === 'images');
  return {
    vmid,
    node,
    options,
    volumes: images.map((volume) => ({
      ...nameOf(volume.volid),
      format: volume.format,
      sizeBytes: volume.size,
      usedBytes: volume.used,
    })),
  };
}

/** The topology of a recorded baseline (`baseline.json` of the recordings). */
export function fromBaseline(baselineJson: unknown): Topology {
  const baseline = baselineSchema.parse(baselineJson);
  const bridgeNames = [
    ...new Set(Object.values(baseline.bridges).flatMap((list) => list.map((bridge) => bridge.iface))),
  ];
  const firstStatus = Object.values(baseline.storageStatus)[0] ?? [];
  return parseTopology({
    cluster: baseline.cluster.name,
    version: baseline.version,
    nodes: baseline.cluster.nodes.map(({ name, ip, port }) => {
      const raw = baseline.raw['/nodes'].find((node) => node.node === name);
      return { name, ip, port, kvm: false, cpus: raw?.maxcpu, memoryBytes: raw?.maxmem, rootBytes: raw?.maxdisk };
    }),
    bridges: bridgeNames.map((name) => ({
      name,
      port: Object.values(baseline.bridges)[0]?.find((bridge) => bridge.iface === name)?.bridge_ports ?? '',
      // The recorded nodes were containers: what their bridges name as ports are no physical interfaces.
      vlans: false,
    })),
    guestIpv6: false,
    storages: baseline.storages.map((storage) => ({
      id: storage.storage,
      type: storage.type,
      content: storage.content.split(','),
      shared: storage.shared === 1,
      path: storage.path,
      pruneBackups: storage['prune-backups'],
      totalBytes: firstStatus.find((status) => status.storage === storage.storage)?.total,
      usedBytes: firstStatus.find((status) => status.storage === storage.storage)?.used,
    })),
    files: [...baseline.imports, ...baseline.isos].map((file) => ({
      ...nameOf(file.volid),
      content: file.content,
      format: file.format,
      sizeBytes: file.size,
      // The recorded template was made from the image, so its disk tells how big the image is inside.
      virtualBytes:
        file.content === 'import'
          ? baseline.template.volumes.find((volume) => volume.content === 'images')?.size
          : undefined,
    })),
    vms: [templateOf(baseline)],
    users: baseline.users,
    roles: baseline.roles,
    tokens: Object.values(baseline.tokens)
      .filter((token) => token.privsep !== undefined)
      .map((token) => ({ id: token.tokenid, secret: token.secret, privilegeSeparation: token.privsep === 1 })),
    acl: baseline.acl.map((entry) => ({
      path: entry.path,
      role: entry.roleid,
      who: entry.ugid,
      propagate: entry.propagate === 1,
    })),
  });
}
