// One VNC connection as QEMU serves it: the RFB 3.8 handshake with a password, and pictures on request.
import { challengeBytes, isRightAnswer } from './vnc-password.ts';
import { encodePixels, defaultFormat, parsePixelFormat, writePixelFormat } from './pixel-format.ts';
import { drawLines, screenHeight, screenWidth } from './screen.ts';

const versionText = 'RFB 003.008\n';
const vncAuthentication = 2;

/** What a session needs of the world. */
export interface RfbHost {
  password: string;
  /** Shown as the title of the display. */
  name: string;
  challenge: Buffer;
  /** The text on the display now. */
  lines(): readonly string[];
  send(bytes: Buffer): void;
  /** Ends the connection. */
  close(): void;
}

/** What is expected next; `need` is the number of bytes it takes at least. */
interface Phase {
  need: number;
  take(bytes: Buffer): number;
}

/** Messages of a client by their type: the bytes of the fixed part, and of what follows it. */
const messages: Readonly<Record<number, { fixed: number; rest?: (head: Buffer) => number }>> = {
  0: { fixed: 20 },
  2: { fixed: 4, rest: (head) => head.readUInt16BE(2) * 4 },
  3: { fixed: 10 },
  4: { fixed: 8 },
  5: { fixed: 6 },
  6: { fixed: 8, rest: (head) => Math.abs(head.readInt32BE(4)) },
  255: { fixed: 12 },
};

/** A client that speaks otherwise is thrown out. */
class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code = 'SIM_RFB_PROTOCOL';
}

export class RfbSession {
  readonly #host: RfbHost;
  #received = Buffer.alloc(0);
  #phase: Phase;
  #format = defaultFormat;
  /** The text last sent; undefined before the first picture. */
  #shown: string | undefined;
  /** The client waits for the picture to change. */
  #waiting = false;

  constructor(host: RfbHost) {
    this.#host = host;
    this.#phase = { need: versionText.length, take: (bytes) => this.#takeVersion(bytes) };
  }

  /** The server speaks first. */
  begin(): void {
    this.#host.send(Buffer.from(versionText));
  }

  /** Bytes from the client, cut anywhere. */
  receive(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    try {
      while (this.#received.length >= this.#phase.need) {
        const taken = this.#phase.take(this.#received);
        if (taken === 0) return;
        this.#received = this.#received.subarray(taken);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#host.close();
    }
  }

  /** To be called now and then: sends the picture to a client that waits for a change. */
  refresh(): void {
    if (this.#waiting && this.#host.lines().join('\n') !== this.#shown) this.#sendPicture();
  }

  #takeVersion(bytes: Buffer): number {
    const version = bytes.subarray(0, versionText.length).toString('latin1');
    if (version !== versionText) throw new ProtocolError(`unexpected version ${version}`);
    this.#host.send(Buffer.from([1, vncAuthentication]));
    this.#phase = { need: 1, take: (next) => this.#takeSecurity(next) };
    return versionText.length;
  }

  #takeSecurity(bytes: Buffer): number {
    if (bytes[0] !== vncAuthentication) throw new ProtocolError('unknown security type');
    this.#host.send(this.#host.challenge);
    this.#phase = { need: challengeBytes, take: (next) => this.#takeAnswer(next) };
    return 1;
  }

  #takeAnswer(bytes: Buffer): number {
    if (!isRightAnswer(bytes.subarray(0, challengeBytes), this.#host.challenge, this.#host.password)) {
      const reason = Buffer.from('Authentication failed');
      this.#host.send(Buffer.concat([uint32(1), uint32(reason.length), reason]));
      throw new ProtocolError('wrong password');
    }
    this.#host.send(uint32(0));
    this.#phase = { need: 1, take: () => this.#sendInit() };
    return challengeBytes;
  }

  #sendInit(): number {
    const size = Buffer.alloc(4);
    size.writeUInt16BE(screenWidth, 0);
    size.writeUInt16BE(screenHeight, 2);
    const name = Buffer.from(this.#host.name);
    this.#host.send(Buffer.concat([size, writePixelFormat(this.#format), uint32(name.length), name]));
    this.#phase = { need: 1, take: (next) => this.#takeMessage(next) };
    return 1;
  }

  /** A whole message, or nothing while a part of it is missing. */
  #takeMessage(bytes: Buffer): number {
    const kind = messages[bytes[0] ?? -1];
    if (kind === undefined) throw new ProtocolError(`unknown message ${bytes[0]}`);
    if (bytes.length < kind.fixed) return 0;
    const length = kind.fixed + (kind.rest?.(bytes) ?? 0);
    if (bytes.length < length) return 0;
    if (bytes[0] === 0) this.#format = parsePixelFormat(bytes.subarray(4, 20));
    if (bytes[0] === 3) this.#takeUpdateRequest(bytes[1] === 1);
    return length;
  }

  #takeUpdateRequest(incremental: boolean): void {
    this.#waiting = true;
    if (incremental) this.refresh();
    else this.#sendPicture();
  }

  /** The whole picture as one raw rectangle. */
  #sendPicture(): void {
    const lines = this.#host.lines();
    const head = Buffer.alloc(16);
    head.writeUInt16BE(1, 2);
    head.writeUInt16BE(screenWidth, 8);
    head.writeUInt16BE(screenHeight, 10);
    this.#host.send(Buffer.concat([head, encodePixels(drawLines(lines), this.#format)]));
    this.#shown = lines.join('\n');
    this.#waiting = false;
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
