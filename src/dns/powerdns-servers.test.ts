// Zones of one server share its connections and write one after the other; other servers are not held up.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startLoopback, type LoopbackServer } from '../../test/contract/scripted-server.ts';
import { PowerDnsServers } from './powerdns-servers.ts';
import { DnsError, type DnsChange } from './provider.ts';

const change = (zone: string): DnsChange => ({
  kind: 'set',
  record: { name: `vm.${zone}`, type: 'A', ttlSeconds: 60, values: ['192.0.2.7'] },
});

/** A server that counts how many writes it has at the same time, and holds each until the next turn of the event loop. */
class CountingServer {
  now = 0;
  most = 0;
  total = 0;

  start(): Promise<LoopbackServer> {
    return startLoopback((request, response) => {
      this.total += 1;
      this.now += 1;
      this.most = Math.max(this.most, this.now);
      request.resume().on('end', () => {
        setImmediate(() => {
          this.now -= 1;
          response.writeHead(204).end();
        });
      });
    });
  }
}

describe('PowerDnsServers', () => {
  const signal = (): AbortSignal => new AbortController().signal;
  let servers: PowerDnsServers;
  let counting: CountingServer;
  let loopback: LoopbackServer;
  let url = '';
  beforeEach(async () => {
    servers = new PowerDnsServers();
    counting = new CountingServer();
    loopback = await counting.start();
    url = `http://${loopback.host}`;
  });
  afterEach(async () => {
    await servers.close();
    await loopback.stop();
  });

  it('writes to one server one after the other, whatever the zone and the path', async () => {
    const zones = ['a.example', 'b.example', 'c.example', 'd.example'];
    await Promise.all(
      zones.map((zone, index) =>
        servers
          .open({ url: `${url}${index % 2 === 0 ? '' : '/'}`, apiKey: 'key', zone })
          .apply([change(zone)], signal()),
      ),
    );
    expect(counting).toMatchObject({ total: 4, most: 1 });
  });

  it('does not let a server that hangs hold up another', async () => {
    const silent = await startLoopback(() => {});
    const stop = new AbortController();
    const hanging = servers
      .open({ url: `http://${silent.host}`, apiKey: 'key', zone: 'a.example' })
      .apply([change('a.example')], stop.signal);
    await servers.open({ url, apiKey: 'key', zone: 'b.example' }).apply([change('b.example')], signal());
    stop.abort();
    await expect(hanging).rejects.toMatchObject({ kind: 'timeout' });
    await silent.stop();
  });

  it('refuses a URL that is none', () => {
    expect(() => servers.open({ url: 'nowhere', apiKey: 'key', zone: 'a.example' })).toThrow(DnsError);
  });

  it('ends its connections, and opens new ones when used again', async () => {
    const before = servers.open({ url, apiKey: 'key', zone: 'a.example' });
    await before.apply([change('a.example')], signal());
    await servers.close();
    await expect(before.apply([change('a.example')], signal())).rejects.toMatchObject({ kind: 'unreachable' });
    await servers.open({ url, apiKey: 'key', zone: 'a.example' }).apply([change('a.example')], signal());
    expect(counting.total).toBe(2);
  });
});
