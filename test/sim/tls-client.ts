// A plain HTTPS client for the simulator's own tests: what reaches a client of every answer, broken ones included.
import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { operatorToken } from './testing.ts';

/** An answer as it came over the wire; `complete` is false when the body broke off. */
export interface WireAnswer {
  status: number;
  reason: string;
  body: string;
  complete: boolean;
  headers: IncomingMessage['headers'];
}

export interface WireRequest {
  method?: string;
  /** Below /api2/json. */
  path: string;
  form?: Record<string, string>;
  /** Gives up after that long without a byte, with the error code ETIMEDOUT. */
  timeoutMs?: number;
  authorization?: string;
}

/** A client that trusts only the simulator's authority. Connections are kept; `close` drops them. */
export class TlsClient {
  readonly agent: Agent;
  readonly #url: string;

  constructor(listening: { url: string; caPem: string }, maxSockets = 1) {
    this.#url = listening.url;
    this.agent = new Agent({ ca: listening.caPem, keepAlive: true, maxSockets });
  }

  /** Rejects with the socket's error when no status line came. */
  send(wanted: WireRequest): Promise<WireAnswer> {
    const { method = 'GET', path, form, timeoutMs, authorization = operatorToken } = wanted;
    const body = form === undefined ? undefined : new URLSearchParams(form).toString();
    const headers: Record<string, string> = { authorization };
    if (body !== undefined) {
      headers['content-type'] = 'application/x-www-form-urlencoded';
      headers['content-length'] = String(Buffer.byteLength(body));
    }
    return new Promise((resolve, reject) => {
      const outgoing = request(`${this.#url}/api2/json${path}`, { method, headers, agent: this.agent }, (response) => {
        void readAnswer(response).then(resolve);
      });
      if (timeoutMs !== undefined)
        outgoing.setTimeout(timeoutMs, () =>
          outgoing.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
        );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

function readAnswer(response: IncomingMessage): Promise<WireAnswer> {
  return new Promise((resolve) => {
    let body = '';
    const finish = (): void =>
      resolve({
        status: response.statusCode ?? 0,
        reason: response.statusMessage ?? '',
        body,
        complete: response.complete,
        headers: response.headers,
      });
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => (body += chunk));
    response.on('error', finish);
    response.on('end', finish);
  });
}
