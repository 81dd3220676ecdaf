// Finds TCP ports on loopback that nobody listens on.
import { createServer, type AddressInfo, type Server } from 'node:net';

/** `count` different free ports. Another process may take one before it is used: the caller must cope. */
export async function freePorts(count: number): Promise<number[]> {
  // All are held open until the last is found, so that none is handed out twice.
  const servers = await Promise.all(Array.from({ length: count }, listen));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(close));
  return ports;
}

function listen(): Promise<Server> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => done(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => done());
  });
}
