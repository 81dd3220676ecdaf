// What people read is a whole sentence.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sentence } from './sentence.ts';

describe('a sentence', () => {
  test.each([
    { text: 'no change', want: 'No change.' },
    { text: 'the VM is stopped', want: 'The VM is stopped.' },
    { text: 'The VM is stopped.', want: 'The VM is stopped.' },
    { text: 'cloud-init differs from what is declared', want: 'Cloud-init differs from what is declared.' },
    { text: 'net0 differs from the package', want: 'net0 differs from the package.' },
    { text: 'scsi0 grows; the VM has snapshots', want: 'scsi0 grows; the VM has snapshots.' },
    {
      text: 'spec.runStrategy is Halted: the VM is kept stopped.',
      want: 'spec.runStrategy is Halted: the VM is kept stopped.',
    },
    { text: 'skipped, as it was asked for', want: 'Skipped, as it was asked for.' },
    { text: 'done', want: 'Done.' },
    { text: 'VM 2000 is gone', want: 'VM 2000 is gone.' },
    { text: '192.0.2.1 is missing', want: '192.0.2.1 is missing.' },
    { text: 'cut off after a while…', want: 'Cut off after a while…' },
  ])('$want', ({ text, want }) => expect(sentence(text)).toBe(want));

  test('is one already, the second time, and is longer by no more than its end', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const once = sentence(text);
        expect(sentence(once)).toBe(once);
        expect(once.length - text.length).toBeLessThanOrEqual(1);
      }),
    );
  });
});
