// Interrupts the deploy and the deletion of a VM at every effect, in every way, and compares where it ends.
import { resources } from '../../src/api/resources.ts';
import { INTERRUPTION_KINDS, Interruption, type Point } from './interruption.ts';
import type { Vm } from '../sim/state/vm.ts';
import { live, requestDeletion } from './process.ts';
import { type Profile, PROFILES } from './profiles.ts';
import { type CrashWorld, createWorld, vmOf } from './world.ts';

export interface Finding {
  profile: string;
  phase: Phase;
  point: Point;
  effect: string;
  problem: string;
}

export interface MatrixResult {
  points: number;
  leaks: number;
  duplicates: number;
  findings: Finding[];
}

type Phase = 'deploy' | 'delete';

const MAX_LIVES = 5;

export interface MatrixOptions {
  profiles?: readonly Profile[];
  /** Told about every run. */
  onRun?: (run: string) => void;
}

/** Runs the whole matrix. */
export async function runMatrix(options: MatrixOptions = {}): Promise<MatrixResult> {
  const result: MatrixResult = { points: 0, leaks: 0, duplicates: 0, findings: [] };
  for (const profile of options.profiles ?? PROFILES) {
    await interruptEverywhere(result, profile, 'deploy', options);
    await interruptEverywhere(result, profile, 'delete', options);
  }
  return result;
}

async function interruptEverywhere(
  result: MatrixResult,
  profile: Profile,
  phase: Phase,
  { onRun }: MatrixOptions,
): Promise<void> {
  const undisturbed = await run(profile, phase, undefined);
  if (undisturbed.problem !== undefined)
    throw new Error(`${profile.name} ${phase}, undisturbed: ${undisturbed.problem}`);
  const points = undisturbed.effects.flatMap((effect, index) =>
    INTERRUPTION_KINDS.map((kind) => ({ effect, point: { effect: index + 1, kind } })),
  );
  for (const { effect, point } of points) {
    onRun?.(`${profile.name} ${phase} ${point.kind} ${effect}`);
    judge(result, { profile: profile.name, phase, point, effect }, await run(profile, phase, point), undisturbed);
  }
}

interface Run {
  effects: string[];
  /** Why the run did not get to its end. */
  problem: string | undefined;
  end: EndState;
}

/** What must be the same however the run was interrupted. */
interface EndState {
  state: string | undefined;
  vms: Record<string, unknown>;
  firewall: Record<string, unknown>;
  reservations: string[];
  secrets: string[];
  dns: string[];
  leaks: string[];
}

async function run(profile: Profile, phase: Phase, point: Point | undefined): Promise<Run> {
  if (phase === 'deploy') {
    const interruption = new Interruption(point);
    const world = createWorld(profile, interruption);
    const problem = await untilEnd(
      world,
      () => vmOf(world)?.status?.state === 'ready' && vmOf(world)?.status?.operation === undefined,
    );
    return { effects: interruption.effects, problem, end: endState(world) };
  }
  const { world, interruption } = await deployedWorld(profile, point);
  await requestDeletion(world);
  const problem = await untilEnd(world, () => vmOf(world) === undefined);
  world.kube.collectGarbage();
  return { effects: interruption.effects, problem, end: endState(world) };
}

async function deployedWorld(
  profile: Profile,
  point: Point | undefined,
): Promise<{ world: CrashWorld; interruption: Interruption }> {
  const world = createWorld(profile, new Interruption());
  const problem = await untilEnd(
    world,
    () => vmOf(world)?.status?.state === 'ready' && vmOf(world)?.status?.operation === undefined,
  );
  if (problem !== undefined) throw new Error(`${profile.name}: ${problem}`);
  const interruption = new Interruption(point);
  world.dns.interruption = interruption;
  return { world: { ...world, interruption }, interruption };
}

async function untilEnd(world: CrashWorld, reached: () => boolean): Promise<string | undefined> {
  for (let life = 1; life <= MAX_LIVES; life += 1) {
    const end = await live(world, reached);
    if (end === 'reached') return undefined;
    if (end === 'gave up')
      return `stuck: ${JSON.stringify(vmOf(world)?.status?.conditions?.filter(({ type }) => type === 'Ready'))}`;
  }
  return 'died more often than it was killed';
}

/** Values that Proxmox VE draws anew for every clone. */
const DRAWN = /^(vmgenid|smbios1|meta|digest)$/;

function endState(world: CrashWorld): EndState {
  const { sim, kube, dns } = world;
  const vms = [...sim.world.vms.values()].filter((vm) => vm.options['template'] === undefined);
  const reservations = [...kube.objects(resources.ipAddressReservation), ...kube.objects(resources.vmidReservation)];
  const leaks = sim.leaks();
  return {
    state: vmOf(world)?.status?.state,
    vms: Object.fromEntries(vms.map((vm) => [vm.vmid, comparableVm(vm)])),
    firewall: Object.fromEntries(
      [...sim.world.firewall].map(([vmid, file]) => [vmid, JSON.stringify(file, mapsAsLists)]),
    ),
    reservations: reservations.map(({ metadata }) => metadata.name).sort(),
    secrets: kube
      .objects(resources.secret)
      .map(({ metadata, data }) => `${metadata.namespace}/${metadata.name} ${JSON.stringify(data)}`)
      .sort(),
    dns: [...dns.records.values()].map((record) => JSON.stringify(record)).sort(),
    leaks: [
      ...leaks.orphanVolumes,
      ...leaks.lockedVms.map(({ vmid, lock }) => `VM ${vmid} locked: ${lock}`),
      ...leaks.halfClones.map((vmid) => `half clone ${vmid}`),
      ...leaks.firewallFiles.map((vmid) => `firewall file of ${vmid}`),
    ],
  };
}

function comparableVm({ node, running, options, pending }: Vm): Record<string, unknown> {
  return {
    node,
    options: comparable(options),
    pending: comparable(pending),
    running: running === undefined ? 'no' : comparable(running.options),
  };
}

function comparable(options: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(options).filter(([key]) => !DRAWN.test(key));
  return Object.fromEntries(entries.map(([key, value]) => [key, withoutChance(key, value)]));
}

function withoutChance(key: string, value: string): string {
  if (key === 'net0') return value.replace(/([0-9A-F]{2}:){5}[0-9A-F]{2}/i, 'MAC');
  // The same password, with another salt.
  return key === 'cipassword' ? value.slice(0, 3) : value;
}

function mapsAsLists(_key: string, value: unknown): unknown {
  return value instanceof Map ? [...value] : value;
}

function judge(result: MatrixResult, where: Omit<Finding, 'problem'>, disturbed: Run, undisturbed: Run): void {
  result.points += 1;
  const report = (problem: string): void => void result.findings.push({ ...where, problem });
  if (disturbed.problem !== undefined) report(disturbed.problem);
  if (disturbed.end.leaks.length > 0) {
    result.leaks += 1;
    report(`left behind: ${disturbed.end.leaks.join(', ')}`);
  }
  const wantedVms = Object.keys(undisturbed.end.vms).length;
  const vms = Object.keys(disturbed.end.vms).length;
  if (vms > wantedVms || disturbed.end.reservations.length > undisturbed.end.reservations.length) {
    result.duplicates += 1;
    report(
      `${vms} machines and ${disturbed.end.reservations.length} reservations instead of ${wantedVms} and ${undisturbed.end.reservations.length}`,
    );
  }
  for (const key of ['state', 'vms', 'firewall', 'reservations', 'secrets', 'dns'] as const) {
    const [is, wanted] = [JSON.stringify(disturbed.end[key]), JSON.stringify(undisturbed.end[key])];
    if (is !== wanted) report(`${key} ended as ${is} instead of ${wanted}`);
  }
}
