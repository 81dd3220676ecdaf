// Tests that lines survive any cutting by the network.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { linesOf } from './watch-stream.ts';

async function* chunksOf(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    const end = Math.min(cut, bytes.length);
    if (end > start) yield bytes.subarray(start, end);
    start = Math.max(start, end);
  }
  yield bytes.subarray(start);
}

async function collected(bytes: Uint8Array, cuts: readonly number[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(chunksOf(bytes, cuts))) lines.push(line);
  return lines;
}

test('any documents, cut anywhere, also inside a character', async () => {
  const documents = fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => JSON.stringify({ text })));
  await fc.assert(
    fc.asyncProperty(documents, fc.array(fc.nat(400)), async (lines, cuts) => {
      const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(''));
      expect(await collected(bytes, cuts)).toEqual(lines);
    }),
  );
});

test.each([
  { name: 'nothing', text: '', want: [] },
  { name: 'a line without its end is not delivered', text: '{"a":1}\n{"b":', want: ['{"a":1}'] },
  { name: 'empty lines are skipped', text: '\n{"a":1}\n\n  \n{"b":2}\n', want: ['{"a":1}', '{"b":2}'] },
])('$name', async ({ text, want }) => {
  expect(await collected(new TextEncoder().encode(text), [])).toEqual(want);
});
