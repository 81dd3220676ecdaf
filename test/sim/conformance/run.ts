// Plays a whole folder of scenarios and adds up.
import { z } from 'zod';
import { fromBaseline } from '../topology.ts';
import { play } from './player.ts';
import type { Outcome, Surroundings } from './player.ts';
import { readScenarios } from './recording.ts';

/** Totals over a folder. */
export interface Totals {
  steps: number;
  stepsMatched: number;
  scenarios: number;
  scenariosMatched: number;
}

const baselineSchema = z.object({
  tokens: z.record(z.string(), z.object({ tokenid: z.string().optional(), secret: z.string().optional() })),
  cluster: z.object({ nodes: z.array(z.object({ name: z.string(), port: z.number() })) }),
});

/** The recorded tokens under the secrets and ids the requests use. */
export function surroundingsOf(baselineJson: unknown): Surroundings {
  const baseline = baselineSchema.parse(baselineJson);
  const tokens: Record<string, string | undefined> = {};
  for (const [name, token] of Object.entries(baseline.tokens)) {
    tokens[name] = token.tokenid === undefined ? undefined : `PVEAPIToken=${token.tokenid}=${token.secret}`;
  }
  const nodeOfPort = Object.fromEntries(baseline.cluster.nodes.map((node) => [node.port, node.name]));
  return { topology: fromBaseline(baselineJson), tokens, nodeOfPort };
}

/** Plays every scenario of the folder, telling of each as it ends. */
export async function playAll(
  folder: string,
  baselineJson: unknown,
  onOutcome: (outcome: Outcome) => void,
): Promise<Totals> {
  const surroundings = surroundingsOf(baselineJson);
  const totals: Totals = { steps: 0, stepsMatched: 0, scenarios: 0, scenariosMatched: 0 };
  for (const scenario of await readScenarios(folder)) {
    const outcome = await play(scenario, surroundings);
    totals.steps += outcome.steps;
    totals.stepsMatched += outcome.matched;
    totals.scenarios += 1;
    if (outcome.matched === outcome.steps) totals.scenariosMatched += 1;
    onOutcome(outcome);
  }
  return totals;
}
