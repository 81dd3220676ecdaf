// The import rules of src: what each layer may know of, which package belongs to which layer, and who constructs what.

/** `foo/` stands for a folder, `foo.ts` for a file, all below src; `foo/bar.ts` for one file of another layer. */
type Place = string;

/** Pure text formats of Proxmox VE, without a connection to anything. */
const PVE_CODECS: readonly Place[] = [
  'pve/drive.ts',
  'pve/ipconfig.ts',
  'pve/nic.ts',
  'pve/property-string.ts',
  'pve/ssh-keys.ts',
  'pve/upid.ts',
  'pve/stamp.ts',
];

/** For every folder and file directly below src: what of src it may import besides itself. */
export const MAY_IMPORT: Readonly<Record<Place, readonly Place[]>> = {
  // borders: each talks to one system and knows nothing of the others
  'kube/': [],
  'pve/': ['clock.ts'],
  'dns/': [],
  // the product, from the words to the objects
  'api/': ['kube/types.ts', 'kube/secrets.ts'],
  'errors.ts': ['api/'],
  'domain/': ['api/', ...PVE_CODECS],
  'machine/': ['api/', 'domain/', 'errors.ts', 'pve/inventory.ts'],
  'steps/': ['api/', 'domain/', 'errors.ts', 'machine/', ...PVE_CODECS],
  'machines.ts': ['api/', 'machine/', 'steps/'],
  'state-machines-page.ts': ['api/', 'machine/', 'machines.ts'],
  'controllers/': [
    'api/',
    'clock.ts',
    'dns/',
    'domain/',
    'errors.ts',
    'kube/',
    'machine/',
    'machines.ts',
    'metrics.ts',
    'pve/',
    'steps/',
  ],
  // what the API server asks before it stores an object: rules, and the server around them
  'webhook/': ['api/', 'config.ts', 'controllers/', 'domain/', 'kube/', 'pve/drive.ts', 'pve/inventory.ts'],
  // the process around it
  'clock.ts': [],
  'config.ts': [],
  'log.ts': ['kube/log.ts'],
  'metrics.ts': [],
  'http/': ['kube/informer.ts', 'kube/log.ts', 'metrics.ts'],
  'app.ts': ['api/', 'clock.ts', 'config.ts', 'controllers/', 'dns/', 'http/', 'kube/', 'metrics.ts', 'webhook/'],
  'main.ts': ['app.ts', 'config.ts', 'kube/local-config.ts', 'log.ts'],
  // commands beside the operator, which talk to no server
  'cli/': ['api/', 'domain/'],
};

/** Files of another layer that are imported for their types only. */
export const TYPES_ONLY: readonly { from: Place; to: Place }[] = [
  { from: 'api/', to: 'kube/types.ts' },
  { from: 'machine/', to: 'pve/inventory.ts' },
  { from: 'webhook/', to: 'pve/inventory.ts' },
  { from: 'http/', to: 'kube/informer.ts' },
];

/** Packages and parts of Node that reach out of the process, and who may use them. */
export const PACKAGES: Readonly<Record<string, readonly Place[]>> = {
  '@kubernetes/client-node': ['kube/'],
  undici: ['kube/', 'pve/', 'dns/'],
  pino: ['log.ts'],
  'prom-client': ['metrics.ts'],
  'node:fs': ['main.ts', 'cli/'],
  'node:fs/promises': [],
  'node:child_process': [],
  'node:http': ['http/', 'webhook/server.ts'],
  'node:https': ['kube/credentials.ts', 'webhook/server.ts'],
  '@peculiar/x509': ['webhook/certificate-authority.ts'],
};

/** Functions and classes that open a connection or start something, and the one place that calls them. */
export const CONSTRUCTED_IN: Readonly<Record<string, Place>> = {
  createKubeClient: 'app.ts',
  loadKubeConfig: 'app.ts',
  createInformers: 'app.ts',
  createEventRecorder: 'app.ts',
  createMetrics: 'app.ts',
  createQueues: 'app.ts',
  serveHealth: 'app.ts',
  runWithLease: 'app.ts',
  runControllers: 'app.ts',
  startWebhook: 'app.ts',
  watchChanges: 'app.ts',
  ClusterRegistry: 'app.ts',
  PowerDnsServers: 'app.ts',
  Allocations: 'app.ts',
  createInformer: 'controllers/stores.ts',
  createPveApi: 'controllers/clusters.ts',
  createInventory: 'controllers/clusters.ts',
  createTaskWatch: 'controllers/clusters.ts',
  httpsTransport: 'controllers/clusters.ts',
  startApp: 'main.ts',
  parseConfig: 'main.ts',
};

/** The folder or file directly below src that a path (below src) belongs to. */
export function layerOf(path: string): Place {
  const slash = path.indexOf('/');
  return slash === -1 ? path : path.slice(0, slash + 1);
}

/** Whether a path (below src) is the place or lies in it. */
export function isIn(path: string, place: Place): boolean {
  return place.endsWith('/') ? path.startsWith(place) : path === place;
}
