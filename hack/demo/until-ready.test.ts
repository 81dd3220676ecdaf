// Tests of waiting for the machines, with a script in the place of kubectl.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { withToken } from './operator.ts';
import type { VmProgress } from './progress.ts';
import { NotReadyError, untilReady } from './until-ready.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'until-ready-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function event(name: string, ready: boolean, type = 'MODIFIED'): string {
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False', reason: 'R', message: 'M' }];
  return JSON.stringify({ type, object: { metadata: { namespace: 'a', name }, status: { conditions } } });
}

/** A stage whose kubectl answers its first call with `first`, every later one with `later`; then it hangs or ends. */
function stageWith(first: string[], options: { later?: string[]; ends?: boolean; failure?: () => Error } = {}) {
  const kubectlPath = join(folder, 'kubectl');
  writeFileSync(join(folder, 'first'), first.map((line) => `${line}\n`).join(''));
  writeFileSync(join(folder, 'later'), (options.later ?? first).map((line) => `${line}\n`).join(''));
  const script = `#!/bin/sh
echo "$@" >> '${folder}/calls'
if [ -e '${folder}/first' ]; then cat '${folder}/first'; rm '${folder}/first'; else cat '${folder}/later'; fi
${options.ends === true ? '' : 'exec sleep 600'}
`;
  writeFileSync(kubectlPath, script);
  chmodSync(kubectlPath, 0o755);
  return { plane: { kubectlPath, kubeconfig: '/k' }, failure: options.failure ?? (() => undefined) };
}

const wanted = [
  { namespace: 'a', name: 'web' },
  { namespace: 'a', name: 'db' },
];

function recorder() {
  const seen: VmProgress[] = [];
  return { seen, view: { update: (progress: VmProgress) => void seen.push(progress) } };
}

describe('untilReady', () => {
  test('is through when every wanted machine is ready', async () => {
    const { seen, view } = recorder();
    const lines = [event('web', false, 'ADDED'), event('web', true), event('other', false), event('db', true)];
    await untilReady(stageWith(lines), { wanted, view, timeoutMs: 20_000 });
    expect(seen.map(({ name, ready }) => [name, ready])).toEqual([
      ['web', false],
      ['web', true],
      ['other', false],
      ['db', true],
    ]);
    expect(readFileSync(join(folder, 'calls'), 'utf8')).toBe(
      '--kubeconfig /k get --raw /apis/pve-operator.io/v1alpha1/virtualmachines?watch=true\n',
    );
  });

  test('goes on when the stream ends', async () => {
    const { view } = recorder();
    const stage = stageWith([event('web', true)], { later: [event('web', true), event('db', true)], ends: true });
    await untilReady(stage, { wanted, view, timeoutMs: 20_000 });
    expect(readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n').length).toBeGreaterThan(1);
  });

  test('passes over what is no machine', async () => {
    const { seen, view } = recorder();
    const gone = '{"type":"ERROR","object":{"kind":"Status","code":410}}';
    await untilReady(stageWith([gone, event('web', true), event('db', true)]), { wanted, view, timeoutMs: 20_000 });
    expect(seen).toHaveLength(2);
  });

  test('names the machines that are late', async () => {
    const waiting = untilReady(stageWith([event('web', true)]), { wanted, ...recorder(), timeoutMs: 700 });
    await expect(waiting).rejects.toThrow(NotReadyError);
    await expect(waiting).rejects.toThrow(/^Not ready after 0\.7 s: .*a\/db$/);
  });

  test('does not wait for a server that has ended', async () => {
    const stage = stageWith([], { failure: () => new Error('The operator ended by itself.') });
    const waiting = untilReady(stage, { wanted, ...recorder(), timeoutMs: 20_000 });
    await expect(waiting).rejects.toThrow(new NotReadyError('The operator ended by itself.'));
  });
});

test('withToken puts a token in the place of the certificate', () => {
  const admin = {
    clusters: [{ name: 'local' }],
    users: [{ name: 'admin', user: { 'client-certificate-data': 'C', 'client-key-data': 'K' } }],
  };
  expect(withToken(JSON.stringify(admin), 'T')).toEqual({
    clusters: [{ name: 'local' }],
    users: [{ name: 'admin', user: { token: 'T' } }],
  });
});
