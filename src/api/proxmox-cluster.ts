// ProxmoxCluster: how to reach one Proxmox VE cluster, and what was seen there.
import { z } from 'zod';
import { allowedNamespaces, caBundle, grantedNamespaces, nodeName, secretReference, storageName } from './fields.ts';
import {
  type ApiObject,
  conditionsSchema,
  defineKind,
  observedGenerationSchema,
  matching,
  nameAtMost,
  withRules,
} from './object.ts';

const endpoint = matching(
  /^https:\/\/([a-zA-Z0-9.-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?\/?$/,
  'must be https://HOST:PORT: no http (the API token is only sent encrypted), no user, no path, no query',
  { min: 10, max: 512 },
).describe('Base URL of one node, for example https://pve1.example.com:8006. Only https; no user, no path.');

const spec = z.object({
  endpoints: z
    .array(endpoint)
    .min(1)
    .max(32)
    .meta({ 'x-kubernetes-list-type': 'set' })
    .describe('URLs of nodes of this one cluster. The first that answers is used; the others stand by.'),
  tokenSecretRef: secretReference(
    'Secret with the API token: key `tokenID` (`user@realm!tokenid`) and key `secret` (the UUID).',
  ),
  tls: withRules(
    z.object({
      caBundle: caBundle
        .optional()
        .describe(
          'PEM certificates that sign the certificates of the nodes. Proxmox keeps its own in /etc/pve/pve-root-ca.pem.',
        ),
      fingerprint: matching(
        /^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$/,
        'must be a SHA-256 fingerprint: 32 pairs of hexadecimal digits separated by colons',
        { max: 95 },
      )
        .optional()
        .describe(
          "SHA-256 fingerprint of the node's certificate, as the Proxmox GUI shows it. Checked before the token is sent. With several endpoints every node must show this certificate; usually caBundle is what you want there.",
        ),
    }),
    [
      {
        rule: '!(has(self.caBundle) && has(self.fingerprint))',
        message: 'set either caBundle or fingerprint, not both',
      },
    ],
  )
    .optional()
    .describe("Trust in the nodes' certificates. Absent: the certificate must be signed by a public authority."),
  timeouts: z
    .object({
      readSeconds: z.int().min(1).max(300).optional().describe('Limit of a reading call. Default 10.'),
      writeSeconds: z.int().min(5).max(600).optional().describe('Limit of a writing call. Default 60.'),
      migrationSeconds: z
        .int()
        .min(10)
        .max(86_400)
        .optional()
        .describe(
          'How long a migration may run until it is reported as slow; it is looked at again, never given up. Default 300.',
        ),
      shutdownSeconds: z
        .int()
        .min(0)
        .max(3600)
        .optional()
        .describe('Time that a guest has to shut down before its VM is stopped by force. Default 120.'),
      forceStopSeconds: z
        .int()
        .min(1)
        .max(3600)
        .optional()
        .describe('Time that a forced stop has. A deletion goes on after it in any case. Default 60.'),
      startSeconds: z
        .int()
        .min(1)
        .max(3600)
        .optional()
        .describe('How long a start is waited for in one go until it is tried again. Default 60.'),
    })
    .optional()
    .describe('Time limits of calls to Proxmox VE.'),
  limits: z
    .object({
      clonesPerStorage: z
        .int()
        .min(1)
        .max(100)
        .optional()
        .describe(
          'Clones that may run at once on one storage. Default 8: a storage lock waits ten seconds, so that more of them fail.',
        ),
      clonesPerNode: z.int().min(1).max(100).optional().describe('Clones that may run at once on one node. Default 8.'),
    })
    .optional()
    .describe('How much work is given to the cluster at once.'),
  sweep: z
    .object({
      callsPerMinute: z
        .int()
        .min(0)
        .max(6000)
        .optional()
        .describe(
          'Reading calls a minute that look, one VM after the other, for what the list of the cluster does not show: description, name, disks, network card, firewall, pending changes. A round takes the longer the more VMs there are. 0: never. Default 60.',
        ),
    })
    .optional()
    .describe('Looking for changes that somebody made in Proxmox VE.'),
  allowedNamespaces: allowedNamespaces.optional(),
  adoption: z
    .object({ allowedNamespaces: grantedNamespaces.describe('Namespaces whose VirtualMachines may adopt.') })
    .optional()
    .describe(
      'Who may take over VMs of this cluster that are there already, with an operation of type Adopt. Whoever may can take, and later destroy, every VM that carries no stamp. Absent: nobody.',
    ),
});

const status = z.object({
  observedGeneration: observedGenerationSchema.optional(),
  version: z.string().max(64).optional().describe('Version of Proxmox VE, for example 9.2.11.'),
  quorate: z.boolean().optional().describe('Whether the cluster has quorum.'),
  nodesOnline: z.int().min(0).optional().describe('Number of nodes that are online.'),
  nodesTotal: z.int().min(0).optional().describe('Number of nodes of the cluster.'),
  virtualMachines: z.int().min(0).optional().describe('Number of VirtualMachine objects that live on this cluster.'),
  nodes: z
    .array(
      z.object({
        name: nodeName.describe('Name of the node.'),
        status: z.string().max(32).describe('online, offline or unknown, as Proxmox VE says.'),
        memoryTotalMiB: z.int().min(0).optional().describe('Memory of the node in MiB.'),
        storages: z
          .array(
            z.object({
              name: storageName.describe('Name of the storage.'),
              type: z.string().max(64).optional().describe('Plugin type, for example dir, lvmthin, zfspool, rbd.'),
              shared: z.boolean().optional().describe('Whether every node sees the same volumes.'),
              available: z.boolean().describe('Whether the storage can be used on this node.'),
              content: z.string().max(256).optional().describe('Kinds of content the storage takes.'),
            }),
          )
          .max(256)
          .describe('Storages of the node.'),
      }),
    )
    .max(64)
    .optional()
    .describe('What was seen on each node.'),
  conditions: conditionsSchema.optional(),
});

export const proxmoxCluster = defineKind({
  kind: 'ProxmoxCluster',
  plural: 'proxmoxclusters',
  singular: 'proxmoxcluster',
  shortNames: ['pvec'],
  scope: 'Cluster',
  description: 'One Proxmox VE cluster (or a single node) on which virtual machines are deployed.',
  rules: [nameAtMost(63, 'it is part of the names of reservations')],
  spec,
  status,
  printerColumns: [
    {
      name: 'Ready',
      type: 'string',
      jsonPath: ".status.conditions[?(@.type=='Ready')].status",
      description: 'Whether the cluster answers and the token suffices.',
    },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: ".status.conditions[?(@.type=='Ready')].reason",
      description: 'Why it is ready or not.',
    },
    { name: 'Version', type: 'string', jsonPath: '.status.version', description: 'Version of Proxmox VE.' },
    { name: 'Online', type: 'integer', jsonPath: '.status.nodesOnline', description: 'Nodes online.' },
    { name: 'Nodes', type: 'integer', jsonPath: '.status.nodesTotal', description: 'Nodes of the cluster.' },
    {
      name: 'VMs',
      type: 'integer',
      jsonPath: '.status.virtualMachines',
      description: 'VirtualMachine objects on this cluster.',
    },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Age of the object.' },
  ],
});

export type ProxmoxClusterSpec = z.infer<typeof spec>;
export type ProxmoxClusterStatus = z.infer<typeof status>;
export type ProxmoxCluster = ApiObject<ProxmoxClusterSpec, ProxmoxClusterStatus>;
