// Tests of the checks before the tests.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { gatesOf, runGate } from './gates.ts';

test('every check is a script of this repository', () => {
  const gates = gatesOf(resolve(import.meta.dirname, '../..'));
  expect(gates.map(({ name }) => name)).toEqual(['types', 'lint', 'format', 'generated files']);
});

describe('runGate', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'gates-test-'));
  });
  afterEach(() => {
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true, force: true });
  });

  async function outcome(body: string): Promise<{ tally: object; printed: string }> {
    const script = join(folder, 'check.js');
    writeFileSync(script, body);
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    const tally = await runGate({ name: 'a check', command: [script], cure: 'npm run cure' }, folder);
    return { tally, printed: log.mock.calls.flat().join('\n') };
  }

  test('a check that passes is quiet', async () => {
    const { tally, printed } = await outcome("console.log('chatter')");
    expect(tally).toEqual({ passed: 1, failed: 0, skipped: 0 });
    expect(printed).toMatch(/^ ✓ a check \(\d+\.\d s\)$/);
  });

  test('a check that fails shows what it said and what helps', async () => {
    const { tally, printed } = await outcome("console.log('out'); console.error('err'); process.exitCode = 1");
    expect(tally).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(printed).toContain('out\nerr\n');
    expect(printed).toContain('npm run cure puts it right.');
  });
});
