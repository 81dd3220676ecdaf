// Remembers the configurations of templates for a short time: a hundred VMs of one plan ask for the same one.
import type { VmConfig } from '../pve/answer-types.ts';
import type { PveApi, VmRef } from '../pve/client.ts';

const FRESH_MS = 30_000;

interface Remembered {
  at: number;
  config: Promise<VmConfig>;
}

export class TemplateCache {
  readonly #api: Pick<PveApi, 'config'>;
  readonly #now: () => number;
  readonly #configs = new Map<string, Remembered>();

  constructor(api: Pick<PveApi, 'config'>, now: () => number) {
    this.#api = api;
    this.#now = now;
  }

  /** The configuration of a template, at most half a minute old; concurrent callers share one request. */
  async config(template: VmRef): Promise<VmConfig> {
    const key = `${template.node}/${template.vmid}`;
    const known = this.#configs.get(key);
    if (known !== undefined && this.#now() - known.at < FRESH_MS) return known.config;
    const config = this.#api.config(template);
    this.#configs.set(key, { at: this.#now(), config });
    // A failure must not be remembered as an answer.
    config.catch(() => this.#configs.delete(key));
    return config;
  }
}
