// Tests of one VNC connection byte by byte: RFB 3.8 (RFC 6143) with VNC authentication, cut anywhere, and what ends it.
import { assert as holds, property, array, nat, constantFrom, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultFormat, writePixelFormat } from './pixel-format.ts';
import { RfbSession } from './rfb-session.ts';
import { screenHeight, screenWidth } from './screen.ts';
import { answerChallenge } from './vnc-password.ts';

const challenge = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const password = 'secret';
const version = Buffer.from('RFB 003.008\n');
const answer = answerChallenge(challenge, password);
const frameBytes = 16 + screenWidth * screenHeight * 4;

/** A session and everything that came out of it. */
class Line {
  readonly sent: Buffer[] = [];
  closed = 0;
  text = ['one'];
  readonly session: RfbSession;

  constructor() {
    this.session = new RfbSession({
      password,
      name: 'QEMU (web)',
      challenge,
      lines: () => this.text,
      send: (bytes) => this.sent.push(bytes),
      close: () => (this.closed += 1),
    });
    this.session.begin();
  }

  /** Everything sent so far, as one. */
  get output(): Buffer {
    return Buffer.concat(this.sent);
  }

  /** What is sent in answer to these bytes. */
  give(...bytes: (Buffer | number[])[]): Buffer {
    const before = this.output.length;
    this.session.receive(Buffer.concat(bytes.map((part) => Buffer.from(part as Buffer))));
    return this.output.subarray(before);
  }

  /** Through the handshake. */
  logIn(): this {
    this.give(version, [2], answer, [1]);
    return this;
  }
}

const request = (incremental: 0 | 1): number[] => [3, incremental, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];

describe('the handshake', () => {
  it('is the server’s version, one kind of security, a challenge, a verdict, the display', () => {
    const line = new Line();
    expect(line.output.toString()).toBe('RFB 003.008\n');
    expect([...line.give(version)]).toEqual([1, 2]);
    expect(line.give([2])).toEqual(challenge);
    expect([...line.give(answer)]).toEqual([0, 0, 0, 0]);
    const init = line.give([1]);
    expect([init.readUInt16BE(0), init.readUInt16BE(2)]).toEqual([640, 400]);
    expect(init.subarray(4, 20)).toEqual(writePixelFormat(defaultFormat));
    expect(init.readUInt32BE(20)).toBe(10);
    expect(init.subarray(24).toString()).toBe('QEMU (web)');
    expect(line.closed).toBe(0);
  });

  it('does not mind whether the client wants the display for itself', () => {
    for (const shared of [0, 1, 255]) {
      const line = new Line();
      line.give(version, [2], answer);
      expect(line.give([shared]).length).toBe(34);
    }
  });

  const wrong: { name: string; bytes: (Buffer | number[])[]; last: Buffer | undefined }[] = [
    { name: 'an older version', bytes: [Buffer.from('RFB 003.003\n')], last: undefined },
    { name: 'no version', bytes: [Buffer.from('GET / HTTP/1')], last: undefined },
    { name: 'no security', bytes: [version, [1]], last: undefined },
    { name: 'another kind of security', bytes: [version, [16]], last: undefined },
    {
      name: 'a wrong answer',
      bytes: [version, [2], Buffer.alloc(16)],
      last: Buffer.from('\0\0\0\u0001\0\0\0\u0015Authentication failed'),
    },
    { name: 'the challenge itself', bytes: [version, [2], challenge], last: undefined },
    {
      name: 'an answer to another password',
      bytes: [version, [2], answerChallenge(challenge, 'other')],
      last: undefined,
    },
  ];
  it.each(wrong)('ends with $name', ({ bytes, last }) => {
    const line = new Line();
    line.give(...bytes);
    expect(line.closed).toBe(1);
    if (last !== undefined) expect(line.sent.at(-1)).toEqual(last);
  });

  it('waits for the rest of what is incomplete', () => {
    const line = new Line();
    expect(line.give(version.subarray(0, 11))).toHaveLength(0);
    expect([...line.give(version.subarray(11))]).toEqual([1, 2]);
    line.give([2]);
    expect(line.give(answer.subarray(0, 15))).toHaveLength(0);
    expect(line.give(answer.subarray(15))).toHaveLength(4);
    expect(line.closed).toBe(0);
  });
});

describe('messages of a client', () => {
  it('a full request is answered with one raw rectangle of the whole picture', () => {
    const picture = new Line().logIn().give(request(0));
    expect(picture).toHaveLength(frameBytes);
    expect([...picture.subarray(0, 16)]).toEqual([0, 0, 0, 1, 0, 0, 0, 0, 0x02, 0x80, 0x01, 0x90, 0, 0, 0, 0]);
  });

  it('an incremental request is answered when the picture is another one', () => {
    const line = new Line().logIn();
    expect(line.give(request(1))).toHaveLength(frameBytes);
    expect(line.give(request(1))).toHaveLength(0);
    line.session.refresh();
    expect(line.sent.at(-1)).toHaveLength(frameBytes);
    const before = line.sent.length;
    line.text = ['two'];
    line.session.refresh();
    expect(line.sent.length).toBe(before + 1);
  });

  it('nothing is sent that was not asked for', () => {
    const line = new Line().logIn();
    const before = line.sent.length;
    line.text = ['two'];
    line.session.refresh();
    expect(line.sent.length).toBe(before);
  });

  it('one request is answered once, however often the picture changes', () => {
    const line = new Line().logIn();
    line.give(request(0));
    line.give(request(1));
    const before = line.sent.length;
    for (const text of ['two', 'three', 'four']) {
      line.text = [text];
      line.session.refresh();
    }
    expect(line.sent.length).toBe(before + 1);
  });

  const formats = [
    { name: 'a byte', bits: 8, want: 16 + screenWidth * screenHeight },
    { name: 'two bytes', bits: 16, want: 16 + screenWidth * screenHeight * 2 },
    { name: 'four bytes', bits: 32, want: frameBytes },
  ];
  it.each(formats)('the picture has $name per dot when that is asked for', ({ bits, want }) => {
    const format = writePixelFormat({ ...defaultFormat, bitsPerPixel: bits, max: [1, 1, 1], shift: [0, 1, 2] });
    expect(new Line().logIn().give([0, 0, 0, 0], format, request(0))).toHaveLength(want);
  });

  const ignored: { name: string; bytes: (Buffer | number[])[] }[] = [
    { name: 'no encodings', bytes: [[2, 0, 0, 0]] },
    { name: 'some encodings', bytes: [[2, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 16, 0xff, 0xff, 0xff, 0x21]] },
    {
      name: 'a key pressed and let go',
      bytes: [
        [4, 1, 0, 0, 0, 0, 0xff, 0x0d],
        [4, 0, 0, 0, 0, 0, 0xff, 0x0d],
      ],
    },
    { name: 'a pointer', bytes: [[5, 1, 0, 9, 0, 9]] },
    { name: 'an empty clipboard', bytes: [[6, 0, 0, 0, 0, 0, 0, 0]] },
    { name: 'a clipboard', bytes: [[6, 0, 0, 0, 0, 0, 0, 2], Buffer.from('hi')] },
    {
      name: 'an extended clipboard, of negative length',
      bytes: [[6, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe], Buffer.from('hi')],
    },
    { name: 'an extended key of QEMU', bytes: [[255, 0, 0, 1, 0, 0, 0, 97, 0, 0, 0, 30]] },
  ];
  it.each(ignored)('$name changes nothing, and what follows is understood', ({ bytes }) => {
    const line = new Line().logIn();
    expect(line.give(...bytes)).toHaveLength(0);
    expect(line.give(request(0))).toHaveLength(frameBytes);
    expect(line.closed).toBe(0);
  });

  it.each([1, 7, 8, 99, 254])('of an unknown kind (%i) end the connection', (kind) => {
    const line = new Line().logIn();
    line.give([kind]);
    expect(line.closed).toBe(1);
  });
});

describe('any stream', () => {
  const message = constantFrom<number[]>(
    request(0),
    request(1),
    [2, 0, 0, 1, 0, 0, 0, 0],
    [4, 1, 0, 0, 0, 0, 0, 65],
    [5, 0, 0, 1, 0, 1],
    [6, 0, 0, 0, 0, 0, 0, 3, 97, 98, 99],
  );

  it('is answered the same however it is cut', () => {
    holds(
      property(array(message, { maxLength: 6 }), array(nat({ max: 60 }), { maxLength: 8 }), (messages, cuts) => {
        const whole = Buffer.concat([version, Buffer.from([2]), answer, Buffer.from([1, ...messages.flat()])]);
        const atOnce = new Line();
        atOnce.give(whole);
        const inPieces = new Line();
        const at = [...new Set([0, ...cuts, whole.length])].filter((cut) => cut <= whole.length).sort((a, b) => a - b);
        for (const [index, from] of at.entries()) inPieces.give(whole.subarray(from, at[index + 1] ?? whole.length));
        expect(inPieces.sent.map(({ length }) => length)).toEqual(atOnce.sent.map(({ length }) => length));
        expect(inPieces.output.equals(atOnce.output)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it('of rubbish is either waited for or thrown out, never a crash', () => {
    holds(
      property(uint8Array({ maxLength: 200 }), (rubbish) => {
        const line = new Line();
        line.session.receive(Buffer.from(rubbish));
        expect(line.closed).toBe(rubbish.length >= 12 && !Buffer.from(rubbish).subarray(0, 12).equals(version) ? 1 : 0);
      }),
      { numRuns: 200 },
    );
  });

  it('of rubbish after the handshake too', () => {
    holds(
      property(uint8Array({ minLength: 1, maxLength: 60 }), (rubbish) => {
        const line = new Line().logIn();
        line.session.receive(Buffer.from(rubbish));
        const isKnown = [0, 2, 3, 4, 5, 6, 255].includes(rubbish[0] ?? -1);
        if (!isKnown) expect(line.closed).toBe(1);
      }),
      { numRuns: 200 },
    );
  });
});
