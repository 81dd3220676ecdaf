// How the demo is made to ask the operator's webhook, and when it goes on.
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { admissionManifests, admissionOptions, type Kubectl, refusedShrink, untilAsked } from './admission.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PROBE = { apiVersion: 'v1', kind: 'ProxmoxCluster', metadata: { name: 'lab' } };

/** A kubectl that answers with these lines of stderr, one a call; an empty one is a success. */
function answering(...errors: string[]): { kubectl: Kubectl; calls: [readonly string[], string | undefined][] } {
  const calls: [readonly string[], string | undefined][] = [];
  const kubectl: Kubectl = async (args, input) => {
    const stderr = errors[Math.min(calls.length, errors.length - 1)] ?? '';
    calls.push([args, input]);
    return { code: stderr === '' ? 0 : 1, stdout: '', stderr };
  };
  return { kubectl, calls };
}

describe('the manifests', () => {
  test('call the operator by its address, every webhook of them', async () => {
    const manifests = await admissionManifests(ROOT, 9444);
    const configuration = manifests.find(({ kind }) => kind === 'ValidatingWebhookConfiguration');
    expect(configuration).toHaveProperty('webhooks');
    const { webhooks } = configuration as unknown as { webhooks: { clientConfig: object }[] };
    expect(webhooks.map(({ clientConfig }) => clientConfig)).toEqual(
      webhooks.map(() => ({ url: 'https://127.0.0.1:9444/validate' })),
    );
  });

  test('are otherwise those of config/webhook/', async () => {
    const kinds = (await admissionManifests(ROOT, 9444)).map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['Service', 'ValidatingWebhookConfiguration']));
  });
});

test('the options are ones that the operator knows', () => {
  expect(parseConfig(admissionOptions(9444), {})).toMatchObject({
    kind: 'config',
    config: {
      webhook: { host: '127.0.0.1', port: 9444, names: ['127.0.0.1'], drainMs: 0, allowLocalTargets: true },
    },
  });
});

describe('until the API server asks the webhook', () => {
  test('the same thing is tried without any effect', async () => {
    const { kubectl, calls } = answering('failed calling webhook: no CA', 'failed calling webhook: refused', '');
    await untilAsked(kubectl, PROBE);
    expect(calls).toHaveLength(3);
    expect(calls[0]).toEqual([['create', '--dry-run=server', '-f', '-'], JSON.stringify(PROBE)]);
  });

  test('for a limited time, after which the last answer is told', async () => {
    const { kubectl } = answering('failed calling webhook: no CA');
    await expect(untilAsked(kubectl, PROBE, 0)).rejects.toThrow('failed calling webhook: no CA');
  });
});

test('a refusal is shown with the command that asked for it, which changes nothing', async () => {
  const { kubectl, calls } = answering('Error from server: no shrink');
  const lines = await refusedShrink(kubectl, { namespace: 'customer-142', name: 'service-5546' });
  expect(lines).toEqual([
    `kubectl --namespace customer-142 patch pvm service-5546 --type=merge --patch '{"spec":{"configurableOptions":{"System Disk":"5|5 GB"}}}'`,
    'Error from server: no shrink',
  ]);
  expect(calls[0]?.[0]).toContain('--dry-run=server');
});
