import { aBuiltVm, aCluster, created, holdRule, updated } from '../../../test/builders/admission.ts';
import { aProxmoxCluster, aZone } from '../../../test/builders/objects.ts';
import { clusterEndpointFree, clusterEndpoints, clusterSurprises, zoneUrl } from './clusters.ts';

const reached = (...endpoints: string[]) => aProxmoxCluster({ endpoints });
const forbidden = (path: string) => [{ path, code: 'TargetForbidden' }] as const;
const unreadable = (path: string) => [{ path, code: 'UrlInvalid' }] as const;
const FIRST = 'spec.endpoints[0]';

const LOCAL = [
  'https://127.0.0.1:8006',
  'https://127.1:8006',
  'https://0x7f.0.0.1:8006',
  'https://2130706433',
  'https://[::1]:8006',
  'https://[::ffff:127.0.0.1]:8006',
  'https://0.0.0.0:8006',
  'https://[::]:8006',
  'https://169.254.169.254',
  'https://169.254.1.1',
  'https://[fe80::1]:8006',
  'https://[fd00:ec2::254]',
  'https://100.100.100.200',
  'https://localhost:8006',
  'https://LOCALHOST:8006',
  'https://localhost.:8006',
  'https://pve.localhost',
  'https://metadata.google.internal',
];

holdRule(clusterEndpoints, [
  {
    name: 'names and addresses',
    review: created(
      reached(
        'https://pve1.example.com:8006',
        'https://192.0.2.1',
        'https://10.0.0.1:8006',
        'https://[2001:db8::1]:8006',
      ),
    ),
  },
  {
    name: 'names that look alike',
    review: created(reached('https://localhost.example.com', 'https://notlocalhost', 'https://170.254.169.254')),
  },
  ...LOCAL.map((url) => ({ name: url, review: created(reached(url)), want: forbidden(FIRST) })),
  { name: 'local ones where they are allowed', review: created(reached(...LOCAL)), world: { allowLocalTargets: true } },
  {
    name: 'the second of two',
    review: created(reached('https://pve1.example.com', 'https://127.0.0.1')),
    want: forbidden('spec.endpoints[1]'),
  },
  { name: 'a port that does not exist', review: created(reached('https://pve1:65536')), want: unreadable(FIRST) },
  { name: 'an address that does not exist', review: created(reached('https://1.2.3.256')), want: unreadable(FIRST) },
  {
    name: 'an unreadable one where local ones are allowed',
    review: created(reached('https://[::1')),
    world: { allowLocalTargets: true },
    want: unreadable(FIRST),
  },
  { name: 'an edit', review: updated(reached('https://pve1'), reached('https://127.0.0.1')), want: forbidden(FIRST) },
  {
    name: 'one that was there, and something else that changes',
    review: updated(reached('https://127.0.0.1'), reached('https://127.0.0.1')),
  },
]);

const other = {
  clusters: [
    aCluster(),
    aProxmoxCluster({ endpoints: ['https://a.example.com', 'https://b.example.com:8006'] }, 'other'),
  ],
};
const twice = (path = FIRST) => [{ path, code: 'EndpointTaken', says: 'ProxmoxCluster other' }] as const;

holdRule(clusterEndpointFree, [
  { name: 'nobody has it', review: created(reached('https://c.example.com:8006')), world: other },
  {
    name: 'another object has it',
    review: created(reached('https://b.example.com:8006')),
    world: other,
    want: twice(),
  },
  {
    name: 'another object has it in other letters',
    review: created(reached('https://B.example.com:8006/')),
    world: other,
    want: twice(),
  },
  {
    name: 'the second of two',
    review: created(reached('https://c.example.com', 'https://b.example.com:8006')),
    world: other,
    want: twice('spec.endpoints[1]'),
  },
  {
    name: 'the same port, said and not said',
    review: created(reached('https://a.example.com:443')),
    world: other,
    want: twice(),
  },
  {
    name: 'the port next to the one that is not said',
    review: created(reached('https://a.example.com:444')),
    world: other,
  },
  { name: 'another port of the server', review: created(reached('https://b.example.com:8007')), world: other },
  {
    name: 'the object itself',
    review: updated(reached('https://a.example.com'), reached('https://lab.example.com:8006')),
    world: other,
  },
  {
    name: 'one that cannot be read, which is said elsewhere',
    review: created(reached('https://x:99999')),
    world: { clusters: [aProxmoxCluster({ endpoints: ['https://x:99999'] }, 'other')] },
  },
  {
    name: 'one that was there, and something else that changes',
    review: updated(reached('https://b.example.com:8006'), reached('https://b.example.com:8006')),
    world: other,
  },
]);

const trusted = (tls: Parameters<typeof aProxmoxCluster>[0]['tls']) =>
  aProxmoxCluster({ endpoints: ['https://pve1'], tls });
const UNTRUSTED = ['spec.tls is absent'];
const pem = '-----BEGIN CERTIFICATE-----';
const moved = updated(
  trusted({ caBundle: pem }),
  aProxmoxCluster({ endpoints: ['https://pve9'], tls: { caBundle: pem } }),
);

holdRule(clusterSurprises, [
  { name: 'a CA', review: created(trusted({ caBundle: pem })) },
  { name: 'a fingerprint', review: created(trusted({ fingerprint: 'AA' })) },
  { name: 'nothing', review: created(trusted(undefined)), warns: UNTRUSTED },
  { name: 'nothing in it', review: created(trusted({})), warns: UNTRUSTED },
  {
    name: 'trust that is taken away',
    review: updated(trusted({ caBundle: pem }), trusted(undefined)),
    warns: UNTRUSTED,
  },
  { name: 'nothing, as before', review: updated(trusted(undefined), trusted(undefined)) },
  {
    name: 'all endpoints replaced, with VMs',
    review: moved,
    world: { virtualMachines: [aBuiltVm()] },
    warns: ['1 VirtualMachine(s) live on the cluster'],
  },
  {
    name: 'all endpoints replaced, without VMs',
    review: moved,
    world: { virtualMachines: [aBuiltVm({}, { clusterName: 'east' })] },
  },
  {
    name: 'one endpoint of two replaced',
    review: updated(
      aProxmoxCluster({ endpoints: ['https://pve1', 'https://pve2'] }),
      aProxmoxCluster({ endpoints: ['https://pve1', 'https://pve3'] }),
    ),
    world: { virtualMachines: [aBuiltVm()] },
  },
]);

const zone = (url: string) => aZone('example.com', url);
const URL_PATH = 'spec.powerDNS.url';
const OPEN = ['the API key is sent in the open'];

holdRule(zoneUrl, [
  { name: 'https', review: created(zone('https://pdns.example.net:8443/api')) },
  { name: 'http', review: created(zone('http://pdns.example.net:8081')), warns: OPEN },
  {
    name: 'http as before',
    review: updated(zone('http://pdns.example.net'), { ...zone('http://pdns.example.net'), metadata: { name: 'x' } }),
  },
  { name: 'metadata', review: created(zone('https://169.254.169.254/latest')), want: forbidden(URL_PATH) },
  { name: 'loopback', review: created(zone('http://127.0.0.1:8081')), want: forbidden(URL_PATH), warns: OPEN },
  {
    name: 'loopback where it is allowed',
    review: created(zone('https://127.0.0.1:8081')),
    world: { allowLocalTargets: true },
  },
  { name: 'a port that does not exist', review: created(zone('https://pdns:70000')), want: unreadable(URL_PATH) },
  {
    name: 'a local one that was there, and something else that changes',
    review: updated(zone('https://127.0.0.1'), zone('https://127.0.0.1')),
  },
  {
    name: 'no provider, which the API server refuses',
    review: created({ ...zone('x'), spec: { zone: 'example.com' } }),
  },
]);
