// The simulator as a process of its own, which tells its parent what it was asked and how long its tasks took.
import { Simulator } from '../sim/simulator.ts';
import type { Task, TaskRegistry } from '../sim/tasks/task-registry.ts';
import type { SimulatorRecord, SimulatorRequest, SimulatorStart, TaskRecord } from './simulator-link.ts';
import { benchTopology } from './topology.ts';

/** Notes how long every task takes; the tasks themselves know whole seconds only, as in Proxmox VE. */
function timeTasks(registry: TaskRegistry): TaskRecord[] {
  const records: TaskRecord[] = [];
  const start = registry.start.bind(registry);
  registry.start = (kind, worker): Task => {
    const startedAtMs = Date.now();
    const task = start(kind, worker);
    const record: TaskRecord = { upid: task.upid, type: task.type, startedAtMs };
    records.push(record);
    void task.done.then(() => {
      record.endedAtMs = Date.now();
    });
    return task;
  };
  return records;
}

async function serve(speed: number | 'instant'): Promise<void> {
  const topology = await benchTopology();
  const simulator = new Simulator({ topology, speed });
  const tasks = timeTasks(simulator.world.tasks);
  const requests: SimulatorRecord['requests'] = [];
  simulator.onRequest(({ method, path, status }) => requests.push({ atMs: Date.now(), method, path, status }));
  process.on('message', (message: SimulatorRequest) => {
    if (message.kind !== 'report') return;
    const { user, system } = process.cpuUsage();
    const cpuSeconds = (user + system) / 1e6;
    process.send?.({ kind: 'report', requests, tasks, cpuSeconds } satisfies SimulatorRecord);
  });
  const { url, caPem } = await simulator.listen();
  const [token] = topology.tokens;
  if (token === undefined) throw new Error('The topology has no API token.');
  process.send?.({ kind: 'listening', url, caPem, tokenID: token.id, secret: token.secret } satisfies SimulatorStart);
}

process.once('disconnect', () => process.exit());
await serve(process.argv[2] === 'instant' ? 'instant' : Number(process.argv[2]));
