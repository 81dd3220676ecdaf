// Requests that ask to become a websocket: refused with a plain answer, dropped, or handed over.
import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:https';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { HttpAnswer } from './server.ts';

/** Takes over the websocket of an answer that carries a console. */
export type ConsoleHandler = (answer: HttpAnswer, socket: WebSocket) => void;

/** Lets the server answer such requests as the handler says. */
export function acceptUpgrades(
  server: Server,
  answerOf: (request: IncomingMessage) => Promise<HttpAnswer>,
  open: ConsoleHandler,
): void {
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (protocols) => (protocols.has('binary') ? 'binary' : false),
  });
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => stream.destroy());
    void answerOf(request).then((answer) => {
      if (answer.status === 101) sockets.handleUpgrade(request, stream, head, (socket) => open(answer, socket));
      else if (answer.connection !== undefined || answer.status === 0) stream.destroy();
      else stream.end(plainAnswer(answer));
    });
  });
}

function plainAnswer({ status, reason, body }: HttpAnswer): string {
  const length = Buffer.byteLength(body);
  return `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n${body}`;
}
