// The command lines and files of the control plane's programs.
import { join } from 'node:path';

/** Where one control plane keeps its files and listens. */
export interface Layout {
  folder: string;
  etcdPort: number;
  etcdPeerPort: number;
  apiServerPort: number;
  controllerManagerPort: number;
  /** File for the API server's audit log, when one is wanted. */
  auditLog: string | undefined;
}

/** The names of the files in the folder. */
export const files = {
  ca: 'ca.crt',
  serverCertificate: 'apiserver.crt',
  serverKey: 'apiserver.key',
  serviceAccountKey: 'service-account.key',
  serviceAccountPublicKey: 'service-account.pub',
  auditPolicy: 'audit-policy.json',
  adminKubeconfig: 'kubeconfig',
  controllerManagerKubeconfig: 'controller-manager.kubeconfig',
  etcdData: 'etcd',
} as const;

/** The API server's address. */
export function apiServerUrl(layout: Layout): string {
  return `https://127.0.0.1:${layout.apiServerPort}`;
}

/** etcd on loopback that does not wait for the disk: what it stores may be lost with the machine. */
export function etcdArguments(layout: Layout): string[] {
  const client = `http://127.0.0.1:${layout.etcdPort}`;
  const peer = `http://127.0.0.1:${layout.etcdPeerPort}`;
  return [
    '--name=default',
    `--data-dir=${join(layout.folder, files.etcdData)}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

/** An API server with RBAC and service-account tokens. */
export function apiServerArguments(layout: Layout): string[] {
  const file = (name: string): string => join(layout.folder, name);
  return [
    `--etcd-servers=http://127.0.0.1:${layout.etcdPort}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${layout.apiServerPort}`,
    `--tls-cert-file=${file(files.serverCertificate)}`,
    `--tls-private-key-file=${file(files.serverKey)}`,
    `--client-ca-file=${file(files.ca)}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${file(files.serviceAccountPublicKey)}`,
    `--service-account-signing-key-file=${file(files.serviceAccountKey)}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    // There is no network to publish the server in, and a loopback address is refused there.
    '--endpoint-reconciler-type=none',
    ...auditArguments(layout),
  ];
}

function auditArguments(layout: Layout): string[] {
  if (layout.auditLog === undefined) return [];
  return [`--audit-policy-file=${join(layout.folder, files.auditPolicy)}`, `--audit-log-path=${layout.auditLog}`];
}

/** One line per finished request, without bodies. */
export const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'Metadata' }],
};

const controllers = [
  'garbage-collector-controller',
  'namespace-controller',
  'serviceaccount-controller',
  'serviceaccount-token-controller',
];

/** A controller manager with only the controllers that an operator relies on. */
export function controllerManagerArguments(layout: Layout): string[] {
  const config = join(layout.folder, files.controllerManagerKubeconfig);
  return [
    `--kubeconfig=${config}`,
    `--authentication-kubeconfig=${config}`,
    `--authorization-kubeconfig=${config}`,
    `--controllers=${controllers.join(',')}`,
    `--service-account-private-key-file=${join(layout.folder, files.serviceAccountKey)}`,
    `--root-ca-file=${join(layout.folder, files.ca)}`,
    '--use-service-account-credentials=false',
    '--leader-elect=false',
    '--bind-address=127.0.0.1',
    `--secure-port=${layout.controllerManagerPort}`,
    `--cert-dir=${layout.folder}`,
  ];
}

/** A kubeconfig for a client certificate. */
export function kubeconfig(
  layout: Layout,
  user: { name: string; certificate: string; key: string },
  ca: string,
): object {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'local', cluster: { server: apiServerUrl(layout), 'certificate-authority-data': base64(ca) } }],
    users: [
      {
        name: user.name,
        user: { 'client-certificate-data': base64(user.certificate), 'client-key-data': base64(user.key) },
      },
    ],
    contexts: [{ name: 'local', context: { cluster: 'local', user: user.name } }],
    'current-context': 'local',
  };
}
