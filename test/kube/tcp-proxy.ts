// Answers for a network that misbehaves below HTTP: connections that are reset, or go silent without being closed.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections accepted so far. */
  accepted(): number;
  /** Cuts every connection with a TCP reset. */
  resetAll(): void;
  /** Nothing passes any more on the connections that are open now, and nobody is told: half-open, as after a lost NAT entry. */
  blackholeOpen(): void;
  /** The same for connections made from now on; they are accepted. */
  blackholeNew(on: boolean): void;
}

interface Pair {
  client: Socket;
  server: Socket | undefined;
}

/** Forwards 127.0.0.1:<port> to the target. */
export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let accepted = 0;
  let swallowsNew = false;
  const proxy = createServer((client) => {
    accepted += 1;
    const pair: Pair = { client, server: undefined };
    pairs.add(pair);
    client.on('error', () => undefined);
    client.on('close', () => {
      pairs.delete(pair);
      pair.server?.destroy();
    });
    if (swallowsNew) {
      client.resume();
      return;
    }
    const server = connect(target);
    pair.server = server;
    server.on('error', () => client.destroy());
    server.on('close', () => client.destroy());
    client.pipe(server);
    server.pipe(client);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    port: (proxy.address() as AddressInfo).port,
    accepted: () => accepted,
    resetAll() {
      for (const pair of pairs) pair.client.resetAndDestroy();
    },
    blackholeOpen() {
      for (const { client, server } of pairs) {
        client.unpipe();
        server?.unpipe();
        server?.removeAllListeners('close');
        client.resume();
        server?.resume();
      }
    },
    blackholeNew(on) {
      swallowsNew = on;
    },
    async [Symbol.asyncDispose]() {
      for (const pair of pairs) pair.client.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
