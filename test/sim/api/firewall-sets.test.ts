// Tests of IP sets, aliases, options and references of a VM's firewall.
import { describe, expect, it } from 'vitest';
import { answers, ask, bring, checkRow, demoLab, fails, labWith, read, refuses } from './call-table.ts';
import type { ApiCall, CallRow, Given } from './call-table.ts';

const sets = 'qemu/100/firewall/ipset';
const aliases = 'qemu/100/firewall/aliases';
const options = 'qemu/100/firewall/options';
const make: ApiCall = [`POST ${sets}`, { name: 'ok_1', comment: 'x' }];
const add = (cidr: string, more = {}): ApiCall => [`POST ${sets}/ok_1`, { cidr, ...more }];
const alias = (name: string, cidr: string): ApiCall => [`POST ${aliases}`, { name, cidr }];
const changed = fails('detected modified configuration - file changed by other user? Try again.');

describe('an address of a set is written as', () => {
  const rows: { given: string; want: string }[] = [
    { given: '10.99.0.50', want: '10.99.0.50' },
    { given: '10.1.0.5/32', want: '10.1.0.5' },
    { given: '10.2.3.4/24', want: '10.2.3.0/24' },
    { given: '10.0.0.5/24', want: '10.0.0.0/24' },
    { given: 'fd00::50/128', want: 'fd00::50' },
  ];
  it.each(rows)('$given: $want (behaviours.md 11)', async ({ given, want }) => {
    const lab = await labWith(make, add(given));
    expect(await read(lab, `GET ${sets}/ok_1`)).toEqual([{ cidr: want, digest: expect.any(String) }]);
  });

  it('its alias', async () => {
    const lab = await labWith(make, alias('office', '192.0.2.0/24'), add('office'));
    expect(await read(lab, `GET ${sets}/ok_1`)).toMatchObject([{ cidr: 'office' }]);
  });

  it('an exception with a comment', async () => {
    const lab = await labWith(make, add('10.98.0.0/16', { nomatch: 1, comment: 'c' }));
    expect(await read(lab, `GET ${sets}/ok_1/10.98.0.0%2F16`)).toEqual({
      cidr: '10.98.0.0/16',
      nomatch: 1,
      comment: 'c',
      digest: expect.any(String),
    });
    expect(await read(lab, `GET ${sets}/ok_1/10.98.0.0/16`)).toMatchObject({ nomatch: 1 });
  });

  it('what a change makes of it, all of it', async () => {
    const lab = await labWith(make, add('10.98.0.0/16', { nomatch: 1 }), [
      `PUT ${sets}/ok_1/10.98.0.0%2F16`,
      { comment: 'c' },
    ]);
    const [entry] = (await read(lab, `GET ${sets}/ok_1`)) as object[];
    expect(entry).toMatchObject({ comment: 'c' });
    expect(entry).not.toHaveProperty('nomatch');
  });
});

describe('a set answers', () => {
  const rows: CallRow[] = [
    { name: 'when it is made', call: make, want: answers(null) },
    {
      name: 'when it is there already',
      given: [make],
      call: make,
      want: refuses({ name: "IPSet 'ok_1' already exists" }),
    },
    ...['a', '1a', 'a b'].map((name) => ({
      name: `to the name "${name}"`,
      call: [`POST ${sets}`, { name }] as ApiCall,
      want: refuses({ name: 'value does not match the regex pattern' }),
    })),
    {
      name: 'to a long name',
      call: [`POST ${sets}`, { name: 'x'.repeat(65) }],
      want: refuses({ name: 'value may only be 64 characters long' }),
    },
    {
      name: 'in a list with its comment',
      given: [make],
      call: [`GET ${sets}`],
      want: answers([{ name: 'ok_1', comment: 'x', digest: expect.any(String) }]),
    },
    { name: 'when it is not there', call: [`GET ${sets}/nope`], want: fails("no such IPSet 'nope'") },
    {
      name: 'an address when it is not there',
      call: [`POST ${sets}/nope`, { cidr: '10.0.0.1' }],
      want: fails("no such IPSet 'nope'"),
    },
    { name: 'its end when it is not there', call: [`DELETE ${sets}/nope`], want: fails("no such IPSet 'nope'") },
    {
      name: 'its end with addresses',
      given: [make, add('10.0.0.1')],
      call: [`DELETE ${sets}/ok_1`],
      want: fails("IPSet 'ok_1' is not empty"),
    },
    {
      name: 'its end with addresses by force',
      given: [make, add('10.0.0.1')],
      call: [`DELETE ${sets}/ok_1`, { force: 1 }],
      want: answers(null),
    },
    { name: 'its end', given: [make], call: [`DELETE ${sets}/ok_1`], want: answers(null) },
    {
      name: 'an address that it has',
      given: [make, add('10.0.0.1')],
      call: add('10.0.0.1/32'),
      want: refuses({ cidr: "address '10.0.0.1' already exists" }),
    },
    {
      name: 'an address that is none',
      given: [make],
      call: add('10.0.0.300'),
      want: refuses({ cidr: 'invalid format - value does not look like a valid IP address or CIDR network\n' }),
    },
    {
      name: 'a prefix that is too long',
      given: [make],
      call: add('10.0.0.1/33'),
      want: refuses({ cidr: 'invalid format - Prefix length 33 is longer than IP address (32)\n' }),
    },
    {
      name: 'everything',
      given: [make],
      call: add('0.0.0.0/0'),
      want: refuses({ cidr: 'a zero prefix is not allowed in ipset entries' }),
    },
    { name: 'an alias that is not there', given: [make], call: add('host'), want: fails("no such alias 'host'") },
    {
      name: 'the loss of an address it does not have',
      given: [make],
      call: [`DELETE ${sets}/ok_1/10.7.7.7`],
      want: answers(null),
    },
    {
      name: 'an address it does not have',
      given: [make],
      call: [`GET ${sets}/ok_1/10.7.7.7`],
      want: refuses({ cidr: 'no such IP/Network' }),
    },
    {
      name: 'a change of an address it does not have',
      given: [make],
      call: [`PUT ${sets}/ok_1/10.7.7.7`, { comment: 'c' }],
      want: refuses({ cidr: 'no such IP/Network' }),
    },
    {
      name: 'a new name',
      given: [make],
      call: [`POST ${sets}`, { name: 'renamed', rename: 'ok_1' }],
      want: answers(null),
    },
    {
      name: 'a new name of what is not there',
      call: [`POST ${sets}`, { name: 'renamed', rename: 'nope' }],
      want: refuses({ rename: "IPSet 'nope' does not exist" }),
    },
    {
      name: 'a new name that is taken',
      given: [make, [`POST ${sets}`, { name: 'other' }]],
      call: [`POST ${sets}`, { name: 'other', rename: 'ok_1' }],
      want: refuses({ name: "IPSet 'other' already exists" }),
    },
    {
      name: 'a new name with an old digest',
      given: [make],
      call: [`POST ${sets}`, { name: 'renamed', rename: 'ok_1', digest: '0'.repeat(40) }],
      want: changed,
    },
    {
      name: 'the loss of an address with an old digest',
      given: [make, add('10.0.0.1')],
      call: [`DELETE ${sets}/ok_1/10.0.0.1`, { digest: '0'.repeat(40) }],
      want: changed,
    },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(...(row.given ?? [])), row);
  });

  it('under its new name with what it held', async () => {
    const lab = await labWith(make, add('10.0.0.1'), [`POST ${sets}`, { name: 'renamed', rename: 'ok_1' }]);
    expect(await read(lab, `GET ${sets}`)).toEqual([expect.objectContaining({ name: 'renamed', comment: 'x' })]);
    expect(await read(lab, `GET ${sets}/renamed`)).toHaveLength(1);
  });
});

describe('an alias answers', () => {
  const rows: CallRow[] = [
    {
      name: 'with the version of its address (firewall: alias-list)',
      given: [alias('Office', '192.0.2.0/24'), alias('v6', 'fd00::/8')],
      call: [`GET ${aliases}`],
      want: answers([
        { name: 'Office', cidr: '192.0.2.0/24', ipversion: 4, digest: expect.any(String) },
        expect.objectContaining({ ipversion: 6 }),
      ]),
    },
    {
      name: 'when it is there in other letters',
      given: [alias('Office', '192.0.2.0/24')],
      call: alias('office', '10.0.0.1'),
      want: refuses({ name: "alias 'office' already exists" }),
    },
    {
      name: 'a change in other letters',
      given: [alias('Office', '192.0.2.0/24')],
      call: [`PUT ${aliases}/office`, { cidr: '10.0.0.1' }],
      want: answers(null),
    },
    {
      name: 'a change of what is not there',
      call: [`PUT ${aliases}/nope`, { cidr: '10.0.0.1' }],
      want: refuses({ name: 'no such alias' }),
    },
    {
      name: 'a new name',
      given: [alias('a1', '10.0.0.1')],
      call: [`PUT ${aliases}/a1`, { cidr: '10.0.0.1', rename: 'b1' }],
      want: answers(null),
    },
    {
      name: 'a new name that is taken',
      given: [alias('a1', '10.0.0.1'), alias('b1', '10.0.0.2')],
      call: [`PUT ${aliases}/a1`, { cidr: '10.0.0.1', rename: 'b1' }],
      want: refuses({ name: "alias 'b1' already exists" }),
    },
    { name: 'its end', given: [alias('a1', '10.0.0.1')], call: [`DELETE ${aliases}/a1`], want: answers(null) },
    { name: 'its end when it is not there', call: [`DELETE ${aliases}/a1`], want: answers(null) },
    {
      name: 'by name, whatever the case and the order they were made in',
      given: [alias('web', '10.0.0.1'), alias('Net', '10.0.0.0/24'), alias('mail', '10.0.0.2')],
      call: [`GET ${aliases}`],
      want: answers([{ name: 'mail' }, { name: 'Net' }, { name: 'web' }].map((one) => expect.objectContaining(one))),
    },
    {
      name: 'its end with an old digest',
      given: [alias('a1', '10.0.0.1')],
      call: [`DELETE ${aliases}/a1`, { digest: '0'.repeat(40) }],
      want: changed,
    },
    {
      name: 'without an address',
      call: [`POST ${aliases}`, { name: 'a1' }],
      want: refuses({ cidr: 'property is missing and it is not optional' }),
    },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(...(row.given ?? [])), row);
  });

  it('to a rule that names it, until it is gone: then the rule stays with an error', async () => {
    const lab = await labWith(alias('office', '10.0.0.1'), [
      'POST qemu/100/firewall/rules',
      { type: 'in', action: 'ACCEPT', source: 'office' },
    ]);
    const rule = async (): Promise<unknown> => ((await read(lab, 'GET qemu/100/firewall/rules')) as unknown[])[0];
    expect(await rule()).not.toHaveProperty('errors');
    await bring(lab, [[`DELETE ${aliases}/office`]]);
    expect(await rule()).toMatchObject({ errors: { source: "no such alias 'office'" } });
  });
});

describe('firewall options', () => {
  const all = {
    enable: 1,
    policy_in: 'DROP',
    policy_out: 'ACCEPT',
    macfilter: 1,
    ipfilter: 1,
    dhcp: 1,
    ndp: 1,
    radv: 0,
    log_level_in: 'info',
    log_level_out: 'nolog',
  };
  const given: Given = [[`PUT ${options}`, all]];
  const rows: CallRow[] = [
    {
      name: 'are none at first but the digest of nothing',
      call: [`GET ${options}`],
      want: answers({ digest: 'da39a3ee5e6b4b0d3255bfef95601890afd80709' }),
    },
    {
      name: 'are what they were set to',
      given,
      call: [`GET ${options}`],
      want: answers({ ...all, digest: expect.any(String) }),
    },
    {
      name: 'in small letters',
      call: [`PUT ${options}`, { policy_in: 'drop' }],
      want: refuses({ policy_in: "value 'drop' does not have a value in the enumeration 'ACCEPT, REJECT, DROP'" }),
    },
    {
      name: 'with 2 for a boolean',
      call: [`PUT ${options}`, { enable: 2 }],
      want: refuses({ enable: "type check ('boolean') failed - got '2'" }),
    },
    {
      name: 'that do not exist',
      call: [`PUT ${options}`, { bogus: 1 }],
      want: refuses({ bogus: 'property is not defined in schema and the schema does not allow additional properties' }),
    },
    { name: 'to be deleted', given, call: [`PUT ${options}`, { delete: 'ipfilter,radv' }], want: answers(null) },
    {
      name: 'to be deleted that do not exist',
      given,
      call: [`PUT ${options}`, { delete: 'nosuch' }],
      want: refuses({ delete: "no such option 'nosuch'" }),
    },
    {
      name: 'with an old digest',
      given,
      call: [`PUT ${options}`, { enable: 0, digest: '0'.repeat(40) }],
      want: changed,
    },
    {
      name: 'of a VM that is not there (observed: Firewall)',
      call: ['PUT qemu/999/firewall/options', { enable: 1 }],
      want: answers(null),
    },
    {
      name: 'of the cluster',
      given: [['PUT /cluster/firewall/options', { enable: 1, policy_in: 'ACCEPT' }]],
      call: ['GET /cluster/firewall/options'],
      want: answers({ enable: 1, policy_in: 'ACCEPT', digest: expect.any(String) }),
    },
    {
      name: 'of the cluster with an unknown one',
      call: ['PUT /cluster/firewall/options', { macfilter: 1 }],
      want: refuses({
        macfilter: 'property is not defined in schema and the schema does not allow additional properties',
      }),
    },
    {
      name: 'have no log',
      call: ['GET qemu/100/firewall/log'],
      want: answers([{ n: 1, t: 'unable to open file - No such file or directory' }]),
    },
    {
      name: 'have macros',
      call: ['GET /cluster/firewall/macros'],
      want: answers(expect.arrayContaining([expect.objectContaining({ macro: 'SSH' })])),
    },
    { name: 'have no groups', call: ['GET /cluster/firewall/groups'], want: answers([]) },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(...(row.given ?? [])), row);
  });

  it('follow the VM to another node and end with it (firewall-survives-what)', async () => {
    const lab = await labWith(...given, ['POST qemu/100/migrate', { target: 'pve2' }]);
    expect(await read(lab, 'GET /nodes/pve2/qemu/100/firewall/options')).toMatchObject({ enable: 1 });
    await bring(lab, [['DELETE /nodes/pve2/qemu/100']]);
    expect(await read(lab, `GET ${options}`)).toEqual({ digest: 'da39a3ee5e6b4b0d3255bfef95601890afd80709' });
  });

  it('name what rules may refer to', async () => {
    const lab = await labWith(make, alias('Office', '10.0.0.1'));
    const both = [
      { name: 'ok_1', ref: '+ok_1', scope: 'guest', type: 'ipset' },
      { name: 'Office', ref: 'Office', scope: 'guest', type: 'alias' },
    ];
    expect(await read(lab, 'GET qemu/100/firewall/refs')).toEqual(both);
    expect(await read(lab, 'GET qemu/100/firewall/refs', { type: 'alias' })).toEqual(both.slice(1));
    expect(await read(lab, 'GET /cluster/firewall/refs')).toEqual([]);
  });

  it('of the cluster need no VM', async () => {
    expect(await ask(demoLab(), ['GET /cluster/firewall/ipset'])).toMatchObject(answers([]));
  });
});
