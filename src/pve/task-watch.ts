// Answers for when tasks end: one poll per cluster, whatever the number of tasks.
import type { TaskState } from './answer-types.ts';
import type { Upid } from './upid.ts';

/** How a task ended; the last lines of its log when it failed. */
export type TaskEnd = TaskState & { readonly logTail?: readonly string[] };

export interface TaskWatch {
  start(signal: AbortSignal): void;
  /** Calls back once, when the task has ended. */
  watch(upid: Upid, onEnd: (end: TaskEnd) => void): void;
  /** What is known of a watched or recently ended task. */
  state(upid: Upid): TaskEnd | undefined;
}
