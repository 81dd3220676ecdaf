// Computes every file that is printed from the sources: crds/ and the chart's copy of it, docs/reference and the pages made from closed lists.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';
import { stringify } from 'yaml';
import { conditionsPage } from '../src/api/conditions-page.ts';
import { customResourceDefinition } from '../src/api/crd.ts';
import { KINDS } from '../src/api/kinds.ts';
import { GROUP } from '../src/api/object.ts';
import { referenceFile, referenceIndex, referencePage } from '../src/api/reference.ts';
import { admissionPage } from '../src/webhook/admission-page.ts';
import { stateMachinesPage } from '../src/state-machines-page.ts';

/** Folders that hold generated files only: whatever else lies there is left over. */
const GENERATED_FOLDERS = ['crds', 'charts/pve-operator/crds', 'docs/reference'] as const;

/** A difference between the generated files and those of the tree. */
export interface Difference {
  path: string;
  kind: 'missing' | 'differs' | 'left over';
}

/** Path (relative to the repository) to content, for every generated file. */
export async function generatedFiles(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const kind of KINDS) {
    const definition = manifest(customResourceDefinition(kind));
    files.set(`crds/${GROUP}_${kind.plural}.yaml`, definition);
    // A packaged chart holds what is in its folder and nothing else.
    files.set(`charts/pve-operator/crds/${GROUP}_${kind.plural}.yaml`, definition);
    files.set(`docs/reference/${referenceFile(kind)}`, `${referencePage(kind)}\n`);
  }
  files.set('docs/reference/README.md', `${referenceIndex(KINDS)}\n`);
  files.set('docs/conditions.md', await markdown(conditionsPage()));
  files.set('docs/state-machines.md', await markdown(stateMachinesPage()));
  files.set('docs/admission.md', await markdown(admissionPage()));
  return files;
}

/** What differs between the wanted files and the tree below `root`, sorted by path. */
export function differences(wanted: ReadonlyMap<string, string>, root: string): Difference[] {
  const found: Difference[] = [];
  for (const [path, content] of wanted) {
    const file = join(root, path);
    if (!existsSync(file)) found.push({ path, kind: 'missing' });
    else if (readFileSync(file, 'utf8') !== content) found.push({ path, kind: 'differs' });
  }
  for (const path of leftOver(wanted, root)) found.push({ path, kind: 'left over' });
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function leftOver(wanted: ReadonlyMap<string, string>, root: string): string[] {
  return GENERATED_FOLDERS.filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
    .filter((path) => !wanted.has(path));
}

// kubectl reads YAML 1.1, where a bare `On` or `12:30` is no string: the writer must quote for that version.
function manifest(definition: object): string {
  return `# Printed by \`npm run generate\` from src/api; edit the schemas there.\n${stringify(definition, { version: '1.1', lineWidth: 0 })}`;
}

// `prettier --check` covers these pages as well, so that the two must agree.
function markdown(text: string): Promise<string> {
  return format(text, { parser: 'markdown', printWidth: 120 });
}
