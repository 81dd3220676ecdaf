// `npm run test:mutation [-- PART…]`: makes mistakes in the rules of admission, one at a time, and prints those that no test notices. PARTs of paths limit it to some files.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createVitest } from 'vitest/node';
import { equivalentsOf } from './mutation/equivalents.ts';
import { type Mutant, mutantsOf } from './mutation/mutants.ts';
import { type Subject, subjectsIn } from './mutation/subjects.ts';

const root = resolve(import.meta.dirname, '..');
const parts = process.argv.slice(2);
const subjects = subjectsIn(root).filter(({ file }) => parts.length === 0 || parts.some((part) => file.includes(part)));

/** The file that is mutated at the moment, and its text. */
let active: { file: string; source: string } | undefined;

const vitest = await createVitest(
  'test',
  {
    config: false,
    root,
    watch: false,
    // A mutant must not be found again on disk, here or by anybody else.
    fsModuleCache: false,
    include: ['src/**/*.test.ts'],
    // A worker that is used again keeps the modules of the mutant before.
    isolate: true,
    pool: 'threads',
    maxWorkers: 1,
    // One test that is red is enough.
    bail: 1,
    reporters: [{}],
  },
  { plugins: [{ name: 'mutant', enforce: 'pre', load: (id) => (id === active?.file ? active.source : undefined) }] },
);

const count = { killed: 0, equivalent: 0, survived: 0 };
const red: string[] = [];
const equivalents = equivalentsOf(subjects.map(({ file }) => file));
for (const subject of subjects) await tryMutantsOf(subject);
await vitest.close();

const stale = equivalents.unused(red);
for (const one of stale) console.log(`named equivalent, and killed or gone  ${one}`);
const total = count.killed + count.equivalent + count.survived;
console.log(`mutants: ${total}, killed: ${count.killed}, equivalent: ${count.equivalent}, survived: ${count.survived}`);
process.exitCode = count.survived + red.length + stale.length === 0 ? 0 : 1;

async function tryMutantsOf(subject: Subject): Promise<void> {
  const source = readFileSync(join(root, subject.file), 'utf8');
  // With a test that is red anyway every mutant would count as noticed.
  if (!(await survives(subject, { source }))) {
    red.push(subject.file);
    console.log(`not tried, its tests fail without a mistake  ${subject.file}`);
    return;
  }
  const mutants = mutantsOf(source);
  const before = count.killed;
  for (const mutant of mutants) {
    if (await survives(subject, mutant)) noteSurvivor(subject.file, source, mutant);
    else count.killed += 1;
  }
  console.log(`killed ${count.killed - before} of ${mutants.length}  ${subject.file}`);
}

function noteSurvivor(file: string, source: string, mutant: Mutant): void {
  const [from, to] = [oneLine(mutant.from), oneLine(mutant.to)];
  const line = (source.split('\n')[mutant.line - 1] ?? '').trim();
  if (equivalents.takes({ file, line, from, to })) {
    count.equivalent += 1;
    return;
  }
  count.survived += 1;
  console.log(`survived  ${file}:${mutant.line}  ${from}  →  ${to}`);
}

async function survives({ file, tests }: Subject, { source }: Pick<Mutant, 'source'>): Promise<boolean> {
  const path = join(root, file);
  active = { file: path, source };
  vitest.invalidateFile(path);
  const specifications = await vitest.globTestSpecifications(tests.map((test) => join(root, test)));
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications);
  active = undefined;
  vitest.invalidateFile(path);
  // Vitest tells of what ran before as well.
  const ran = testModules.filter(({ moduleId }) => specifications.some((one) => one.moduleId === moduleId));
  return unhandledErrors.length === 0 && ran.every((module) => module.ok());
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
