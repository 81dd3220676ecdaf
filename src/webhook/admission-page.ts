// Prints docs/admission.md: every rule of admission, the codes of refusals, and the rights of our own.
import { table } from '../api/reference.ts';
import { CODES } from './codes.ts';
import { RIGHTS, type Rule } from './rule.ts';
import { RULES } from './rules.ts';

/** The page, ready but for the formatter. */
export function admissionPage(rules: readonly Rule[] = RULES): string {
  const kinds = [...new Set(rules.map(({ kind }) => kind))];
  return [
    '<!-- Printed by `npm run generate`; edit src/webhook instead. -->',
    '# Admission',
    'What one object shows by itself is checked by the API server, also while the webhook is down: see the bounds and rules in the [reference](reference/README.md). What needs other objects, or depends on who asks, is checked by the validating webhook: the rules below. Nothing is ever changed by admission, and a dry run is answered like any other request.',
    'A rule looks at what a request changes. An object that has become wrong by a change of another one can still be labelled, finalized and corrected.',
    'A refusal has one entry in `status.details.causes` for each thing that is wrong: `field` is the path, `reason` the code, `message` a sentence for people. The `code` of the status is 422 when something is wrong with the object itself, else 403 when a right is missing, else 409; a client should look at the entries.',
    ...kinds.flatMap((kind) => [`## ${kind}`, ...rules.filter((rule) => rule.kind === kind).flatMap(section)]),
    '## Codes',
    'A code keeps its meaning; messages may change.',
    table(
      ['Code', 'What it means', 'Status'],
      Object.entries(CODES).map(([code, { meaning, httpStatus }]) => [`\`${code}\``, meaning, String(httpStatus)]),
    ),
    '## Rights',
    'Verbs of RBAC beside those of Kubernetes, on `virtualmachines`, `plans` or the kind that a rule names. The operator itself needs none of them. A Role grants one with, for example, `verbs: ["suspend"]`.',
    table(
      ['Verb', 'Who has it may'],
      Object.entries(RIGHTS).map(([right, meaning]) => [`\`${right}\``, lowerFirst(meaning)]),
    ),
  ].join('\n\n');
}

function section({ id, verbs, title, codes, rights = [], example }: Rule): string[] {
  const facts = [
    `On ${verbs.join(', ')}`,
    codes.length === 0 ? 'warns only' : `codes ${codes.map((code) => `\`${code}\``).join(', ')}`,
    ...(rights.length === 0 ? [] : [`not for who has ${rights.map((right) => `\`${right}\``).join(', ')}`]),
  ];
  return [`### ${id}`, title, `${facts.join('; ')}. For example:`, `> ${escaped(example)}`];
}

// Outside of code, angle brackets and stars are markup.
function escaped(text: string): string {
  return text.replaceAll(/[<*_[\]]/g, '\\$&');
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
