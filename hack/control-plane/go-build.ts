// Builds the control plane's programs and Helm from source, at the versions that the modules under go/ pin.
import { join } from 'node:path';
import { run } from '../process/run.ts';
import { publishFolder } from './publish.ts';
import { helmVersion, kubernetesVersion } from './versions.ts';

const oldestGo = [1, 25] as const;
const progressMs = 20_000;

/** A build failed; the message says what to install. */
export class BuildError extends Error {
  override name = 'BuildError';
}

/** One call of the Go compiler. */
export interface GoBuild {
  /** What is built, for people. */
  title: string;
  /** Folder under go/ with the module. */
  module: string;
  /** Packages of programs; each becomes a file named like the package's last part, unless `output` names it. */
  packages: readonly string[];
  output?: string;
  ldflags?: readonly string[];
}

const component = 'k8s.io/component-base/version';
const [major, minor] = kubernetesVersion.split('.');

/** The programs of the control plane. */
export const controlPlaneBuilds: readonly GoBuild[] = [
  { title: 'etcd', module: 'etcd', packages: ['go.etcd.io/etcd/server/v3'], output: 'etcd' },
  {
    title: 'kube-apiserver, kube-controller-manager and kubectl',
    module: 'kubernetes',
    packages: ['kube-apiserver', 'kube-controller-manager', 'kubectl'].map((name) => `k8s.io/kubernetes/cmd/${name}`),
    // Without them the programs call themselves v0.0.0 and clients refuse to talk to them.
    ldflags: [
      `-X ${component}.gitVersion=v${kubernetesVersion}`,
      `-X ${component}.gitMajor=${major}`,
      `-X ${component}.gitMinor=${minor}`,
    ],
  },
];

/** Helm. */
export const helmBuild: GoBuild = {
  title: 'helm',
  module: 'helm',
  packages: ['helm.sh/helm/v3/cmd/helm'],
  ldflags: [`-X helm.sh/helm/v3/internal/version.version=v${helmVersion}`],
};

/** Why this machine cannot build, or undefined when its Go (the answer of `go version`) can. */
export function goProblem(answer: string | undefined): string | undefined {
  const found = /\bgo(\d+)\.(\d+)/.exec(answer ?? '');
  if (found === null) return 'no Go';
  const [goMajor, goMinor] = [Number(found[1]), Number(found[2])];
  if (goMajor > oldestGo[0] || goMinor >= oldestGo[1]) return undefined;
  return `Go ${goMajor}.${goMinor} is older than ${oldestGo.join('.')}`;
}

/** The compiler's arguments for a build into `folder`. */
export function goArguments(build: GoBuild, folder: string): string[] {
  const ldflags = ['-s', '-w', ...(build.ldflags ?? [])].join(' ');
  const output = build.output === undefined ? `${folder}/` : join(folder, build.output);
  return ['build', '-trimpath', '-ldflags', ldflags, '-o', output, ...build.packages];
}

/** Builds into `folder` (of the cache) unless it exists. Rejects with BuildError. */
export async function buildInto(
  folder: string,
  builds: readonly GoBuild[],
  log: (line: string) => void,
): Promise<void> {
  const problem = goProblem((await run('go', ['version'])).stdout);
  if (problem !== undefined) throw new BuildError(problem);
  await publishFolder(
    folder,
    async (temporary) => {
      for (const build of builds) await goBuild(build, temporary, log);
    },
    log,
  );
}

async function goBuild(build: GoBuild, folder: string, log: (line: string) => void): Promise<void> {
  const startedAt = Date.now();
  const elapsed = (): string => `${Math.round((Date.now() - startedAt) / 1000)} s`;
  log(`Building ${build.title} from source (once, some minutes)`);
  const timer = setInterval(() => log(`Still building ${build.title}, ${elapsed()}`), progressMs);
  try {
    const result = await run('go', goArguments(build, folder), {
      cwd: join(import.meta.dirname, 'go', build.module),
      // A workspace or a vendor setting of the user's would change what these modules pin.
      env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '-mod=readonly' },
    });
    if (result.code !== 0) throw new BuildError(lastLines(result.stderr, 5));
    log(`Built ${build.title} in ${elapsed()}`);
  } finally {
    clearInterval(timer);
  }
}

function lastLines(text: string, count: number): string {
  return text.trim().split('\n').slice(-count).join('\n    ');
}
