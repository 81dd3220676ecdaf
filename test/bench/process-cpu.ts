// How long a process has run on a processor: unlike the time on the wall, the load of the machine does not distort it.
import { readFile } from 'node:fs/promises';

/** Linux counts in hundredths of a second, whatever the kernel was built with (proc_pid_stat(5), sysconf(3)). */
const TICK_MS = 10;

/** Milliseconds of processor time of a process so far, by itself and in the kernel; undefined where there is no /proc. */
export async function cpuMsOf(pid: number): Promise<number | undefined> {
  try {
    return cpuMsIn(await readFile(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The same, of the text of /proc/PID/stat. The name of the process stands in brackets and may hold anything. */
export function cpuMsIn(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, kernel] = [fields[11], fields[12]].map(Number);
  if (user === undefined || kernel === undefined || Number.isNaN(user + kernel))
    throw new TypeError('The statistics of the process have no times.');
  return (user + kernel) * TICK_MS;
}
