// Whether the parts of a topology fit together: names are given once, and what is named is there.
import { nodePriorities } from './state/ha-rules.ts';

/** What is looked at of a topology. */
interface Described {
  nodes: readonly { name: string }[];
  bridges: readonly { name: string; nodes?: readonly string[] | undefined }[];
  storages: readonly { id: string; nodes?: readonly string[] | undefined }[];
  files: readonly { storage: string; node?: string | undefined }[];
  vms: readonly { vmid: number; node: string; volumes: readonly { storage: string }[] }[];
  tokens: readonly { id: string }[];
  pools: readonly { id: string }[];
  haGroups: readonly { group: string; nodes: string }[];
}

/** Something that does not fit, and where it stands. */
export interface Misfit {
  path: (string | number)[];
  message: string;
}

/** Everything that does not fit, in the order of the file. */
export function misfits(topology: Described): Misfit[] {
  return [
    ...repeated('nodes', 'name', topology.nodes),
    ...repeated('storages', 'id', topology.storages),
    ...repeated('vms', 'vmid', topology.vms),
    ...repeated('tokens', 'id', topology.tokens),
    ...repeated('pools', 'id', topology.pools),
    ...repeated('haGroups', 'group', topology.haGroups),
    ...unknownNodes(topology),
    ...unknownStorages(topology),
  ];
}

function repeated<Key extends string>(
  list: string,
  key: Key,
  items: readonly Readonly<Record<Key, string | number>>[],
): Misfit[] {
  const seen = new Set<string | number>();
  return items.flatMap((item, index) => {
    const value = item[key];
    if (!seen.has(value)) {
      seen.add(value);
      return [];
    }
    return [{ path: [list, index, key], message: `${value} is there twice` }];
  });
}

function unknownNodes({ nodes, bridges, storages, files, vms, haGroups }: Described): Misfit[] {
  const names = new Set(nodes.map(({ name }) => name));
  const check = (path: (string | number)[], name: string | undefined): Misfit[] =>
    name === undefined || names.has(name) ? [] : [{ path, message: `there is no node ${name}` }];
  const eachOf = (list: string, items: readonly { nodes?: readonly string[] | undefined }[]): Misfit[] =>
    items.flatMap((item, index) =>
      (item.nodes ?? []).flatMap((name, position) => check([list, index, 'nodes', position], name)),
    );
  return [
    ...eachOf('bridges', bridges),
    ...eachOf('storages', storages),
    ...files.flatMap(({ node }, index) => check(['files', index, 'node'], node)),
    ...vms.flatMap(({ node }, index) => check(['vms', index, 'node'], node)),
    ...haGroups.flatMap(({ nodes: list }, index) =>
      [...nodePriorities(list).keys()].flatMap((name) => check(['haGroups', index, 'nodes'], name)),
    ),
  ];
}

function unknownStorages({ storages, files, vms }: Described): Misfit[] {
  const ids = new Set(storages.map(({ id }) => id));
  const check = (path: (string | number)[], id: string): Misfit[] =>
    ids.has(id) ? [] : [{ path, message: `there is no storage ${id}` }];
  return [
    ...files.flatMap(({ storage }, index) => check(['files', index, 'storage'], storage)),
    ...vms.flatMap(({ volumes }, index) =>
      volumes.flatMap(({ storage }, position) => check(['vms', index, 'volumes', position, 'storage'], storage)),
    ),
  ];
}
