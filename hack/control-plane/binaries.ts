// Finds the control plane's programs: asks each source in its order and takes the first that has them all.

/** The programs by name. */
export const programNames = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'] as const;
export type ProgramName = (typeof programNames)[number];

/** Paths of the programs. */
export type Binaries = Record<ProgramName, string>;

/** What a source answers: the programs, or why it has none and what a person could do about it. */
export type Offer = { binaries: Binaries } | { reason: string; cure?: string };

/** A place where the programs may come from. */
export interface Source {
  name: string;
  offer(): Promise<Offer>;
}

/** No source has the programs; the message lists what each said and the cures. */
export class NoBinariesError extends Error {
  override name = 'NoBinariesError';
}

/** The programs of the first source that has them. Rejects with NoBinariesError. */
export async function findBinaries(sources: readonly Source[]): Promise<Binaries> {
  const refusals: string[] = [];
  const cures: string[] = [];
  for (const source of sources) {
    const offer = await source.offer();
    if ('binaries' in offer) return offer.binaries;
    refusals.push(`  ${source.name}: ${offer.reason}`);
    if (offer.cure !== undefined) cures.push(`  - ${offer.cure}`);
  }
  throw new NoBinariesError(
    ['The programs of a Kubernetes control plane are missing.', ...refusals, 'One of these helps:', ...cures].join(
      '\n',
    ),
  );
}
