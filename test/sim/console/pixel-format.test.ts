// Tests of pixel formats and passwords: what is written can be read again, dots have the size asked for, DES as VNC uses it.
import {
  assert as holds,
  boolean,
  constantFrom,
  integer,
  nat,
  property,
  record,
  string,
  tuple,
  uint8Array,
} from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signs, hasDot, glyphHeight, glyphWidth } from './font.ts';
import { encodePixels, parsePixelFormat, writePixelFormat } from './pixel-format.ts';
import type { PixelFormat } from './pixel-format.ts';
import { drawLines, margin, scale, screenHeight, screenLines, screenWidth } from './screen.ts';
import { answerChallenge, challengeBytes, isRightAnswer } from './vnc-password.ts';
import { Vm } from '../state/vm.ts';

const component = nat({ max: 65_535 });
const shift = nat({ max: 31 });

describe('a format', () => {
  it('is read as it was written', () => {
    const format = record<PixelFormat>({
      bitsPerPixel: constantFrom(8, 16, 32),
      depth: nat({ max: 32 }),
      bigEndian: boolean(),
      max: tuple(component, component, component),
      shift: tuple(shift, shift, shift),
    });
    holds(
      property(format, (any) => {
        const written = writePixelFormat(any);
        expect(written).toHaveLength(16);
        expect(parsePixelFormat(written)).toEqual(any);
      }),
    );
  });

  it('says that colours are true ones', () => {
    const format: PixelFormat = { bitsPerPixel: 32, depth: 24, bigEndian: false, max: [1, 1, 1], shift: [0, 1, 2] };
    expect(writePixelFormat(format).readUInt8(3)).toBe(1);
  });

  it('gives a dot its number of bytes, nothing where nothing is drawn, and the same everywhere else', () => {
    holds(
      property(
        constantFrom(8, 16, 32),
        boolean(),
        uint8Array({ max: 1, maxLength: 50 }),
        (bitsPerPixel, bigEndian, dots) => {
          const size = bitsPerPixel / 8;
          const format: PixelFormat = { bitsPerPixel, depth: 6, bigEndian, max: [3, 3, 3], shift: [0, 2, 4] };
          const bytes = encodePixels(dots, format);
          expect(bytes).toHaveLength(dots.length * size);
          const drawn = new Set<string>();
          for (const [index, dot] of dots.entries()) {
            const cell = bytes.subarray(index * size, (index + 1) * size);
            if (dot === 0) expect(cell.every((byte) => byte === 0)).toBe(true);
            else drawn.add(cell.toString('hex'));
          }
          expect(drawn.size).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});

describe('a password', () => {
  // Zeros under a key of zeros are the same for every order of bits: the first test vector of any DES.
  const known = [{ password: '', challenge: '00'.repeat(16), want: '8ca64de9c1b123a78ca64de9c1b123a7' }];
  it.each(known)('$password answers $challenge', ({ password, challenge, want }) => {
    expect(answerChallenge(Buffer.from(challenge, 'hex'), password).toString('hex')).toBe(want);
  });

  it('has one right answer, and eight characters that matter', () => {
    holds(
      property(
        string({ minLength: 8, maxLength: 12, unit: 'grapheme-ascii' }),
        uint8Array({ minLength: challengeBytes, maxLength: challengeBytes }),
        integer({ min: 0, max: challengeBytes - 1 }),
        (password, bytes, at) => {
          const challenge = Buffer.from(bytes);
          const answer = answerChallenge(challenge, password);
          expect(isRightAnswer(answer, challenge, password)).toBe(true);
          expect(isRightAnswer(answer, challenge, `${password.slice(0, 8)}xyz`)).toBe(true);
          const wrong = Buffer.from(answer);
          wrong[at] = (wrong[at] ?? 0) ^ 1;
          expect(isRightAnswer(wrong, challenge, password)).toBe(false);
        },
      ),
    );
  });
});

describe('the picture', () => {
  it('has as many dots as the screen', () => {
    expect(drawLines([])).toHaveLength(screenWidth * screenHeight);
    expect(drawLines([]).includes(1)).toBe(false);
  });

  it('draws a dot of a sign as a square', () => {
    const dots = drawLines(['-']);
    const at = (x: number, y: number): number | undefined => dots[(margin + y) * screenWidth + margin + x];
    for (let x = 0; x < glyphWidth; x += 1) {
      for (let y = 0; y < glyphHeight; y += 1) {
        const square = [0, 1].flatMap((dx) => [0, 1].map((dy) => at(x * scale + dx, y * scale + dy)));
        expect(square).toEqual(square.map(() => (hasDot('-', x, y) ? 1 : 0)));
      }
    }
  });

  it.each([...signs].filter((sign) => sign !== ' '))('has the sign %s, unlike every other', (sign) => {
    const bitmap = (of: string): string =>
      Array.from({ length: glyphWidth * glyphHeight }, (_, index) =>
        hasDot(of, index % glyphWidth, Math.floor(index / glyphWidth)) ? '1' : '0',
      ).join('');
    expect(bitmap(sign)).toContain('1');
    for (const other of signs)
      if (other !== sign) expect({ other, same: bitmap(other) === bitmap(sign) }).toEqual({ other, same: false });
  });

  it('shows small letters as capitals and what it does not have as a question mark', () => {
    expect(drawLines(['abc'])).toEqual(drawLines(['ABC']));
    expect(drawLines(['ä€'])).toEqual(drawLines(['??']));
  });

  const states = [
    { name: 'stopped', running: undefined, up: false, want: ['State stopped', '', 'Booting...'] },
    { name: 'booting', running: 'running' as const, up: false, want: ['State running', '', 'Booting...'] },
    { name: 'up', running: 'running' as const, up: true, want: ['State running', '', 'web login:'] },
    { name: 'paused', running: 'paused' as const, up: true, want: ['State paused', '', ''] },
  ];
  it.each(states)('tells that a VM is $name', ({ running, up, want }) => {
    const vm = new Vm(100, 'pve1', { name: 'web' });
    if (running !== undefined) vm.running = { startedAt: 0, pid: 1, qmpStatus: running, agentReadyAt: 0, options: {} };
    expect(screenLines(vm, up)).toEqual(['Simulated Proxmox VE', '', 'VM 100  web', 'Node pve1', ...want]);
  });
});
