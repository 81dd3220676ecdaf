import { describe, expect, test } from 'vitest';
import {
  aBuiltVm,
  aNewVm,
  aReview,
  created,
  deleted,
  OPERATOR_USER,
  TENANT,
  theFacts,
} from '../../test/builders/admission.ts';
import { aPlan } from '../../test/builders/objects.ts';
import { judge } from './review.ts';
import type { Access, Reason, Review, Rule } from './rule.ts';
import { RULES } from './rules.ts';

const onVm = (verb: Access['verb'], name = 'web-1'): Access => ({
  verb,
  resource: 'virtualmachines',
  namespace: 'customer-1',
  name,
});
const reason = (path: string, unless?: Access): Reason => ({
  path,
  code: 'PermissionRequired',
  message: 'No.',
  ...(unless === undefined ? {} : { unless }),
});

function aRule(change: Partial<Rule>): Rule {
  return { id: 'a-rule', kind: 'VirtualMachine', verbs: ['CREATE'], title: '', codes: [], example: '', ...change };
}

/** Facts with an authorizer that knows these rights, and what it was asked. */
function withRights(...rights: readonly string[]) {
  const asked: string[] = [];
  const may = async ({ verb, resource, name }: Access, user: { name: string }): Promise<boolean> => {
    asked.push(`${user.name} ${verb} ${resource} ${name}`);
    return rights.includes(verb);
  };
  return { facts: { ...theFacts(), may }, asked };
}

describe('judge', () => {
  const review = created(aNewVm());
  const both = aRule({ check: () => [reason('a', onVm('suspend')), reason('b', onVm('pause'))] });

  test.each([
    { name: 'no rule', rules: [], rights: [], want: [], asks: 0 },
    { name: 'a rule with nothing against it', rules: [aRule({ check: () => [] })], rights: [], want: [], asks: 0 },
    { name: 'a rule that only warns', rules: [aRule({ warn: () => ['Mind.'] })], rights: [], want: [], asks: 0 },
    {
      name: 'a rule for another kind',
      rules: [aRule({ kind: 'Plan', check: () => [reason('a')] })],
      rights: [],
      want: [],
      asks: 0,
    },
    {
      name: 'a rule for another verb',
      rules: [aRule({ verbs: ['DELETE'], check: () => [reason('a')] })],
      rights: [],
      want: [],
      asks: 0,
    },
    {
      name: 'a reason without a way around',
      rules: [aRule({ check: () => [reason('a')] })],
      rights: ['suspend'],
      want: ['a'],
      asks: 0,
    },
    { name: 'a right that is missing', rules: [both], rights: [], want: ['a', 'b'], asks: 2 },
    { name: 'one right of two', rules: [both], rights: ['pause'], want: ['a'], asks: 2 },
    { name: 'both rights', rules: [both], rights: ['pause', 'suspend'], want: [], asks: 2 },
    {
      name: 'two reasons of one right: one question',
      rules: [aRule({ check: () => [reason('a', onVm('pause')), reason('b', onVm('pause'))] })],
      rights: [],
      want: ['a', 'b'],
      asks: 1,
    },
    {
      name: 'two objects of one right: two questions',
      rules: [aRule({ check: () => [reason('a', onVm('pause')), reason('b', onVm('pause', 'web-2'))] })],
      rights: ['pause'],
      want: [],
      asks: 2,
    },
    {
      name: 'one right on a VM and on a plan: two questions',
      rules: [
        aRule({ check: () => [reason('a', onVm('pause')), reason('b', { ...onVm('pause'), resource: 'plans' })] }),
      ],
      rights: [],
      want: ['a', 'b'],
      asks: 2,
    },
    {
      name: 'one right in two namespaces: two questions',
      rules: [
        aRule({
          check: () => [reason('a', onVm('pause')), reason('b', { ...onVm('pause'), namespace: 'customer-2' })],
        }),
      ],
      rights: [],
      want: ['a', 'b'],
      asks: 2,
    },
    {
      name: 'the order of the table',
      rules: [aRule({ check: () => [reason('z')] }), aRule({ check: () => [reason('a')] })],
      rights: [],
      want: ['z', 'a'],
      asks: 0,
    },
  ])('$name', async ({ rules, rights, want, asks }) => {
    const { facts, asked } = withRights(...rights);
    const { allowed, reasons } = await judge(review, rules, facts);
    expect(reasons.map(({ path }) => path)).toEqual(want);
    expect(allowed).toBe(want.length === 0);
    expect(asked).toHaveLength(asks);
  });

  test('asks for the user of the request', async () => {
    const { facts, asked } = withRights();
    await judge(review, [both], facts);
    expect(asked).toContain(`${TENANT.name} suspend virtualmachines web-1`);
  });

  test('excepts the operator from rights without a question, and from nothing else', async () => {
    const { facts, asked } = withRights();
    const rules = [both, aRule({ check: () => [reason('invalid')] })];
    const { reasons } = await judge(aReview({ ...review, user: { name: OPERATOR_USER, groups: [] } }), rules, facts);
    expect(reasons.map(({ path }) => path)).toEqual(['invalid']);
    expect(asked).toEqual([]);
  });

  test('does not take a group for the operator', async () => {
    const { facts } = withRights();
    const user = { name: 'mallory', groups: [OPERATOR_USER] };
    const { allowed } = await judge(aReview({ ...review, user }), [both], facts);
    expect(allowed).toBe(false);
  });

  test('warns only of what is allowed', async () => {
    const warning = aRule({ warn: () => ['Mind.'] });
    const { facts } = withRights();
    expect((await judge(review, [warning], facts)).warnings).toEqual(['Mind.']);
    expect((await judge(review, [warning, both], facts)).warnings).toEqual([]);
  });

  test('lets the error of the authorizer through: nobody knows the answer', async () => {
    const facts = { ...theFacts(), may: () => Promise.reject(new Error('unreachable')) };
    await expect(judge(review, [both], facts)).rejects.toThrow('unreachable');
  });
});

describe('the table', () => {
  test('refuses a free upgrade, and lets billing make it', async () => {
    const old = aBuiltVm();
    const review = aReview({ verb: 'UPDATE', old, object: aBuiltVm({ options: { cpuCores: 8 } }) });
    const tenant = await judge(review, RULES, withRights().facts);
    expect(tenant.reasons).toMatchObject([{ path: 'spec.options', code: 'PermissionRequired' }]);
    const billing = await judge(review, RULES, withRights('setplan').facts);
    expect(billing).toMatchObject({ allowed: true, warnings: [expect.stringContaining('stopped and started')] });
  });

  test('no right makes a disk smaller', async () => {
    const review = aReview({ verb: 'UPDATE', old: aBuiltVm(), object: aBuiltVm({ options: { systemDiskGiB: 1 } }) });
    const { reasons } = await judge(
      { ...review, user: { name: OPERATOR_USER, groups: [] } },
      RULES,
      withRights('setplan').facts,
    );
    expect(reasons).toMatchObject([{ code: 'DiskShrink' }]);
  });

  const harmless: readonly { name: string; review: Review }[] = [
    { name: 'a VM', review: created(aNewVm()) },
    { name: 'a plan', review: created(aPlan()) },
    { name: 'the end of a VM', review: deleted(aNewVm()) },
  ];

  test.each(harmless)('lets $name pass', async ({ review }) => {
    expect(await judge(review, RULES, withRights().facts)).toEqual({ allowed: true, reasons: [], warnings: [] });
  });
});
