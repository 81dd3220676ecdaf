// What a deployment took beyond its own Proxmox VE tasks, and where the time went.
import type { VirtualMachineRun } from '../../src/api/virtual-machine-run.ts';
import type { Deployment } from './deployments.ts';
import type { TaskRecord } from './simulator-link.ts';
import { percentile } from './statistics.ts';

export interface Timing {
  name: string;
  totalMs: number;
  /** Sum of the durations of the tasks. */
  tasksMs: number;
  overheadMs: number;
}

/** The timing of every deployment, by the tasks that its run has recorded and those that bear its VMID. */
export function timings(
  deployments: readonly Deployment[],
  runs: readonly Pick<VirtualMachineRun, 'spec' | 'status'>[],
  tasks: readonly TaskRecord[],
): Timing[] {
  return deployments.map(({ name, vmid, createdAtMs, readyAtMs }) => {
    const run = runs.find(({ spec }) => spec.virtualMachineName === name);
    const recorded = new Set(run?.status?.taskIDs);
    // A clone's task bears the template's VMID, and a change that is done at once leaves no task to be recorded.
    const own = tasks.filter(({ upid }) => recorded.has(upid) || upid.split(':')[6] === String(vmid));
    const tasksMs = own.reduce((sum, task) => sum + (task.endedAtMs ?? task.startedAtMs) - task.startedAtMs, 0);
    const totalMs = readyAtMs - createdAtMs;
    return { name, totalMs, tasksMs, overheadMs: totalMs - tasksMs };
  });
}

/** Median duration of each step in milliseconds, tasks included, in the order of the steps. */
export function stepMedians(runs: readonly Pick<VirtualMachineRun, 'status'>[]): Record<string, number> {
  const durations = new Map<string, number[]>();
  for (const { status } of runs) {
    for (const { name, durationMs } of status?.steps ?? []) {
      durations.set(name, [...(durations.get(name) ?? []), durationMs]);
    }
  }
  return Object.fromEntries([...durations].map(([name, values]) => [name, percentile(values, 0.5)]));
}
