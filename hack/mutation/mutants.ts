// Makes mutants of a source: the same text with one small mistake, as a tired author would make it.
import { parseAst } from 'vitest/node';

export interface Mutant {
  /** From 1. */
  readonly line: number;
  /** What stands there, and what takes its place. */
  readonly from: string;
  readonly to: string;
  /** The whole source with the mistake. */
  readonly source: string;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** A piece of the source and its replacement. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly to: string;
}

const OPERATORS: Readonly<Record<string, string>> = {
  '===': '!==',
  '!==': '===',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '&&': '||',
  '||': '&&',
  '??': '&&',
};

const METHODS: Readonly<Record<string, string>> = {
  some: 'every',
  every: 'some',
  startsWith: 'endsWith',
  endsWith: 'startsWith',
  max: 'min',
  min: 'max',
};

/** Every mutant of a TypeScript source, in the order of the text. */
export function mutantsOf(source: string): readonly Mutant[] {
  const program = parseAst(source, { lang: 'ts' }) as unknown as Node;
  return nodesOf(program)
    .flatMap((node) => editsOf(node, source))
    .sort((a, b) => a.start - b.start)
    .map(({ start, end, to }) => ({
      line: source.slice(0, start).split('\n').length,
      from: source.slice(start, end),
      to,
      source: source.slice(0, start) + to + source.slice(end),
    }));
}

// Types are gone when the code runs, and imports are nobody's decision.
function nodesOf(node: Node): readonly Node[] {
  if (node.type === 'ImportDeclaration' || (node.type.startsWith('TS') && !isNode(node['expression']))) return [];
  const children = Object.values(node)
    .flatMap((value) => (Array.isArray(value) ? value : [value]))
    .filter(isNode);
  return [node, ...children.flatMap(nodesOf)];
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Node>).type === 'string';
}

function editsOf(node: Node, source: string): readonly Edit[] {
  return EDITS[node.type]?.(node, source) ?? [];
}

const EDITS: Readonly<Record<string, (node: Node, source: string) => readonly Edit[]>> = {
  BinaryExpression: operator,
  LogicalExpression: operator,
  IfStatement: negatedTest,
  ConditionalExpression: negatedTest,
  UnaryExpression: (node, source) =>
    node['operator'] === '!' ? [replaced(node, textOf(node['argument'] as Node, source))] : [],
  Literal: (node) => constant(node),
  ArrayExpression: (node, source) => shorter(node, source),
  MemberExpression: (node) => {
    const property = node['property'] as Node;
    const other = METHODS[String(property['name'])];
    return other === undefined ? [] : [replaced(property, other)];
  },
};

function operator(node: Node, source: string): readonly Edit[] {
  const other = OPERATORS[String(node['operator'])];
  const [left, right] = [node['left'] as Node, node['right'] as Node];
  if (other === undefined) return [];
  const between = source.slice(left.end, right.start).replace(String(node['operator']), other);
  // In brackets: `??` and `||` do not mix.
  return [replaced(node, `(${textOf(left, source)})${between}(${textOf(right, source)})`)];
}

function negatedTest(node: Node, source: string): readonly Edit[] {
  const condition = node['test'] as Node;
  return [replaced(condition, `!(${textOf(condition, source)})`)];
}

function constant(node: Node): readonly Edit[] {
  const { value } = node;
  if (typeof value === 'boolean') return [replaced(node, String(!value))];
  return typeof value === 'number' ? [replaced(node, String(value + 1))] : [];
}

function shorter(node: Node, source: string): readonly Edit[] {
  const elements = (node['elements'] as readonly (Node | null)[]).filter(isNode);
  return elements.map((gone) => {
    const rest = elements.filter((element) => element !== gone).map((element) => textOf(element, source));
    return replaced(node, `[${rest.join(', ')}]`);
  });
}

function replaced({ start, end }: Node, to: string): Edit {
  return { start, end, to };
}

function textOf({ start, end }: Node, source: string): string {
  return source.slice(start, end);
}
