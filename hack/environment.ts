// What the development tools read from the environment, in one place.
import { homedir } from 'node:os';
import { cacheDirectory } from './launch.mjs';

/** The settings of the development tools. */
export interface Environment {
  /** Folder for what is downloaded or built, outside the repository. */
  cache: string;
  /** Folder with ready binaries of the control plane, as the kubebuilder tools use it. */
  kubebuilderAssets: string | undefined;
  /** The folders of PATH in their order. */
  path: string[];
  /** Set when nobody watches: no colours, no lines that overwrite themselves. */
  ci: boolean;
}

/** Reads the settings; `env` and `home` are parameters for the tests. */
export function readEnvironment(
  env: Record<string, string | undefined> = process.env,
  home: string = homedir(),
): Environment {
  return {
    cache: cacheDirectory(env, home),
    kubebuilderAssets: env['KUBEBUILDER_ASSETS'] || undefined,
    path: (env['PATH'] ?? '').split(':').filter((folder) => folder !== ''),
    ci: (env['CI'] ?? '') !== '' && env['CI'] !== 'false',
  };
}
