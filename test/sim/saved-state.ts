// What `--state` writes and reads: the topology, the world, and the certificate and ports clients know it by.
import { z } from 'zod';
import type { ServerCertificate } from './http/certificate.ts';
import { fromText, toText } from './state/saved-world.ts';
import type { saveWorld } from './state/saved-world.ts';
import type { Topology } from './topology.ts';

/** A simulator at rest. */
export interface SavedState {
  format: 1;
  /** Simulated milliseconds since the epoch; time goes on from there. */
  at: number;
  topology: Topology;
  world: ReturnType<typeof saveWorld>;
  /** Undefined when it never listened. */
  certificate: ServerCertificate | undefined;
  /** Port of each node's API. */
  ports: Record<string, number>;
}

/** The text of a state file: one state per cluster. */
export function stateText(states: readonly SavedState[]): string {
  return `${toText(states)}\n`;
}

const headSchema = z.array(z.object({ format: z.literal(1) }));

/** The states in the text of a state file; throws when it is none of this version's. */
export function parseStates(text: string): SavedState[] {
  const states = fromText(text);
  const head = headSchema.safeParse(states);
  if (!head.success) throw new Error(`The state file is not valid:\n${z.prettifyError(head.error)}`);
  // Only this program writes the file, so its inside is trusted once the format's number is right.
  return states as SavedState[];
}
