// The firewall file of a VM: options, rules, IP sets and aliases.
import { createHash } from 'node:crypto';

export type FirewallRule = Record<string, string | number>;

export interface IpSetEntry {
  cidr: string;
  comment?: string;
  nomatch?: number;
}

export interface IpSet {
  comment: string | undefined;
  entries: IpSetEntry[];
}

export interface Alias {
  name: string;
  cidr: string;
  comment?: string;
}

/** `firewall/<vmid>.fw` (or the cluster's file). */
export class FirewallFile {
  options: Record<string, string | number> = {};
  rules: FirewallRule[] = [];
  ipsets = new Map<string, IpSet>();
  aliases = new Map<string, Alias>();

  get isEmpty(): boolean {
    return (
      Object.keys(this.options).length === 0 &&
      this.rules.length === 0 &&
      this.ipsets.size === 0 &&
      this.aliases.size === 0
    );
  }

  /** SHA-1 of the file; of an empty text when nothing is in it. */
  get digest(): string {
    const content = this.isEmpty ? '' : JSON.stringify([this.options, this.rules, [...this.ipsets], [...this.aliases]]);
    return createHash('sha1').update(content).digest('hex');
  }

  copy(): FirewallFile {
    const copy = new FirewallFile();
    copy.options = { ...this.options };
    copy.rules = this.rules.map((rule) => ({ ...rule }));
    copy.ipsets = new Map(
      [...this.ipsets].map(([name, set]) => [
        name,
        { comment: set.comment, entries: set.entries.map((entry) => ({ ...entry })) },
      ]),
    );
    copy.aliases = new Map([...this.aliases].map(([name, alias]) => [name, { ...alias }]));
    return copy;
  }
}
