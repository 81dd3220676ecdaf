// `npm run verify`: fails when a generated file is not what the sources say. Needs no git and writes nothing.
import { resolve } from 'node:path';
import { differences, generatedFiles } from './generated-files.ts';

const root = resolve(import.meta.dirname, '..');
const wanted = await generatedFiles();
const found = differences(wanted, root);
for (const { path, kind } of found) console.error(`${kind}: ${path}`);
if (found.length > 0) {
  console.error('Run `npm run generate` and commit the result.');
  process.exitCode = 1;
} else {
  console.log(`All ${wanted.size} generated files are up to date.`);
}
