// Starts the operator for the demo, with the rights of config/rbac/ and no others.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { Child } from '../process/child.ts';
import type { Guard } from '../process/guard.ts';

/** Namespace of the operator and of the Secrets that it reads. */
export const operatorNamespace = 'pve-operator-system';
const serviceAccount = 'pve-operator';

/** The administrator's kubeconfig with a service account's token instead of the administrator's certificate. */
export function withToken(adminKubeconfig: string, token: string): object {
  const config = parse(adminKubeconfig) as { users: { name: string }[] };
  return { ...config, users: config.users.map(({ name }) => ({ name, user: { token } })) };
}

export interface OperatorPlace {
  root: string;
  folder: string;
  plane: ControlPlane;
  guard: Guard;
}

/** Starts the operator beside the control plane; config/rbac/ must have been applied. `options`: further ones. */
export async function startOperator(place: OperatorPlace, options: readonly string[]): Promise<Child> {
  const { root, folder, plane, guard } = place;
  const args = ['--namespace', operatorNamespace, 'create', 'token', serviceAccount, '--duration=24h'];
  const token = await plane.kubectl(args);
  if (token.code !== 0) throw new Error(`No token for the operator:\n${token.stderr}`);
  const kubeconfig = join(folder, 'operator.kubeconfig');
  const content = withToken(await readFile(plane.kubeconfig, 'utf8'), token.stdout.trim());
  await writeFile(kubeconfig, JSON.stringify(content), { mode: 0o600 });
  return Child.start({
    command: process.execPath,
    args: [
      join(root, 'src/main.ts'),
      `--kubeconfig=${kubeconfig}`,
      `--namespace=${operatorNamespace}`,
      '--health-port=0',
      ...options,
    ],
    logFile: join(folder, 'operator.log'),
    guard,
    name: 'operator',
  });
}
