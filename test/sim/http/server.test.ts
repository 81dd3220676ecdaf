// Tests of the HTTPS side: what reaches the handler of a request's bytes, and what of an answer goes over the wire, broken ones included.
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate } from './certificate.ts';
import type { ServerCertificate } from './certificate.ts';
import { largestBody } from './parameters.ts';
import { listenHttps } from './server.ts';
import type { HttpAnswer, HttpRequest } from './server.ts';

const fine: HttpAnswer = { status: 200, reason: 'OK', body: '{"data":1}', headers: { 'content-type': 'text/x' } };

let certificate: ServerCertificate;
let listening: Awaited<ReturnType<typeof listenHttps>>;
let requests: HttpRequest[] = [];
let answer: HttpAnswer | Error = fine;

beforeAll(async () => {
  certificate = await makeCertificate(['pve1']);
  const handler = async (request: HttpRequest): Promise<HttpAnswer> => {
    requests.push(request);
    if (answer instanceof Error) throw answer;
    return answer;
  };
  listening = await listenHttps(certificate, 0, { handler, openConsole: (_, socket) => socket.terminate() });
});

afterAll(() => {
  listening.server.closeAllConnections();
  listening.server.close();
});

beforeEach(() => {
  requests = [];
  answer = fine;
});

/** A connection with the bytes that came over it. */
class Wire {
  text = '';
  readonly socket: TLSSocket;
  readonly ended: Promise<string>;

  constructor() {
    this.socket = connect({ host: '127.0.0.1', port: listening.port, ca: certificate.caPem, servername: 'localhost' });
    this.ended = new Promise((resolve) => {
      this.socket.on('data', (chunk: Buffer) => (this.text += chunk.toString('latin1')));
      this.socket.on('error', () => undefined);
      this.socket.once('close', () => resolve(this.text));
    });
  }

  send(...lines: string[]): this {
    this.socket.write(lines.join('\r\n'));
    return this;
  }
}

const head = (line: string, ...headers: string[]): string[] => [line, 'Host: x', ...headers];

/** Everything the server says to this request until it closes. */
function said(line: string, headers: string[] = [], body = ''): Promise<string> {
  return new Wire().send(...head(line, 'Connection: close', ...headers), '', body).ended;
}

function form(line: string, body: string): Promise<string> {
  const headers = ['Content-Type: application/x-www-form-urlencoded', `Content-Length: ${Buffer.byteLength(body)}`];
  return said(line, headers, body);
}

describe('a request', () => {
  const rows: { name: string; send: () => Promise<string>; want: Partial<HttpRequest> }[] = [
    {
      name: 'with a query',
      send: () => said('GET /api2/json/nodes?a=1&b=x%20y HTTP/1.1'),
      want: { method: 'GET', path: '/nodes', params: { a: '1', b: 'x y' }, websocket: false },
    },
    { name: 'to the root', send: () => said('GET /api2/json HTTP/1.1'), want: { path: '/', params: {} } },
    {
      name: 'with a token',
      send: () => said('GET /api2/json/version HTTP/1.1', ['Authorization: PVEAPIToken=a!b=c']),
      want: { authorization: 'PVEAPIToken=a!b=c' },
    },
    { name: 'without one', send: () => said('GET /api2/json/version HTTP/1.1'), want: { authorization: undefined } },
    {
      name: 'with a form',
      send: () => form('POST /api2/json/pools HTTP/1.1', 'poolid=a&comment=x+y'),
      want: { method: 'POST', path: '/pools', params: { poolid: 'a', comment: 'x y' } },
    },
    {
      name: 'with a form and a query, which wins',
      send: () => form('PUT /api2/json/pools?comment=query HTTP/1.1', 'comment=form&poolid=a'),
      want: { params: { comment: 'query', poolid: 'a' } },
    },
    {
      name: 'with JSON',
      send: () => {
        const body = '{"cores":2,"onboot":true}';
        return said(
          'PUT /api2/json/x HTTP/1.1',
          ['Content-Type: application/json', `Content-Length: ${body.length}`],
          body,
        );
      },
      want: { params: { cores: 2, onboot: true } },
    },
    {
      name: 'with a query that is encoded stays so in the path',
      send: () => said('DELETE /api2/json/a%2Fb?x=%2F HTTP/1.1'),
      want: { method: 'DELETE', path: '/a%2Fb', params: { x: '/' } },
    },
    {
      name: 'that wants to be a websocket',
      send: () =>
        new Wire().send(
          ...head(
            'GET /api2/json/ws HTTP/1.1',
            'Connection: Upgrade',
            'Upgrade: WebSocket',
            'Sec-WebSocket-Version: 13',
          ),
          '',
          '',
        ).ended,
      want: { path: '/ws', websocket: true },
    },
  ];
  it.each(rows)('$name', async ({ send, want }) => {
    await send();
    expect(requests[0]).toMatchObject(want);
  });

  const refused: { name: string; send: () => Promise<string>; want: string }[] = [
    {
      name: 'in another form than JSON',
      send: () => said('GET /api2/html/version HTTP/1.1'),
      want: 'HTTP/1.1 501 no formatter for uri /version, html',
    },
    {
      name: 'in another form, to the root',
      send: () => said('GET /api2/extjs HTTP/1.1'),
      want: 'HTTP/1.1 501 no formatter for uri /, extjs',
    },
    { name: 'elsewhere', send: () => said('GET /favicon.ico HTTP/1.1'), want: 'HTTP/1.1 501 no such uri' },
    {
      name: 'beside the API',
      send: () => said('GET /api2/jsonx HTTP/1.1'),
      want: 'HTTP/1.1 501 no formatter for uri /, jsonx',
    },
    {
      name: 'GET with a body',
      send: () => form('GET /api2/json/version HTTP/1.1', 'a=1'),
      want: "HTTP/1.1 501 Unexpected content for method 'GET'",
    },
    {
      name: 'DELETE with a body',
      send: () => form('DELETE /api2/json/version HTTP/1.1', 'a=1'),
      want: "HTTP/1.1 501 Unexpected content for method 'DELETE'",
    },
    {
      name: 'in chunks',
      send: () => said('POST /api2/json/pools HTTP/1.1', ['Transfer-Encoding: chunked'], '0\r\n\r\n'),
      want: 'HTTP/1.1 501 chunked transfer encoding not supported',
    },
    {
      name: 'that is too large',
      send: () => said('POST /api2/json/pools HTTP/1.1', [`Content-Length: ${largestBody + 1}`]),
      want: 'HTTP/1.1 501 for data too large',
    },
    {
      name: 'of another type',
      send: () => said('POST /api2/json/pools HTTP/1.1', ['Content-Type: text/plain', 'Content-Length: 1'], 'x'),
      want: "HTTP/1.1 506 upload 'Content-Type 'text/plain' not implemented",
    },
    {
      name: 'of broken JSON',
      send: () => said('POST /api2/json/pools HTTP/1.1', ['Content-Type: application/json', 'Content-Length: 1'], '{'),
      want: 'HTTP/1.1 500 malformed JSON string',
    },
  ];
  it.each(refused)('$name is refused before it is looked at', async ({ send, want }) => {
    const text = await send();
    expect(text.split('\r\n')[0]).toBe(want);
    expect(text.toLowerCase()).toContain('connection: close');
    expect(requests).toEqual([]);
  });
});

describe('an answer', () => {
  it('goes out with its status line, its headers and its length', async () => {
    const lines = (await said('GET /api2/json/x HTTP/1.1')).split('\r\n');
    expect(lines[0]).toBe('HTTP/1.1 200 OK');
    expect(lines).toEqual(
      expect.arrayContaining(['content-type: text/x', 'server: pve-api-daemon/3.0', 'content-length: 10']),
    );
    expect(lines.at(-1)).toBe('{"data":1}');
  });

  it('counts bytes, not letters', async () => {
    answer = { ...fine, body: '{"data":"ü€"}' };
    expect(await said('GET /api2/json/x HTTP/1.1')).toContain(
      `content-length: ${Buffer.byteLength('{"data":"ü€"}')}\r\n`,
    );
  });

  it('goes out as bytes where these are at hand', async () => {
    answer = { ...fine, bytes: Buffer.from('{"data":2}') };
    expect(await said('GET /api2/json/x HTTP/1.1')).toMatch(/\{"data":2\}$/);
  });

  const reasons = [
    { name: 'of plain text', reason: 'VM is locked (backup)', want: 'HTTP/1.1 500 VM is locked (backup)' },
    { name: 'with signs beyond Latin-1', reason: 'failed: “x” – y', want: 'HTTP/1.1 500 failed: ?x? ? y' },
    { name: 'of several lines', reason: 'one\r\nx-evil: 1', want: 'HTTP/1.1 500 one??x-evil: 1' },
    { name: 'that is empty', reason: '', want: 'HTTP/1.1 500 ' },
  ];
  it.each(reasons)('has a reason $name', async ({ reason, want }) => {
    answer = { status: 500, reason, body: '', headers: {} };
    expect((await said('GET /api2/json/x HTTP/1.1')).split('\r\n')[0]).toBe(want);
  });

  it.each([400, 401, 403, 500, 501, 595, 596, 599])('of %i closes the connection', async (status) => {
    answer = { status, reason: 'x', body: '', headers: {} };
    const text = await new Wire().send(...head('GET /api2/json/x HTTP/1.1'), '', '').ended;
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} x\r\n`));
    expect(text.toLowerCase()).toContain('connection: close');
  });

  it('of 200 does not', async () => {
    const wire = new Wire();
    const two = new Promise<void>((resolve) => {
      wire.socket.on('data', () => {
        if (wire.text.split('HTTP/1.1 200').length === 3) resolve();
      });
    });
    const get = [...head('GET /api2/json/x HTTP/1.1'), '', ''];
    wire.send(...get).send(...get);
    await two;
    expect(requests).toHaveLength(2);
    wire.socket.destroy();
  });

  it('is an error when the handler has failed', async () => {
    answer = new Error('what a pity');
    expect(await said('GET /api2/json/x HTTP/1.1')).toMatch(/^HTTP\/1\.1 500 what a pity\r\n/);
  });
});

describe('a broken answer', () => {
  it('that is reset says nothing at all', async () => {
    answer = { ...fine, connection: 'reset' };
    expect(await said('GET /api2/json/x HTTP/1.1')).toBe('');
  });

  it('that is truncated promises more than it says', async () => {
    answer = { ...fine, connection: 'truncate' };
    const text = await said('GET /api2/json/x HTTP/1.1');
    expect(text).toContain('content-length: 10\r\n');
    expect(text).toMatch(/\r\n\r\n\{"dat$/);
  });

  it('that hangs leaves the connection open and silent', async () => {
    answer = { ...fine, connection: 'hang' };
    const wire = new Wire().send(...head('GET /api2/json/x HTTP/1.1'), '', '');
    await expect.poll(() => requests.length).toBe(1);
    answer = fine;
    await said('GET /api2/json/y HTTP/1.1');
    expect([wire.text, wire.socket.destroyed]).toEqual(['', false]);
    wire.socket.destroy();
  });

  it('that drips is whole in the end, and comes in pieces', async () => {
    answer = { ...fine, body: 'x'.repeat(100), dripMs: 60 };
    const wire = new Wire();
    let pieces = 0;
    wire.socket.on('data', () => (pieces += 1));
    const text = await wire.send(...head('GET /api2/json/x HTTP/1.1', 'Connection: close'), '', '').ended;
    expect(text.endsWith('x'.repeat(100))).toBe(true);
    expect(pieces).toBeGreaterThan(3);
  });

  it('that drips nothing ends', async () => {
    answer = { ...fine, body: '', dripMs: 10 };
    expect(await said('GET /api2/json/x HTTP/1.1')).toContain('content-length: 0\r\n');
  });
});

describe('an upgrade', () => {
  const handshake = head(
    'GET /api2/json/ws HTTP/1.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: binary',
  );
  const rows: { name: string; answer: HttpAnswer; want: RegExp }[] = [
    {
      name: 'that is granted speaks the subprotocol asked for',
      answer: { ...fine, status: 101 },
      want: /^HTTP\/1\.1 101 Switching Protocols\r\n[^]*Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n[^]*Sec-WebSocket-Protocol: binary/,
    },
    {
      name: 'that is refused gets a plain answer',
      answer: { status: 401, reason: 'permission denied - invalid PVEVNC ticket', body: '{}', headers: {} },
      want: /^HTTP\/1\.1 401 permission denied - invalid PVEVNC ticket\r\nConnection: close\r\nContent-Length: 2\r\n\r\n\{\}$/,
    },
    { name: 'that is answered without a status just ends', answer: { ...fine, status: 0 }, want: /^$/ },
    { name: 'that is reset just ends', answer: { ...fine, connection: 'reset' }, want: /^$/ },
  ];
  it.each(rows)('$name', async ({ answer: given, want }) => {
    answer = given;
    const wire = new Wire().send(...handshake, '', '');
    expect(
      await Promise.race([
        wire.ended,
        new Promise<string>((resolve) => wire.socket.once('end', () => resolve(wire.text))),
      ]),
    ).toMatch(want);
    wire.socket.destroy();
  });
});
