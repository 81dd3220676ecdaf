// The lines a migration writes.
import type { Vm } from '../state/vm.ts';

function clockText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const part = (value: number): string => String(value).padStart(2, '0');
  return `${part(Math.floor(seconds / 3600))}:${part(Math.floor(seconds / 60) % 60)}:${part(seconds % 60)}`;
}

export function finishLine(text: string, durationMs: number): string {
  return `${text} (duration ${clockText(durationMs)})`;
}

/** Where a live migration writes, and what it does besides moving memory. */
export interface LiveLog {
  limited: boolean;
  /** Slots of local disks that are mirrored. */
  mirrored: readonly string[];
  stamp(line: string): void;
  print(line: string): void;
}

/** The lines of a live migration before and after the memory has moved. */
export function liveLines(vm: Vm, log: LiveLog): { before(): void; after(): void } {
  return { before: () => before(vm, log), after: () => after(log) };
}

function before(vm: Vm, log: LiveLog): void {
  const { stamp } = log;
  stamp('start remote tunnel');
  stamp('ssh tunnel ver 1');
  if (log.mirrored.length > 0) mirrorLines(vm, log);
  stamp(`starting online/live migration on unix:/run/qemu-server/${vm.vmid}.migrate`);
  stamp('set migration capabilities');
  if (log.limited) stamp('migration speed limit: 19.5 MiB/s');
  stamp('migration downtime limit: 100 ms');
  stamp('migration cachesize: 32.0 MiB');
  stamp('set migration parameters');
  stamp(`start migrate command to unix:/run/qemu-server/${vm.vmid}.migrate`);
}

function mirrorLines(vm: Vm, { mirrored, stamp, print }: LiveLog): void {
  stamp('starting storage migration');
  for (const slot of mirrored) {
    stamp(`${slot}: start migration to nbd:unix:/run/qemu-server/${vm.vmid}_nbd.migrate:exportname=drive-${slot}`);
    print(`drive mirror is starting for drive-${slot}`);
    print(`mirror-${slot}: transferred 0.0 MiB of 100.0 MiB (0.00%) in 0 s`);
    print(`mirror-${slot}: transferred 100.0 MiB of 100.0 MiB (100.00%) in 1 s, ready`);
  }
  print("all 'mirror' jobs are ready");
  stamp('switching mirror jobs to actively synced mode');
  for (const slot of mirrored) {
    print(`mirror-${slot}: switching to actively synced mode`);
    print(`mirror-${slot}: successfully switched to actively synced mode`);
  }
}

function after({ mirrored, stamp, print }: LiveLog): void {
  stamp('average migration speed: 54.6 MiB/s - downtime 11 ms');
  stamp('migration completed, transferred 93.1 MiB VM-state');
  stamp('migration status: completed');
  if (mirrored.length > 0) print("all 'mirror' jobs are ready");
  for (const slot of mirrored) {
    print(`mirror-${slot}: Completing block job...`);
    print(`mirror-${slot}: Completed successfully.`);
    print(`mirror-${slot}: mirror-job finished`);
  }
  if (mirrored.length > 0) stamp('stopping NBD storage migration server on target.');
}
