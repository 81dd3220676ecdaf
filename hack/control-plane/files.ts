// Writes the files that one control plane needs: certificates, keys, kubeconfigs, the audit policy.
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { auditPolicy, files, kubeconfig, type Layout } from './arguments.ts';
import { createAuthority, serviceAccountKeys } from './certificates.ts';

/** What a client needs to know to ask the API server by itself. */
export interface AdminCredentials {
  ca: string;
  certificate: string;
  key: string;
}

/** Writes everything into the layout's folder, readable by the owner only. `now` in milliseconds since 1970. */
export async function writeFiles(layout: Layout, now: number): Promise<AdminCredentials> {
  const authority = await createAuthority(now);
  const [server, admin, manager] = await Promise.all([
    authority.server(['localhost', 'kubernetes.default.svc']),
    authority.client('admin', 'system:masters'),
    authority.client('system:kube-controller-manager', 'system:masters'),
  ]);
  const ca = authority.certificate;
  const adminConfig = kubeconfig(layout, { name: 'admin', ...admin }, ca);
  const managerConfig = kubeconfig(layout, { name: 'controller-manager', ...manager }, ca);
  const contents: [string, string][] = [
    [files.ca, ca],
    [files.serverCertificate, server.certificate],
    [files.serverKey, server.key],
    [files.adminKubeconfig, JSON.stringify(adminConfig, null, 2)],
    [files.controllerManagerKubeconfig, JSON.stringify(managerConfig, null, 2)],
    [files.auditPolicy, JSON.stringify(auditPolicy)],
    ...tokenKeys(layout),
  ];
  await Promise.all(contents.map(([name, text]) => writeFile(join(layout.folder, name), text, { mode: 0o600 })));
  return { ca, certificate: admin.certificate, key: admin.key };
}

/** A folder that is used again keeps its keys: tokens in its database stay valid. */
function tokenKeys(layout: Layout): [string, string][] {
  if (existsSync(join(layout.folder, files.serviceAccountKey))) return [];
  const keys = serviceAccountKeys();
  return [
    [files.serviceAccountKey, keys.privateKey],
    [files.serviceAccountPublicKey, keys.publicKey],
  ];
}
