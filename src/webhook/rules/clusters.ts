// Where clusters and DNS providers may be: URLs that lead to somebody else's server, not to the operator's own host.
import type { DNSZone } from '../../api/dns-zone.ts';
import type { ProxmoxCluster } from '../../api/proxmox-cluster.ts';
import { quoted } from '../../domain/problems.ts';
import { hostOf, isLocalTarget, serverOf } from '../../domain/targets.ts';
import type { AdmissionFacts } from '../facts.ts';
import type { Reason, Rule } from '../rule.ts';
import { changes } from './change.ts';

const WRITES = ['CREATE', 'UPDATE'] as const;

/** Proxmox VE's; an endpoint without a port is asked on that of https. */
const HTTPS_PORT = 443;

const LOCAL_TITLE =
  'lead to no loopback, link-local or metadata address, unless the configuration of the operator allows it, and can be read.';

export const clusterEndpoints: Rule<ProxmoxCluster> = {
  id: 'cluster-endpoints',
  kind: 'ProxmoxCluster',
  verbs: WRITES,
  title: `Endpoints ${LOCAL_TITLE}`,
  codes: ['TargetForbidden', 'UrlInvalid'],
  example:
    'spec.endpoints[0] leads to 127.0.0.1, which is the operator itself, its host or its cloud. Name the server by an address of its own.',
  check(review, facts) {
    if (!changes(review, ({ spec }) => spec.endpoints)) return [];
    return review.object.spec.endpoints.flatMap((url, index) => targetReasons(`spec.endpoints[${index}]`, url, facts));
  },
};

export const clusterEndpointFree: Rule<ProxmoxCluster> = {
  id: 'cluster-endpoint-free',
  kind: 'ProxmoxCluster',
  verbs: WRITES,
  title:
    'No other ProxmoxCluster has the same endpoint: the two would give out VMIDs and addresses of one cluster without knowing of each other.',
  codes: ['EndpointTaken'],
  example:
    'spec.endpoints[0] is an endpoint of ProxmoxCluster other too. One cluster is one object: use that one, or correct the URL.',
  check(review, facts) {
    if (!changes(review, ({ spec }) => spec.endpoints)) return [];
    const { metadata, spec } = review.object;
    const others = facts.clusters().filter((other) => other.metadata.name !== metadata.name);
    return spec.endpoints.flatMap((url, index): Reason[] => {
      const server = serverOf(url, HTTPS_PORT);
      const owner = others.find((other) =>
        other.spec.endpoints.some((taken) => server !== undefined && serverOf(taken, HTTPS_PORT) === server),
      );
      if (owner === undefined) return [];
      const path = `spec.endpoints[${index}]`;
      const message = `${path} is an endpoint of ProxmoxCluster ${owner.metadata.name} too. One cluster is one object: use that one, or correct the URL.`;
      return [{ path, code: 'EndpointTaken', message }];
    });
  },
};

export const clusterSurprises: Rule<ProxmoxCluster> = {
  id: 'cluster-surprises',
  kind: 'ProxmoxCluster',
  verbs: WRITES,
  title:
    'Warns when nothing is said about the trust in certificates, and when all endpoints of a cluster with VMs are replaced.',
  codes: [],
  example:
    "spec.tls is absent, so certificates must be signed by a public authority, and Proxmox VE's own are not: set caBundle or fingerprint.",
  warn: (review, facts) => {
    const { object, old } = review;
    return [
      ...(changes(review, ({ spec }) => spec.tls) ? trustWarnings(object) : []),
      ...(old === undefined ? [] : replacementWarnings(old, object, facts)),
    ];
  },
};

function trustWarnings({ spec: { tls } }: ProxmoxCluster): readonly string[] {
  if (tls?.caBundle !== undefined || tls?.fingerprint !== undefined) return [];
  return [
    "spec.tls is absent, so certificates must be signed by a public authority, and Proxmox VE's own are not: set caBundle or fingerprint.",
  ];
}

function replacementWarnings(
  old: ProxmoxCluster,
  { metadata, spec }: ProxmoxCluster,
  facts: AdmissionFacts,
): readonly string[] {
  if (spec.endpoints.some((url) => old.spec.endpoints.includes(url))) return [];
  const count = facts.virtualMachines().filter(({ status }) => status?.clusterName === metadata.name).length;
  if (count === 0) return [];
  return [
    `All endpoints are replaced, and ${count} VirtualMachine(s) live on the cluster: the new ones must be nodes of the same Proxmox VE cluster.`,
  ];
}

export const zoneUrl: Rule<DNSZone> = {
  id: 'zone-url',
  kind: 'DNSZone',
  verbs: WRITES,
  title: `The URL of the provider must ${LOCAL_TITLE.replace('and can', 'and must')} Warns of http, which sends the API key in the open.`,
  codes: ['TargetForbidden', 'UrlInvalid'],
  example:
    'spec.powerDNS.url leads to 169.254.169.254, which is the operator itself, its host or its cloud. Name the server by an address of its own.',
  check(review, facts) {
    const { url } = review.object.spec.powerDNS ?? {};
    if (url === undefined || !changes(review, ({ spec }) => spec.powerDNS?.url)) return [];
    return targetReasons('spec.powerDNS.url', url, facts);
  },
  warn(review) {
    const { url = '' } = review.object.spec.powerDNS ?? {};
    if (!url.startsWith('http://') || !changes(review, ({ spec }) => spec.powerDNS?.url)) return [];
    return ['spec.powerDNS.url is http: the API key is sent in the open, and the server is not verified. Use https.'];
  },
};

function targetReasons(path: string, url: string, { allowLocalTargets }: AdmissionFacts): readonly Reason[] {
  const host = hostOf(url);
  if (host === undefined) {
    const message = `${path} ${quoted(url)} cannot be read as a URL. Correct its host or its port (1 to 65535).`;
    return [{ path, code: 'UrlInvalid', message }];
  }
  if (allowLocalTargets || !isLocalTarget(host)) return [];
  const message = `${path} leads to ${host}, which is the operator itself, its host or its cloud. Name the server by an address of its own.`;
  return [{ path, code: 'TargetForbidden', message }];
}
