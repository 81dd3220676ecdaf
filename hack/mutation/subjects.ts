// Which files the mutation of the rules is about, and which tests concern each of them.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

const RULES = 'src/webhook/rules';

/** A file to make mistakes in, and the tests that are to notice; all from the root of the project. */
export interface Subject {
  readonly file: string;
  readonly tests: readonly string[];
}

/** Admission reads a warning from it; what it knows of Proxmox VE is held against the simulator, seconds for each mutant. */
const NO_RULE = 'src/domain/hotplug.ts';

/** Every rule, what judges by them, and what of the domain a rule imports, so that a new rule is asked for by itself. */
export function subjectsIn(root: string): readonly Subject[] {
  const rules = codeIn(root, RULES);
  const domain = rules.flatMap((file) => importsOf(root, file).filter((one) => one.startsWith('src/domain/')));
  const files = [...rules, ...new Set(domain), 'src/webhook/review.ts'].filter((file) => file !== NO_RULE).sort();
  return files.map((file) => ({ file, tests: testsOf(root, file) }));
}

/** The tests in the folder of a file that import it; of what none imports, as what rules share, all in the folder. */
function testsOf(root: string, file: string): readonly string[] {
  const beside = readdirSync(join(root, dirname(file)))
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(dirname(file), name));
  const concerned = beside.filter((test) => importsOf(root, test).includes(file));
  return concerned.length === 0 ? beside : concerned;
}

function codeIn(root: string, folder: string): readonly string[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.ts') && !basename(name, '.ts').endsWith('.test'))
    .map((name) => join(folder, name));
}

function importsOf(root: string, file: string): readonly string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = [...text.matchAll(/^(?:import(?! type)|\}) .*from '(\..+)';$/gm)];
  return found.map(([, path = '']) => resolve('/', dirname(file), path).slice(1));
}
