// Characters of all planes, for property tests of what must survive whatever text comes.
import * as fc from 'fast-check';

const SURROGATES_FROM = 0xd800;
const SURROGATES = 0x800;
const LAST_CODE_POINT = 0x10_ffff;

/**
 * Any character that UTF-8 can carry, for `fc.string({ unit: anyCharacter })`. The unit `binary` of fast-check gives the
 * same ones, but fills a table of a million entries first, which takes longer than any of the tests.
 */
export const anyCharacter: fc.Arbitrary<string> = fc
  .integer({ min: 0, max: LAST_CODE_POINT - SURROGATES })
  .map((index) => String.fromCodePoint(index < SURROGATES_FROM ? index : index + SURROGATES));
