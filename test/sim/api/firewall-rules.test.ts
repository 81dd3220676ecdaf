// Tests of firewall rules: where they land, how they show, what is refused, and moving them.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answers, ask, bring, checkRow, demoLab, fails, labWith, read, refuses } from './call-table.ts';
import type { ApiCall, CallRow } from './call-table.ts';
import type { Lab } from '../testing.ts';

const base = 'qemu/100/firewall/rules';
const post = (params: Record<string, unknown>): ApiCall => [
  `POST ${base}`,
  { type: 'in', action: 'ACCEPT', ...params },
];
const named = (comment: string): ApiCall => post({ comment });

async function comments(lab: Lab): Promise<unknown[]> {
  return ((await read(lab, `GET ${base}`)) as { comment?: string }[]).map(({ comment }) => comment);
}

describe('a rule shows', () => {
  // firewall-rules*, and firewall.json of the recorded API code.
  const rows: { name: string; params: Record<string, unknown>; want: Record<string, unknown> }[] = [
    { name: 'as disabled unless told', params: {}, want: { type: 'in', action: 'ACCEPT', enable: 0, pos: 0 } },
    { name: 'as enabled', params: { enable: 1 }, want: { enable: 1 } },
    { name: 'its ports', params: { proto: 'tcp', dport: '20:30,80' }, want: { dport: '20:30,80', proto: 'tcp' } },
    { name: 'the version of its addresses', params: { dest: '10.0.0.0/8' }, want: { ipversion: 4 } },
    { name: 'the version of newer addresses', params: { source: 'fd00::/8' }, want: { ipversion: 6 } },
    {
      name: 'the version of its protocol',
      params: { proto: 'icmp', 'icmp-type': 'echo-request' },
      want: { ipversion: 4 },
    },
    {
      name: 'the version of a newer protocol',
      params: { proto: 'ipv6-icmp', 'icmp-type': 'echo-request' },
      want: { ipversion: 6 },
    },
    { name: 'no version without either', params: { proto: 'tcp' }, want: { ipversion: undefined } },
    { name: 'a range of addresses', params: { source: '10.0.0.1-10.0.0.9' }, want: { source: '10.0.0.1-10.0.0.9' } },
    { name: 'a macro', params: { macro: 'SSH' }, want: { macro: 'SSH' } },
    { name: 'a macro in other letters', params: { macro: 'ssh' }, want: { macro: 'ssh' } },
    {
      name: 'a group that is not there',
      params: { type: 'group', action: 'nogroup' },
      want: { type: 'group', action: 'nogroup' },
    },
    { name: 'a card that is not there', params: { iface: 'net9' }, want: { iface: 'net9' } },
    { name: 'the first line of its comment', params: { comment: 'a\nb' }, want: { comment: 'a' } },
    {
      name: 'no error of a name that is an unfinished address (surprise 41)',
      params: { source: '1.2.3' },
      want: { source: '1.2.3' },
    },
    {
      name: 'the error of an alias that is not there',
      params: { source: 'nowhere' },
      want: { errors: { source: "no such alias 'nowhere'" } },
    },
    {
      name: 'its level of logging',
      params: { type: 'out', action: 'DROP', log: 'info' },
      want: { log: 'info', type: 'out' },
    },
  ];
  it.each(rows)('$name', async ({ params, want }) => {
    const lab = await labWith(post(params));
    const [rule] = (await read(lab, `GET ${base}`)) as Record<string, unknown>[];
    expect(Object.fromEntries(Object.keys(want).map((key) => [key, rule?.[key]]))).toEqual(want);
  });

  it('its place as a number in a list and as text alone (surprise 41)', async () => {
    const lab = await labWith(named('a'));
    expect([await read(lab, `GET ${base}`), await read(lab, `GET ${base}/0`)]).toMatchObject([
      [{ pos: 0 }],
      { pos: '0' },
    ]);
  });

  it('the digest that all of them share', async () => {
    const lab = await labWith(named('a'), named('b'));
    const rules = (await read(lab, `GET ${base}`)) as { digest: string }[];
    expect(new Set(rules.map(({ digest }) => digest)).size).toBe(1);
  });
});

describe('a rule is refused', () => {
  const rows: CallRow[] = [
    {
      name: 'without an action',
      call: [`POST ${base}`, { type: 'in' }],
      want: refuses({ action: 'property is missing and it is not optional' }),
    },
    {
      name: 'with an action in small letters',
      call: post({ action: 'accept' }),
      want: refuses({ action: "unknown action 'accept'" }),
    },
    {
      name: 'with an unknown type',
      call: post({ type: 'bad' }),
      want: refuses({ type: "value 'bad' does not have a value in the enumeration 'in, out, forward, group'" }),
    },
    {
      name: 'of a VM that forwards',
      call: post({ type: 'forward' }),
      want: refuses({ type: "invalid rule type 'forward' for rule_env 'vm'" }),
    },
    {
      name: 'with a port and no protocol',
      call: post({ dport: '22' }),
      want: refuses({ proto: "missing property - 'dport' requires this property" }),
    },
    {
      name: 'with a source port and no protocol',
      call: post({ sport: '22' }),
      want: refuses({ proto: "missing property - 'sport' requires this property" }),
    },
    {
      name: 'with a port that is too high',
      call: post({ proto: 'tcp', dport: '99999' }),
      want: refuses({ dport: "invalid format - invalid port '99999'\n" }),
    },
    {
      name: 'with an unknown protocol',
      call: post({ proto: 'nope' }),
      want: refuses({ proto: "invalid format - unknown protocol 'nope'\n" }),
    },
    {
      name: 'with a set that is not there',
      call: post({ source: '+nope' }),
      want: refuses({ source: "no such ipset 'nope'" }),
    },
    { name: 'with an unknown macro', call: post({ macro: 'Nope' }), want: refuses({ macro: "unknown macro 'Nope'" }) },
    {
      name: 'with addresses of both versions',
      call: post({ source: '10.0.0.1', dest: 'fd00::1' }),
      want: refuses({ dest: 'detected mixed ipv4/ipv6 addresses in rule' }),
    },
    {
      name: 'with a card that is none',
      call: post({ iface: 'eth0' }),
      want: refuses({ iface: "value does not match the regex pattern 'net\\d+'" }),
    },
    {
      name: 'with an unknown type of ICMP',
      call: post({ proto: 'icmp', 'icmp-type': 'bad' }),
      want: refuses({ 'icmp-type': "invalid format - invalid icmp-type value 'bad'\n" }),
    },
    { name: 'that is not there', call: [`GET ${base}/9`], want: fails('no rule at position 9') },
    { name: 'to be deleted that is not there', call: [`DELETE ${base}/9`], want: fails('no rule at position 9') },
    {
      name: 'to be changed that is not there',
      call: [`PUT ${base}/9`, { enable: 1 }],
      want: fails('no rule at position 9'),
    },
    {
      name: 'to lose its action',
      given: [named('a')],
      call: [`PUT ${base}/0`, { delete: 'action' }],
      want: refuses({ delete: "unable to delete required property 'action'" }),
    },
    {
      name: 'to lose what its port needs',
      given: [post({ proto: 'tcp', dport: '22' })],
      call: [`PUT ${base}/0`, { delete: 'proto' }],
      want: refuses({ proto: "missing property - 'dport' requires this property" }),
    },
    {
      name: 'with an old digest',
      given: [named('a')],
      call: [`PUT ${base}/0`, { enable: 1, digest: '0'.repeat(40) }],
      want: fails('detected modified configuration - file changed by other user? Try again.'),
    },
    {
      name: 'to be deleted with an old digest',
      given: [named('a')],
      call: [`DELETE ${base}/0`, { digest: '0'.repeat(40) }],
      want: fails('detected modified configuration - file changed by other user? Try again.'),
    },
  ];
  it.each(rows)('$name', async (row) => {
    const lab = await labWith(...(row.given ?? []));
    const before = lab.simulator.world.firewallOf(100).digest;
    await checkRow(lab, row);
    expect(lab.simulator.world.firewallOf(100).digest).toBe(before);
  });

  it('not for an old digest when it is new (surprise 41)', async () => {
    await bring(await labWith(named('a')), [post({ digest: '0'.repeat(40) })]);
  });
});

describe('rules', () => {
  it('always land in front, whatever place they ask for (behaviours.md 11)', async () => {
    expect(await comments(await labWith(named('a'), named('b'), post({ comment: 'c', pos: 2 })))).toEqual([
      'c',
      'b',
      'a',
    ]);
  });

  // Moving inserts before the rule that has the place now.
  const moves: { name: string; from: number; to: number; want: string }[] = [
    { name: 'to the end', from: 0, to: 3, want: 'bca' },
    { name: 'beyond the end', from: 0, to: 99, want: 'bca' },
    { name: 'to the next place: nothing', from: 0, to: 1, want: 'abc' },
    { name: 'down one', from: 0, to: 2, want: 'bac' },
    { name: 'to its own place: nothing', from: 1, to: 1, want: 'abc' },
    { name: 'up one', from: 1, to: 0, want: 'bac' },
    { name: 'to the front', from: 2, to: 0, want: 'cab' },
  ];
  it.each(moves)('move $name', async ({ from, to, want }) => {
    const lab = await labWith(named('c'), named('b'), named('a'));
    await bring(lab, [[`PUT ${base}/${from}`, { moveto: to, comment: 'ignored' }]]);
    expect((await comments(lab)).join('')).toBe(want);
  });

  it('are only moved by moving', async () => {
    const letters = ['a', 'b', 'c', 'd'];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 5 })), { maxLength: 5 }), async (steps) => {
        const lab = await labWith(...letters.map(named));
        for (const [from, moveto] of steps) await ask(lab, [`PUT ${base}/${from}`, { moveto }]);
        expect(new Set(await comments(lab))).toEqual(new Set(letters));
      }),
      { numRuns: 10 },
    );
  });

  it('change one key and keep the others', async () => {
    const lab = await labWith(post({ proto: 'tcp', dport: '80', comment: 'x' }), [
      `PUT ${base}/0`,
      { enable: 1, delete: 'comment' },
    ]);
    const [rule] = (await read(lab, `GET ${base}`)) as object[];
    expect(rule).toMatchObject({ proto: 'tcp', dport: '80', enable: 1 });
    expect(rule).not.toHaveProperty('comment');
  });

  it('close up when one is deleted', async () => {
    const lab = await labWith(named('c'), named('b'), named('a'), [`DELETE ${base}/1`]);
    expect(await comments(lab)).toEqual(['a', 'c']);
  });

  it('of a VM that is not there are kept in a file of nobody (surprise 43)', async () => {
    const lab = demoLab();
    expect(await ask(lab, ['GET qemu/999/firewall/rules'])).toMatchObject(answers([]));
    await bring(lab, [['POST qemu/999/firewall/rules', { type: 'in', action: 'DROP' }]]);
    expect(lab.simulator.leaks().firewallFiles).toEqual([999]);
  });
});
