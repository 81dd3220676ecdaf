// Tests of values on their way into a configuration: passwords, SSH keys, aliases, blanks and tags.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptsBlank, hashPassword, requireSshKeys, uniqueTags, withoutAlias } from './values.ts';

/** A public key as `ssh-keygen` would write it: length and name of the type, then some bytes. */
function publicKey(type: string, bytes = 32): string {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(type.length);
  return `${type} ${Buffer.concat([head, Buffer.from(type), Buffer.alloc(bytes, 7)]).toString('base64')}`;
}

describe('hashPassword', () => {
  const rows: { name: string; given: string; want: RegExp | string }[] = [
    { name: 'makes a SHA-256 crypt of text (behaviours.md 5)', given: 'secret', want: /^\$5\$[^$]+\$[\w-]+$/ },
    { name: 'keeps a SHA-256 crypt', given: '$5$salt$hash', want: '$5$salt$hash' },
    { name: 'keeps a SHA-512 crypt', given: '$6$salt$hash', want: '$6$salt$hash' },
    { name: 'keeps bcrypt', given: '$2a$10$abcdefghijkl', want: '$2a$10$abcdefghijkl' },
    { name: 'hashes what only begins like one', given: '$5$unfinished', want: /^\$5\$sim\$/ },
    { name: 'hashes an empty password', given: '', want: /^\$5\$sim\$/ },
  ];
  it.each(rows)('$name', ({ given, want }) => {
    if (typeof want === 'string') expect(hashPassword(given)).toBe(want);
    else expect(hashPassword(given)).toMatch(want);
  });

  it('does nothing to its own hashes', () => {
    fc.assert(fc.property(fc.string(), (text) => hashPassword(hashPassword(text)) === hashPassword(text)));
  });
});

describe('requireSshKeys', () => {
  const rows: { name: string; text: string; ok: boolean }[] = [
    { name: 'an Ed25519 key', text: publicKey('ssh-ed25519'), ok: true },
    { name: 'an RSA key with a comment', text: `${publicKey('ssh-rsa', 256)} user@example`, ok: true },
    { name: 'an elliptic key', text: publicKey('ecdsa-sha2-nistp256', 65), ok: true },
    { name: 'a key on a security stick', text: publicKey('sk-ssh-ed25519@openssh.com', 40), ok: true },
    { name: 'options before the key', text: `no-pty ${publicKey('ssh-ed25519')}`, ok: true },
    { name: 'several keys', text: `${publicKey('ssh-ed25519')}\n${publicKey('ssh-rsa', 256)}\n`, ok: true },
    { name: 'comments and empty lines', text: `# mine\n\n${publicKey('ssh-ed25519')}`, ok: true },
    { name: 'nothing', text: '', ok: true },
    { name: 'too short a key (config-cloudinit-options)', text: 'ssh-ed25519 AAAA', ok: false },
    { name: 'a type without a key', text: 'ssh-ed25519', ok: false },
    {
      name: 'a key of another type than it says',
      text: publicKey('ssh-ed25519').replace('ssh-ed25519', 'ssh-rsa'),
      ok: false,
    },
    { name: 'an unknown type', text: publicKey('ssh-nope'), ok: false },
    { name: 'a good and a bad key', text: `${publicKey('ssh-ed25519')}\nssh-rsa AAAA`, ok: false },
  ];
  it.each(rows)('$name: $ok', ({ text, ok }) => {
    const check = (): void => requireSshKeys(encodeURIComponent(text));
    if (ok) expect(check).not.toThrow();
    else expect(check).toThrow('SSH public key validation error');
  });
});

describe('withoutAlias', () => {
  const rows: { option: string; value: string; want: Record<string, string> }[] = [
    { option: 'cdrom', value: 'local:iso/a.iso', want: { ide2: 'local:iso/a.iso,media=cdrom' } },
    { option: 'cdrom', value: 'none,media=cdrom', want: { ide2: 'none,media=cdrom' } },
    { option: 'ide2', value: 'none,media=cdrom', want: { ide2: 'none,media=cdrom' } },
    { option: 'name', value: 'web1', want: { name: 'web1' } },
  ];
  it.each(rows)('$option=$value', ({ option, value, want }) => {
    expect(withoutAlias(option, value)).toEqual(want);
  });
});

describe('acceptsBlank', () => {
  // Surprise 23: an empty value is stored as one blank, which some formats refuse when it is read again.
  const rows = [
    { option: 'nameserver', want: true },
    { option: 'boot', want: true },
    { option: 'ciuser', want: true },
    { option: 'sshkeys', want: false },
    { option: 'name', want: false },
  ];
  it.each(rows)('$option: $want', ({ option, want }) => {
    expect(acceptsBlank(option)).toBe(want);
  });
});

describe('uniqueTags', () => {
  const rows = [
    { name: 'are lower-cased and sorted (config-tags)', given: 'B;a', want: 'a;b' },
    { name: 'may be divided by commas and blanks', given: 'a,b c', want: 'a;b;c' },
    { name: 'come once each', given: 'A;a', want: 'a' },
    { name: 'may be none', given: ';', want: '' },
    { name: 'keep their signs', given: 'x-y_z.1+2', want: 'x-y_z.1+2' },
  ];
  it.each(rows)('$name', ({ given, want }) => {
    expect(uniqueTags(given)).toBe(want);
  });

  it('do not change when taken again', () => {
    const tags = fc.array(fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9_.+-]{0,8}$/)).map((list) => list.join(';'));
    fc.assert(fc.property(tags, (text) => uniqueTags(uniqueTags(text)) === uniqueTags(text)));
  });
});
