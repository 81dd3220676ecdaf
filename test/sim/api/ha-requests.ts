// Calls about a managed VM: the task only asks the high-availability managers, who act on it a little later.
import { failure } from '../errors.ts';
import { resourceOf } from '../state/ha-services.ts';
import type { World } from '../state/world.ts';
import type { Task } from '../tasks/task-registry.ts';
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
  });
}

function ask(call: Call, vmid: number, request: Request): string {
  const { world, caller } = call;
  const kind = { node: String(call.params['node']), type: request.type, id: String(vmid), caller };
  return world.tasks.start(kind, async (task) => {
    task.print(`Requesting HA ${request.what}`);
    await task.wait(commandMs);
    requireTaken(world, vmid, { task, command: request.command });
    request.carryOut();
    world.wakeHaManagers();
  }).upid;
}

/** The tool prints why it refuses, and the task only tells its exit code. */
function requireTaken(world: World, vmid: number, { task, command }: { task: Task; command: string }): void {
  const reason = world.quorate ? errorState(world, resourceOf(vmid)) : "cfs-lock 'domain-ha' error: no quorum!";
  if (reason === undefined) return;
  task.print(reason);
  throw failure(`command 'ha-manager ${command}' failed: exit code 255`);
}

/** Why nothing but disabling is taken for a resource; undefined when all is well. */
export function errorState(world: World, sid: string): string | undefined {
  if (world.haServices.get(sid)?.state !== 'error') return undefined;
  return `service '${sid}' in error state, must be disabled and fixed first`;
}
