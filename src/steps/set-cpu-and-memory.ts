// set_cpu_ram: CPU cores and memory.
import type { Facts, OwnVm } from '../machine/facts.ts';
import type { Step, Verdict } from '../machine/vocabulary.ts';
import { designOf, withOwnVm } from './own-vm.ts';

export const setCpuAndMemory: Step = {
  id: 'set-cpu-and-memory',
  title: 'Set CPU & RAM',
  condition: 'ComputeConfigured',
  needs: () => ['observed'],
  batchable: true,
  plan: (facts) => withOwnVm(facts, (vm) => plan(facts, vm)),
};

function plan(facts: Facts, { config }: OwnVm): Verdict {
  const { cpuCores, memoryGiB } = designOf(facts).package;
  const memoryMiB = memoryGiB * 1024;
  const set: Record<string, number> = {};
  if (Number(config.get('cores') ?? '1') !== cpuCores) set['cores'] = cpuCores;
  // The package counts cores; a template with two sockets would double them.
  if (Number(config.get('sockets') ?? '1') !== 1) set['sockets'] = 1;
  if (memoryOf(config) !== memoryMiB) set['memory'] = memoryMiB;
  // Proxmox VE refuses a balloon target above the memory.
  if (Number(config.get('balloon') ?? '0') > memoryMiB) set['balloon'] = memoryMiB;
  if (Object.keys(set).length === 0) return { kind: 'done' };
  return {
    kind: 'act',
    action: { kind: 'configure', set },
    why: `${Object.keys(set).join(', ')} differ from the package`,
  };
}

// Since 8.1 a property string: `2048` or `current=2048`. 512 MiB is what Proxmox VE assumes.
function memoryOf(config: ReadonlyMap<string, string>): number {
  return Number((config.get('memory') ?? '512').replace(/^current=/, ''));
}
