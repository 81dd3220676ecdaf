// Which release of Proxmox VE a cluster simulates, as far as its API differs.

/** Releases with a schema of their own, oldest first. */
export const releases = ['8.4', '9.1', '9.2'] as const;

/** The API of a release; versions in between count as the next older one. */
export type Release = (typeof releases)[number];

/** The release a version text such as `9.1.4` belongs to. */
export function releaseOf(version: string): Release {
  const [major = 9, minor = 0] = version.split('.').map(Number);
  if (major < 9) return '8.4';
  return major > 9 || minor >= 2 ? '9.2' : '9.1';
}

/** Whether the release is not newer than the other. */
export function isUpTo(release: Release, last: Release): boolean {
  return releases.indexOf(release) <= releases.indexOf(last);
}

/** Whether the version is older than 8.4, which has the same API but other answers here and there. */
export function isBefore84(version: string): boolean {
  const [major = 9, minor = 0] = version.split('.').map(Number);
  return major < 8 || (major === 8 && minor < 4);
}

/** Version answers of the latest release of each major one. */
export const versions = {
  8: { release: '8.4', version: '8.4.21', repoid: '2ca5dbb1a7ea2a87' },
  9: { release: '9.2', version: '9.2.11', repoid: '14a22df35955d97d' },
} as const;
