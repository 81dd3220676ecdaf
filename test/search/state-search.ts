// Goes breadth-first through every state that the operator and its world can get to, and judges each.
import { Choices, everyRun } from './choices.ts';
import { isGoal, isStalled, judge } from './invariants.ts';
import { events, lateCalls, taskEnds, TICK } from './model-events.ts';
import { type Bounds, initialWorld, keyOfWorld, settled, type World } from './model-world.ts';
import { operatorPass, type Setup } from './operator-pass.ts';

export interface SearchResult {
  states: number;
  transitions: number;
  /** Of the longest shortest way to a state, in transitions. */
  depth: number;
  counterexample?: Counterexample;
}

interface Counterexample {
  problem: string;
  /** What happens, one line a transition, from a new object on. */
  trace: readonly string[];
}

interface Node {
  world: World;
  depth: number;
  from?: Node;
  label: string;
}

interface Search {
  setup: Setup;
  found: Map<string, Node>;
  queue: Node[];
  transitions: number;
  /** States from which a fair run is known to end as it should. */
  ending: Set<string>;
}

/** Searches until nothing new is found, or until something is wrong: that is then the shortest way to it. */
export async function searchStates(setup: Setup, bounds: Bounds): Promise<SearchResult> {
  const before = Error.stackTraceLimit;
  // Most passes end with an error that nobody reads.
  Error.stackTraceLimit = 0;
  try {
    return await searched(setup, bounds);
  } finally {
    Error.stackTraceLimit = before;
  }
}

async function searched(setup: Setup, bounds: Bounds): Promise<SearchResult> {
  const search: Search = { setup, found: new Map(), queue: [], transitions: 0, ending: new Set() };
  add(search, { world: initialWorld(bounds), depth: 0, label: 'a VirtualMachine is created' });
  let depth = 0;
  // The queue grows while it is read.
  for (const node of search.queue) {
    depth = node.depth;
    const problem = node.world.violations[0] ?? (await endlessness(search, node.world));
    if (problem !== undefined) return resultOf(search, depth, { problem, trace: traceOf(node) });
    await expand(search, node);
  }
  return resultOf(search, depth);
}

function resultOf(search: Search, depth: number, counterexample?: Counterexample): SearchResult {
  return { states: search.found.size, transitions: search.transitions, depth, counterexample };
}

function add(search: Search, node: Node): void {
  const key = keyOfWorld(node.world);
  // A state is the same whatever went wrong on the way to it, except that a wrong must be seen.
  if (search.found.has(key) && node.world.violations.length === 0) return;
  search.found.set(key, node);
  search.queue.push(node);
}

async function expand(search: Search, from: Node): Promise<void> {
  for (const event of events(from.world, search.setup.safeguards.quietIds)) {
    const world = { ...from.world };
    event.happen(world);
    judge(world);
    reach(search, { world, from, label: event.label });
  }
  await everyRun(async (choices) => {
    const world = { ...from.world };
    const log = await operatorPass(world, choices, search.setup);
    reach(search, { world, from, label: `the operator: ${log.join('; ')}` });
  });
}

function reach(search: Search, { world, from, label }: { world: World; from: Node; label: string }): void {
  search.transitions += 1;
  add(search, { world: settled(world), from, label, depth: from.depth + 1 });
}

function traceOf(node: Node): string[] {
  const lines: string[] = [];
  for (let at: Node | undefined = node; at !== undefined; at = at.from) lines.unshift(at.label);
  return lines;
}

/** No run without further trouble takes longer. */
const MAX_FAIR_STEPS = 100;

/** Why the run that meets no further trouble does not end; undefined when it does. */
async function endlessness({ setup, ending }: Search, start: World): Promise<string | undefined> {
  const way: string[] = [];
  let world = start;
  for (let step = 0; step < MAX_FAIR_STEPS; step += 1) {
    const key = keyOfWorld(world);
    if (ending.has(key) || isGoal(world)) return remember(ending, way);
    way.push(key);
    const next = await fairStep(world, setup);
    if (next.violations[0] !== undefined) return `${next.violations[0]}, without further trouble`;
    if (keyOfWorld(next) === key)
      return isStalled(world) ? remember(ending, way) : 'nothing goes on, and no reason is shown';
    world = next;
  }
  return `a run without further trouble goes on for more than ${MAX_FAIR_STEPS} steps`;
}

function remember(ending: Set<string>, way: readonly string[]): undefined {
  for (const key of way) ending.add(key);
}

// What is on its way arrives, what runs ends, the operator looks; when nothing of it changes anything, time passes.
async function fairStep(before: World, setup: Setup): Promise<World> {
  const world = { ...before };
  for (const event of lateCalls(world)) event.happen(world);
  for (const event of taskEnds(world)) event.happen(world);
  await operatorPass(world, new FairChoices(), setup);
  judge(world);
  const after = settled(world);
  if (keyOfWorld(after) !== keyOfWorld(before)) return after;
  TICK.happen(world);
  return settled(world);
}

/** Nothing goes wrong, whatever may. */
class FairChoices extends Choices {
  override of<T>(options: readonly [T, ...T[]]): T {
    return options[0];
  }
}

/** The numbers of a search, and its counterexample, for people. */
export function printResult({ states, transitions, depth, counterexample }: SearchResult): string {
  const numbers = `${states} states, ${transitions} transitions, depth ${depth}`;
  if (counterexample === undefined) return `${numbers}: nothing wrong`;
  const steps = counterexample.trace.map((line, index) => `  ${index}. ${line}`);
  return [`${numbers}: ${counterexample.problem}`, ...steps].join('\n');
}
