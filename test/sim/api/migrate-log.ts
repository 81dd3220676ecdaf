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

/** Lines of a live migration before and after the memory has moved. */
export function liveLines(vm: Vm): { before: string[]; after: string[] } {
  return {
    before: [
      'start remote tunnel',
      'ssh tunnel ver 1',
      `starting online/live migration on unix:/run/qemu-server/${vm.vmid}.migrate`,
      'set migration capabilities',
      'migration speed limit: 19.5 MiB/s',
      'migration downtime limit: 100 ms',
      'migration cachesize: 32.0 MiB',
      'set migration parameters',
      `start migrate command to unix:/run/qemu-server/${vm.vmid}.migrate`,
    ],
    after: [
      'average migration speed: 54.6 MiB/s - downtime 11 ms',
      'migration completed, transferred 93.1 MiB VM-state',
      'migration status: completed',
    ],
  };
}
