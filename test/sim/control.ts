// The control port: faults, request log, leaks and the administrator's actions as JSON over plain HTTP.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import type { Fault } from './faults.ts';
import { statusPage } from './status-page.ts';
import type { Simulator } from './simulator.ts';

const effectSchema = z.union([
  z.enum(['reset', 'timeout', 'truncate']),
  z.object({ delayMs: z.number().nonnegative() }),
  z.object({ dripMs: z.number().nonnegative() }),
  z.object({ status: z.number().int(), reason: z.string(), body: z.string().optional() }),
]);

const faultSchema = z.object({
  match: z.object({
    method: z.string().optional(),
    path: z.string().optional(),
    nth: z.number().int().positive().optional(),
  }),
  when: z.enum(['before', 'after']),
  effect: effectSchema,
  times: z.number().int().positive().optional(),
});

const actionSchema = z.discriminatedUnion('action', [
  z.object({
    action: z.literal('changeByHand'),
    vmid: z.number(),
    options: z.record(z.string(), z.string().nullable()),
  }),
  z.object({ action: z.literal('stealVmid'), vmid: z.number(), node: z.string().optional() }),
  z.object({ action: z.literal('setLock'), vmid: z.number(), lock: z.string().nullable() }),
  z.object({
    action: z.literal('fillStorage'),
    storage: z.string(),
    freeBytes: z.number().default(0),
    node: z.string().optional(),
  }),
  z.object({ action: z.literal('nodeDown'), node: z.string() }),
  z.object({ action: z.literal('nodeUp'), node: z.string() }),
  z.object({ action: z.literal('cutNode'), node: z.string() }),
  z.object({ action: z.literal('moveVm'), vmid: z.number(), node: z.string() }),
  z.object({ action: z.literal('revokeToken'), id: z.string() }),
  z.object({ action: z.literal('revokePrivilege'), role: z.string(), privilege: z.string() }),
]);

type Action = z.infer<typeof actionSchema>;
type ActionOf<Name extends Action['action']> = Extract<Action, { action: Name }>;

const actions: { [Name in Action['action']]: (simulator: Simulator, action: ActionOf<Name>) => void } = {
  changeByHand: (simulator, { vmid, options }) =>
    simulator.changeByHand(vmid, (current) => {
      for (const [key, value] of Object.entries(options)) {
        if (value === null) delete current[key];
        else current[key] = value;
      }
    }),
  stealVmid: (simulator, { vmid, node }) => simulator.stealVmid(vmid, undefined, node),
  setLock: (simulator, { vmid, lock }) => simulator.setLock(vmid, lock),
  fillStorage: (simulator, { storage, freeBytes, node }) => simulator.fillStorage(storage, freeBytes, node),
  nodeDown: (simulator, { node }) => simulator.nodeDown(node),
  nodeUp: (simulator, { node }) => simulator.nodeUp(node),
  cutNode: (simulator, { node }) => simulator.cutNode(node),
  moveVm: (simulator, { vmid, node }) => simulator.moveVm(vmid, node),
  revokeToken: (simulator, { id }) => simulator.revokeToken(id),
  revokePrivilege: (simulator, { role, privilege }) => simulator.revokePrivilege(role, privilege),
};

function act(simulator: Simulator, json: unknown): unknown {
  const action = actionSchema.parse(json);
  // The union's member and its own function always belong together.
  (actions[action.action] as (simulator: Simulator, action: Action) => void)(simulator, action);
  return { done: action.action };
}

function addFault(simulator: Simulator, json: unknown): unknown {
  const { match, when, effect, times } = faultSchema.parse(json);
  const fault: Fault = {
    match: { ...match, path: match.path === undefined ? undefined : new RegExp(match.path) },
    when,
    effect: effect,
  };
  simulator.faults.add(times === undefined ? fault : { ...fault, times });
  return { armed: simulator.faults.list().length };
}

function requestLog(simulator: Simulator, query: URLSearchParams): unknown {
  const since = Number(query.get('since') ?? 0);
  const path = query.get('path');
  const found = simulator.requests.filter(
    (record) => record.id > since && (path === null || record.path.includes(path)),
  );
  return query.has('counts') ? countByEndpoint(found.map(({ method, path: called }) => `${method} ${called}`)) : found;
}

function countByEndpoint(calls: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const call of calls) {
    const endpoint = call
      .replace(/\/nodes\/[^/]+/, '/nodes/{node}')
      .replace(/\/qemu\/\d+/, '/qemu/{vmid}')
      .replace(/UPID:[^/]+/, '{upid}');
    counts[endpoint] = (counts[endpoint] ?? 0) + 1;
  }
  return counts;
}

function answer(simulator: Simulator, method: string, url: URL, body: unknown): unknown {
  switch (`${method} ${url.pathname}`) {
    case 'GET /sim/requests':
      return requestLog(simulator, url.searchParams);
    case 'GET /sim/leaks':
      return simulator.leaks();
    case 'GET /sim/faults':
      return simulator.faults
        .list()
        .map((fault) => ({ ...fault, match: { ...fault.match, path: fault.match.path?.source } }));
    case 'POST /sim/faults':
      return addFault(simulator, body);
    case 'DELETE /sim/faults':
      simulator.faults.clear();
      return { armed: 0 };
    case 'POST /sim/actions':
      return act(simulator, body);
    default:
      return undefined;
  }
}

async function serve(simulator: Simulator, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const method = request.method ?? 'GET';
  if (method === 'GET' && url.pathname === '/') {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(statusPage(simulator));
    return;
  }
  let status = 200;
  let data: unknown;
  try {
    const text = await readText(request);
    data = answer(simulator, method, url, text === '' ? undefined : JSON.parse(text));
    if (data === undefined) [status, data] = [404, { error: `nothing at ${method} ${url.pathname}` }];
  } catch (error) {
    [status, data] = [400, { error: error instanceof z.ZodError ? z.prettifyError(error) : String(error) }];
  }
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(data)}\n`);
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** Serves the control port on 127.0.0.1. */
export async function listenControl(simulator: Simulator, port: number): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => void serve(simulator, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
