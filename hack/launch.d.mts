// The types of launch.mjs, which has to be plain JavaScript.
export const requiredMajor: number;
export const fetchedVersion: string;
export class LaunchError extends Error {}
export type Target =
  { kind: 'help' } | { kind: 'file'; file: string; args: string[] } | { kind: 'bin'; tool: string; args: string[] };
export interface PackageLock {
  packages?: Record<string, { version?: string; optional?: boolean }>;
}
export function cacheDirectory(env: Record<string, string | undefined>, home: string): string;
export function parseTarget(args: string[]): Target;
export function isNewEnough(version: string): boolean;
export function nodePackage(platform: string, arch: string): string | undefined;
export function isInstalled(lock: PackageLock, installed: PackageLock): boolean;
export function npmCommand(env: Record<string, string | undefined>, nodePath: string): string[];
export function npmEnvironment(env: Record<string, string | undefined>): Record<string, string | undefined>;
export function exitCode(code: number | null, signal: string | null): number;
