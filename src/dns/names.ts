// Host names: the one spelling they are compared and published in, and what makes one invalid.
import { domainToASCII } from 'node:url';

const LABEL = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
const MAX_NAME_LENGTH = 253;
const MAX_LABEL_LENGTH = 63;

/** A name without the trailing dot and in lower case, the spelling that zones and records are compared in. */
export function bareName(name: string): string {
  return name.replace(/\.$/, '').toLowerCase();
}

/**
 * The published spelling of a fully qualified host name (international names in their ASCII form), or undefined when it
 * is none; `hostnameProblem` says why.
 */
export function canonicalHostname(name: string): string | undefined {
  return hostnameProblem(name) === undefined ? asciiName(name) : undefined;
}

/**
 * Why a text is no fully qualified host name, as the end of a sentence, or undefined when it is one. The rules are those
 * of RFC 1123 section 2.1; a last label of digits only is refused because resolvers take such a name for an address.
 */
export function hostnameProblem(name: string): string | undefined {
  if (bareName(name) === '') return 'is empty';
  const ascii = asciiName(name);
  if (ascii === '') return 'cannot be written as an international domain name';
  if (ascii.length > MAX_NAME_LENGTH) return `is longer than ${MAX_NAME_LENGTH} characters`;
  const labels = ascii.split('.');
  if (labels.length < 2) return 'has no domain';
  if (/^\d+$/.test(labels.at(-1) ?? '')) return 'ends in a number, like an address';
  return labels.map(labelProblem).find((problem) => problem !== undefined);
}

function labelProblem(label: string): string | undefined {
  if (label === '') return 'has an empty label';
  if (label.length > MAX_LABEL_LENGTH) return `has a label longer than ${MAX_LABEL_LENGTH} characters`;
  if (!LABEL.test(label)) {
    return `has the label "${label}", which is not made of letters, digits and inner hyphens`;
  }
  return undefined;
}

// domainToASCII parses as a URL host does: it decodes percent signs and turns "0x7f.1" into an address. Plain ASCII
// names therefore never pass through it.
function asciiName(name: string): string {
  const bare = bareName(name);
  return /^\p{ASCII}*$/u.test(bare) ? bare : domainToASCII(bare);
}
