// The webhook of the Helm chart: that of config/webhook/, reached through its Service, with certificates of either kind.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KINDS } from '../../src/api/kinds.ts';
import { parseConfig } from '../../src/config.ts';
import { OPERATOR_NAMESPACE } from '../builders/objects.ts';
import { findHelm, Helm, type Rendered, rightsIn } from './chart.ts';
import { manifestsIn } from './harness.ts';

const found = await findHelm();
const unlessMissing = found.missing === undefined ? '' : ` — skipped: ${found.missing}`;

describe.skipIf(found.missing !== undefined)(`the webhook of the chart${unlessMissing}`, () => {
  let helm: Helm;

  beforeAll(async () => {
    helm = await Helm.at(found.path ?? '');
  });

  afterAll(async () => {
    await helm?.[Symbol.asyncDispose]();
  });

  test('is that of config/webhook, of the namespace and the account of the release', async () => {
    const configurationIn = (objects: readonly Rendered[]) =>
      objects.find(({ kind }) => kind === 'ValidatingWebhookConfiguration')?.webhooks;
    const plain = configurationIn(await manifestsIn('config/webhook'));
    expect(plain).toHaveLength(1);
    expect(configurationIn(await helm.objects())).toEqual(plain);
    const other = JSON.stringify(configurationIn(await helm.objects({ 'serviceAccount.name': 'other' })));
    expect(other).toContain(`'system:serviceaccount:${OPERATOR_NAMESPACE}:other'`);
  });

  test('is asked about every kind', async () => {
    const [webhook] = (await manifestsIn('config/webhook')).flatMap((object: Rendered) => object.webhooks ?? []);
    const asked = (webhook as { rules: { resources: string[] }[] }).rules.flatMap(({ resources }) => resources);
    expect(asked).toEqual(expect.arrayContaining(KINDS.map(({ plural }) => plural)));
    expect(asked.filter((resource) => resource.includes('/'))).toEqual([]);
  });

  test('is reached through its Service, and answers until nobody is sent there', async () => {
    const objects = await helm.objects({ 'webhook.port': 9444 });
    const service = objects.find(
      ({ kind, metadata }) => kind === 'Service' && metadata.name === 'pve-operator-webhook',
    );
    expect(service?.spec).toMatchObject({ ports: [{ port: 443, targetPort: 'webhook' }] });
    const { spec } = await helm.deployment({ 'webhook.port': 9444 });
    const [container] = spec.template.spec.containers;
    expect(container.ports).toContainEqual({ name: 'webhook', containerPort: 9444, protocol: 'TCP' });
    expect(service?.spec?.['selector']).toEqual(spec.selector.matchLabels);
    expect(parseConfig(container.args, {})).toMatchObject({
      config: {
        webhook: {
          port: 9444,
          host: '0.0.0.0',
          names: [`pve-operator-webhook.${OPERATOR_NAMESPACE}.svc`],
          issuer: 'own',
          drainMs: 5000,
          allowLocalTargets: false,
        },
      },
    });
  });

  test('without it the operator is not told of it, and nothing of it is there', async () => {
    const rendered = await helm.template({ 'webhook.enabled': false });
    expect(rendered.stdout).not.toContain('webhook');
  });

  test('cert-manager issues the certificate where that is wanted, and the operator may not touch the authority', async () => {
    const values = { 'webhook.certManager': { enabled: true, issuerRef: { kind: 'ClusterIssuer', name: 'internal' } } };
    const objects = await helm.objects(values);
    const of = (kind: string) => objects.find((object) => object.kind === kind);
    expect(of('Certificate')?.spec).toMatchObject({
      secretName: 'pve-operator-webhook',
      dnsNames: [`pve-operator-webhook.${OPERATOR_NAMESPACE}.svc`],
      issuerRef: { kind: 'ClusterIssuer', name: 'internal' },
    });
    expect(of('Issuer')).toBeUndefined();
    expect(of('ValidatingWebhookConfiguration')?.metadata.annotations).toEqual({
      'cert-manager.io/inject-ca-from': `${OPERATOR_NAMESPACE}/pve-operator-webhook`,
    });
    expect(JSON.stringify(rightsIn(objects))).not.toContain('validatingwebhookconfigurations');
    const { spec } = await helm.deployment(values);
    expect(parseConfig(spec.template.spec.containers[0].args, {})).toMatchObject({
      config: { webhook: { issuer: 'external' } },
    });
    const alone = await helm.objects({ 'webhook.certManager': { enabled: true } });
    expect(alone.find(({ kind }) => kind === 'Issuer')?.spec).toEqual({ selfSigned: {} });
  });

  test('with it the rights are those of config/rbac and config/webhook, no more and no less', async () => {
    const plain = rightsIn(await manifestsIn('config/rbac'));
    expect(Object.keys(plain)).toHaveLength(8);
    expect(rightsIn(await helm.objects({ 'webhook.enabled': false }))).toEqual(plain);
    const more = rightsIn(await manifestsIn('config/webhook'));
    expect(Object.keys(more)).toHaveLength(2);
    expect(rightsIn(await helm.objects())).toEqual({ ...plain, ...more });
  });
});
