// Tests of topology files: what may be left out, what each wrong field is told, what must fit together, and the printed schema.
import { describe, expect, it } from 'vitest';
import { demoTopology } from './testing.ts';
import { parseTopology, topologyJsonSchema } from './topology.ts';

const GIB = 1024 ** 3;
const least = { nodes: [{ name: 'pve1' }], storages: [{ id: 'local', type: 'dir' }] };

/** The text of the refusal; empty when it was taken. */
function refusal(json: unknown): string {
  try {
    parseTopology(json);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('the smallest topology', () => {
  it('has a default for everything else', () => {
    expect(parseTopology(least)).toEqual({
      cluster: 'pve-lab',
      release: 9,
      version: { release: '9.2', version: '9.2.11', repoid: expect.any(String) },
      nodes: [
        {
          name: 'pve1',
          ip: '127.0.0.1',
          cpus: 16,
          memoryBytes: 64 * GIB,
          rootBytes: 100 * GIB,
          kvm: true,
        },
      ],
      bridges: [],
      storages: [
        {
          id: 'local',
          type: 'dir',
          content: ['images'],
          shared: false,
          disabled: false,
          totalBytes: 1024 * GIB,
          usedBytes: 0,
        },
      ],
      files: [],
      vms: [],
      users: [],
      roles: {},
      tokens: [],
      acl: [],
      pools: [],
      ha: true,
      haGroups: [],
      guestBootMs: 9000,
      guestIpv6: true,
      faults: [],
    });
  });

  const defaults: {
    name: string;
    part: object;
    path: (topology: ReturnType<typeof parseTopology>) => unknown;
    want: unknown;
  }[] = [
    {
      name: 'a bridge has no port',
      part: { bridges: [{ name: 'vmbr0' }] },
      path: (t) => t.bridges[0],
      want: { name: 'vmbr0', port: '', vlans: true },
    },
    {
      name: 'a VM stands still and has no volumes',
      part: { vms: [{ vmid: 100, node: 'pve1', options: {} }] },
      path: (t) => t.vms[0],
      want: { vmid: 100, node: 'pve1', options: {}, volumes: [], running: false },
    },
    {
      name: 'a volume is raw',
      part: {
        vms: [{ vmid: 100, node: 'pve1', options: {}, volumes: [{ storage: 'local', name: '100/a', sizeBytes: 1 }] }],
      },
      path: (t) => t.vms[0]?.volumes[0]?.format,
      want: 'raw',
    },
    {
      name: 'a token has rights of its own',
      part: { tokens: [{ id: 'a@pve!b', secret: 's' }] },
      path: (t) => t.tokens[0]?.privilegeSeparation,
      want: true,
    },
    {
      name: 'a right goes down the tree',
      part: { acl: [{ path: '/', role: 'R', who: 'a@pve' }] },
      path: (t) => t.acl[0]?.propagate,
      want: true,
    },
    { name: 'release 8 is its latest', part: { release: 8 }, path: (t) => t.version.version, want: '8.4.21' },
    {
      name: 'a version wins over the release',
      part: { release: 8, version: { release: '9.1', version: '9.1.4', repoid: 'x' } },
      path: (t) => t.version.version,
      want: '9.1.4',
    },
  ];
  it.each(defaults)('$name', ({ part, path, want }) => {
    expect(path(parseTopology({ ...least, ...part }))).toEqual(want);
  });

  it('is not changed by being read twice', () => {
    const once = demoTopology();
    expect(parseTopology(JSON.parse(JSON.stringify(once)))).toEqual(once);
  });
});

describe('a wrong field is named', () => {
  const vm = { vmid: 100, node: 'pve1', options: { name: 'a' } };
  const volume = { storage: 'local', name: '100/vm-100-disk-0.raw', sizeBytes: GIB };
  const fault = { match: {}, when: 'before', effect: 'reset' };
  const file = { storage: 'local', name: 'iso/a.iso', content: 'iso', format: 'iso', sizeBytes: 1 };
  const node = { name: 'pve1' };
  const storage = { id: 'local', type: 'dir' };
  const rows: { at: string; part: object }[] = [
    { at: 'cluster', part: { cluster: 7 } },
    { at: 'release', part: { release: 7 } },
    { at: 'version.version', part: { version: { release: '9.2', repoid: 'x' } } },
    { at: 'version.repoid', part: { version: { release: '9.2', version: '9.2.1', repoid: 1 } } },
    { at: 'nodes', part: { nodes: [] } },
    { at: 'nodes', part: { nodes: undefined } },
    { at: 'nodes[0].name', part: { nodes: [{}] } },
    { at: 'nodes[0].ip', part: { nodes: [{ ...node, ip: 1 }] } },
    { at: 'nodes[0].cpus', part: { nodes: [{ ...node, cpus: 0 }] } },
    { at: 'nodes[0].cpus', part: { nodes: [{ ...node, cpus: 1.5 }] } },
    { at: 'nodes[0].memoryBytes', part: { nodes: [{ ...node, memoryBytes: -1 }] } },
    { at: 'nodes[0].rootBytes', part: { nodes: [{ ...node, rootBytes: '1G' }] } },
    { at: 'nodes[0].kvm', part: { nodes: [{ ...node, kvm: 'yes' }] } },
    { at: 'nodes[0].port', part: { nodes: [{ ...node, port: 65_536 }] } },
    { at: 'nodes[1].name', part: { nodes: [node, { name: null }] } },
    { at: 'bridges[0].name', part: { bridges: [{}] } },
    { at: 'bridges[0].nodes', part: { bridges: [{ name: 'vmbr0', nodes: 'pve1' }] } },
    { at: 'bridges[0].port', part: { bridges: [{ name: 'vmbr0', port: 1 }] } },
    { at: 'storages', part: { storages: [] } },
    { at: 'storages[0].id', part: { storages: [{ type: 'dir' }] } },
    { at: 'storages[0].type', part: { storages: [{ ...storage, type: 'tape' }] } },
    { at: 'storages[0].content', part: { storages: [{ ...storage, content: 'images' }] } },
    { at: 'storages[0].shared', part: { storages: [{ ...storage, shared: 1 }] } },
    { at: 'storages[0].totalBytes', part: { storages: [{ ...storage, totalBytes: 0 }] } },
    { at: 'storages[0].usedBytes', part: { storages: [{ ...storage, usedBytes: -1 }] } },
    { at: 'storages[0].pruneBackups', part: { storages: [{ ...storage, pruneBackups: 3 }] } },
    { at: 'files[0].content', part: { files: [{ ...file, content: 'images' }] } },
    { at: 'files[0].sizeBytes', part: { files: [{ ...file, sizeBytes: 0.5 }] } },
    { at: 'files[0].virtualBytes', part: { files: [{ ...file, virtualBytes: 0 }] } },
    { at: 'vms[0].vmid', part: { vms: [{ ...vm, vmid: 99 }] } },
    { at: 'vms[0].vmid', part: { vms: [{ ...vm, vmid: '100' }] } },
    { at: 'vms[0].options', part: { vms: [{ ...vm, options: undefined }] } },
    { at: 'vms[0].options.cores', part: { vms: [{ ...vm, options: { cores: 2 } }] } },
    { at: 'vms[0].running', part: { vms: [{ ...vm, running: 'yes' }] } },
    { at: 'vms[0].guestBootMs', part: { vms: [{ ...vm, guestBootMs: 'soon' }] } },
    { at: 'vms[0].volumes[0].format', part: { vms: [{ ...vm, volumes: [{ ...volume, format: 'vdi' }] }] } },
    { at: 'vms[0].volumes[0].sizeBytes', part: { vms: [{ ...vm, volumes: [{ ...volume, sizeBytes: 0 }] }] } },
    { at: 'vms[0].volumes[0].usedBytes', part: { vms: [{ ...vm, volumes: [{ ...volume, usedBytes: -1 }] }] } },
    { at: 'users[0]', part: { users: [1] } },
    { at: 'roles.Op', part: { roles: { Op: 'VM.Audit' } } },
    { at: 'tokens[0].secret', part: { tokens: [{ id: 'a@pve!b' }] } },
    { at: 'tokens[0].privilegeSeparation', part: { tokens: [{ id: 'a@pve!b', secret: 's', privilegeSeparation: 1 }] } },
    { at: 'acl[0].who', part: { acl: [{ path: '/', role: 'R' }] } },
    { at: 'acl[0].propagate', part: { acl: [{ path: '/', role: 'R', who: 'a', propagate: 0 }] } },
    { at: 'pools[0].id', part: { pools: [{ comment: 'x' }] } },
    { at: 'ha', part: { ha: 'yes' } },
    { at: 'guestBootMs', part: { guestBootMs: -1 } },
    { at: 'faults[0].when', part: { faults: [{ ...fault, when: 'sometimes' }] } },
    { at: 'faults[0].match.path', part: { faults: [{ ...fault, match: { path: '(' } }] } },
    { at: 'faults[0].match.nth', part: { faults: [{ ...fault, match: { nth: 0 } }] } },
    { at: 'faults[0].match.share', part: { faults: [{ ...fault, match: { share: 2 } }] } },
    { at: 'faults[0].times', part: { faults: [{ ...fault, times: 0 }] } },
    { at: 'faults[0].effect', part: { faults: [{ ...fault, effect: 'explode' }] } },
  ];
  it.each(rows)('$at in $part', ({ at, part }) => {
    const text = refusal({ ...least, ...part });
    expect(text).toMatch(/^The topology is not valid:\n/);
    expect(text).toContain(`→ at ${at}\n`.trimEnd());
  });

  const unknown: { name: string; part: object; key: string }[] = [
    { name: 'at the top', part: { node: [] }, key: 'node' },
    { name: 'of a node', part: { nodes: [{ ...node, cpu: 4 }] }, key: 'cpu' },
    { name: 'of a storage', part: { storages: [{ ...storage, size: 4 }] }, key: 'size' },
    { name: 'of a VM', part: { vms: [{ ...vm, config: {} }] }, key: 'config' },
    { name: 'of a fault', part: { faults: [{ ...fault, count: 2 }] }, key: 'count' },
  ];
  it.each(unknown)('a misspelt one $name', ({ part, key }) => {
    expect(refusal({ ...least, ...part })).toContain(`Unrecognized key: "${key}"`);
  });

  it.each([[null], [[]], ['x'], [7]])('%j is none at all', (json) => {
    expect(refusal(json)).toContain('The topology is not valid');
  });

  it('all of them at once', () => {
    const text = refusal({ ...least, cluster: 1, ha: 'x', guestBootMs: 'y' });
    for (const at of ['cluster', 'ha', 'guestBootMs']) expect(text).toContain(`at ${at}`);
  });
});

describe('what does not fit together is named', () => {
  const vm = { vmid: 100, node: 'pve1', options: {} };
  const rows: { name: string; part: object; want: string }[] = [
    {
      name: 'a node twice',
      part: { nodes: [{ name: 'pve1' }, { name: 'pve1' }] },
      want: 'pve1 is there twice\n  → at nodes[1].name',
    },
    {
      name: 'a storage twice',
      part: { storages: [...least.storages, ...least.storages] },
      want: 'local is there twice\n  → at storages[1].id',
    },
    { name: 'a VMID twice', part: { vms: [vm, vm] }, want: '100 is there twice\n  → at vms[1].vmid' },
    {
      name: 'a token twice',
      part: { tokens: [1, 2].map(() => ({ id: 'a@pve!b', secret: 's' })) },
      want: 'a@pve!b is there twice\n  → at tokens[1].id',
    },
    {
      name: 'a group twice',
      part: {
        haGroups: [
          { group: 'g', nodes: 'pve1' },
          { group: 'g', nodes: 'pve1' },
        ],
      },
      want: 'g is there twice\n  → at haGroups[1].group',
    },
    {
      name: 'a group on a node that is not there',
      part: { haGroups: [{ group: 'g', nodes: 'pve1:2,pve9:1' }] },
      want: 'there is no node pve9\n  → at haGroups[0].nodes',
    },
    { name: 'a pool twice', part: { pools: [{ id: 'p' }, { id: 'p' }] }, want: 'p is there twice\n  → at pools[1].id' },
    {
      name: 'a VM on a node that is not there',
      part: { vms: [{ ...vm, node: 'pve9' }] },
      want: 'there is no node pve9\n  → at vms[0].node',
    },
    {
      name: 'a bridge on such a node',
      part: { bridges: [{ name: 'vmbr0', nodes: ['pve1', 'pve9'] }] },
      want: 'there is no node pve9\n  → at bridges[0].nodes[1]',
    },
    {
      name: 'a storage on such a node',
      part: { storages: [{ id: 'local', type: 'dir', nodes: ['pve9'] }] },
      want: 'there is no node pve9\n  → at storages[0].nodes[0]',
    },
    {
      name: 'a file on such a node',
      part: {
        files: [{ storage: 'local', name: 'iso/a.iso', content: 'iso', format: 'iso', sizeBytes: 1, node: 'pve9' }],
      },
      want: 'there is no node pve9\n  → at files[0].node',
    },
    {
      name: 'a file on a storage that is not there',
      part: { files: [{ storage: 'tape', name: 'iso/a.iso', content: 'iso', format: 'iso', sizeBytes: 1 }] },
      want: 'there is no storage tape\n  → at files[0].storage',
    },
    {
      name: 'a volume on such a storage',
      part: { vms: [{ ...vm, volumes: [{ storage: 'tape', name: '100/a', sizeBytes: 1 }] }] },
      want: 'there is no storage tape\n  → at vms[0].volumes[0].storage',
    },
  ];
  it.each(rows)('$name', ({ part, want }) => {
    expect(refusal({ ...least, ...part })).toContain(want);
  });
});

describe('the printed schema', () => {
  interface Schema {
    type?: string;
    required?: string[];
    properties?: Record<string, Schema>;
    items?: Schema;
    default?: unknown;
    additionalProperties?: unknown;
  }
  const schema = topologyJsonSchema() as Schema;

  it('asks for what has no default, and for nothing else', () => {
    const requiredOf = (list: string): string[] | undefined => schema.properties?.[list]?.items?.required?.toSorted();
    expect(schema.required?.toSorted()).toEqual(['nodes', 'storages']);
    expect(requiredOf('nodes')).toEqual(['name']);
    expect(requiredOf('vms')).toEqual(['node', 'options', 'vmid']);
    expect(requiredOf('tokens')).toEqual(['id', 'secret']);
  });

  it('tells every field that a topology has, with its default', () => {
    const topology = parseTopology(least);
    for (const [name, value] of Object.entries(topology)) {
      const field = schema.properties?.[name];
      expect({ name, found: field !== undefined }).toEqual({ name, found: true });
      if (!['nodes', 'storages', 'version'].includes(name))
        expect({ name, value: field?.default }).toEqual({ name, value });
    }
  });

  it('allows no other field', () => {
    expect(schema.additionalProperties).toBe(false);
  });
});
