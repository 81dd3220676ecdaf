// Answers for the calls about a cluster as a whole and about its tasks.
import { answers, readAnswer, readTotal } from './answers.ts';
import type { PveApi } from './client.ts';
import type { PveAnswer } from './errors.ts';
import { printParameters, PveParameterError } from './parameters.ts';
import type { Sender } from './sender.ts';
import { parseUpid, type Upid } from './upid.ts';

/** Lines asked for at first; nearly every failed task's log is shorter. */
const LOG_PAGE = 500;

/** Tasks of one kind of one VM that are asked for: far more than there can be within minutes. */
const LATEST_TASKS = 20;

type ClusterCalls =
  'version' | 'permissions' | 'resources' | 'clusterStatus' | 'clusterTasks' | 'vmTasks' | 'taskStatus' | 'taskLog';

export function clusterCalls(send: Sender): Pick<PveApi, ClusterCalls> {
  return {
    version: async () => send('GET /version', answers.version),
    permissions: async () => send('GET /access/permissions', answers.permissions),
    resources: async () => send('GET /cluster/resources', answers.resources),
    clusterStatus: async () => send('GET /cluster/status', answers.clusterStatus),
    clusterTasks: async () => send('GET /cluster/tasks', answers.clusterTasks),
    vmTasks: async ({ node, vmid }, type) => {
      const call = 'GET /nodes/{node}/tasks';
      const parameters = printParameters(call, { vmid, typefilter: type, source: 'all', limit: LATEST_TASKS });
      return send(call, answers.clusterTasks, { path: { node }, parameters });
    },
    taskStatus: async (upid) =>
      send('GET /nodes/{node}/tasks/{upid}/status', answers.taskStatus, { path: taskPath(upid) }),
    taskLog: async (upid, { tail }) => {
      const call = 'GET /nodes/{node}/tasks/{upid}/log';
      const page = async (start: number): Promise<PveAnswer> =>
        send.raw(call, { path: taskPath(upid), parameters: printParameters(call, { start, limit: LOG_PAGE }) });
      const first = await page(0);
      const total = readTotal(first.body);
      const { body } = total > LOG_PAGE ? await page(total - tail) : first;
      return readAnswer(answers.taskLog, call, body).slice(-tail);
    },
  };
}

function taskPath(upid: Upid): { node: string; upid: string } {
  const node = parseUpid(upid)?.node;
  if (node === undefined) throw new PveParameterError('GET /nodes/{node}/tasks/{upid}/status', 'upid', 'is no UPID');
  return { node, upid };
}
