// Answers for reading recorded exchanges with a real cluster, which lie beside the repository and not in it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../../../../shared/pve');

/** Why tests that need the recordings are skipped; undefined when they are there. */
export const recordingsMissing: string | undefined = existsSync(join(FOLDER, 'recorded'))
  ? undefined
  : 'the recorded answers are not beside the repository (../shared/pve)';

export interface RecordedStep {
  readonly scenario: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly params?: Readonly<Record<string, unknown>>;
    readonly json?: boolean;
  };
  readonly response: { readonly status: number; readonly reason: string; readonly body?: unknown };
  readonly task?: { readonly exitstatus?: string; readonly type?: string; readonly log?: readonly string[] };
}

export function readShared(name: string): unknown {
  return JSON.parse(readFileSync(join(FOLDER, name), 'utf8'));
}

/** Every recorded request with its answer, those of the traces included. */
export function recordedSteps(): RecordedStep[] {
  if (recordingsMissing !== undefined) return [];
  const scenarios = readdirSync(join(FOLDER, 'recorded/scenarios')).map((name) =>
    readShared(`recorded/scenarios/${name}`),
  );
  const { traces } = readShared('recorded/deploy-trace.json') as { traces: unknown[] };
  return [...scenarios, ...traces].flatMap((scenario) => {
    const { name, steps } = scenario as { name: string; steps: Omit<RecordedStep, 'scenario'>[] };
    return steps.filter((step) => step.request !== undefined).map((step) => ({ ...step, scenario: name }));
  });
}

/** The answer's body as it came over the wire. */
export function recordedBody(step: RecordedStep): string {
  const { body } = step.response;
  return typeof body === 'string' || body === undefined ? (body ?? '') : JSON.stringify(body);
}
