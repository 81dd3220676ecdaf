// Tests of the console: the way from the ticket over a websocket to a picture one can read, and what is refused on it.
import { createDecipheriv } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Simulator } from '../simulator.ts';
import type { Listening } from '../simulator.ts';
import { demoTopology, operatorToken } from '../testing.ts';
import { TlsClient } from '../tls-client.ts';
import { glyphHeight, glyphWidth, hasDot, signs } from './font.ts';
import { encodePixels, parsePixelFormat, writePixelFormat } from './pixel-format.ts';
import type { PixelFormat } from './pixel-format.ts';
import { cellHeight, cellWidth, drawLines, margin, scale, screenHeight, screenWidth } from './screen.ts';
import { answerChallenge } from './vnc-password.ts';

let simulator: Simulator;
let listening: Listening;
let client: TlsClient;

beforeAll(async () => {
  const topology = demoTopology();
  const [template] = topology.vms;
  if (template === undefined) throw new Error('the demo has a template');
  const { template: _, ...options } = template.options;
  const web = { ...template, vmid: 100, volumes: [], running: true, options: { ...options, name: 'web-1.example' } };
  const off = { ...web, vmid: 101, running: false };
  simulator = new Simulator({ topology: { ...topology, vms: [...topology.vms, web, off] }, speed: 20 });
  listening = await simulator.listen();
  client = new TlsClient(listening);
});

afterAll(async () => {
  client.close();
  await simulator.close();
});

interface Ticket {
  port: string;
  ticket: string;
  password: string;
  upid: string;
}

async function openProxy(vmid: number): Promise<Ticket> {
  const answer = await client.send({
    method: 'POST',
    path: `/nodes/pve1/qemu/${vmid}/vncproxy`,
    form: { websocket: '1' },
  });
  return (JSON.parse(answer.body) as { data: Ticket }).data;
}

/** A websocket's bytes as a stream that can be asked for so many of them. */
class Viewer {
  readonly socket: WebSocket;
  readonly closed: Promise<void>;
  #bytes = Buffer.alloc(0);
  #wake: () => void = () => undefined;
  #over = false;

  constructor(vmid: number, { port, ticket }: Pick<Ticket, 'port' | 'ticket'>, authorization = operatorToken) {
    const query = new URLSearchParams({ port, vncticket: ticket }).toString();
    const url = `${listening.url.replace('https', 'wss')}/api2/json/nodes/pve1/qemu/${vmid}/vncwebsocket?${query}`;
    this.socket = new WebSocket(url, 'binary', { ca: listening.caPem, headers: { authorization } });
    this.socket.on('message', (data) => {
      this.#bytes = Buffer.concat([this.#bytes, data as Buffer]);
      this.#wake();
    });
    this.closed = new Promise((resolve) =>
      this.socket.once('close', () => {
        this.#over = true;
        this.#wake();
        resolve();
      }),
    );
  }

  /** Resolves when it is open; rejects with what was answered instead. */
  opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.once('open', resolve);
      this.socket.once('error', reject);
    });
  }

  async read(length: number): Promise<Buffer> {
    while (this.#bytes.length < length) {
      if (this.#over) throw new Error('the connection ended');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  get unread(): number {
    return this.#bytes.length;
  }

  send(...bytes: (number[] | Buffer | string)[]): void {
    this.socket.send(Buffer.concat(bytes.map((part) => Buffer.from(part as Buffer))));
  }

  /** Through the handshake; the answer is the size and the title of the display. */
  async logIn(password: string): Promise<{ width: number; height: number; name: string }> {
    await this.opened();
    expect((await this.read(12)).toString()).toBe('RFB 003.008\n');
    this.send('RFB 003.008\n');
    expect([...(await this.read(2))]).toEqual([1, 2]);
    this.send([2]);
    this.send(answerChallenge(await this.read(16), password));
    if ((await this.read(4)).readUInt32BE() !== 0) {
      const length = (await this.read(4)).readUInt32BE();
      throw new Error((await this.read(length)).toString());
    }
    this.send([1]);
    const head = await this.read(24);
    const name = (await this.read(head.readUInt32BE(20))).toString();
    return { width: head.readUInt16BE(0), height: head.readUInt16BE(2), name };
  }

  request(incremental: boolean): void {
    this.send([3, incremental ? 1 : 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
  }

  /** The text of the next picture. */
  async text(bytesPerDot = 4): Promise<string[]> {
    const head = await this.read(16);
    expect([head[0], head.readUInt16BE(2), head.readInt32BE(12)]).toEqual([0, 1, 0]);
    const [width, height] = [head.readUInt16BE(8), head.readUInt16BE(10)];
    const pixels = await this.read(width * height * bytesPerDot);
    return readText((x, y) => pixels.subarray((y * width + x) * bytesPerDot).readUInt8() !== 0);
  }
}

/** Reads a picture as a person would: every cell is the sign whose dots it shows. */
function readText(isDrawn: (x: number, y: number) => boolean): string[] {
  const signAt = (column: number, row: number): string => {
    const matches = (sign: string): boolean =>
      Array.from({ length: glyphWidth * glyphHeight }, (_, index) => [
        index % glyphWidth,
        Math.floor(index / glyphWidth),
      ]).every(
        ([x = 0, y = 0]) =>
          hasDot(sign, x, y) ===
          isDrawn(margin + column * cellWidth + x * scale, margin + row * cellHeight + y * scale),
      );
    return signs.find(matches) ?? '#';
  };
  const columns = Math.floor((screenWidth - 2 * margin) / cellWidth);
  const rows = Math.floor((screenHeight - margin) / cellHeight) - 1;
  const lines = Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (__, column) => signAt(column, row))
      .join('')
      .trimEnd(),
  );
  return lines.filter((line) => line !== '');
}

const stateOf = async (upid: string): Promise<string> => {
  await simulator.world.tasks.get(upid)?.done;
  return simulator.world.tasks.get(upid)?.status ?? '';
};

describe('a console', () => {
  it('shows the name and the state of its VM', async () => {
    const proxy = await openProxy(100);
    const viewer = new Viewer(100, proxy);
    expect(await viewer.logIn(proxy.password)).toEqual({ width: 640, height: 400, name: 'QEMU (web-1.example)' });
    expect(viewer.socket.protocol).toBe('binary');
    viewer.request(false);
    expect(await viewer.text()).toEqual([
      'SIMULATED PROXMOX VE',
      'VM 100  WEB-1.EXAMPLE',
      'NODE PVE1',
      'STATE RUNNING',
      'WEB-1.EXAMPLE LOGIN:',
    ]);
    viewer.socket.close();
    await viewer.closed;
    expect(await stateOf(proxy.upid)).toBe('OK');
  });

  it('sends a new picture when the state changes, and not before', async () => {
    const proxy = await openProxy(100);
    const viewer = new Viewer(100, proxy);
    await viewer.logIn(proxy.password);
    viewer.request(false);
    await viewer.text();
    viewer.request(true);
    await simulator.clock.sleep(3000);
    expect(viewer.unread).toBe(0);
    await client.send({ method: 'POST', path: '/nodes/pve1/qemu/100/status/suspend' });
    expect(await viewer.text()).toContain('STATE PAUSED');
    await client.send({ method: 'POST', path: '/nodes/pve1/qemu/100/status/resume' });
    viewer.request(true);
    expect(await viewer.text()).toContain('STATE RUNNING');
    viewer.socket.close();
    await viewer.closed;
  });

  it('serves the format a client asks for, and takes keys and pointers', async () => {
    const proxy = await openProxy(100);
    const viewer = new Viewer(100, proxy);
    await viewer.logIn(proxy.password);
    const format: PixelFormat = { bitsPerPixel: 8, depth: 8, bigEndian: false, max: [7, 7, 3], shift: [0, 3, 6] };
    const changes = [[0, 0, 0, 0], writePixelFormat(format), [2, 0, 0, 1, 0, 0, 0, 0]];
    const input = [[4, 1, 0, 0, 0, 0, 0, 65], [5, 1, 0, 9, 0, 9], [6, 0, 0, 0, 0, 0, 0, 2], 'hi'];
    const whole = Buffer.concat([...changes, ...input].map((part) => Buffer.from(part as Buffer)));
    for (const byte of whole) viewer.send([byte]);
    viewer.request(false);
    expect(await viewer.text(1)).toContain('VM 100  WEB-1.EXAMPLE');
    viewer.socket.close();
    await viewer.closed;
  });

  it('throws out who does not know the password', async () => {
    const proxy = await openProxy(100);
    const viewer = new Viewer(100, proxy);
    await expect(viewer.logIn('wrong')).rejects.toThrow('Authentication failed');
    await viewer.closed;
  });

  it('throws out who speaks otherwise', async () => {
    const viewer = new Viewer(100, await openProxy(100));
    await viewer.opened();
    viewer.send('GET / HTTP/1.1\r\n');
    await viewer.closed;
  });

  it('of a stopped VM opens and says nothing', async () => {
    const proxy = await openProxy(101);
    const viewer = new Viewer(101, proxy);
    await viewer.opened();
    expect(await stateOf(proxy.upid)).toBe('Failed to run vncproxy.');
    expect(viewer.unread).toBe(0);
    viewer.socket.terminate();
  });

  it('ends with its VM', async () => {
    const proxy = await openProxy(100);
    const viewer = new Viewer(100, proxy);
    await viewer.logIn(proxy.password);
    const { running } = simulator.world.vms.get(100) ?? {};
    simulator.killVm(100);
    await viewer.closed;
    Object.assign(simulator.world.vms.get(100) ?? {}, { running });
  });
});

describe('a handshake is refused', () => {
  const rows: { name: string; change: (proxy: Ticket) => Partial<Ticket>; vmid?: number }[] = [
    { name: 'with another ticket', change: () => ({ ticket: 'x:PVEVNC:1::y' }) },
    { name: 'on another port', change: ({ port }) => ({ port: String(Number(port) + 1) }) },
    { name: 'for another VM', change: () => ({}), vmid: 101 },
  ];
  it.each(rows)('$name', async ({ change, vmid = 100 }) => {
    const proxy = await openProxy(100);
    await expect(new Viewer(vmid, { ...proxy, ...change(proxy) }).opened()).rejects.toThrow('401');
  });

  it('without a token', async () => {
    await expect(new Viewer(100, await openProxy(100), 'none').opened()).rejects.toThrow('401');
  });

  it('the second time: the connection just ends', async () => {
    const proxy = await openProxy(100);
    const first = new Viewer(100, proxy);
    await first.opened();
    await expect(new Viewer(100, proxy).opened()).rejects.toThrow('socket hang up');
    first.socket.terminate();
  });

  it('elsewhere in the API with what is answered there', async () => {
    const url = `${listening.url.replace('https', 'wss')}/api2/json/version`;
    const socket = new WebSocket(url, { ca: listening.caPem, headers: { authorization: operatorToken } });
    await expect(new Promise((_, reject) => socket.once('error', reject))).rejects.toThrow('200');
  });
});

describe('the pieces', () => {
  it('draw every sign so that it can be read', () => {
    const line = signs.filter((sign) => sign !== ' ').join('');
    const lines = [line.slice(0, 24), line.slice(24)];
    const dots = drawLines(lines);
    expect(readText((x, y) => dots[y * screenWidth + x] === 1)).toEqual(lines);
  });

  it('cut a line that is too long', () => {
    const dots = drawLines(['W'.repeat(200)]);
    expect(readText((x, y) => dots[y * screenWidth + x] === 1)).toEqual(['W'.repeat(50)]);
  });

  it('answer a challenge as DES does with the bits of the key turned round', () => {
    const challenge = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
    const answer = answerChallenge(challenge, 'a');
    const key = Buffer.from('8600000000000000', 'hex');
    const decipher = createDecipheriv('des-ede3-ecb', Buffer.concat([key, key, key]), null).setAutoPadding(false);
    expect(Buffer.concat([decipher.update(answer), decipher.final()])).toEqual(challenge);
    expect(answerChallenge(challenge, 'longpassword')).toEqual(answerChallenge(challenge, 'longpass'));
  });

  const formats: { name: string; format: PixelFormat; want: string }[] = [
    {
      name: '32 bits, little end first',
      format: { bitsPerPixel: 32, depth: 24, bigEndian: false, max: [255, 255, 255], shift: [16, 8, 0] },
      want: '00000000cccccc00',
    },
    {
      name: '16 bits, big end first',
      format: { bitsPerPixel: 16, depth: 16, bigEndian: true, max: [31, 63, 31], shift: [11, 5, 0] },
      want: '0000ce59',
    },
    {
      name: '8 bits',
      format: { bitsPerPixel: 8, depth: 8, bigEndian: false, max: [7, 7, 3], shift: [0, 3, 6] },
      want: '00b6',
    },
  ];
  it.each(formats)('write dots of $name', ({ format, want }) => {
    expect(encodePixels(Uint8Array.from([0, 1]), format).toString('hex')).toBe(want);
    expect(parsePixelFormat(writePixelFormat(format))).toEqual(format);
  });
});
