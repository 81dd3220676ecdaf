// Tests for Proxmox's size notation.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PropertyStringError } from './property-string.ts';
import { parseSize, printSize } from './size.ts';

describe('parseSize', () => {
  const rows = [
    { text: '32G', want: 32 * 1024 ** 3 },
    { text: '3145731K', want: 3_145_731 * 1024 },
    { text: '104858K', want: 104_858 * 1024 },
    { text: '1T', want: 1024 ** 4 },
    { text: '4M', want: 4 * 1024 ** 2 },
    { text: '1.5G', want: 1.5 * 1024 ** 3 },
    { text: '0.3K', want: 308 },
    { text: '1073741825', want: 1_073_741_825 },
    { text: '0', want: 0 },
  ];
  it.each(rows)('reads $text', ({ text, want }) => {
    expect(parseSize(text)).toBe(want);
  });

  it.each(['', 'G', '1g', '+1G', '-1G', '1,5G', '1 G', '1P', '99999999T'])('refuses %j', (text) => {
    expect(() => parseSize(text)).toThrow(PropertyStringError);
  });
});

describe('printSize', () => {
  const rows = [
    { bytes: 32 * 1024 ** 3, want: '32G' },
    { bytes: 1536 * 1024 ** 2, want: '1536M' },
    { bytes: 2 * 1024 ** 4, want: '2T' },
    { bytes: 3_145_731 * 1024, want: '3145731K' },
    { bytes: 1_073_741_825, want: '1073741825' },
    { bytes: 0, want: '0' },
  ];
  it.each(rows)('writes $want', ({ bytes, want }) => {
    expect(printSize(bytes)).toBe(want);
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 60])('refuses %d', (bytes) => {
    expect(() => printSize(bytes)).toThrow(PropertyStringError);
  });

  it('loses nothing', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(parseSize(printSize(bytes))).toBe(bytes);
      }),
    );
  });
});
