// Prints the pages of docs/reference: every field of a kind with its type, bounds, default and meaning.
import { CATEGORY, rootSchema, type SchemaNode } from './crd.ts';
import { API_VERSION, type CelRule, type Kind, type PrinterColumn } from './object.ts';

/** The notice on top of every page that is printed from the sources. */
const GENERATED = '<!-- Printed by `npm run generate`; edit the schemas in src/api instead. -->';

interface FieldRow {
  path: string;
  type: string;
  required: boolean;
  bounds: string[];
  /** What the operator assumes when the field is absent. */
  fallback: string;
  description: string;
}

/** The file of a kind's page within docs/reference. */
export function referenceFile(kind: Kind): string {
  return `${kind.singular}.md`;
}

/** The page that lists all kinds. */
export function referenceIndex(kinds: readonly Kind[]): string {
  const rows = kinds.map((kind) => [
    `[${kind.kind}](${referenceFile(kind)})`,
    kind.scope,
    kind.shortNames.map(code).join(', '),
    kind.description,
  ]);
  return [
    GENERATED,
    '# API reference',
    `All kinds belong to \`${API_VERSION}\`. \`kubectl get ${CATEGORY}\` lists the objects of all of them, and \`kubectl explain KIND.spec\` prints what these pages say.`,
    table(['Kind', 'Scope', 'Short names', 'What it is'], rows),
  ].join('\n\n');
}

/** The page of one kind. */
export function referencePage(kind: Kind): string {
  const { spec, status } = rootSchema(kind).properties ?? {};
  const parts = [
    GENERATED,
    `# ${kind.kind}`,
    kind.description,
    list([
      `API version: \`${API_VERSION}\``,
      `Scope: ${kind.scope}`,
      `Resource: ${code(kind.plural)}; short names: ${kind.shortNames.map(code).join(', ')}`,
      ...(kind.selectableFields === undefined
        ? []
        : [`Field selectors: ${kind.selectableFields.map((path) => code(path.slice(1))).join(', ')}`]),
    ]),
    ...rules('Rules on the whole object:', kind.rules ?? []),
    ...section('spec', 'Spec', spec),
    ...section('status', 'Status', status),
    '## Columns of `kubectl get`',
    table(['Column', 'Meaning'], kind.printerColumns.map(columnRow)),
  ];
  return parts.join('\n\n');
}

function section(name: string, title: string, schema: SchemaNode | undefined): string[] {
  if (schema === undefined) return [];
  const rows = fieldRows(schema, '').map((row) => [
    code(row.path),
    row.type,
    row.required ? 'yes' : '',
    row.bounds.join('; '),
    row.fallback === '' ? '' : code(row.fallback),
    row.description,
  ]);
  return [
    `## ${title}`,
    `Fields under \`${name}\`. "Required" means within the object that the field belongs to.`,
    table(['Field', 'Type', 'Required', 'Bounds', 'Default', 'Meaning'], rows),
    ...rules('Rules:', schema['x-kubernetes-validations'] ?? []),
  ];
}

function rules(title: string, wanted: readonly CelRule[]): string[] {
  return wanted.length === 0 ? [] : [title, list(wanted.map((rule) => sentence(rule.message)))];
}

/** Every field below a node, in the order of the schema. Lists add `[]`, maps `{}` to the path. */
export function fieldRows(node: SchemaNode, prefix: string): FieldRow[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const required = node.required?.includes(name) ?? false;
    const description = child.description ?? '';
    const row = {
      path,
      type: typeName(child),
      required,
      bounds: bounds(child),
      fallback: defaultOf(description),
      description,
    };
    return [row, ...innerRows(child, path)];
  });
}

function innerRows(node: SchemaNode, path: string): FieldRow[] {
  if (node.items !== undefined) return innerRows(node.items, `${path}[]`);
  return fieldRows(node, path);
}

/** What a description says that absence means: "X" of "Default X.", else nothing. */
export function defaultOf(description: string): string {
  return /\bDefault (\S+?)[.:;](?:\s|$)/.exec(description)?.[1] ?? '';
}

function typeName(node: SchemaNode): string {
  if (node.items !== undefined) return `list of ${plural(node.items)}`;
  if (node.additionalProperties !== undefined) return `map of ${plural(node.additionalProperties)}`;
  if (node.format === 'date-time') return 'time';
  return node.type;
}

function plural(node: SchemaNode): string {
  return `${typeName(node)}s`;
}

function bounds(node: SchemaNode): string[] {
  return [
    ...(node.enum === undefined ? [] : [`one of ${node.enum.map(code).join(', ')}`]),
    ...range(node.minimum, node.maximum, ''),
    ...range(node.minLength, node.maxLength, ' characters'),
    ...range(node.minItems, node.maxItems, ' entries'),
    ...range(undefined, node.maxProperties, ' entries'),
    ...(node.pattern === undefined ? [] : [`matches ${code(node.pattern)}`]),
    ...(node['x-kubernetes-validations'] ?? []).map((rule) => rule.message),
    ...(node.items === undefined ? [] : entryBounds(node.items)),
    ...(node.additionalProperties === undefined ? [] : entryBounds(node.additionalProperties)),
  ];
}

function entryBounds(node: SchemaNode): string[] {
  return node.type === 'object' ? [] : bounds(node).map((bound) => `each: ${bound}`);
}

function range(least: number | undefined, most: number | undefined, unit: string): string[] {
  if (least === undefined && most === undefined) return [];
  if (most === undefined) return [`at least ${least}${unit}`];
  return [least === undefined || least === most ? `at most ${most}${unit}` : `${least} to ${most}${unit}`];
}

function columnRow(column: PrinterColumn): string[] {
  const wide = column.priority === 1 ? ' Shown with `-o wide`.' : '';
  return [column.name, `${column.description}${wide}`];
}

/** A Markdown table; cells may hold any text. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

// Outside of code, angle brackets and braces are markup to one renderer or another.
function cell(text: string): string {
  const escaped = text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  return escaped.replaceAll(/`[^`]*`|</g, (part) => (part === '<' ? '&lt;' : part));
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n');
}

function code(text: string): string {
  return `\`${text}\``;
}

function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`;
}
