// The answers of /cluster/resources as they were last written: as long as nothing in one has changed, everybody gets the same bytes.
import type { World } from '../state/world.ts';
import { JsonText } from './route.ts';

interface Written {
  entries: readonly string[];
  document: JsonText;
}

/** Of each cluster the last answers, by who asked and for what. */
const written = new WeakMap<World, Map<string, Written>>();
/** Callers beyond this share nothing; the lists of thousands of VMs take megabytes. */
const keptDocuments = 4;

/** The list of these entries, which are JSON each; `key` tells apart whose list it is. */
export function resourceDocument(world: World, key: string, entries: readonly string[]): JsonText {
  const documents = written.get(world) ?? new Map<string, Written>();
  written.set(world, documents);
  const before = documents.get(key);
  if (before !== undefined && isSame(before.entries, entries)) return before.document;
  const document = new JsonText(`[${entries.join(',')}]`);
  documents.delete(key);
  documents.set(key, { entries, document });
  const [oldest] = documents.keys();
  if (documents.size > keptDocuments && oldest !== undefined) documents.delete(oldest);
  return document;
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((entry, index) => entry === other[index]);
}
