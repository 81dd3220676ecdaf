// Disturbs every scenario at every effect, in every way, and compares where it ends with where it ends undisturbed.
import { deletion, isStalled } from './acts.ts';
import { endState } from './end-state.ts';
import { CRASH_KINDS, type CrashKind, type Effect, type Point } from './interruption.ts';
import { judged, type Outcome, outcomeOf, strangerState } from './judgement.ts';
import { live } from './process.ts';
import { type Scenario, SCENARIOS } from './scenarios.ts';
import { type CrashWorld, createWorld, restoredWorld, saveWorld, vmOf } from './world.ts';

interface Finding {
  scenario: string;
  kind: CrashKind;
  effect: number;
  /** The effect in words. */
  call: string;
  problem: string;
}

export interface MatrixResult {
  points: number;
  leaks: number;
  duplicates: number;
  findings: Finding[];
}

export interface MatrixOptions {
  scenarios?: readonly Scenario[];
  kinds?: readonly CrashKind[];
  /** Told about every run before it begins. */
  onRun?: (run: string) => void;
  /** Told when a scenario is through. */
  onScenario?: (name: string, result: MatrixResult) => void;
}

/** A process dies once; the one after it is disturbed by nobody. */
const MAX_LIVES = 3;

/** Runs the whole matrix. */
export async function runMatrix(options: MatrixOptions = {}): Promise<MatrixResult> {
  const result: MatrixResult = { points: 0, leaks: 0, duplicates: 0, findings: [] };
  for (const scenario of options.scenarios ?? SCENARIOS) {
    const begin = await beginning(scenario);
    const undisturbed = await run(scenario, begin);
    // What every run leaves behind would be no difference.
    const problems = [undisturbed.problem ?? [], undisturbed.outcome.leaks].flat();
    if (problems.length > 0) throw new Error(`${scenario.name}, undisturbed: ${problems.join(', ')}`);
    for (const kind of kindsOf(scenario, options)) {
      await disturbEverywhere(result, { scenario, begin, undisturbed, kind, onRun: options.onRun });
    }
    options.onScenario?.(scenario.name, result);
  }
  return result;
}

function kindsOf({ kinds = CRASH_KINDS }: Scenario, options: MatrixOptions): readonly CrashKind[] {
  return kinds.filter((kind) => options.kinds === undefined || options.kinds.includes(kind));
}

interface Row {
  scenario: Scenario;
  begin: Beginning;
  undisturbed: Run;
  kind: CrashKind;
  onRun: MatrixOptions['onRun'];
}

async function disturbEverywhere(result: MatrixResult, row: Row): Promise<void> {
  const { scenario, begin, undisturbed, kind, onRun } = row;
  const points = undisturbed.effects
    .map(({ text, ...effect }, index) => ({ effect: index + 1, call: text, isPossible: isPossible(row, text, effect) }))
    .filter((point) => point.isPossible);
  if (points.length === 0) return;
  const { outcome: usual } = undisturbed;
  const wanted = kind === 'deleted' ? { ...(await outcomeOfDeletion(begin)), restarts: usual.restarts } : usual;
  for (const { effect, call } of points) {
    onRun?.(`${scenario.name}: ${kind} ${effect} ${call}`);
    const { problem, outcome } = await run(scenario, begin, { effect, kind });
    const { problems, leaks, duplicates } = judged({ kind, outcome, wanted });
    result.points += 1;
    result.leaks += leaks;
    result.duplicates += duplicates;
    const found = problem === undefined ? problems : [problem, ...problems];
    result.findings.push(...found.map((text) => ({ scenario: scenario.name, kind, effect, call, problem: text })));
  }
}

/** The world in which a scenario begins, as often as it is asked for. */
type Beginning = (point?: Point) => CrashWorld;

async function beginning({ name, profile, given }: Scenario): Promise<Beginning> {
  if (given.length === 0) return (point) => createWorld(profile, point);
  const world = createWorld(profile);
  for (const act of given) {
    await act.begin(world);
    const problem = await untilEnd(world, () => act.isDone(world));
    if (problem !== undefined) throw new Error(`${name}, before it begins: ${problem}`);
  }
  const saved = saveWorld(world);
  return (point) => restoredWorld(saved, point);
}

function isPossible(
  { kind, undisturbed }: Row,
  text: string,
  { vmidFree, vmWritten }: Pick<Effect, 'vmidFree' | 'vmWritten'>,
): boolean {
  switch (kind) {
    case 'stolen':
      return vmidFree;
    case 'stale-watch':
      return vmWritten;
    case 'deleted':
      return undisturbed.outcome.end.status['state'] !== undefined;
    case 'late':
      // A DNS server waits for no lock: what has reached it is carried out at once, what has not never is.
      return text !== 'write DNS zone';
    default:
      return true;
  }
}

interface Run {
  effects: readonly Effect[];
  /** Why the run did not get to its end. */
  problem: string | undefined;
  outcome: Outcome;
}

async function run(scenario: Scenario, begin: Beginning, point?: Point): Promise<Run> {
  const world = begin(point);
  await scenario.when.begin(world);
  let stranger: string | undefined;
  const ended = (): boolean => {
    stranger ??= strangerState(world);
    if (point?.kind === 'deleted') return vmOf(world) === undefined;
    return scenario.when.isDone(world) || (point?.kind === 'stolen' && isStalled(world));
  };
  const problem = await untilEnd(world, ended);
  world.kube.collectGarbage();
  return { effects: world.interruption.effects, problem, outcome: outcomeOf(world, stranger) };
}

async function outcomeOfDeletion(begin: Beginning): Promise<Outcome> {
  const world = begin();
  await deletion.begin(world);
  const problem = await untilEnd(world, () => deletion.isDone(world));
  if (problem !== undefined) throw new Error(`deletion, undisturbed: ${problem}`);
  world.kube.collectGarbage();
  return outcomeOf(world, undefined);
}

async function untilEnd(world: CrashWorld, reached: () => boolean): Promise<string | undefined> {
  for (let life = 1; life <= MAX_LIVES; life += 1) {
    const end = await live(world, reached);
    if (end === 'reached') return undefined;
    if (end === 'gave up') return `stuck at ${JSON.stringify(endState(world).status)}`;
  }
  return 'died more often than it was killed';
}
