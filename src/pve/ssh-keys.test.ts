// Tests for the encoding of SSH keys.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PropertyStringError } from './property-string.ts';
import { decodeSshKeys, encodeSshKeys } from './ssh-keys.ts';

describe('SSH keys', () => {
  const key = 'ssh-ed25519 AAAAC3Nza+/C1l= user@example';

  it('encodes blanks as %20, plus signs and the line break between keys', () => {
    expect(encodeSshKeys([key, 'ssh-rsa B'])).toBe(
      'ssh-ed25519%20AAAAC3Nza%2B%2FC1l%3D%20user%40example%0Assh-rsa%20B',
    );
  });

  it('survives the form encoding on top, which is what the server undoes first', () => {
    const form = new URLSearchParams({ sshkeys: encodeSshKeys([key]) }).toString();
    expect(form).not.toContain('+');
    expect(decodeSshKeys(new URLSearchParams(form).get('sshkeys') ?? '')).toEqual([key]);
  });

  it('reads what Proxmox gives back, with a line break at the end', () => {
    expect(decodeSshKeys('a%20b%0A%0Ac%0A')).toEqual(['a b', 'c']);
  });

  it.each(['', '  ', 'a\nssh-rsa evil', 'a\0b', '\ud800'])('refuses the key %j', (text) => {
    expect(() => encodeSshKeys([text])).toThrow(PropertyStringError);
  });

  it('refuses what is not encoded', () => {
    expect(() => decodeSshKeys('100%')).toThrow(PropertyStringError);
  });

  it('uses only characters that the format of the parameter has', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 1 }).filter((text) => /^\P{Cc}+$/u.test(text) && text.trim() !== '')),
        (keys) => {
          const encoded = encodeSshKeys(keys);
          expect(encoded).toMatch(/^[-%a-zA-Z0-9_.!~*'()]*$/);
          expect(decodeSshKeys(encoded)).toEqual(keys.map((text) => text.trim()));
        },
      ),
    );
  });
});
