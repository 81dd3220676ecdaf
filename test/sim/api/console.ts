// The console: vncproxy tickets and the websocket that needs them.
import { ApiError, failure } from '../errors.ts';
import { isBefore84 } from '../schema/release.ts';
import { flag, formatted, integer, node, required, text, vmid } from '../schema/parameter.ts';
import type { World } from '../state/world.ts';
import type { Task } from '../tasks/task-registry.ts';
import { needs, textOf } from './route.ts';
import type { Call, Route } from './route.ts';

/** A proxy waits that long for its one connection. */
const waitMs = 10_000;
/** A ticket is good for that long. */
const ticketMs = 40_000;
const firstPort = 5900;
const passwordAlphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#%&()*+,-./:;<=>?@[]^_{|}~';

/** One `vncproxy` with its port, bound to VM and caller. */
interface Proxy {
  vmid: number;
  port: number;
  caller: string;
  createdAt: number;
  state: 'waiting' | 'connected' | 'over';
  connect: () => void;
  /** What the display asks for. */
  password: string;
  /** Set once a websocket carries it; settles when that is closed. */
  closed: Promise<void> | undefined;
}

/** The proxies of a cluster by ticket. */
export class ConsoleProxies {
  readonly byTicket = new Map<string, Proxy>();

  /** Forgets tickets that nobody can use any more. */
  forgetOld(now: number): void {
    for (const [ticket, { state, createdAt }] of this.byTicket)
      if (state === 'over' && now - createdAt > ticketMs) this.byTicket.delete(ticket);
  }

  freePort(): number {
    const used = new Set(
      [...this.byTicket.values()].filter((proxy) => proxy.state !== 'over').map((proxy) => proxy.port),
    );
    let port = firstPort;
    while (used.has(port)) port += 1;
    return port;
  }
}

function open(call: Call): unknown {
  const { world, params } = call;
  const id = Number(params['vmid']);
  const vm = world.vms.get(id);
  if (vm === undefined || vm.node !== params['node'])
    throw failure(`Configuration file 'nodes/${textOf(params['node'])}/qemu-server/${id}.conf' does not exist`);
  world.consoles.forgetOld(world.clock.now());
  const { password, ticket, isTold } = drawTicket(world, params['generate-password'] === 1);
  let connect: () => void = () => undefined;
  const connected = new Promise<void>((resolve) => {
    connect = resolve;
  });
  const proxy: Proxy = {
    vmid: id,
    port: world.consoles.freePort(),
    caller: call.caller.id,
    createdAt: world.clock.now(),
    state: 'waiting',
    connect,
    password,
    closed: undefined,
  };
  world.consoles.byTicket.set(ticket, proxy);
  const task = world.tasks.start({ node: vm.node, type: 'vncproxy', id: String(id), caller: call.caller }, (worker) =>
    serve(world, proxy, connected, worker),
  );
  return {
    cert: certificateOf(world),
    ...(isTold ? { password } : {}),
    port: String(proxy.port),
    ticket,
    upid: task.upid,
    user: call.caller.id,
  };
}

/** Before 8.4 the display took the ticket itself, of which it looks at eight characters, unless a password was asked for. */
function drawTicket(world: World, wantsPassword: boolean): { password: string; ticket: string; isTold: boolean } {
  const drawn = world.random.text(8, passwordAlphabet);
  const signature = Buffer.from(world.random.text(255, passwordAlphabet)).toString('base64');
  const signed = `PVEVNC:${world.nowSeconds().toString(16).toUpperCase()}::${signature}`;
  if (!isBefore84(world.topology.version.version))
    return { password: drawn, ticket: `${drawn}:${signed}`, isTold: true };
  return { password: wantsPassword ? drawn : signed, ticket: signed, isTold: wantsPassword };
}

function certificateOf(world: World): string {
  return world.certificatePem === ''
    ? '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'
    : world.certificatePem;
}

async function serve(world: World, proxy: Proxy, connected: Promise<void>, task: Task): Promise<void> {
  let cancel: () => void = () => undefined;
  const late = new Promise<void>((resolve) => {
    cancel = world.clock.after(waitMs, resolve);
  });
  try {
    await task.until(Promise.race([connected, late]));
    if (proxy.state === 'waiting') throw failure('connection timed out');
    if (world.vms.get(proxy.vmid)?.running === undefined) throw failure('Failed to run vncproxy.');
    await task.wait(1000);
    if (proxy.closed !== undefined) await task.until(proxy.closed);
  } finally {
    cancel();
    proxy.state = 'over';
  }
}

async function join(call: Call): Promise<unknown> {
  const { world, params } = call;
  const ticket = textOf(params['vncticket']);
  const proxy = world.consoles.byTicket.get(ticket);
  const bound =
    proxy !== undefined &&
    proxy.vmid === Number(params['vmid']) &&
    proxy.caller === call.caller.id &&
    proxy.port === Number(params['port']);
  if (!bound || world.clock.now() - proxy.createdAt > ticketMs) {
    await world.clock.sleep(3000);
    throw new ApiError(401, 'permission denied - invalid PVEVNC ticket');
  }
  if (!call.websocket) return { port: String(proxy.port) };
  if (proxy.state !== 'waiting') {
    await world.clock.sleep(5000);
    return new ConsoleClosed();
  }
  proxy.state = 'connected';
  proxy.connect();
  return new ConsoleOpened(proxy);
}

/** The handshake succeeded; whoever carries the connection attaches to it. */
export class ConsoleOpened {
  readonly #proxy: Proxy;
  #detach: () => void = () => undefined;

  constructor(proxy: Proxy) {
    this.#proxy = proxy;
  }

  /** From now on the proxy's task runs until `detach`. */
  attach(): { vmid: number; password: string } {
    this.#proxy.closed = new Promise((resolve) => {
      this.#detach = resolve;
    });
    return this.#proxy;
  }

  detach(): void {
    this.#detach();
  }
}

/** The connection was closed without an HTTP answer. */
export class ConsoleClosed {
  readonly closed = true;
}

const mayConsole = needs('/vms/{vmid}', 'VM.Console');

/** Checks a ticket for somebody else, as the console's own server does. */
function checkTicket(call: Call): null {
  const proxy = call.world.consoles.byTicket.get(textOf(call.params['vncticket']));
  const bound =
    proxy !== undefined && proxy.caller === call.params['authid'] && `/vms/${proxy.vmid}` === call.params['path'];
  if (!bound || call.world.clock.now() - proxy.createdAt > ticketMs)
    throw new ApiError(401, 'permission denied - invalid PVEVNC ticket');
  return null;
}

export const consoleRoutes: Route[] = [
  {
    method: 'POST',
    path: '/access/vncticket',
    permission: 'world',
    parameters: {
      authid: required(text({ maxLength: 64 })),
      vncticket: required(text()),
      privs: required(formatted('pve-priv-list', { maxLength: 64 })),
      path: required(text({ maxLength: 64 })),
      port: integer(),
    },
    run: checkTicket,
  },
  {
    method: 'POST',
    path: '/nodes/{node}/qemu/{vmid}/vncproxy',
    permission: mayConsole,
    parameters: { node, vmid, websocket: flag(), 'generate-password': flag() },
    run: open,
  },
  {
    method: 'POST',
    path: '/nodes/{node}/qemu/{vmid}/termproxy',
    permission: mayConsole,
    parameters: { node, vmid, serial: { type: 'string', enum: ['serial0', 'serial1', 'serial2', 'serial3'] } },
    run: open,
  },
  {
    method: 'GET',
    path: '/nodes/{node}/qemu/{vmid}/vncwebsocket',
    permission: mayConsole,
    parameters: { node, vmid, port: required(integer(5900, 5999)), vncticket: required(text({ maxLength: 512 })) },
    run: join,
  },
];
