// Calls about a managed VM: the task only asks the high-availability managers, who act on it a little later.
import { failure } from '../errors.ts';
import { resourceOf } from '../state/ha-services.ts';
import type { World } from '../state/world.ts';
import type { Task } from '../tasks/task-registry.ts';
import { motionOf } from './ha-place.ts';
import type { Call } from './route.ts';

/** How long the command-line tool takes that the task runs. */
const commandMs = 700;

interface Request {
  type: 'hastart' | 'hastop' | 'hamigrate';
  /** What the task says it asks for. */
  what: string;
  /** Arguments of the tool, as its failure names them. */
  command: string;
  carryOut: () => void;
  /** Why it cannot be, beside what every request is refused for. */
  refusal?: () => string | undefined;
  /** What the tool says of others it will move too. */
  also?: () => string[];
}

/** Asks for a start; the answer is the UPID. */
export function requestStart(call: Call, vmid: number): string {
  const { haResources } = call.world;
  const sid = resourceOf(vmid);
  return ask(call, vmid, {
    type: 'hastart',
    what: `start for VM ${vmid}`,
    command: `set ${sid} --state started`,
    carryOut: () => haResources.set(sid, { ...haResources.get(sid), state: 'started' }),
  });
}

/** Asks for a stop; the guest has that many seconds, none at all with 0. */
export function requestStop(call: Call, vmid: number, timeoutS: number): string {
  const sid = resourceOf(vmid);
  return ask(call, vmid, {
    type: 'hastop',
    what: `stop for VM ${vmid}`,
    command: `crm-command stop ${sid} ${timeoutS}`,
    carryOut: () => call.world.haCommands.set(sid, { stopTimeoutS: timeoutS }),
  });
}

/** Asks for a move to another node. */
export function requestMigration(call: Call, vmid: number, target: string): string {
  const sid = resourceOf(vmid);
  return ask(call, vmid, {
    type: 'hamigrate',
    what: `migration for VM ${vmid} to node ${target}`,
    command: `migrate ${sid} ${target}`,
    carryOut: () => call.world.haCommands.set(sid, { target }),
    refusal: () => blocked(call.world, vmid, target),
    also: () => motionOf(call.world, vmid).along.map((other) => alsoMoved(sid, other, target)),
  });
}

function alsoMoved(sid: string, other: string, target: string): string {
  return `also migrate resource '${other}' in positive affinity with resource '${sid}' to target node '${target}'`;
}

/** Why the tool refuses a move: a resource that has to be kept apart is there. */
function blocked(world: World, vmid: number, target: string): string | undefined {
  const sid = resourceOf(vmid);
  const rivals = motionOf(world, vmid).blockedBy(target);
  if (rivals.length === 0) return undefined;
  const lines = rivals.map(
    (rival) => `- resource '${rival}' on target node '${target}' in negative affinity with resource '${sid}'`,
  );
  return [`cannot migrate resource '${sid}' to node '${target}':`, '', ...lines].join('\n');
}

function ask(call: Call, vmid: number, request: Request): string {
  const { world, caller } = call;
  const kind = { node: String(call.params['node']), type: request.type, id: String(vmid), caller };
  return world.tasks.start(kind, async (task) => {
    task.print(`Requesting HA ${request.what}`);
    await task.wait(commandMs);
    requireTaken(world, vmid, { task, request });
    request.carryOut();
    task.print(...(request.also?.() ?? []));
    world.wakeHaManagers();
  }).upid;
}

/** The tool prints why it refuses, and the task only tells its exit code. */
function requireTaken(world: World, vmid: number, { task, request }: { task: Task; request: Request }): void {
  const reason = world.quorate
    ? (errorState(world, resourceOf(vmid)) ?? request.refusal?.())
    : "cfs-lock 'domain-ha' error: no quorum!";
  if (reason === undefined) return;
  task.print(...reason.split('\n'));
  throw failure(`command 'ha-manager ${request.command}' failed: exit code 255`);
}

/** Why nothing but disabling is taken for a resource; undefined when all is well. */
export function errorState(world: World, sid: string): string | undefined {
  if (world.haServices.get(sid)?.state !== 'error') return undefined;
  return `service '${sid}' in error state, must be disabled and fixed first`;
}
