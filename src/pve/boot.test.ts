// Tests for the boot order.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBoot, printBoot } from './boot.ts';
import { PropertyStringError } from './property-string.ts';

describe('boot order', () => {
  const rows = [
    { text: 'order=scsi0;ide2;net0', want: { kind: 'devices', devices: ['scsi0', 'ide2', 'net0'] } },
    { text: 'order=', want: { kind: 'devices', devices: [] } },
    { text: ' ', want: { kind: 'devices', devices: [] } },
    { text: 'cdn', want: { kind: 'classes', classes: ['disk', 'cdrom', 'network'] } },
    { text: 'legacy=nc', want: { kind: 'classes', classes: ['network', 'disk'] } },
    { text: 'a', want: { kind: 'classes', classes: ['floppy'] } },
  ];
  it.each(rows)('reads $text', ({ text, want }) => {
    expect(parseBoot(text)).toEqual(want);
  });

  it.each(['x', 'scsi0', 'order', 'cdnac'])('refuses to read %j', (text) => {
    expect(() => parseBoot(text)).toThrow(PropertyStringError);
  });

  it.each(['', 'scsi', 'scsi0;net0', 'scsi0,order=x', 'SCSI0'])('refuses to write %j', (device) => {
    expect(() => printBoot([device])).toThrow(PropertyStringError);
  });

  it('reads what it has written', () => {
    const devices = fc.array(fc.stringMatching(/^(scsi|virtio|ide|sata|net|usb)[0-9]{1,2}$/));
    fc.assert(
      fc.property(devices, (order) => {
        expect(parseBoot(printBoot(order))).toEqual({ kind: 'devices', devices: order });
      }),
    );
  });
});
