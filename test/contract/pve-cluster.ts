// Answers for a simulated Proxmox VE cluster with the client in front of it, over TLS as in production.
import { expect, onTestFinished } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createPveApi, type PveApi, type VmRef } from '../../src/pve/client.ts';
import { PveError, taskFailure } from '../../src/pve/errors.ts';
import { neededPrivileges } from '../../src/pve/privileges.ts';
import { printStamp } from '../../src/pve/stamp.ts';
import { createTaskWatch, type WatchedState } from '../../src/pve/task-watch.ts';
import { httpsTransport, type HttpsTransportOptions } from '../../src/pve/transport.ts';
import type { Upid } from '../../src/pve/upid.ts';
import { parseTopology, Simulator, type Listening } from '../sim/simulator.ts';

export const template: VmRef = { node: 'pve1', vmid: 9000 };
export const token = { id: 'operator@pve!k8s', secret: '11111111-2222-4333-8444-555555555555' };
export const ROLE = 'Operator';
/** The VM of the tests, and whose it is. */
export const vm: VmRef = { node: 'pve1', vmid: 401 };
export const owner = { uid: '7e1f4a9c-1111-4222-8333-944455556666', vmid: 401 };

const GIB = 1024 ** 3;

const topology = {
  nodes: [{ name: 'pve1' }, { name: 'pve2' }],
  bridges: [{ name: 'vmbr0', port: 'eno1' }],
  storages: [
    { id: 'local', type: 'dir', path: '/var/lib/vz', content: ['images', 'iso'] },
    { id: 'backup', type: 'dir', path: '/mnt/pve/backup', shared: true, content: ['backup'] },
    { id: 'shared', type: 'nfs', path: '/mnt/pve/shared', shared: true, content: ['images', 'iso'] },
  ],
  vms: [
    {
      ...template,
      options: {
        template: '1',
        name: 'debian-12',
        cores: '1',
        memory: '512',
        agent: '1',
        boot: 'order=scsi0;ide2;net0',
        scsihw: 'virtio-scsi-single',
        ostype: 'l26',
        scsi0: 'shared:9000/base-9000-disk-0.qcow2,size=2G',
        ide2: 'shared:9000/vm-9000-cloudinit.qcow2,media=cdrom',
        net0: 'virtio=BC:24:11:00:90:00,bridge=vmbr0,firewall=1',
      },
      volumes: [
        { storage: 'shared', name: '9000/base-9000-disk-0.qcow2', format: 'qcow2', sizeBytes: 2 * GIB },
        { storage: 'shared', name: '9000/vm-9000-cloudinit.qcow2', format: 'qcow2', sizeBytes: 4 * 1024 ** 2 },
      ],
    },
  ],
  users: ['operator@pve'],
  roles: { [ROLE]: neededPrivileges },
  tokens: [{ ...token, privilegeSeparation: true }],
  acl: [
    { path: '/', role: ROLE, who: 'operator@pve' },
    { path: '/', role: ROLE, who: token.id },
  ],
};

export interface Cluster {
  readonly simulator: Simulator;
  readonly listening: Listening;
  readonly api: PveApi;
  /** Another client of the same cluster. */
  readonly connect: (
    options?: Partial<HttpsTransportOptions>,
    timeouts?: { readTimeoutMs?: number; writeTimeoutMs?: number },
  ) => PveApi;
  /** How a task ended, told by the task watch. */
  readonly ended: (upid: Upid | null) => Promise<WatchedState>;
  /** Waits for a task that must end well. */
  readonly done: (upid: Upid | null) => Promise<void>;
}

/** Another major release than the newest, and what the role holds there. */
interface Release {
  readonly release?: 8 | 9;
  readonly roles?: Readonly<Record<string, readonly string[]>>;
}

export async function startCluster(release: Release = {}): Promise<Cluster> {
  const simulator = new Simulator({ topology: parseTopology({ ...topology, ...release }), speed: 50, authDelayMs: 0 });
  const listening = await simulator.listen();
  const abort = new AbortController();
  const closers: (() => Promise<void>)[] = [async () => simulator.close()];

  const connect: Cluster['connect'] = (options = {}, timeouts = {}) => {
    const transport = httpsTransport({
      endpoints: [listening.url],
      tls: { caBundle: listening.caPem },
      token,
      ...options,
    });
    closers.unshift(async () => transport.close());
    return createPveApi({ transport, clock: systemClock, random: () => 0, ...timeouts });
  };

  const api = connect();
  const watch = createTaskWatch({
    api,
    clock: systemClock,
    delays: [{ underMs: Number.POSITIVE_INFINITY, delayMs: 10 }],
  });
  watch.start(abort.signal);
  onTestFinished(async () => {
    abort.abort();
    for (const close of closers) await close();
  });

  const ended = async (upid: Upid | null): Promise<WatchedState> => {
    if (upid === null) return { state: 'ok', warnings: 0 };
    return new Promise((resolve) => watch.watch(upid, resolve));
  };
  const done = async (upid: Upid | null): Promise<void> => {
    const end = await ended(upid);
    if (end.state === 'failed') throw taskFailure(end.exitstatus, end.logTail ?? []);
  };
  return { simulator, listening, api, connect, ended, done };
}

/** A cluster with the VM of the tests in it, cloned and stopped. */
export async function cloned(release: Release = {}): Promise<Cluster> {
  const cluster = await startCluster(release);
  const { api, done } = cluster;
  await done(await api.clone({ source: template, newid: 401, name: 'web-1', description: printStamp(owner) }));
  return cluster;
}

/** The error of a call that must not succeed. */
export async function refusal(promise: Promise<unknown>): Promise<PveError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PveError);
  return error as PveError;
}

/** A running VM whose guest has booted. */
export async function running(): Promise<Cluster> {
  const cluster = await cloned();
  await cluster.done(await cluster.api.start(vm));
  await expect.poll(async () => cluster.api.agentPing(vm)).toBe(true);
  return cluster;
}

/** The error behind a task that must not end well. */
export async function failed({ ended }: Cluster, upid: Upid | null): Promise<PveError> {
  const end = await ended(upid);
  if (end.state !== 'failed') throw new Error(`The task ended ${end.state}.`);
  return taskFailure(end.exitstatus, end.logTail ?? []);
}

/** What a person does beside the operator, with the operator's own rights. */
export async function byHand(
  { simulator, done }: Cluster,
  path: string,
  params: Record<string, unknown>,
): Promise<void> {
  const authorization = `PVEAPIToken=${token.id}=${token.secret}`;
  const answer = await simulator.handle({ method: 'POST', path: `/nodes/pve1${path}`, params, authorization });
  expect(answer.status).toBe(200);
  await done((JSON.parse(answer.body) as { data: Upid }).data);
}
