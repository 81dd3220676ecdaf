// The control port: faults, request log, leaks, state and the administrator's actions as JSON over plain HTTP.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { act } from './control-actions.ts';
import { faultJson, faultOf, faultSchema } from './fault-schema.ts';
import { statusPage } from './status-page.ts';
import type { Simulator } from './simulator.ts';

/** What only the process around the simulator can do. */
export interface ControlHost {
  /** Writes the state file, if there is one. */
  save(): Promise<void>;
}

interface ControlCall {
  simulator: Simulator;
  host: ControlHost | undefined;
  query: URLSearchParams;
  body: unknown;
}

const requestQuery = z.strictObject({
  since: z.coerce.number().optional(),
  path: z.string().optional(),
  method: z.string().optional(),
  vmid: z.coerce.number().optional(),
  failed: z.literal('1').optional(),
  summary: z.enum(['endpoint', 'vm']).optional(),
  format: z.enum(['json', 'lines']).default('json'),
});

/** Text that goes out as it is. */
class Lines {
  readonly text: string;

  constructor(items: readonly unknown[]) {
    this.text = items.map((item) => `${JSON.stringify(item)}\n`).join('');
  }
}

function requests({ simulator, query }: ControlCall): unknown {
  const { summary, format, failed, ...rest } = requestQuery.parse(Object.fromEntries(query));
  const filter = { ...rest, failed: failed === '1' };
  const isFiltered = Object.values(rest).some((value) => value !== undefined) || failed !== undefined;
  if (summary !== undefined) return simulator.log.summary(summary, isFiltered ? filter : undefined);
  const found = simulator.log.find(filter);
  return format === 'lines' ? new Lines(found) : found;
}

function arm({ simulator, body }: ControlCall): unknown {
  simulator.faults.add(faultOf(faultSchema.parse(body)));
  return { armed: simulator.faults.list().length };
}

function disarm({ simulator }: ControlCall): unknown {
  simulator.faults.clear();
  return { armed: 0 };
}

async function save({ host }: ControlCall): Promise<unknown> {
  if (host === undefined) throw new Error('there is no state file');
  await host.save();
  return { saved: true };
}

const calls: Record<string, (call: ControlCall) => unknown> = {
  'GET /sim/requests': requests,
  'GET /sim/leaks': ({ simulator }) => simulator.leaks(),
  'GET /sim/faults': ({ simulator }) => simulator.faults.list().map(faultJson),
  'POST /sim/faults': arm,
  'DELETE /sim/faults': disarm,
  'POST /sim/state': save,
  'POST /sim/actions': ({ simulator, body }) => act(simulator, body),
};

type Context = Pick<ControlCall, 'simulator' | 'host'>;

async function serve(context: Context, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const method = request.method ?? 'GET';
  if (method === 'GET' && url.pathname === '/') {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(statusPage(context.simulator));
    return;
  }
  const call = calls[`${method} ${url.pathname}`];
  if (call === undefined) return sendJson(response, 404, { error: `nothing at ${method} ${url.pathname}` });
  try {
    const text = await readText(request);
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    const data = await call({ ...context, query: url.searchParams, body });
    if (data instanceof Lines) response.writeHead(200, { 'content-type': 'application/jsonl' }).end(data.text);
    else sendJson(response, 200, data);
  } catch (error) {
    sendJson(response, 400, { error: error instanceof z.ZodError ? z.prettifyError(error) : String(error) });
  }
}

function sendJson(response: ServerResponse, status: number, data: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(data)}\n`);
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** Serves the control port on 127.0.0.1. */
export async function listenControl(
  simulator: Simulator,
  port: number,
  host?: ControlHost,
): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => void serve({ simulator, host }, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
