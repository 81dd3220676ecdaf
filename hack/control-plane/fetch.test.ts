// Tests of downloads, checksums, the cache's atomic folders, and the plans of download and build.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { download, DownloadError, verifyChecksum } from './download.ts';
import { archiveIn, kubernetesPlatform } from './envtest.ts';
import { controlPlaneBuilds, goArguments, goProblem, helmBuild } from './go-build.ts';
import { publishFolder } from './publish.ts';
import { etcdVersion, helmVersion, kubernetesVersion } from './versions.ts';

describe('download', () => {
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: '/file' }).end();
      else if (request.url === '/file') response.end('content');
      else if (request.url === '/missing') response.writeHead(404).end('no such file');
      // Everything else is never answered.
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test.each(['/file', '/moved'])('%s', async (path) => {
    expect((await download(url + path, 5000)).toString()).toBe('content');
  });
  test('another answer than success', async () => {
    await expect(download(`${url}/missing`, 5000)).rejects.toThrow(new DownloadError(`${url}/missing answers 404`));
  });
  test('no answer in time', async () => {
    await expect(download(`${url}/never`, 50)).rejects.toThrow(/^127\.0\.0\.1:\d+ cannot be reached$/);
  });
  test('nobody listens', async () => {
    await expect(download('http://127.0.0.1:1/', 5000)).rejects.toThrow(DownloadError);
  });
});

describe('verifyChecksum', () => {
  const content = Buffer.from('content');
  const hex = createHash('sha512').update(content).digest('hex');
  test.each([hex, hex.toUpperCase(), `${hex}\n`, `${hex}  file.tar.gz\n`])('accepts %.8s…', (published) => {
    verifyChecksum('f', content, { algorithm: 'sha512', hex: published });
  });
  test.each([hex.replace(/^./, (digit) => (digit === '0' ? '1' : '0')), '', hex.slice(1)])(
    'refuses %.8s…',
    (published) => {
      expect(() => verifyChecksum('f', content, { algorithm: 'sha512', hex: published })).toThrow(DownloadError);
    },
  );
});

describe('publishFolder', () => {
  let base: string;
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'publish-test-'));
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));
  const fill = (text: string) => (temporary: string) => {
    writeFileSync(join(temporary, 'file'), text);
    return Promise.resolve();
  };

  test('appears filled, and is not filled again', async () => {
    const folder = join(base, 'deep', 'folder');
    expect(await publishFolder(folder, fill('one'), () => {})).toBe(folder);
    await publishFolder(folder, fill('two'), () => {});
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('one');
    expect(readdirSync(join(base, 'deep'))).toEqual(['folder']);
  });

  test('two at once fill it once', async () => {
    const folder = join(base, 'folder');
    let fills = 0;
    const counting = (temporary: string): Promise<void> => {
      fills += 1;
      return fill('x')(temporary);
    };
    await Promise.all([publishFolder(folder, counting, () => {}), publishFolder(folder, counting, () => {})]);
    expect(fills).toBe(1);
  });

  test('a failure leaves nothing behind', async () => {
    const folder = join(base, 'folder');
    await expect(
      publishFolder(
        folder,
        () => Promise.reject(new Error('no')),
        () => {},
      ),
    ).rejects.toThrow('no');
    expect(readdirSync(base)).toEqual([]);
  });

  test('what a killed process left half-filled is removed, and only that', async () => {
    mkdirSync(join(base, '.filling-folder-abc'));
    mkdirSync(join(base, '.filling-other-abc'));
    await publishFolder(join(base, 'folder'), fill('x'), () => {});
    expect(readdirSync(base).sort()).toEqual(['.filling-other-abc', 'folder']);
    expect(existsSync(join(base, 'folder', 'file'))).toBe(true);
  });
});

test('archiveIn', () => {
  const index = `
releases:
  v1.35.0:
    envtest-v1.35.0-linux-amd64.tar.gz: { hash: aa, selfLink: 'https://example.com/a.tar.gz' }
    envtest-v1.35.0-linux-arm64.tar.gz: { selfLink: 'https://example.com/b.tar.gz' }
`;
  expect(archiveIn(index, '1.35.0', 'linux-amd64')).toEqual({ url: 'https://example.com/a.tar.gz', sha512: 'aa' });
  expect(archiveIn(index, '1.35.0', 'linux-arm64')).toBeUndefined();
  expect(archiveIn(index, '1.36.0', 'linux-amd64')).toBeUndefined();
  expect(archiveIn('{}', '1.35.0', 'linux-amd64')).toBeUndefined();
});

test.each([
  ['linux', 'x64', 'linux-amd64'],
  ['darwin', 'arm64', 'darwin-arm64'],
])('kubernetesPlatform(%s, %s) is %s', (platform, arch, want) => {
  expect(kubernetesPlatform(platform, arch)).toBe(want);
});

test.each([
  [undefined, 'no Go'],
  ['', 'no Go'],
  ['go version go1.24.9 linux/amd64', 'Go 1.24 is older than 1.25'],
  ['go version go1.25.0 linux/amd64', undefined],
  ['go version go1.26.8 linux/amd64', undefined],
  ['go version go2.0.0 linux/amd64', undefined],
  ['go version devel go1.27-abcdef linux/amd64', undefined],
])('goProblem(%j) is %j', (answer, want) => {
  expect(goProblem(answer)).toBe(want);
});

describe('the builds', () => {
  test('name their output where it differs from the package', () => {
    const outputs = controlPlaneBuilds.map((build) => goArguments(build, '/f')[5]);
    expect(outputs).toEqual(['/f/etcd', '/f/']);
  });

  test.each([
    ['etcd', 'go.etcd.io/etcd/server/v3', etcdVersion],
    ['kubernetes', 'k8s.io/kubernetes', kubernetesVersion],
    ['helm', 'helm.sh/helm/v3', helmVersion],
  ])('the module %s pins the version that is named', (module, path, version) => {
    const text = readFileSync(join(import.meta.dirname, 'go', module, 'go.mod'), 'utf8');
    expect(text).toContain(`${path} v${version}`);
  });

  test('every program is a tool of its module', () => {
    for (const build of [...controlPlaneBuilds, helmBuild]) {
      const text = readFileSync(join(import.meta.dirname, 'go', build.module, 'go.mod'), 'utf8');
      for (const name of build.packages) expect(text).toMatch(new RegExp(`^\\s*(tool )?${name}$`, 'm'));
    }
  });

  test('Kubernetes is told its version', () => {
    const flags = controlPlaneBuilds.flatMap(({ ldflags }) => ldflags ?? []).join(' ');
    expect(flags).toContain(`gitVersion=v${kubernetesVersion}`);
  });
});
