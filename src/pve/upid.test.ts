// Tests for UPIDs.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordedSteps, recordingsMissing } from './testing/recorded.ts';
import { isUpid, parseUpid, printUpid } from './upid.ts';

describe('UPIDs', () => {
  it('splits user and token', () => {
    expect(parseUpid('UPID:pve1:00007215:0009D87A:6B02853F:qmclone:9000:operator@pve!k8s:')).toEqual({
      node: 'pve1',
      pid: 0x7215,
      pstart: 0x9d87a,
      startTime: 0x6b02853f,
      type: 'qmclone',
      id: '9000',
      user: 'operator@pve',
      tokenId: 'k8s',
    });
  });

  it('has no token for a person, and an empty id for several VMs', () => {
    const parts = parseUpid('UPID:pve1:00007215:10009D87A:6B02853F:vzdump::root@pam:');
    expect(parts).toMatchObject({ id: '', user: 'root@pam', pstart: 0x1_0009_d87a });
    expect(parts).not.toHaveProperty('tokenId');
  });

  it.each([
    '',
    'OK',
    'UPID:bad',
    'UPID:pve1:1:2:3:qmclone:9000:root@pam:',
    'UPID:pve1:00007215:0009D87A:6B02853F:qm clone:9000:root@pam:',
    'UPID:pve1:00007215:0009D87A:6B02853F:qmclone:9000:root@pam',
  ])('%j is none', (text) => {
    expect(parseUpid(text)).toBeUndefined();
    expect(isUpid(text)).toBe(false);
  });

  it('refuses parts that make none', () => {
    const parts = { node: 'p:x', pid: 1, pstart: 1, startTime: 1, type: 't', id: '', user: 'u' };
    expect(() => printUpid(parts)).toThrow(TypeError);
  });

  it.skipIf(recordingsMissing)(`reads every recorded one (${recordingsMissing ?? 'recordings present'})`, () => {
    const upids = recordedSteps().flatMap(({ response }) => {
      const data = (response.body as { data?: unknown } | undefined)?.data;
      return typeof data === 'string' && data.startsWith('UPID:') ? [data] : [];
    });
    expect(upids.length).toBeGreaterThan(100);
    for (const upid of upids) {
      const parts = parseUpid(upid);
      expect(parts && printUpid(parts)).toBe(upid);
    }
  });

  it('reads what it has written', () => {
    const number = fc.integer({ min: 0, max: 0xffff_ffff });
    const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}[a-z0-9]$/);
    const parts = fc.record(
      {
        node: word,
        pid: number,
        pstart: number,
        startTime: number,
        type: word,
        id: fc.oneof(word, fc.constant('')),
        user: word.map((name) => `${name}@pve`),
        tokenId: word,
      },
      { requiredKeys: ['node', 'pid', 'pstart', 'startTime', 'type', 'id', 'user'] },
    );
    fc.assert(
      fc.property(parts, (value) => {
        expect(parseUpid(printUpid(value))).toEqual(value);
      }),
    );
  });
});
