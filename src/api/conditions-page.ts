// Prints docs/conditions.md: every condition type and reason with its meaning and the way out.
import {
  ABNORMAL_CONDITIONS,
  CLUSTER_CONDITIONS,
  OPERATION_CONDITIONS,
  REASONS,
  STEP_CONDITIONS,
  SUMMARY_CONDITIONS,
} from './conditions.ts';
import { table } from './reference.ts';

/** The page, ready but for the formatter. */
export function conditionsPage(): string {
  const reasons: [string, { meaning: string; cure?: string }][] = Object.entries(REASONS);
  return [
    '<!-- Printed by `npm run generate`; edit src/api/conditions.ts instead. -->',
    '# Conditions and reasons',
    'Every object says in `status.conditions` what is the case. The `type` of a condition and its `reason` come from the closed lists below and keep their meaning; the `message` is for people and may change.',
    '`kubectl wait --for=condition=Ready virtualmachine/NAME` waits for a machine; tools that follow [kstatus](https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md) understand `Ready`, `Reconciling` and `Stalled`.',
    '## Summary',
    types(SUMMARY_CONDITIONS),
    '## Steps',
    'One for each kind of step of a VirtualMachine. `True` means that what was looked at is as declared.',
    types(STEP_CONDITIONS),
    '## What is out of the ordinary',
    'Present only while they are `True`.',
    types(ABNORMAL_CONDITIONS),
    'On a ProxmoxCluster:',
    types(CLUSTER_CONDITIONS),
    '## Operations',
    'On a VirtualMachineOperation.',
    types(OPERATION_CONDITIONS),
    '## Reasons',
    'A reason without a way out needs none: it is the normal course, or goes away by itself.',
    table(
      ['Reason', 'What it means', 'What to do'],
      reasons.map(([name, { meaning, cure }]) => [`\`${name}\``, meaning, cure ?? '']),
    ),
  ].join('\n\n');
}

function types(entries: Readonly<Record<string, string>>): string {
  return table(
    ['Type', 'What it means'],
    Object.entries(entries).map(([type, meaning]) => [`\`${type}\``, meaning]),
  );
}
