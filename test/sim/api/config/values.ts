// Values that are changed or checked on their way into the configuration: passwords, SSH keys, tags.
import { createHash } from 'node:crypto';
import { failure } from '../../errors.ts';
import { complaintAbout, splitList } from '../../schema/formats.ts';
import { lookUp } from '../../schema/parameter.ts';
import { vmOptions } from '../../schema/vm-options.ts';

/** A crypt-like hash; text that is one already stays as it is. */
export function hashPassword(password: string): string {
  if (/^\$(?:[156]|2[ay])(\$.+){2}/.test(password)) return password;
  return `$5$sim$${createHash('sha256').update(password).digest('base64url')}`;
}

const keyTypes =
  /^(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)$/;

/** Refuses keys `ssh-keygen` cannot read; the text is percent-encoded, one key a line. */
export function requireSshKeys(encoded: string): void {
  const lines = decodeURIComponent(encoded)
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'));
  for (const line of lines) {
    const parts = line.trim().split(/\s+/);
    const type = parts.findIndex((part) => keyTypes.test(part));
    if (type < 0 || !isKeyBlob(parts[type] ?? '', parts[type + 1])) throw failure('SSH public key validation error');
  }
}

/** The blob starts with the length and name of its own type. */
function isKeyBlob(type: string, encoded: string | undefined): boolean {
  if (encoded === undefined) return false;
  const blob = Buffer.from(encoded, 'base64');
  if (blob.length < 4 + type.length + 16) return false;
  return blob.readUInt32BE(0) === type.length && blob.toString('latin1', 4, 4 + type.length) === type;
}

/** The option under its own name: `cdrom` stands for a medium in ide2. */
export function withoutAlias(option: string, value: string): Record<string, string> {
  if (option !== 'cdrom') return { [option]: value };
  return { ide2: /(?:^|,)media=/.test(value) ? value : `${value},media=cdrom` };
}

/** Whether the option's format takes a single blank, as an empty value is stored. */
export function acceptsBlank(option: string): boolean {
  const format = lookUp(vmOptions, option)?.format;
  return typeof format !== 'string' || complaintAbout(format, ' ') === undefined;
}

/** Tags in lower case, each once, joined by semicolons. */
export function uniqueTags(text: string): string {
  return [...new Set(splitList(text).map((tag) => tag.toLowerCase()))].sort().join(';');
}
