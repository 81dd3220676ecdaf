// Answers for making a server's words fit to be shown: no secrets, no moving parts, short.

/** A privilege of which the token has none, on the path Proxmox names. */
export interface MissingPrivilege {
  readonly path?: string;
  readonly privilege: string;
}

const MAX_DETAIL = 300;

const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/(PVEAPIToken[= ][^\s=!]+![^\s=]+=)\S+/g, '$1<hidden>'],
  [/((?:ci)?password["']?\s*[=:]\s*)("[^"]*"|'[^']*'|\S+)/gi, '$1<hidden>'],
  [/(-(?:-)?(?:ci)?password\s+)\S+/gi, '$1<hidden>'],
  [/(secret["']?\s*[=:]\s*)\S+/gi, '$1<hidden>'],
];

// Without these the same problem would have another text each time, and a status write each time.
const MOVING: readonly (readonly [RegExp, string])[] = [
  [/\.tmp\.\d+/g, '.tmp'],
  [/ at \/usr\/\S+ line \d+\.?/g, ''],
  [/\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z? ?/g, ''],
  [/ ?\(duration \d\d:\d\d:\d\d\)/g, ''],
];

/** The text in one line, without secrets and moving parts, at most 300 characters. */
export function stableDetail(text: string): string {
  let detail = text.replace(/\s+/g, ' ').trim();
  for (const [pattern, instead] of [...SECRETS, ...MOVING]) detail = detail.replace(pattern, instead);
  // Cut by characters, not by code units: half a surrogate pair is no valid JSON string for the API server.
  const characters = Array.from(detail.trim());
  return characters.length <= MAX_DETAIL ? characters.join('') : `${characters.slice(0, MAX_DETAIL - 1).join('')}…`;
}

/**
 * The privileges in `Permission check failed (/vms/401, VM.Config.Disk|VM.Config.CDROM)`; undefined when the text
 * names none, which Proxmox does for rights that several paths could give (clone without VM.Allocate).
 */
export function privilegesIn(text: string): MissingPrivilege[] | undefined {
  const groups = /Permission check failed \((?<path>\/[^,)]*), (?<privileges>[A-Za-z.|]+)\)/.exec(text)?.groups;
  const { path, privileges } = groups ?? {};
  if (path === undefined || privileges === undefined) return undefined;
  return privileges.split('|').map((privilege) => ({ path, privilege }));
}
