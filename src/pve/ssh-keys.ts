// Answers for cloud-init's SSH keys, which Proxmox wants percent-encoded before the form encoding comes on top.
import { PropertyStringError } from './property-string.ts';

/**
 * The value of `sshkeys`: one line per key, each percent-encoded with %20 for a blank. Proxmox decodes it after the
 * form decoding and does not know `+`, which is why URLSearchParams alone would break every key with a comment.
 */
export function encodeSshKeys(keys: readonly string[]): string {
  return encodeURIComponent(keys.map(checkedKey).join('\n'));
}

export function decodeSshKeys(encoded: string): string[] {
  try {
    return decodeURIComponent(encoded)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
  } catch {
    throw new PropertyStringError('The SSH keys are not percent-encoded.');
  }
}

// A newline inside one key would smuggle in a second one.
function checkedKey(key: string): string {
  const trimmed = key.trim();
  if (trimmed === '' || /\p{Cc}/u.test(trimmed) || !trimmed.isWellFormed()) {
    throw new PropertyStringError('An SSH key must be one line of text without control characters.');
  }
  return trimmed;
}
