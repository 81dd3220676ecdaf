// What a line of the log looks like, and what never gets into one.
import { describe, expect, test } from 'vitest';
import { createLog, type LogOptions, textLine } from './log.ts';

function lines(options: Partial<LogOptions>, write: (log: ReturnType<typeof createLog>) => void): string[] {
  const written: string[] = [];
  write(createLog({ format: 'json', level: 'info', write: (line) => void written.push(line), ...options }));
  return written;
}
const entry = (write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown> =>
  JSON.parse(lines({}, write)[0]!) as Record<string, unknown>;

describe('lines for machines', () => {
  test('have a time, a level, a message and the fields', () => {
    expect(entry((log) => log.info({ vmid: 2000 }, 'Clone template'))).toEqual({
      level: 30,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      vmid: 2000,
      message: 'Clone template',
    });
  });

  test('below the level are left out', () => {
    const all = lines({ level: 'warn' }, (log) => {
      log.debug({}, 'a');
      log.info({}, 'b');
      log.warn({}, 'c');
      log.error({}, 'd');
    });
    expect(all.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual(['c', 'd']);
  });

  test.each(['password', 'cipassword', 'secret', 'token', 'apiKey', 'authorization'])(
    '%s is cut out, at three depths',
    (key) => {
      const [line] = lines({}, (log) =>
        log.info({ [key]: 'hunter2', a: { [key]: 'hunter2', b: { [key]: 'hunter2' } } }, 'x'),
      );
      expect(line).not.toContain('hunter2');
      expect(line).toContain('Redacted');
    },
  );

  test('of an error carry its name, text, stack and the text of its cause', () => {
    const error = new TypeError('broken', { cause: new Error('because') });
    expect(entry((log) => log.error({ err: error }, 'x'))).toMatchObject({
      err: { name: 'TypeError', message: 'broken', cause: 'because', stack: expect.stringContaining('log.test.ts') },
    });
  });

  test('of an error without a cause, and of what is no error', () => {
    expect(entry((log) => log.error({ err: new Error('plain') }, 'x'))['err']).not.toHaveProperty('cause');
    expect(entry((log) => log.error({ err: 'text' }, 'x'))['err']).toEqual({ message: 'text' });
  });
});

describe('lines for people', () => {
  const line = (fields: object): string =>
    textLine(JSON.stringify({ level: 30, time: '2026-03-01T12:00:01.250Z', message: 'Clone template', ...fields }));

  test.each([
    { name: 'nothing more', fields: {}, want: '2026-03-01 12:00:01.250 info  Clone template\n' },
    {
      name: 'fields',
      fields: { VirtualMachine: 'customer-1/web', vmid: 2000 },
      want: '2026-03-01 12:00:01.250 info  Clone template  VirtualMachine=customer-1/web  vmid=2000\n',
    },
    {
      name: 'text with blanks or quotes',
      fields: { why: 'no disk', x: 'a"b' },
      want: '2026-03-01 12:00:01.250 info  Clone template  why="no disk"  x="a\\"b"\n',
    },
    { name: 'lists', fields: { zones: ['a'] }, want: '2026-03-01 12:00:01.250 info  Clone template  zones=["a"]\n' },
    { name: 'nothing known', fields: { vmid: null }, want: '2026-03-01 12:00:01.250 info  Clone template\n' },
    { name: 'a warning', fields: { level: 40 }, want: '2026-03-01 12:00:01.250 WARN  Clone template\n' },
    {
      name: 'an error with its stack',
      fields: { level: 50, err: { message: 'm', stack: 'Error: m\n  at x' } },
      want: '2026-03-01 12:00:01.250 ERROR Clone template\n    Error: m\n  at x\n',
    },
    {
      name: 'an error without one',
      fields: { level: 50, err: { message: 'm' } },
      want: '2026-03-01 12:00:01.250 ERROR Clone template\n    m\n',
    },
    {
      name: 'a level that nobody knows',
      fields: { level: 35 },
      want: '2026-03-01 12:00:01.250       Clone template\n',
    },
  ])('$name', ({ fields, want }) => expect(line(fields)).toBe(want));

  test('are what the format says', () => {
    expect(lines({ format: 'text', level: 'debug' }, (log) => log.debug({ a: 1 }, 'Hello'))[0]).toMatch(
      /^[-\d]{10} [\d:.]{12} debug Hello {2}a=1\n$/,
    );
  });
});
