// One run of the benchmark: makes the virtual machines and gathers every figure.
import { setTimeout as delay } from 'node:timers/promises';
import { countWrites, type WriteCounts } from './audit.ts';
import { type Deployment, Deployments } from './deployments.ts';
import { stepMedians, type Timing, timings } from './overhead.ts';
import { type CallCounts, countCalls, total } from './pve-calls.ts';
import type { Usage } from './operator-process.ts';
import { type CpuSeconds, Scene } from './scene.ts';
import { type Summary, summaryOf } from './statistics.ts';

/** How one run is made. */
export interface RunPlan {
  /** Virtual machines that exist when calls at rest and memory are measured. */
  atOnce: number;
  /** Virtual machines that are made afterwards, one after the other. */
  thenOneByOne: number;
  /** Factor of the tasks' speed; 1 is that of the recorded cluster. */
  speed: number | 'instant';
  restSeconds: number;
}

export interface RunResult {
  plan: RunPlan;
  /** Virtual machines that were made. */
  vms: number;
  timings: Timing[];
  overheadMs: Summary;
  /** Totals of all virtual machines that were made. */
  pveCalls: CallCounts;
  kubeWrites: WriteCounts;
  /** Median duration of each step in milliseconds, tasks included. */
  stepMs: Record<string, number>;
  /** Processor time for one virtual machine by process, in milliseconds. */
  cpuMsPerVm: CpuSeconds;
  memory: { before: Usage; atRest: Usage };
  rest: { seconds: number; vms: number; pveCalls: CallCounts; kubeWrites: number };
  /** Requests to Proxmox VE for the machine made last, by milliseconds since it was created. */
  timeline: { ms: number; request: string }[];
}

const QUIET_MS = 2000;
const QUIET_POLL_MS = 250;
const QUIET_TIMEOUT_MS = 60_000;

export async function measure(plan: RunPlan): Promise<RunResult> {
  await using scene = await Scene.open(plan.speed);
  try {
    return await perform(scene, plan);
  } catch (error) {
    console.error(scene.operator.lastLines(20).join('\n'));
    throw error;
  }
}

async function perform(scene: Scene, plan: RunPlan): Promise<RunResult> {
  using deployments = await Deployments.open(scene.client);
  await untilQuiet(scene);
  const before = await scene.operator.usage();
  const first = await busy(scene, () => deployments.make(plan.atOnce));
  const rest = await atRest(scene, plan);
  const atRestUsage = await scene.operator.usage();
  const then = await busy(scene, async () => {
    const made: Deployment[] = [];
    for (let left = plan.thenOneByOne; left > 0; left -= 1) made.push(...(await deployments.make(1)));
    return made;
  });
  const made = [...first.made, ...then.made];
  const runs = await scene.runs();
  const { tasks } = await scene.simulator.record();
  const timed = timings(made, runs, tasks);
  const requests = [...first.requests, ...then.requests];
  return {
    plan,
    vms: made.length,
    timings: timed,
    overheadMs: summaryOf(timed.map(({ overheadMs }) => overheadMs)),
    pveCalls: countCalls(requests),
    kubeWrites: countWrites([...first.writes, ...then.writes]),
    stepMs: stepMedians(runs),
    cpuMsPerVm: cpuPerVm([first, then], made.length),
    memory: { before, atRest: atRestUsage },
    rest,
    timeline: timelineOf(made.at(-1), requests),
  };
}

interface Request {
  atMs: number;
  method: string;
  path: string;
}

interface Busy {
  made: Deployment[];
  requests: Request[];
  writes: Awaited<ReturnType<Scene['writes']>>;
  before: CpuSeconds;
  after: CpuSeconds;
}

/** What the work costs, from its beginning until nothing of it is left to be done. */
async function busy(scene: Scene, work: () => Promise<Deployment[]>): Promise<Busy> {
  const [{ requests: knownRequests }, knownWrites, before] = await Promise.all([
    scene.simulator.record(),
    scene.writes(),
    scene.cpuSeconds(),
  ]);
  const made = await work();
  await untilQuiet(scene);
  const { requests } = await scene.simulator.record();
  const after = await scene.cpuSeconds();
  return {
    made,
    requests: requests.slice(knownRequests.length),
    writes: (await scene.writes()).slice(knownWrites.length),
    before,
    after,
  };
}

function cpuPerVm(parts: readonly Busy[], vms: number): CpuSeconds {
  const per = (name: keyof CpuSeconds): number =>
    parts.reduce((sum, { before, after }) => sum + (after[name] - before[name]) * 1000, 0) / vms;
  return { operator: per('operator'), apiServer: per('apiServer'), simulator: per('simulator') };
}

async function atRest(scene: Scene, { restSeconds, atOnce }: RunPlan): Promise<RunResult['rest']> {
  const { requests: known } = await scene.simulator.record();
  const writes = (await scene.writes()).length;
  await delay(restSeconds * 1000);
  const { requests } = await scene.simulator.record();
  return {
    seconds: restSeconds,
    vms: atOnce,
    pveCalls: countCalls(requests.slice(known.length)),
    kubeWrites: (await scene.writes()).length - writes,
  };
}

/** Resolves when nothing is written and nothing but polls is asked any more. */
async function untilQuiet(scene: Scene): Promise<void> {
  const deadline = Date.now() + QUIET_TIMEOUT_MS;
  let seen = '';
  let since = Date.now();
  while (Date.now() - since < QUIET_MS && Date.now() < deadline) {
    await delay(QUIET_POLL_MS);
    const { requests } = await scene.simulator.record();
    const now = `${total(countCalls(requests).forVms)} ${(await scene.writes()).length}`;
    if (now !== seen) since = Date.now();
    seen = now;
  }
}

function timelineOf(deployment: Deployment | undefined, requests: readonly Request[]): RunResult['timeline'] {
  if (deployment === undefined) return [];
  const { createdAtMs, readyAtMs } = deployment;
  return requests
    .filter(({ atMs }) => atMs >= createdAtMs && atMs <= readyAtMs)
    .map(({ atMs, method, path }) => ({ ms: atMs - createdAtMs, request: `${method} ${path}` }));
}
