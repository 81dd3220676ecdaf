// Prints docs/state-machines.md: every machine of src/machines.ts with its steps, in the order of work.
import { table } from './api/reference.ts';
import type { VirtualMachineStatus } from './api/virtual-machine-status.ts';
import type { Need } from './machine/facts.ts';
import type { ActionKind, Machine, MachineEntry, Step } from './machine/vocabulary.ts';
import { MACHINES } from './machines.ts';

/** What each fact is, for the legend of the page. */
const FACTS: { readonly [N in Need]: string } = {
  addresses: 'the pools that the namespace may use, and which of their addresses are held',
  template: 'node and configuration of the template',
  cloneSlot: 'whether another clone may run on the storage and the node of the template',
  observed: 'the VM under the reserved VMID: whose it is, its configuration, its lock',
  firewall: 'firewall options and address set of the VM',
  power: 'whether the VM runs, asked live',
  credentials: 'whether the Secret with user and password was made',
  guestAgent: 'whether the agent in the running guest answers',
  restartTask: 'what became of a reboot or reset whose call got no answer',
  pending: 'the options of the running VM whose change waits for its next start',
  snapshots: 'the names of the snapshots of the VM',
};

/** Calls that leave their name behind; a step may look at more when it finds its own. */
const RECORDED: readonly ActionKind[] = ['createCredentials', 'clone', 'migrate', 'start', 'destroy'];

/** The page, ready but for the formatter. */
export function stateMachinesPage(): string {
  return [
    '<!-- Printed by `npm run generate`; edit src/machines.ts and src/steps instead. -->',
    '# State machines',
    'A machine is a list of steps. `status.state` is the state of the last step that is done; the state of a VM that nothing was done for yet is the one before the first step. What a step looks at, decides and asks for is told in [architecture](architecture.md), how to add one in [add a step](contributing/add-a-step.md).',
    'The configuration changes of batchable steps may be sent in one call; each state is recorded in its turn all the same.',
    ...MACHINES.flatMap(machineSection),
    '## Facts',
    'What a step can ask to be gathered. Everything else comes from objects that the operator holds in memory.',
    table(
      ['Fact', 'What it is'],
      Object.entries(FACTS).map(([need, meaning]) => [code(need), meaning]),
    ),
  ].join('\n\n');
}

function machineSection(machine: Machine): string[] {
  return [
    `## ${machine.name}`,
    hasStates(machine)
      ? `Begins at \`${machine.initial}\` and goes on where \`status.state\` says.`
      : `Has one state word for all its steps, \`${machine.initial}\`. Every pass begins at the first step and passes over those whose work is found done.`,
    table(
      ['#', 'State before → after', 'Step', 'Id', 'Condition', 'Facts', 'Batchable'],
      machine.entries.map((entry, index) => stepRow(machine, entry, index)),
    ),
    ...shortfallNote(machine),
    fenced('mermaid', hasStates(machine) ? stateDiagram(machine) : stepDiagram(machine)),
  ];
}

/** Whether its states tell its steps apart. */
function hasStates({ entries, initial }: Machine): boolean {
  return entries.some(({ state }) => state !== initial);
}

function stepRow(machine: Machine, { state, step }: MachineEntry, index: number): string[] {
  const before = machine.entries[index - 1]?.state ?? machine.initial;
  const after =
    machine.failedState === undefined ? code(state) : `${code(state)}, on failure ${code(machine.failedState)}`;
  const batchable = step.batchable === true ? 'yes' : '';
  return [
    String(index + 1),
    `${code(before)} → ${after}`,
    step.title,
    code(step.id),
    code(step.condition),
    facts(step),
    batchable,
  ];
}

function facts(step: Step): string {
  const always = step.needs({});
  const later = RECORDED.flatMap((action) =>
    step
      .needs(afterAttempt(action))
      .filter((need) => !always.includes(need))
      .map((need) => `${code(need)} once \`${action}\` was sent`),
  );
  return [...always.map(code), ...later].join(', ');
}

/** A status that shows the call as sent. */
function afterAttempt(action: ActionKind): VirtualMachineStatus {
  const sentAt = '1970-01-01T00:00:00Z';
  return { operation: { machine: 'deploy', startedAt: sentAt, intent: { action, sentAt, attempt: 1 } } };
}

function shortfallNote({ entries }: Machine): string[] {
  const ids = entries.filter(({ step }) => step.shortfall !== undefined).map(({ step }) => code(step.id));
  return ids.length === 0 ? [] : [`The condition of ${ids.join(', ')} can be False although the machine goes on.`];
}

function stateDiagram({ initial, entries }: Machine): string[] {
  const arrows = entries.map(
    ({ state, step }, index) => `  ${entries[index - 1]?.state ?? initial} --> ${state}: ${step.title}`,
  );
  const last = entries.at(-1)?.state ?? initial;
  return ['stateDiagram-v2', `  [*] --> ${initial}`, ...arrows, `  ${last} --> [*]`];
}

function stepDiagram({ initial, entries, failedState }: Machine): string[] {
  const steps = entries.map(({ step }) => ({ node: step.id.replaceAll('-', '_'), title: step.title }));
  const chain = ['[*]', ...steps.map(({ node }) => node), '[*]'];
  const failure =
    failedState === undefined
      ? []
      : [`  ${initial} --> ${failedState}: a step fails`, `  ${failedState} --> ${initial}: it is tried again`];
  return [
    'stateDiagram-v2',
    `  [*] --> ${initial}`,
    `  state ${initial} {`,
    ...steps.map(({ node, title }) => `    state "${title}" as ${node}`),
    ...chain.slice(1).map((node, index) => `    ${chain[index]} --> ${node}`),
    '  }',
    ...failure,
    `  ${initial} --> [*]`,
  ];
}

function fenced(language: string, lines: readonly string[]): string {
  return ['```' + language, ...lines, '```'].join('\n');
}

function code(text: string): string {
  return `\`${text}\``;
}
