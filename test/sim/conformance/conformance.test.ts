// Holds the simulator to the recorded answers of a real cluster, where they are at hand.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { play } from './player.ts';
import { readRecording } from './recording.ts';
import { playAll, surroundingsOf } from './run.ts';

const recorded = fileURLToPath(new URL('../../../../shared/pve/recorded/', import.meta.url));
const available = existsSync(`${recorded}scenarios`);
if (!available) process.stderr.write(`skipped: no recordings at ${recorded}\n`);

describe.skipIf(!available)('recorded scenarios', () => {
  it('match in at least 99 % of their steps', { timeout: 120_000 }, async () => {
    const baseline: unknown = JSON.parse(await readFile(`${recorded}baseline.json`, 'utf8'));
    const differing: string[] = [];
    const totals = await playAll(`${recorded}scenarios`, baseline, (outcome) => differing.push(...outcome.differences));
    expect(totals.stepsMatched / totals.steps, differing.join('\n')).toBeGreaterThanOrEqual(0.99);
    expect(totals.scenariosMatched).toBeGreaterThanOrEqual(160);
  });

  it('match in every step of a deployment', async () => {
    const surroundings = surroundingsOf(JSON.parse(await readFile(`${recorded}baseline.json`, 'utf8')));
    const traces = await readRecording(`${recorded}deploy-trace.json`);
    for (const trace of traces) expect((await play(trace, surroundings)).differences).toEqual([]);
    expect(traces.length).toBeGreaterThanOrEqual(5);
  });
});
