// `npm run generate`: writes every file that is printed from the sources and removes what is left over.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { differences, generatedFiles } from './generated-files.ts';

const root = resolve(import.meta.dirname, '..');
const wanted = await generatedFiles();
const changes = differences(wanted, root);
for (const { path } of changes) {
  const file = join(root, path);
  const content = wanted.get(path);
  if (content === undefined) {
    rmSync(file, { recursive: true });
    console.log(`removed ${path}`);
    continue;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  console.log(`wrote ${path}`);
}
console.log(changes.length === 0 ? `All ${wanted.size} generated files are up to date.` : `${changes.length} changed.`);
