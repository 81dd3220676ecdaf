// Notes of a backup from their template.
import { parameterError } from '../errors.ts';
import type { Vm } from '../state/vm.ts';
import { optionalText } from './route.ts';
import type { Call } from './route.ts';

const known = new Set(['cluster', 'guestname', 'node', 'vmid']);

/** Refuses a template with a variable that does not exist. */
export function requireNotesTemplate(template: string | undefined): void {
  for (const match of template?.matchAll(/\{\{(.*?)\}\}/g) ?? []) {
    const name = match[1] ?? '';
    if (!known.has(name))
      throw parameterError({ 'notes-template': `found unknown: variable '${name}' at char ${match.index + 4}\n` });
  }
}

/** The notes of a VM's backup; undefined without a template. */
export function notesFrom(call: Call, vm: Vm): string | undefined {
  const template = optionalText(call.params['notes-template']);
  const values: Record<string, string> = {
    cluster: call.world.topology.cluster,
    guestname: vm.name,
    node: vm.node,
    vmid: String(vm.vmid),
  };
  return template
    ?.replace(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? '')
    .replaceAll('\\n', '\n')
    .replaceAll('\\\\', '\\');
}
