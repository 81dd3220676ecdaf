// Puts the operator's admission webhook in front of the demo's API server, and shows what it refuses.
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Manifest, readManifests } from './samples.ts';

/** Runs kubectl as an administrator; resolves also when it fails. */
export type Kubectl = (
  args: readonly string[],
  input?: string,
) => Promise<{ code: number | null; stdout: string; stderr: string }>;

const TRUST_TIMEOUT_MS = 20_000;
const POLL_MS = 100;

/** The manifests of config/webhook/; there is no network of pods, so the operator is called by its address. */
export async function admissionManifests(root: string, port: number): Promise<Manifest[]> {
  const manifests = await readManifests(resolve(root, 'config/webhook'));
  return manifests.map((manifest) =>
    manifest.kind === 'ValidatingWebhookConfiguration' ? calledByAddress(manifest as Configuration, port) : manifest,
  );
}

interface Configuration extends Manifest {
  webhooks: { clientConfig: object }[];
}

function calledByAddress(configuration: Configuration, port: number): Configuration {
  const clientConfig = { url: `https://127.0.0.1:${port}/validate` };
  return { ...configuration, webhooks: configuration.webhooks.map((webhook) => ({ ...webhook, clientConfig })) };
}

/** The options of an operator that serves these manifests. */
export function admissionOptions(port: number): string[] {
  return [
    '--webhook',
    '--webhook-host=127.0.0.1',
    `--webhook-port=${port}`,
    '--webhook-names=127.0.0.1',
    '--webhook-drain-ms=0',
    // The simulator and the DNS server listen on loopback.
    '--allow-local-targets',
  ];
}

/** Asks for something that only the webhook lets in, until it is let in: the operator fills its authority in first. */
export async function untilAsked(kubectl: Kubectl, probe: Manifest, timeoutMs = TRUST_TIMEOUT_MS): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const { code, stderr } = await kubectl(['create', '--dry-run=server', '-f', '-'], JSON.stringify(probe));
    if (code === 0) return;
    if (performance.now() > deadline)
      throw new Error(`The API server does not get an answer of the webhook:\n${stderr}`);
    await delay(POLL_MS);
  }
}

/** What a billing panel sees that sells a machine a smaller disk than it has: the command, and the answer to it. */
export async function refusedShrink(kubectl: Kubectl, vm: { namespace: string; name: string }): Promise<string[]> {
  const patch = JSON.stringify({ spec: { configurableOptions: { 'System Disk': '5|5 GB' } } });
  const args = ['--namespace', vm.namespace, 'patch', 'pvm', vm.name, '--type=merge', '--patch', patch];
  const { stdout, stderr } = await kubectl([...args, '--dry-run=server']);
  return [`kubectl ${args.slice(0, -1).join(' ')} '${patch}'`, ...`${stdout}${stderr}`.trim().split('\n')];
}
