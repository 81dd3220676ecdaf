// Faults as JSON: what the control port and a topology file may arm.
import { z } from 'zod';
import type { Fault } from './faults.ts';

const effectSchema = z.union([
  z.enum(['reset', 'timeout', 'truncate']),
  z.strictObject({ delayMs: z.number().nonnegative() }),
  z.strictObject({ dripMs: z.number().nonnegative() }),
  z.strictObject({ kill: z.number().int().min(2), signal: z.enum(['SIGKILL', 'SIGTERM', 'SIGSTOP']).optional() }),
  z.strictObject({ status: z.number().int().min(100).max(999), reason: z.string(), body: z.string().optional() }),
]);

/** One fault; `path` is a regular expression as text, tested against the path below /api2/json. */
export const faultSchema = z.strictObject({
  match: z.strictObject({
    method: z.string().optional(),
    path: z.string().refine(isPattern, 'is not a regular expression').optional(),
    nth: z.number().int().positive().optional(),
    share: z.number().min(0).max(1).optional(),
  }),
  when: z.enum(['before', 'after']),
  effect: effectSchema,
  times: z.number().int().positive().optional(),
});

export type FaultJson = z.infer<typeof faultSchema>;

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}

/** The fault that JSON describes. */
export function faultOf({ match, ...rest }: FaultJson): Fault {
  const { path, ...others } = match;
  return { ...rest, match: path === undefined ? others : { ...others, path: new RegExp(path) } };
}

/** The JSON of a fault, as the control port lists it. */
export function faultJson(fault: Fault): Record<string, unknown> {
  const { path, ...others } = fault.match;
  return { ...fault, match: path === undefined ? others : { ...others, path: path.source.replaceAll('\\/', '/') } };
}
