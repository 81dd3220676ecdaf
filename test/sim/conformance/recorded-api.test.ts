// Plays what Proxmox's own API code answered (without machines under it) and compares status, reason, errors and task.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import { parseTopology, Simulator } from '../simulator.ts';
import type { DirectRequest, Topology } from '../simulator.ts';
import { startByHost } from '../api/power.ts';
import type { Vm } from '../state/vm.ts';
import type { World } from '../state/world.ts';

const folder = fileURLToPath(new URL('../../../../shared/pve/recorded-api/', import.meta.url));
const available = existsSync(folder);
if (!available) process.stderr.write(`skipped: no recorded answers at ${folder}\n`);

interface Recorded {
  id: string;
  request: {
    auth: string | null;
    method: string;
    path: string;
    enc: string;
    params: Record<string, unknown> | null;
    rawbody?: string;
    headers?: unknown;
  };
  response: { status: number; reason: string; body: { errors?: Record<string, string> } | string };
  task?: { exitstatus: string };
}

const privileges =
  'Datastore.Allocate Datastore.AllocateSpace Datastore.Audit Pool.Allocate Pool.Audit SDN.Use Sys.Audit Sys.Console Sys.Modify VM.Allocate VM.Audit VM.Backup VM.Clone VM.Config.CDROM VM.Config.CPU VM.Config.Cloudinit VM.Config.Disk VM.Config.HWType VM.Config.Memory VM.Config.Network VM.Config.Options VM.Console VM.GuestAgent.Audit VM.GuestAgent.Unrestricted VM.Migrate VM.PowerMgmt VM.Snapshot VM.Snapshot.Rollback';

const callers: Readonly<Record<string, string>> = {
  root: 'root@pam!full',
  op: 'op@pve!t1',
  opns: 'op@pve!nosep',
  weak: 'weak@pve!t',
};

/** The cluster the answers were recorded on, before the first request. */
function recordedCluster(): Topology {
  const storage = { type: 'dir', totalBytes: 100e9, usedBytes: 1e9, shared: false };
  const all = ['images', 'iso', 'backup', 'snippets', 'vztmpl', 'rootdir', 'import'];
  return parseTopology({
    nodes: [
      { name: 'pve1', ip: '10.0.0.1' },
      { name: 'pve2', ip: '127.0.0.9' },
    ],
    bridges: [{ name: 'vmbr0', port: 'eno1' }],
    storages: [
      { ...storage, id: 'local', content: all },
      { ...storage, id: 'local2', content: ['images'] },
      {
        ...storage,
        id: 'nfs1',
        content: ['images', 'backup', 'iso'],
        type: 'nfs',
        shared: true,
        path: '/mnt/pve/nfs1',
      },
      { ...storage, id: 'isoonly', content: ['iso'] },
      { ...storage, id: 'onlypve2', content: ['images'], nodes: ['pve2'] },
      { ...storage, id: 'off', content: ['images'], disabled: true },
    ],
    files: [{ storage: 'local', name: 'iso/debian-12.iso', content: 'iso', format: 'iso', sizeBytes: 1_048_576 }],
    users: ['op@pve', 'weak@pve'],
    roles: { Op: privileges.split(' '), Weak: ['VM.Audit'] },
    pools: [{ id: 'cust' }],
    tokens: Object.values(callers).map((id) => ({ id, secret: 's', privilegeSeparation: id === callers['op'] })),
    acl: [
      { path: '/', role: 'Op', who: 'op@pve' },
      { path: '/', role: 'Op', who: 'op@pve!t1' },
      { path: '/', role: 'Weak', who: 'weak@pve' },
    ],
  });
}

const byHand = 'the archive was put into the folder by hand';

/** Files of one run share its cluster; the steps named differ for the reason beside them. */
const runs: readonly Readonly<Record<string, Readonly<Record<string, string>>>>[] = [
  {
    'http-auth': {
      'bad-format': 'other forms than JSON are refused by the server in front',
      'no-format': 'other forms than JSON are refused by the server in front',
      'extjs-ok': 'other forms than JSON are not served',
      'extjs-error': 'other forms than JSON are not served',
      'node-offline-proxy': 'the second node is up here',
    },
    'param-verification': {},
  },
  {
    'create-config': {
      'create-two-cloudinit': 'which of the two comes first is hash order',
      'put-digest-right': 'a digest of that run',
    },
  },
  {
    snapshots: {},
    'template-and-clone': {},
    locks: {
      'flock-put-10s': 'another process held the lock',
      'flock-clone-1s': 'another process held the lock',
      'flock-start': 'another process held the lock',
    },
    running: {
      'agent-ping-no-agent': 'the agent there came only after that step',
      'agent-setpw': 'the guest there had any user',
      'agent-setpw-fails': 'the guest there says less',
      'agent-stopped': 'the agent had been configured again by hand',
    },
  },
  {
    'migrate-offline': { 'with-raw-snapshot': 'the snapshot was written into the file by hand' },
    firewall: {
      'rule-update': 'a digest of that run',
      'alias-get-missing': 'reading one alias is not served',
      'cluster-ipset': 'changing the sets of the datacenter is not served',
      'rule-dc-ipset': 'it names that set',
    },
    'storage-content': {
      'backup-protect': byHand,
      'backup-info': byHand,
      'backup-delete-protected': byHand,
      'backup-unprotect': byHand,
    },
    tasks: {},
    cluster: { 'nextid-exhausted': 'the VMs of the range were made by hand' },
  },
  {
    'running-extra': {},
    vzdump: {
      'backup-qemu-error': 'the machine there was told to fail',
    },
    restore: {
      'broken-archive-new-id': byHand,
      'broken-archive-in-place': byHand,
    },
    'backup-jobs': {},
    rrd: { 'vm-missing': 'the daemon for figures did not run there, so it is not named' },
  },
];

/** Made by a part of the run that is not among the files. */
const unrecordedVm: Recorded = {
  id: 'made-before',
  request: { auth: 'root', method: 'POST', path: '/nodes/pve1/qemu', enc: 'form', params: { vmid: 700 } },
  response: { status: 200, reason: 'OK', body: {} },
};

/** Locks that were written into the configuration by hand, as the steps' names say. */
function lockOf(step: string): string | null {
  return /^(backup|clone|create|migrate|rollback|snapshot-delete|snapshot|suspended)-/.exec(step)?.[1] ?? null;
}

/** Values that only that run had stand as `<…>`, and are not among those that an earlier answer gave here. */
function isBoundToItsRun({ request }: Recorded): boolean {
  return (
    request.rawbody !== undefined ||
    request.headers !== undefined ||
    /<\w+[^>]*>/.test(request.path + JSON.stringify(request.params))
  );
}

function sent({ auth, method, path, enc, params }: Recorded['request']): DirectRequest {
  const plain = (value: unknown): unknown => (typeof value === 'string' ? value : JSON.stringify(value));
  const values = Object.entries(params ?? {}).map(([name, value]): [string, unknown] => [
    name,
    enc === 'json' ? value : Array.isArray(value) ? value.map(plain) : plain(value),
  ]);
  const request: DirectRequest = { method, path, params: Object.fromEntries(values) };
  if (auth !== null) request.authorization = `PVEAPIToken=${callers[auth] === undefined ? auth : `${callers[auth]}=s`}`;
  return request;
}

/** What was done by hand before a step, by file and step. */
const byHandBefore: Readonly<Record<string, (simulator: Simulator) => void>> = {
  'running/put-net0-tag': (simulator) => boot(simulator, 300),
  'tasks/long-shutdown': ({ world }) => void startByHost(world, vmOf(world, 710)),
  'vzdump/locked-clone': (simulator) => simulator.setLock(700, 'clone'),
  'vzdump/locked-backup': (simulator) => simulator.setLock(700, 'backup'),
  'vzdump/backup-stopped-vm': (simulator) => simulator.setLock(700, null),
  'restore/running': ({ world }) => void startByHost(world, vmOf(world, 700)),
  'restore/locked': (simulator) => {
    simulator.killVm(700);
    simulator.setLock(700, 'backup');
  },
  'restore/protected': (simulator) =>
    simulator.changeByHand(700, (options) => {
      delete options['lock'];
      options['protection'] = '1';
    }),
  'restore/storage-no-images': (simulator) => simulator.changeByHand(700, (options) => delete options['protection']),
};

/** Machines that ran there had a guest; here that takes an operating system on the disk. */
function boot({ world }: Simulator, vmid: number): void {
  for (const volume of world.volumes.ownedBy(vmid)) volume.bootable = true;
  const { running } = vmOf(world, vmid);
  if (running !== undefined) running.agentReadyAt = world.clock.now();
}

function vmOf(world: World, vmid: number): Vm {
  const vm = world.vms.get(vmid);
  if (vm === undefined) throw new Error(`VM ${vmid} does not exist`);
  return vm;
}

/** An exit status without times and process numbers. */
function steady(text: string): string {
  return text.replace(/\d{4}(?:_\d\d){2}-\d\d(?:_\d\d){2}/g, '<time>').replace(/vzdumptmp\d+/g, 'vzdumptmp<pid>');
}

class Replay {
  readonly #clock = new VirtualClock();
  readonly #simulator = new Simulator({ topology: recordedCluster(), clock: this.#clock, seed: 1 });
  /** What stands for `<…>` here, by that text. */
  readonly #values = new Map<string, string>();

  /** Ids of the steps that were answered otherwise. */
  async differing(file: string): Promise<string[]> {
    const { steps } = JSON.parse(readFileSync(`${folder}${file}.json`, 'utf8')) as { steps: Recorded[] };
    const found: string[] = [];
    for (const recorded of steps) {
      const step = this.#filled(recorded);
      if (isBoundToItsRun(step)) continue;
      const body = step.response.body;
      const expected = {
        status: step.response.status,
        reason: step.response.reason,
        errors: typeof body === 'string' ? undefined : body.errors,
        task: step.task === undefined ? undefined : steady(step.task.exitstatus),
      };
      await this.#prepare(file, step.id);
      const actual = await this.#play(step);
      if (!isDeepStrictEqual(expected, actual)) found.push(step.id);
    }
    return found;
  }

  /** The step with the values of this run in place of those of the other. */
  #filled(step: Recorded): Recorded {
    const fill = (text: string): string =>
      text.replace(/<UPID:[^>]+>/g, (upid) => this.#values.get(decodeURIComponent(upid)) ?? upid);
    const { path, params } = step.request;
    const filled =
      params === null
        ? null
        : (JSON.parse(this.#withArchives(JSON.stringify(params))) as Recorded['request']['params']);
    return { ...step, request: { ...step.request, path: this.#withArchives(fill(path)), params: filled } };
  }

  /** The time in an archive's name is that of the latest one there. */
  #withArchives(text: string): string {
    return text.replace(
      /([\w-]+):backup\/vzdump-qemu-(\d+)-<time>(\.[a-z.]+)/g,
      (all, storage: string, vmid: string, type: string) => {
        const found = [...this.#simulator.world.volumes.all()].filter(
          (volume) =>
            volume.storage === storage &&
            volume.name.startsWith(`backup/vzdump-qemu-${vmid}-`) &&
            volume.name.endsWith(type),
        );
        const latest = found.at(-1);
        return latest === undefined ? all : `${storage}:${latest.name}`;
      },
    );
  }

  /** What was done between the requests. */
  async #prepare(file: string, step: string): Promise<void> {
    const { vms } = this.#simulator.world;
    if (file === 'cluster' && !vms.has(700)) await this.#play(unrecordedVm);
    if (file === 'locks' && vms.has(500)) this.#simulator.setLock(500, lockOf(step));
    const act = byHandBefore[`${file}/${step}`];
    act?.(this.#simulator);
    if (act !== undefined) await this.#clock.advance(5000);
    if (file === 'rrd') await this.#clock.advance(10_000);
    // Verification alone was recorded: what passes it was taken away again.
    if (file === 'param-verification') vms.delete(100);
  }

  async #play(step: Recorded): Promise<{ status: number; reason: string; errors: unknown; task: unknown }> {
    const answer = await this.#clock.runUntil(this.#simulator.handle(sent(step.request)));
    const isJson = answer.body.startsWith('{');
    const { data, errors } = (isJson ? JSON.parse(answer.body) : {}) as { data?: unknown; errors?: unknown };
    const head = { status: answer.status, reason: answer.reason, errors };
    const task = typeof data === 'string' ? this.#simulator.world.tasks.get(data) : undefined;
    const { body } = step.response;
    if (task !== undefined && typeof body !== 'string' && 'data' in body)
      this.#values.set(String(body.data), task.upid);
    // Without a recorded end nobody waited for it.
    if (task === undefined || step.task === undefined) return { ...head, task: undefined };
    await this.#clock.runUntil(task.done);
    return { ...head, task: steady(task.status ?? 'running') };
  }
}

describe.skipIf(!available)('answers of the real API code', () => {
  it.each(runs.map((files) => ({ name: Object.keys(files).join(', '), files })))('$name', async ({ files }) => {
    const replay = new Replay();
    for (const [file, known] of Object.entries(files))
      expect.soft({ file, differing: await replay.differing(file) }).toEqual({ file, differing: Object.keys(known) });
  });
});
