// The recorded scenarios: their shape, and reading a folder of them.
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';

const refSchema = z.object({
  in: z.string(),
  value: z.coerce.string(),
  from: z.object({ step: z.number(), pointer: z.string() }),
});

const requestSchema = z.object({
  method: z.string(),
  path: z.string(),
  params: z.record(z.string(), z.unknown()).optional(),
  token: z.string().optional(),
  json: z.boolean().optional(),
  port: z.number().optional(),
  websocket: z.boolean().optional(),
  authorization: z.string().optional(),
});

const stepSchema = z.object({
  request: requestSchema.optional(),
  response: z
    .object({
      status: z.number(),
      reason: z.string().nullish(),
      body: z.unknown().optional(),
      ms: z.number().optional(),
      firstFrame: z.string().optional(),
    })
    .optional(),
  task: z
    .object({
      exitstatus: z.string().nullish(),
      type: z.string().nullish(),
      id: z.string().nullish(),
      log: z.array(z.string()).nullish(),
      log_lines_left_out: z.number().optional(),
    })
    .optional(),
  action: z.looseObject({ kind: z.string() }).optional(),
  parallel: z.number().optional(),
  wait: z.boolean().optional(),
  volatile: z.array(z.string()).default([]),
  patterns: z.record(z.string(), z.string()).default({}),
  refs: z.array(refSchema).default([]),
});

const scenarioSchema = z.object({ name: z.string(), steps: z.array(stepSchema) });

/** One request with its answer, or one action. */
export type Step = z.infer<typeof stepSchema>;
export type Scenario = z.infer<typeof scenarioSchema>;
export type RecordedRequest = z.infer<typeof requestSchema>;

/** All scenarios of a folder, by name. */
export async function readScenarios(folder: string): Promise<Scenario[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.json')).sort();
  return (await Promise.all(files.map((file) => readRecording(join(folder, file))))).flat();
}

/** The scenarios of a file: one under the file's name, or several `traces` under their own. */
export async function readRecording(file: string): Promise<Scenario[]> {
  const json = JSON.parse(await readFile(file, 'utf8')) as object;
  if ('traces' in json) return z.array(scenarioSchema).parse(json.traces);
  return [scenarioSchema.parse({ name: basename(file, '.json'), ...json })];
}
