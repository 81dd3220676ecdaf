// Connects a console's websocket with the display of its VM.
import type { WebSocket } from 'ws';
import type { ConsoleOpened } from '../api/console.ts';
import { guestIsUp } from '../state/power.ts';
import type { Vm } from '../state/vm.ts';
import type { World } from '../state/world.ts';
import { RfbSession } from './rfb-session.ts';
import { screenLines } from './screen.ts';
import { challengeBytes } from './vnc-password.ts';

/** The proxy passes on what it reads, so messages are cut into frames of that size at most. */
const frameBytes = 64 * 1024;
const refreshMs = 1000;

/** Speaks RFB until either side ends it. A VM that does not run says nothing at all. */
export function serveConsole(world: World, opened: ConsoleOpened, socket: WebSocket): void {
  const { vmid, password } = opened.attach();
  socket.once('close', () => opened.detach());
  socket.on('error', () => socket.terminate());
  const vm = world.vms.get(vmid);
  if (vm?.running === undefined) return;
  const session = new RfbSession({
    password,
    name: `QEMU (${vm.name})`,
    challenge: Buffer.from(world.random.hex(challengeBytes * 2), 'hex'),
    lines: () => screenLines(vm, guestIsUp(world, vm)),
    send: (bytes) => sendFrames(socket, bytes),
    close: () => socket.close(),
  });
  socket.on('message', (data) => session.receive(data as Buffer));
  watchDisplay(world, vm, { session, socket });
  session.begin();
}

function sendFrames(socket: WebSocket, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; at += frameBytes) socket.send(bytes.subarray(at, at + frameBytes));
}

/** Looks at the display once a second; the display goes with the process. */
function watchDisplay(world: World, vm: Vm, { session, socket }: { session: RfbSession; socket: WebSocket }): void {
  const cancel = world.clock.after(refreshMs, () => {
    if (world.vms.get(vm.vmid)?.running === undefined) return socket.close();
    session.refresh();
    watchDisplay(world, vm, { session, socket });
  });
  if (socket.readyState !== socket.OPEN) cancel();
}
