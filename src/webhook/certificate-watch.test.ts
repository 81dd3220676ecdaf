// What wakes whoever looks after the certificates: changes of its Secret and of its configuration, and of no other.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFakeKube, type FakeKube, refusal } from '../../test/kube/fake-kube.ts';
import { until } from '../../test/kube/until.ts';
import { createInformer, type Informer } from '../kube/informer.ts';
import { type Secret, secretType } from '../kube/secrets.ts';
import { watchCertificates } from './certificate-watch.ts';
import { webhookConfigurationType } from './webhook-configuration.ts';

const NAMESPACE = 'pve-operator-system';

let kube: FakeKube;
let secrets: Informer<Secret>;
let stop: AbortController;
let woken: number;
let logged: string[];

beforeEach(async () => {
  kube = createFakeKube();
  stop = new AbortController();
  woken = 0;
  logged = [];
  secrets = createInformer({ client: kube.client, type: secretType });
  secrets.start(stop.signal);
  await secrets.synced();
});
afterEach(() => stop.abort());

function begin(configurationName: string | undefined = 'pve-operator'): void {
  const note = (_: object, text: string) => void logged.push(text);
  const log = { debug: note, info: note, warn: note, error: note };
  watchCertificates(
    { client: kube.client, secrets, secretName: 'mine', configurationName, log },
    () => (woken += 1),
    stop.signal,
  );
}

const putSecret = (name: string) => kube.put(secretType, { metadata: { name, namespace: NAMESPACE } });
const putConfiguration = () => kube.put(webhookConfigurationType, { metadata: { name: 'pve-operator' }, webhooks: [] });
const watching = (count: number) => until('the watches are open', () => kube.openWatches() === count);

describe('a change', () => {
  test('of the Secret wakes, of another one does not', async () => {
    begin(undefined);
    await watching(1);
    putSecret('other');
    expect(woken).toBe(0);
    putSecret('mine');
    putSecret('mine');
    expect(woken).toBe(2);
    kube.drop(secretType, `${NAMESPACE}/mine`);
    expect(woken).toBe(3);
  });

  test('of the configuration wakes: what is there, what is edited, what is deleted', async () => {
    putConfiguration();
    begin();
    await watching(2);
    expect(woken).toBe(1);
    putConfiguration();
    kube.drop(webhookConfigurationType, 'pve-operator');
    expect(woken).toBe(3);
  });

  test('is told of after a watch has broken', async () => {
    begin();
    await watching(2);
    kube.breakWatches(refusal(500, 'InternalError'));
    await watching(2);
    putConfiguration();
    expect(woken).toBe(1);
    expect(logged).toContain('Watch interrupted');
  });
});

test('asks for its own configuration by name: it may see no other', async () => {
  const asked: (string | undefined)[] = [];
  const { client } = kube;
  const list: typeof client.list = (type, selection) => {
    asked.push(selection?.fieldSelector);
    return client.list(type, selection);
  };
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const options = { client: { ...client, list }, secrets, secretName: 'mine', configurationName: 'pve-operator', log };
  watchCertificates(options, () => undefined, stop.signal);
  await watching(2);
  expect(asked).toEqual(['metadata.name=pve-operator']);
});

test('ends with the signal', async () => {
  begin();
  await watching(2);
  stop.abort();
  await until('the watches are closed', () => kube.openWatches() === 0);
  putSecret('mine');
  putConfiguration();
  expect(woken).toBe(0);
});
