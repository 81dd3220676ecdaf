// Every rule of the webhook on a real API server: a write that it refuses, as a client reads it, beside one that it lets in.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import { PAUSE_ANNOTATION } from '../../src/domain/operations.ts';
import { CODES } from '../../src/webhook/codes.ts';
import { RULES } from '../../src/webhook/rules.ts';
import { aPool } from '../builders/objects.ts';
import { Accounts } from './admission/accounts.ts';
import { MACHINE_ROWS } from './admission/machine-rows.ts';
import { PERMISSION_ROWS } from './admission/permission-rows.ts';
import { PLATFORM_ROWS } from './admission/platform-rows.ts';
import { expectAccepted, expectRefusal, type RefusalRow, warningsOf, withSpec } from './admission/row.ts';
import { aTenantVm, everything, setScene, VMS } from './admission/scene.ts';
import { WARNING_ROWS } from './admission/warning-rows.ts';
import { sent, type Write } from './admission/write.ts';
import { startTestBed, type TestBed } from './harness.ts';
import type { Operator } from './harness-operator.ts';
import { serveOnly } from './webhook.ts';

let bed: TestBed;
let accounts: Accounts;
let operator: Operator;
let before: string[];

beforeAll(async () => {
  bed = await startTestBed();
  // All that the rules look at is there before the operator: it answers when it has seen it.
  await setScene(bed);
  accounts = await Accounts.create(bed, { pausable: VMS.running.metadata.name });
  before = await everything(bed);
  const attempt = () => bed.client.create(resources.ipPool, aPool({ vlan: 98 }, 'trial'), { dryRun: true });
  operator = await serveOnly(bed, { allowLocalTargets: false }, attempt);
});

afterAll(async () => {
  await operator?.stop();
  await accounts?.[Symbol.asyncDispose]();
  await bed?.[Symbol.asyncDispose]();
});

const REFUSAL_ROWS: readonly RefusalRow[] = [...MACHINE_ROWS, ...PERMISSION_ROWS, ...PLATFORM_ROWS];

function titled<T extends { rule: string; name: string }>(rows: readonly T[]): { title: string; row: T }[] {
  return rows.map((row) => ({ title: `${row.rule}: ${row.name}`, row }));
}

describe('refused', () => {
  test.each(titled(REFUSAL_ROWS))('$title', async ({ row }) => {
    const requester = row.right === undefined ? accounts.administrator : accounts.writer;
    const [inEarnest, asTrial, neighbour] = await Promise.all([
      sent(requester, row.refused),
      sent(requester, row.refused, { dryRun: true }),
      sent(requester, row.accepted, { dryRun: true }),
    ]);
    expectRefusal(inEarnest, row);
    expectRefusal(asTrial, row);
    expectAccepted(neighbour);
  });

  const guarded = REFUSAL_ROWS.flatMap(({ right, ...row }) => (right === undefined ? [] : [{ ...row, right }]));
  test.each(titled(guarded))('but not to who has the right: $title', async ({ row: { right, refused } }) => {
    expectAccepted(await sent(accounts.holderOf(right), refused, { dryRun: true }));
  });
});

test('a right on one VM is none on another', async () => {
  const paused = { metadata: { annotations: { [PAUSE_ANNOTATION]: 'true' } } };
  expectAccepted(await sent(accounts.pauser, { merge: paused, of: VMS.running }, { dryRun: true }));
  expectRefusal(await sent(accounts.pauser, { merge: paused, of: VMS.ordinary }), {
    code: 'PermissionRequired',
    field: `metadata.annotations["${PAUSE_ANNOTATION}"]`,
    says: ['"pause"', 'on this VirtualMachine'],
  });
});

describe('warned of', () => {
  test.each(titled(WARNING_ROWS))('$title', async ({ row: { write, warns, quiet } }) => {
    const ask = (one: Write) => sent(accounts.administrator, one, { dryRun: true });
    const [answer, other] = await Promise.all([ask(write), ask(quiet)]);
    expectAccepted(answer);
    expectAccepted(other);
    const said = warningsOf(answer).filter((text) => warns.every((part) => text.includes(part)));
    expect(said, JSON.stringify(answer.warnings)).toHaveLength(1);
    expect(warningsOf(other)).not.toContain(said[0]);
  });
});

describe('a VM as large as they get', () => {
  const comment = 'x'.repeat(8000);
  const keys = Array.from({ length: 64 }, (_, index) => `ssh-ed25519 AAAA${index} ${comment}`);
  const annotations = { note: 'y'.repeat(250_000) };

  test('is judged like any other', async () => {
    const large = aTenantVm('trial', { sshAuthorizedKeys: keys }, { annotations });
    const wrong = withSpec(large, { planRef: { name: 'nothing' } });
    expectAccepted(await sent(accounts.administrator, { create: large }, { dryRun: true }));
    expectRefusal(await sent(accounts.administrator, { create: wrong }), {
      code: 'PlanNotFound',
      field: 'spec.planRef.name',
      says: ['nothing'],
    });
  });
});

test('none of it made, changed or removed anything', async () => {
  expect(await everything(bed)).toEqual(before);
});

describe('the tables are complete', () => {
  // The API server refuses such an update by itself, before it asks: the spec of these kinds never changes.
  const UNREACHABLE = [...RULES].filter(({ id }) => id.startsWith('operator-writes-')).map(({ id }) => `${id} UPDATE`);

  test('every code of every rule', () => {
    const want = RULES.flatMap(({ id, codes }) => codes.map((code) => `${id} ${code}`));
    const have = REFUSAL_ROWS.map(({ rule, code }) => `${rule} ${code}`);
    expect([...new Set(have)].sort()).toEqual(want.toSorted());
  });

  test('every verb that a rule is asked of, and every warning', () => {
    const want = RULES.flatMap(({ id, verbs }) => verbs.map((verb) => `${id} ${verb}`));
    const have = [
      ...REFUSAL_ROWS.map(({ rule, refused }) => `${rule} ${verbOf(refused)}`),
      ...WARNING_ROWS.map(({ rule, write }) => `${rule} ${verbOf(write)}`),
    ];
    expect([...new Set([...have, ...UNREACHABLE])].sort()).toEqual(want.toSorted());
    const warning = RULES.filter(({ warn }) => warn !== undefined).map(({ id }) => id);
    expect([...new Set(WARNING_ROWS.map(({ rule }) => rule))].sort()).toEqual(warning.toSorted());
  });

  test('every right that a rule asks for', () => {
    const want = RULES.flatMap(({ id, rights = [] }) => rights.map((right) => `${id} ${right}`));
    const have = REFUSAL_ROWS.flatMap(({ rule, right }) => (right === undefined ? [] : [`${rule} ${right}`]));
    expect([...new Set(have)].sort()).toEqual(want.toSorted());
  });

  test('every code is given by some rule', () => {
    expect(Object.keys(CODES).filter((code) => RULES.every(({ codes }) => !codes.some((one) => one === code)))).toEqual(
      [],
    );
  });
});

function verbOf(write: Write): string {
  if ('create' in write) return 'CREATE';
  return 'remove' in write ? 'DELETE' : 'UPDATE';
}
