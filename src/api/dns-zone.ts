// DNSZone: a forward or reverse zone and the provider that holds it.
import { z } from 'zod';
import { allowedNamespaces, caBundle, secretReference } from './fields.ts';
import {
  type ApiObject,
  conditionsSchema,
  defineKind,
  observedGenerationSchema,
  matching,
  withRules,
} from './object.ts';

// A slash and an underscore are legal here: RFC 2317 delegates parts of a network under names such as 0/26.2.0.192.in-addr.arpa.
const zoneName = matching(
  /^([a-z0-9_]([a-z0-9_/-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_/-]{0,61}[a-z0-9_])?\.?$/,
  'must be the name of a DNS zone in lower case, for example example.com or 2.0.192.in-addr.arpa',
  { max: 254 },
);

const spec = withRules(
  z.object({
    zone: zoneName.describe(
      'Name of the zone, for example example.com or 2.0.192.in-addr.arpa. A trailing dot does not matter.',
    ),
    ttlSeconds: z.int().min(1).max(604_800).optional().describe('Time to live of the records. Default 300.'),
    powerDNS: withRules(
      z.object({
        url: matching(
          /^https?:\/\/([a-zA-Z0-9.-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?(\/[a-zA-Z0-9._~/-]*)?$/,
          'must be http://HOST:PORT or https://HOST:PORT, if need be with a path: no user, no query',
          { min: 8, max: 512 },
        ).describe('Base URL of the API, for example http://pdns.example.com:8081.'),
        serverID: matching(
          /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/,
          'must be a server id: letters, digits, hyphens, underscores and inner dots',
          {
            max: 64,
          },
        )
          .optional()
          .describe('Server id in the API. Default localhost.'),
        apiKeySecretRef: secretReference('Secret with the key `apiKey`.'),
        caBundle: caBundle.optional().describe("PEM certificates that sign the server's certificate."),
      }),
      [
        {
          rule: "!has(self.caBundle) || self.url.startsWith('https://')",
          message: 'caBundle has no meaning for an http URL: use https or leave caBundle out',
          fieldPath: '.caBundle',
        },
      ],
    )
      .optional()
      .describe('Zone on a PowerDNS Authoritative Server.'),
    allowedNamespaces: allowedNamespaces.optional(),
  }),
  [
    { rule: 'has(self.powerDNS)', message: 'name the provider of the zone: powerDNS', fieldPath: '.powerDNS' },
    { rule: 'self.zone == oldSelf.zone', message: 'zone cannot be changed: make a new DNSZone', fieldPath: '.zone' },
  ],
);

const status = z.object({
  observedGeneration: observedGenerationSchema.optional(),
  conditions: conditionsSchema.optional(),
});

export const dnsZone = defineKind({
  kind: 'DNSZone',
  plural: 'dnszones',
  singular: 'dnszone',
  shortNames: ['dnsz'],
  scope: 'Cluster',
  description:
    'A DNS zone that is kept for virtual machines: A and AAAA records in forward zones, PTR records in reverse zones. Every matching zone is written; a failing one never holds a machine up.',
  spec,
  status,
  printerColumns: [
    {
      name: 'Ready',
      type: 'string',
      jsonPath: ".status.conditions[?(@.type=='Ready')].status",
      description: 'Whether the provider answers for this zone.',
    },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: ".status.conditions[?(@.type=='Ready')].reason",
      description: 'Why it is ready or not.',
    },
    { name: 'Zone', type: 'string', jsonPath: '.spec.zone', description: 'Name of the zone.' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Age of the object.' },
  ],
});

export type DNSZoneSpec = z.infer<typeof spec>;
export type DNSZoneStatus = z.infer<typeof status>;
export type DNSZone = ApiObject<DNSZoneSpec, DNSZoneStatus>;
