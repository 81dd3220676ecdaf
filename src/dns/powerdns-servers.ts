// Shares connections and the order of writes among the PowerDNS zones of one server.
import type { Dispatcher } from 'undici';
import { createPowerDns, powerDnsDispatcher, type PowerDnsOptions } from './powerdns.ts';
import type { DnsProvider } from './provider.ts';
import { Turns } from './turns.ts';

interface SharedServer {
  dispatcher: Dispatcher;
  writes: Turns;
}

/**
 * All PowerDNS servers of a process. Opening a zone is cheap and connects to nothing, so it can be done anew whenever a
 * zone is needed; there is nothing to close but the whole.
 */
export class PowerDnsServers {
  readonly #servers = new Map<string, SharedServer>();

  /** Opens a zone. Throws DnsError `refused` for a URL that is none. */
  open(options: Omit<PowerDnsOptions, 'dispatcher' | 'writes'>): DnsProvider {
    const { url, ca, timeoutMs } = options;
    const key = JSON.stringify([URL.canParse(url) ? new URL(url).origin : url, ca, timeoutMs]);
    const server = this.#servers.get(key) ?? { dispatcher: powerDnsDispatcher(options), writes: new Turns() };
    this.#servers.set(key, server);
    return createPowerDns({ ...options, ...server });
  }

  /** Ends all connections, and with them the requests under way. */
  async close(): Promise<void> {
    const servers = [...this.#servers.values()];
    this.#servers.clear();
    await Promise.all(servers.map((server) => server.dispatcher.destroy()));
  }
}
