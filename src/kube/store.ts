// Answers for the local copy of one kind's objects: lookups by key and index, and changes told exactly once.
import { keyOf, type KubeObject } from './types.ts';

/** One difference between two states of the store. */
export interface Change<T> {
  type: 'added' | 'updated' | 'deleted';
  /** For 'deleted', the last known state. */
  object: T;
  /** The state before; only for 'updated'. */
  previous?: T;
  /** Part of the first complete list rather than something that happened. */
  initial: boolean;
}

/** For one object, the values it is found under. */
export type IndexFunction<T> = (object: T) => readonly string[];

/** Objects by key and by index. Objects are shared: callers never modify them. */
export interface Store<T extends KubeObject> {
  get(key: string): T | undefined;
  list(): readonly T[];
  byIndex(index: string, value: string): readonly T[];
  /** Becomes exactly the list, which shows the state at `resourceVersion`; own writes newer than it stay. */
  replace(items: readonly T[], resourceVersion: string): void;
  /** What the watch shows. */
  apply(object: T): void;
  /** What the watch shows as deleted. */
  remove(object: T): void;
  /** The watch has shown everything up to here. */
  advance(resourceVersion: string): void;
  /** Takes in the answer of one's own write, unless the watch is further already. */
  observe(object: T): void;
  /** Takes out an object that the server says is gone, before the watch shows it. */
  forget(object: T): void;
}

/**
 * Compares two resource versions: positive when `a` is newer. Since Kubernetes 1.35 they are defined to be comparable
 * within one resource type (KEP-5504), and with etcd they always were: decimal numbers without leading zeros.
 */
export function compareResourceVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  if (a === b) return 0;
  return a > b ? 1 : -1;
}

/** An empty store that reports every change to `onChange`. */
export function createStore<T extends KubeObject>(
  indexes: Readonly<Record<string, IndexFunction<T>>>,
  onChange: (change: Change<T>) => void,
): Store<T> {
  const objects = new Map<string, T>();
  const index = createIndex(indexes);
  /** Keys whose state here is ahead of what the watch has shown. */
  const ahead = new Set<string>();
  /** Uids taken out ahead of the watch, whose older events must not bring them back. */
  const forgotten = new Set<string>();
  /** Up to where list and watch have shown everything; undefined before the first list. */
  let shown: string | undefined;

  function put(object: T, initial: boolean): void {
    const key = keyOf(object);
    const previous = objects.get(key);
    if (previous !== undefined && previous.metadata.uid !== object.metadata.uid) {
      // Deleted and created again under the same name: two objects, so two changes.
      take(previous);
      put(object, initial);
      return;
    }
    if (previous !== undefined) index.remove(key, previous);
    objects.set(key, object);
    index.add(key, object);
    if (previous === undefined) onChange({ type: 'added', object, initial });
    else onChange({ type: 'updated', object, previous, initial });
  }

  function take(object: T): void {
    const key = keyOf(object);
    const stored = objects.get(key);
    ahead.delete(key);
    if (stored === undefined) return;
    objects.delete(key);
    index.remove(key, stored);
    onChange({ type: 'deleted', object, initial: false });
  }

  function isNewsOn(stored: T | undefined, object: T): boolean {
    return stored === undefined || compareResourceVersions(versionOf(object), versionOf(stored)) > 0;
  }

  /** Whether an own write that the list does not show yet must survive it. */
  function survives(key: string, listedAt: string): boolean {
    const stored = objects.get(key);
    return stored !== undefined && ahead.has(key) && compareResourceVersions(versionOf(stored), listedAt) > 0;
  }

  function replace(items: readonly T[], listedAt: string): void {
    const first = shown === undefined;
    // A list older than what was seen means that etcd was restored from a backup: nothing here is to be believed.
    if (shown !== undefined && compareResourceVersions(listedAt, shown) < 0) ahead.clear();
    shown = listedAt;
    forgotten.clear();
    const listed = new Set(items.map((item) => keyOf(item)));
    for (const [key, stored] of objects) {
      if (!listed.has(key) && !survives(key, listedAt)) take(stored);
    }
    for (const item of items) {
      const key = keyOf(item);
      const stored = objects.get(key);
      if (survives(key, listedAt)) continue;
      ahead.delete(key);
      if (stored === undefined || !isSameState(stored, item)) put(item, first);
    }
  }

  return {
    get: (key) => objects.get(key),
    list: () => [...objects.values()],
    byIndex: (name, value) => index.keys(name, value).map((key) => objects.get(key) as T),
    replace,
    apply(object) {
      const key = keyOf(object);
      const stored = objects.get(key);
      shown = versionOf(object);
      if (forgotten.has(object.metadata.uid ?? '')) return;
      if (!ahead.has(key)) {
        put(object, false);
      } else if (isNewsOn(stored, object)) {
        ahead.delete(key);
        put(object, false);
      } else if (stored !== undefined && isSameState(stored, object)) {
        ahead.delete(key);
      }
    },
    remove(object) {
      shown = versionOf(object);
      forgotten.delete(object.metadata.uid ?? '');
      const stored = objects.get(keyOf(object));
      // The name may have been given to a new object of ours in the meantime.
      if (stored !== undefined && stored.metadata.uid === object.metadata.uid) take(object);
    },
    advance(resourceVersion) {
      shown = resourceVersion;
    },
    observe(object) {
      const key = keyOf(object);
      // What the watch has passed is in the store, or was deleted since: bringing it back would make a ghost.
      if (shown === undefined || compareResourceVersions(versionOf(object), shown) <= 0) return;
      if (forgotten.has(object.metadata.uid ?? '') || !isNewsOn(objects.get(key), object)) return;
      ahead.add(key);
      put(object, false);
    },
    forget(object) {
      const stored = objects.get(keyOf(object));
      if (stored === undefined || stored.metadata.uid !== object.metadata.uid) return;
      if (stored.metadata.uid !== undefined) forgotten.add(stored.metadata.uid);
      take(stored);
    },
  };
}

interface Index<T> {
  add(key: string, object: T): void;
  remove(key: string, object: T): void;
  keys(name: string, value: string): string[];
}

function createIndex<T>(functions: Readonly<Record<string, IndexFunction<T>>>): Index<T> {
  const maps = new Map(Object.keys(functions).map((name) => [name, new Map<string, Set<string>>()]));
  return {
    add(key, object) {
      for (const [name, byValue] of maps) {
        for (const value of functions[name]?.(object) ?? []) {
          const keys = byValue.get(value);
          if (keys === undefined) byValue.set(value, new Set([key]));
          else keys.add(key);
        }
      }
    },
    remove(key, object) {
      for (const [name, byValue] of maps) {
        for (const value of functions[name]?.(object) ?? []) {
          const keys = byValue.get(value);
          keys?.delete(key);
          if (keys?.size === 0) byValue.delete(value);
        }
      }
    },
    keys(name, value) {
      const byValue = maps.get(name);
      if (byValue === undefined) throw new RangeError(`There is no index ${name}`);
      return [...(byValue.get(value) ?? [])];
    },
  };
}

function versionOf(object: KubeObject): string {
  return object.metadata.resourceVersion ?? '0';
}

function isSameState(a: KubeObject, b: KubeObject): boolean {
  return a.metadata.uid === b.metadata.uid && a.metadata.resourceVersion === b.metadata.resourceVersion;
}
