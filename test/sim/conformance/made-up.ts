// Made-up scenarios for tests of the player: where they are played, their steps, and the clone that most begin with.
import { demoTopology, operatorToken } from '../testing.ts';
import { play, type Surroundings } from './player.ts';
import type { Step } from './recording.ts';

/** The demo's cluster, with its operator's token. */
export const surroundings: Surroundings = {
  topology: demoTopology(),
  tokens: { full: operatorToken, bad: 'PVEAPIToken=operator@pve!k8s=wrong', none: undefined },
  nodeOfPort: { 8006: 'pve1', 8007: 'pve2' },
};

export type PartialStep = Partial<Step>;

/** A step with what the reader of recordings fills in. */
export function step(partly: PartialStep): Step {
  return { volatile: [], patterns: {}, refs: [], ...partly };
}

/** What the player finds to differ when it plays these steps. */
export async function differences(...steps: PartialStep[]): Promise<string[]> {
  return (await play({ name: 'made up', steps: steps.map(step) }, surroundings)).differences;
}

export const ok = { status: 200, reason: 'OK' };
export const template = '/nodes/pve1/qemu/9000';
/** The template is cloned to VM 100. */
export const clone: PartialStep = {
  request: { method: 'POST', path: `${template}/clone`, params: { newid: 100, name: 'one' } },
  response: { ...ok, body: { data: 'x' } },
  patterns: { '/response/body/data': '<UPID qmclone>:9000:operator@pve!k8s:' },
};
/** The clone, and the end of its task. */
export const awaited: PartialStep = {
  ...clone,
  task: { exitstatus: 'OK', type: 'qmclone', id: '9000', log: [], log_lines_left_out: 9 },
};
