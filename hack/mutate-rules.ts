// `npm run test:mutation [-- PART]`: makes mistakes in the rules of admission, one at a time, and prints those that no test notices. PART of a path limits it to some files.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { createVitest } from 'vitest/node';
import { type Mutant, mutantsOf } from './mutation/mutants.ts';

const root = resolve(import.meta.dirname, '..');
const RULES = join(root, 'src/webhook/rules');

/** What the rules rest on and what was written for them; the rest of the domain has tests of its own steps. */
const DOMAIN = ['disk-shrink', 'pool-edits', 'targets', 'template-families', 'namespaces', 'operations-refusals'];

const rules = readdirSync(RULES).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
const files = [
  ...rules.map((name) => join(RULES, name)),
  ...DOMAIN.map((name) => join(root, `src/domain/${name}.ts`)),
  join(root, 'src/webhook/review.ts'),
].filter((file) => file.includes(process.argv[2] ?? ''));

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
    reporters: [{}],
  },
  { plugins: [{ name: 'mutant', enforce: 'pre', load: (id) => (id === active?.file ? active.source : undefined) }] },
);

const survivors: string[] = [];
let killed = 0;
for (const file of files) {
  const source = readFileSync(file, 'utf8');
  // With a test that is red anyway every mutant would count as noticed.
  if (!(await survives(file, { source })))
    throw new Error(`The tests of ${relative(root, file)} fail without a mistake.`);
  for (const mutant of mutantsOf(source)) {
    if (await survives(file, mutant)) {
      const shown = `${relative(root, file)}:${mutant.line}  ${oneLine(mutant.from)}  →  ${oneLine(mutant.to)}`;
      survivors.push(shown);
      console.log(`survived  ${shown}`);
    } else {
      killed += 1;
    }
  }
}
await vitest.close();
console.log(`mutants: ${killed + survivors.length}, killed: ${killed}, survived: ${survivors.length}`);

async function survives(file: string, { source }: Pick<Mutant, 'source'>): Promise<boolean> {
  active = { file, source };
  vitest.invalidateFile(file);
  const specifications = await vitest.globTestSpecifications(testsOf(file));
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications);
  active = undefined;
  vitest.invalidateFile(file);
  // Vitest tells of what ran before as well.
  const ran = testModules.filter(({ moduleId }) => specifications.some((one) => one.moduleId === moduleId));
  return unhandledErrors.length === 0 && ran.every((module) => module.ok());
}

/** The tests beside the file; what has none is tested by those of all rules. */
function testsOf(file: string): string[] {
  const own = file.replace(/\.ts$/, '.test.ts');
  return [existsSync(own) ? own : RULES];
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
