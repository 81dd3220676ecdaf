// Tests of the order of sources and of what is said when none has the programs.
import { describe, expect, test } from 'vitest';
import { type Binaries, findBinaries, NoBinariesError, type Offer, type Source } from './binaries.ts';

function binariesIn(folder: string): Binaries {
  return {
    etcd: `${folder}/etcd`,
    'kube-apiserver': `${folder}/kube-apiserver`,
    'kube-controller-manager': `${folder}/kube-controller-manager`,
    kubectl: `${folder}/kubectl`,
  };
}

describe('findBinaries', () => {
  function sources(offers: Record<string, Offer>, asked: string[]): Source[] {
    return Object.entries(offers).map(([name, offer]) => ({
      name,
      offer: () => {
        asked.push(name);
        return Promise.resolve(offer);
      },
    }));
  }

  const table: { name: string; offers: Record<string, Offer>; want: string; asked: string[] }[] = [
    {
      name: 'the first source is enough',
      offers: { a: { binaries: binariesIn('/a') }, b: { binaries: binariesIn('/b') } },
      want: '/a/etcd',
      asked: ['a'],
    },
    {
      name: 'sources without them are passed over in their order',
      offers: { a: { reason: 'no' }, b: { reason: 'no', cure: 'c' }, c: { binaries: binariesIn('/c') } },
      want: '/c/etcd',
      asked: ['a', 'b', 'c'],
    },
  ];
  test.each(table)('$name', async ({ offers, want, asked: wantAsked }) => {
    const asked: string[] = [];
    const binaries = await findBinaries(sources(offers, asked));
    expect(binaries.etcd).toBe(want);
    expect(asked).toEqual(wantAsked);
  });

  test('the error names every source with its reason, and every cure', async () => {
    const none = findBinaries(
      sources({ PATH: { reason: 'no etcd' }, 'the Go build': { reason: 'no Go', cure: 'install Go' } }, []),
    );
    await expect(none).rejects.toThrow(NoBinariesError);
    await expect(none).rejects.toThrow(
      ['PATH: no etcd', '  the Go build: no Go', 'One of these helps:', '  - install Go'].join('\n'),
    );
  });

  test('a failure that is no refusal is not swallowed', async () => {
    const broken: Source = { name: 'a', offer: () => Promise.reject(new RangeError('bug')) };
    await expect(findBinaries([broken])).rejects.toThrow(RangeError);
  });
});
