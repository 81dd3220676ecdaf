// Tests of a firewall file: its digest and its copies.
import { describe, expect, it } from 'vitest';
import { FirewallFile } from './firewall-file.ts';

const empty = 'da39a3ee5e6b4b0d3255bfef95601890afd80709';

function full(): FirewallFile {
  const file = new FirewallFile();
  file.options = { enable: 1 };
  file.rules = [{ type: 'in', action: 'ACCEPT' }];
  file.ipsets.set('ok_1', { comment: undefined, entries: [{ cidr: '10.0.0.1' }] });
  file.aliases.set('office', { name: 'Office', cidr: '10.0.0.0/24' });
  return file;
}

describe('the digest', () => {
  it('of nothing is that of an empty text (firewall-missing-vm)', () => {
    expect([new FirewallFile().digest, new FirewallFile().isEmpty]).toEqual([empty, true]);
  });

  const changes: { name: string; change: (file: FirewallFile) => void }[] = [
    { name: 'an option', change: (file) => (file.options['enable'] = 0) },
    { name: 'a rule', change: (file) => file.rules.push({ type: 'out', action: 'DROP' }) },
    { name: 'the order of rules', change: (file) => file.rules.unshift({ type: 'out', action: 'DROP' }) },
    { name: 'an address', change: (file) => file.ipsets.get('ok_1')?.entries.push({ cidr: '10.0.0.2' }) },
    {
      name: 'a comment of a set',
      change: (file) => file.ipsets.set('ok_1', { comment: 'c', entries: [{ cidr: '10.0.0.1' }] }),
    },
    { name: 'an alias', change: (file) => file.aliases.delete('office') },
  ];
  it.each(changes)('changes with $name', ({ change }) => {
    const file = full();
    change(file);
    expect(file.digest).not.toBe(full().digest);
  });

  it.each(changes)('of a copy stays when $name of the source changes', ({ change }) => {
    const source = full();
    const copy = source.copy();
    expect(copy.digest).toBe(source.digest);
    change(source);
    expect(copy.digest).toBe(full().digest);
  });
});
