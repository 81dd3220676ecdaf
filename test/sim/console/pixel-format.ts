// How a VNC client wants its dots: bytes per dot and where the colours sit in them.

/** A true-colour format. Maxima and shifts are for red, green, blue. */
export interface PixelFormat {
  bitsPerPixel: number;
  depth: number;
  bigEndian: boolean;
  max: [number, number, number];
  shift: [number, number, number];
}

/** What QEMU offers: 32 bits, little-endian, blue in the lowest byte. */
export const defaultFormat: PixelFormat = {
  bitsPerPixel: 32,
  depth: 24,
  bigEndian: false,
  max: [255, 255, 255],
  shift: [16, 8, 0],
};

export function parsePixelFormat(bytes: Buffer): PixelFormat {
  return {
    bitsPerPixel: bytes.readUInt8(0),
    depth: bytes.readUInt8(1),
    bigEndian: bytes.readUInt8(2) === 1,
    max: [bytes.readUInt16BE(4), bytes.readUInt16BE(6), bytes.readUInt16BE(8)],
    shift: [bytes.readUInt8(10), bytes.readUInt8(11), bytes.readUInt8(12)],
  };
}

export function writePixelFormat({ bitsPerPixel, depth, bigEndian, max, shift }: PixelFormat): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.set([bitsPerPixel, depth, bigEndian ? 1 : 0, 1], 0);
  for (const [index, value] of max.entries()) bytes.writeUInt16BE(value, 4 + index * 2);
  bytes.set(shift, 10);
  return bytes;
}

/** Light grey on black, as a text console is. */
const ink = [0.8, 0.8, 0.8];

/** The bytes of a picture of drawn and empty dots. */
export function encodePixels(dots: Uint8Array, format: PixelFormat): Buffer {
  const size = format.bitsPerPixel / 8;
  const drawn = Buffer.alloc(size);
  const value = ink.reduce(
    (sum, part, index) => sum + Math.round(part * (format.max[index] ?? 0)) * 2 ** (format.shift[index] ?? 0),
    0,
  );
  if (format.bigEndian) drawn.writeUIntBE(value, 0, size);
  else drawn.writeUIntLE(value, 0, size);
  const bytes = Buffer.alloc(dots.length * size);
  for (const [index, dot] of dots.entries()) if (dot === 1) drawn.copy(bytes, index * size);
  return bytes;
}
