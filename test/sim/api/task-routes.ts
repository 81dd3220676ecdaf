// Tasks: lists per node and cluster, status, log, stopping one.
import { parameterError } from '../errors.ts';
import { splitList } from '../schema/formats.ts';
import { flag, formatted, integer, node, oneOf, optionalVmid, required, text } from '../schema/parameter.ts';
import { doneWithin, parseUpid } from '../tasks/task-registry.ts';
import type { Task } from '../tasks/task-registry.ts';
import { Answer, may, requireAny, textOf } from './route.ts';
import type { Call, Permission, Route } from './route.ts';

function isOwn(call: Call, task: Pick<Task, 'caller'>): boolean {
  return (
    task.caller.id === call.caller.id || (call.caller.tokenName === undefined && task.caller.user === call.caller.user)
  );
}

/** The owner may, and who has the privilege on the node. */
function ownerOr(privilege: string): Permission {
  return (call) => {
    const parsed = parseUpid(textOf(call.params['upid']));
    if (parsed === undefined || isOwn(call, parsed)) return;
    requireAny(call, `/nodes/${textOf(call.params['node'])}`, [privilege]);
  };
}

function find(call: Call): Task | undefined {
  const upid = textOf(call.params['upid']);
  if (parseUpid(upid) === undefined) throw parameterError({ upid: 'unable to parse worker upid' });
  const task = call.world.tasks.get(upid);
  return task?.node === call.params['node'] ? task : undefined;
}

function requireTask(call: Call): Task {
  const task = find(call);
  if (task === undefined) throw parameterError({ upid: 'no such task' });
  return task;
}

function who(task: Task): Record<string, string> {
  return task.caller.tokenName === undefined
    ? { user: task.caller.user }
    : { user: task.caller.user, tokenid: task.caller.tokenName };
}

function facts(task: Task): Record<string, unknown> {
  return {
    id: task.id,
    node: task.node,
    pid: task.pid,
    pstart: task.pstart,
    starttime: task.startTime,
    type: task.type,
    upid: task.upid,
  };
}

function readStatus(call: Call): unknown {
  const task = requireTask(call);
  const running = task.status === undefined;
  return {
    ...facts(task),
    ...who(task),
    status: running ? 'running' : 'stopped',
    ...(running ? {} : { exitstatus: task.status }),
  };
}

function log(call: Call): unknown {
  const task = find(call);
  if (task === undefined)
    return new Answer([{ n: 1, t: 'unable to open file - No such file or directory' }], { total: 1 });
  const start = Number(call.params['start'] ?? 0);
  const limit = Number(call.params['limit'] ?? 50);
  const lines = task.log.map((line, index) => ({ n: index + 1, t: line }));
  const shown = limit === 0 ? lines.slice(start) : lines.slice(start, start + limit);
  return new Answer(shown.length === 0 && lines.length === 0 ? [{ n: 1, t: 'no content' }] : shown, {
    total: Math.max(lines.length, 1),
  });
}

async function stop(call: Call): Promise<null> {
  const task = requireTask(call);
  task.stop();
  if (task.status === undefined) await doneWithin(call.world.clock, task, 5000);
  return null;
}

function listItem(task: Task, source: string): Record<string, unknown> {
  if (task.status === undefined && source !== 'archive') {
    return { ...facts(task), user: task.caller.id, status: 'RUNNING', saved: '0' };
  }
  return { ...facts(task), ...who(task), endtime: task.endTime, status: task.status };
}

function matches(call: Call, task: Task): boolean {
  const { vmid, typefilter, userfilter, since, until } = call.params;
  if (vmid !== undefined && task.id !== String(vmid)) return false;
  if (typefilter !== undefined && task.type !== typefilter) return false;
  if (userfilter !== undefined && !task.caller.id.includes(textOf(userfilter))) return false;
  if (since !== undefined && task.startTime < Number(since)) return false;
  return until === undefined || task.startTime <= Number(until);
}

function statusKind(status: string | undefined): string {
  if (status === undefined) return 'unknown';
  if (status === 'OK') return 'ok';
  return status.startsWith('WARNINGS') ? 'warning' : 'error';
}

function isIn(source: string, task: Task): boolean {
  return source === 'all' || (source === 'active') === (task.status === undefined);
}

function list(call: Call): unknown {
  const { params } = call;
  const source = textOf(params['source']) || 'archive';
  const all = may(call, `/nodes/${textOf(params['node'])}`, 'Sys.Audit');
  const kinds = splitList(textOf(params['statusfilter'])).map((kind) => kind.toLowerCase());
  const found = call.world.tasks
    .ofNode(textOf(params['node']))
    .filter((task) => (all || isOwn(call, task)) && isIn(source, task))
    .filter((task) => params['errors'] !== 1 || statusKind(task.status) === 'error')
    .filter((task) => kinds.length === 0 || kinds.includes(statusKind(task.status)))
    .filter((task) => matches(call, task));
  const start = Number(params['start'] ?? 0);
  const limit = Number(params['limit'] ?? 50);
  const shown = found.slice(start, start + limit).map((task) => listItem(task, source));
  return found.length === 0 ? shown : new Answer(shown, { total: found.length });
}

/** Finished tasks each node keeps in the cluster's list. */
const keptPerNode = 24;

function clusterList(call: Call): unknown {
  const items: Record<string, unknown>[] = [];
  for (const name of call.world.nodes.keys()) {
    const tasks = call.world.tasks.ofNode(name);
    const finished = tasks.filter((task) => task.status !== undefined).slice(0, keptPerNode);
    const shown = [...tasks.filter((task) => task.status === undefined), ...finished];
    for (const task of shown) {
      if (!may(call, `/nodes/${name}`, 'Sys.Audit') && !isOwn(call, task)) continue;
      const { pstart: _, pid, ...rest } = facts(task);
      items.push(
        task.status === undefined
          ? { ...rest, pid, ...who(task) }
          : { ...rest, ...who(task), endtime: task.endTime, saved: '1', status: task.status },
      );
    }
  }
  return items.sort((left, right) => Number(right['endtime'] ?? Infinity) - Number(left['endtime'] ?? Infinity));
}

const upid = required(text());

export const taskRoutes: Route[] = [
  { method: 'GET', path: '/cluster/tasks', permission: 'all', parameters: {}, run: clusterList },
  {
    method: 'GET',
    path: '/nodes/{node}/tasks',
    permission: 'all',
    proxied: true,
    parameters: {
      node,
      start: integer(0),
      limit: integer(0),
      userfilter: text(),
      typefilter: text(),
      vmid: optionalVmid,
      errors: flag(),
      source: oneOf('archive', 'active', 'all'),
      since: integer(),
      until: integer(),
      statusfilter: formatted('pve-task-status-type-list'),
    },
    run: list,
  },
  {
    method: 'GET',
    path: '/nodes/{node}/tasks/{upid}',
    permission: 'all',
    proxied: true,
    parameters: { node, upid },
    run: () => [{ name: 'log' }, { name: 'status' }],
  },
  {
    method: 'GET',
    path: '/nodes/{node}/tasks/{upid}/status',
    permission: ownerOr('Sys.Audit'),
    proxied: true,
    parameters: { node, upid },
    run: readStatus,
  },
  {
    method: 'GET',
    path: '/nodes/{node}/tasks/{upid}/log',
    permission: ownerOr('Sys.Audit'),
    proxied: true,
    parameters: { node, upid, start: integer(0), limit: integer(0), download: flag() },
    run: log,
  },
  {
    method: 'DELETE',
    path: '/nodes/{node}/tasks/{upid}',
    permission: ownerOr('Sys.Modify'),
    proxied: true,
    parameters: { node, upid },
    run: stop,
  },
];
