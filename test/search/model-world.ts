// The world of the search: the API server and the Proxmox VE cluster as one small value that can be copied and compared.
import type { Visit } from '../../src/machine/advance.ts';
import { VMID } from '../builders/facts.ts';
import { canonicalStatus, statusNumber } from './model-status.ts';

export type VmStatus = Parameters<Visit['save']>[0];

/** Calls to Proxmox VE that the machines of the search make. */
export type CallKind = 'clone' | 'start' | 'shutdown' | 'stop' | 'destroy' | 'configure';

export interface Call {
  kind: CallKind;
  vmid: number;
  /** Of the configuration that a change was planned on. */
  digest?: string;
}

/** A call without an answer that has not been carried out and still may be. `age` is in ticks. */
export interface LateCall extends Call {
  age: number;
}

export interface ModelTask {
  /** What the operator knows it by. */
  id: string;
  call: Call;
  end?: 'ok' | 'failed';
}

export interface ModelVm {
  /** `placeholder`: our clone is being made. `removed`: ours, but a person took the stamp out of the description. */
  stamp: 'ours' | 'placeholder' | 'stranger' | 'removed';
  running: boolean;
  cores: number;
}

/** The object as one version of it shows it. */
export interface View {
  status: VmStatus;
  deleting: boolean;
  /** The reason that the conditions of this version show when only a person can help. */
  stalled?: string;
}

export interface World {
  /** Newest first, as far back as an informer may be behind. */
  views: readonly View[];
  /** Writes to the object since the transition began: what a conditional write is compared with. */
  version: number;
  /** The object is gone from the API server. */
  gone: boolean;
  /** VMIDs that are reserved for the object, in order. */
  reserved: readonly number[];
  vms: Readonly<Record<number, ModelVm>>;
  /** VMIDs that the newest poll of the cluster showed. */
  listed: readonly number[];
  tasks: readonly ModelTask[];
  late: readonly LateCall[];
  /** How many interruptions and foreign changes may still come. */
  interruptionsLeft: number;
  foreignLeft: number;
  /** What must never happen, and has. */
  violations: readonly string[];
}

/** Two ticks are less than what Proxmox VE and the operator give a call (90 s), three are more than the engine's 100 s. */
export const TICK_MS = 35_000;
export const LATE_TICKS = 2;

/** How many versions an informer may be behind. */
const OLDEST_VIEW = 2;

export interface Bounds {
  interruptions: number;
  foreign: number;
}

/** A VirtualMachine that was just created; the bounds say how much trouble a run may meet. */
export function initialWorld({ interruptions, foreign }: Bounds): World {
  return {
    views: [{ status: canonicalStatus({ clusterName: 'lab' }), deleting: false }],
    version: 0,
    gone: false,
    reserved: [],
    vms: {},
    listed: [],
    tasks: [],
    late: [],
    interruptionsLeft: interruptions,
    foreignLeft: foreign,
    violations: [],
  };
}

export function newestView({ views }: World): View {
  const [newest] = views;
  if (newest === undefined) throw new TypeError('An object has a newest version.');
  return newest;
}

/** Puts a new version on top. */
export function withView(world: World, view: View): void {
  world.views = [view, ...world.views].slice(0, OLDEST_VIEW + 1);
  world.version += 1;
}

export function withVm(world: World, vmid: number, vm: ModelVm | undefined): void {
  const { [vmid]: _before, ...others } = world.vms;
  world.vms = vm === undefined ? others : { ...others, [vmid]: vm };
}

/** Notes what must never happen. */
export function note(world: World, ...violations: readonly string[]): void {
  if (violations.length > 0) world.violations = [...new Set([...world.violations, ...violations])];
}

/** VMIDs that exist in Proxmox VE, in order. */
export function existing({ vms }: World): number[] {
  return Object.keys(vms).map(Number);
}

/** VMIDs under which a VM of ours is, is being made, or may still come to be. */
export function oursOrComing({ vms, late }: World): number[] {
  const there = Object.entries(vms).filter(([, { stamp }]) => stamp === 'ours' || stamp === 'placeholder');
  const coming = late.filter(({ kind }) => kind === 'clone').map(({ vmid }) => vmid);
  return [...there.map(([vmid]) => Number(vmid)), ...coming];
}

/** The world without what cannot matter any more: versions that nobody will see, tasks that ended and that nobody awaits. */
export function settled(world: World): World {
  const views = world.interruptionsLeft === 0 ? world.views.slice(0, 1) : world.views;
  const awaited = new Set(views.map(({ status }) => status.operation?.taskID));
  return {
    ...world,
    views,
    version: 0,
    tasks: world.tasks.filter(({ id, end }) => end === undefined || awaited.has(id)),
  };
}

/** Equal for worlds from which the same can happen. */
export function keyOfWorld(world: World): string {
  const { views, gone, reserved, vms, listed, tasks, late, interruptionsLeft, foreignLeft } = world;
  const seen = views.map(({ status, deleting, stalled }) => `${statusNumber(status)} ${deleting} ${stalled}`);
  const machines = Object.entries(vms).map(
    ([vmid, { stamp, running, cores }]) => `${vmid} ${stamp} ${running} ${cores}`,
  );
  const calls = late.map(({ kind, vmid, age }) => `${kind} ${vmid} ${age}`).toSorted();
  const running = tasks.map(({ id, end }) => `${id} ${end}`).toSorted();
  const rest = `${gone} ${reserved.join()} ${listed.join()} ${interruptionsLeft} ${foreignLeft}`;
  return [seen, machines, running, calls, rest].join('|');
}

/** The VMID that the object holds, or would get first. */
export function ownVmid({ reserved }: World): number {
  return reserved[0] ?? VMID;
}
