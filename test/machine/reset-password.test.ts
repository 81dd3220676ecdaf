// ResetPassword over a simulated Proxmox VE: where the new password goes, and where it must never be seen.
import { describe, expect, test } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import { KubeError } from '../../src/kube/errors.ts';
import type { KubeObject, ResourceType } from '../../src/kube/types.ts';
import { aStranger, asked, declarePaused, STRANGER, unpause } from '../builders/adoption.ts';
import { endOf, request, stepsOf } from '../builders/requests.ts';
import { NAMESPACE, type SimulatedOperator, simulatedOperator } from '../builders/simulated-operator.ts';

const SECRET = 'web-1-credentials';

/** web-1, whose guest is up as soon as it is started. */
async function deployed(osUser = 'debian'): Promise<SimulatedOperator> {
  const operator = await simulatedOperator({ osUser });
  operator.sim.world.guestBootMs.set(2000, 0);
  operator.declare('web-1');
  await operator.passes();
  return operator;
}

function secretOf({ fake }: SimulatedOperator) {
  return fake.kube.objects(resources.secret).find(({ metadata }) => metadata.name === SECRET);
}

function passwordOf(operator: SimulatedOperator): string {
  return Buffer.from(secretOf(operator)?.data?.['password'] ?? '', 'base64').toString();
}

/** The passwords that Proxmox VE was told, by call. */
function told({ sim }: SimulatedOperator): { path: string; password: string }[] {
  return sim.requests.flatMap(({ path, params }) => {
    const password =
      params['cipassword'] ?? (path.endsWith('/agent/set-user-password') ? params['password'] : undefined);
    return typeof password === 'string' ? [{ path, password }] : [];
  });
}

describe('a new password', () => {
  test('goes to the Secret, to cloud-init and to the guest whose agent answers', async () => {
    await using operator = await deployed();
    const before = passwordOf(operator);
    const name = await request(operator, 'ResetPassword');
    await operator.passes();
    const password = passwordOf(operator);
    expect(password).not.toBe(before);
    expect(password.length).toBeGreaterThanOrEqual(16);
    expect(told(operator).slice(-2)).toEqual([
      { path: '/nodes/pve1/qemu/2000/config', password },
      { path: '/nodes/pve1/qemu/2000/agent/set-user-password', password },
    ]);
    expect(endOf(operator, name)).toMatchObject({ result: 'Succeeded' });
    expect(operator.vm()?.status).toMatchObject({ state: 'ready', passwordGeneration: 1 });
  });

  test('costs the VM no restart', async () => {
    await using operator = await deployed();
    const before = operator.writes().length;
    await request(operator, 'ResetPassword');
    await operator.passes();
    expect(
      operator
        .writes()
        .slice(before)
        .filter((write) => write.includes('/status/')),
    ).toEqual([]);
  });

  test('is another one every time', async () => {
    await using operator = await deployed();
    const passwords = new Set([passwordOf(operator)]);
    for (let count = 0; count < 3; count += 1) {
      await request(operator, 'ResetPassword');
      await operator.passes();
      passwords.add(passwordOf(operator));
    }
    expect(passwords.size).toBe(4);
  });

  test.each<{ name: string; osUser?: string; arrange: (operator: SimulatedOperator) => Promise<void>; want: string }>([
    {
      name: 'a VM that is stopped',
      arrange: async (operator) => {
        await request(operator, 'Stop');
        await operator.passes();
      },
      want: 'ready: Skipped (The VM is stopped; cloud-init sets it at the next start.)',
    },
    {
      name: 'a guest without an agent',
      arrange: async ({ sim }) => sim.setAgent(2000, 'absent'),
      want: 'ready: Skipped (No guest agent answers; cloud-init sets it at the next start.)',
    },
    {
      name: 'a guest that does not know the user',
      osUser: 'alice',
      arrange: async () => undefined,
      want: 'ready: Skipped (The guest refused it; cloud-init sets it at the next start.)',
    },
  ])('$name gets it from cloud-init alone, and the run says so', async ({ osUser, arrange, want }) => {
    await using operator = await deployed(osUser);
    await arrange(operator);
    const name = await request(operator, 'ResetPassword');
    await operator.passes();
    const configured = told(operator).filter(({ path }) => path.endsWith('/config'));
    expect(configured.at(-1)?.password).toBe(passwordOf(operator));
    expect(stepsOf(operator).at(-1)).toBe(want);
    expect(endOf(operator, name)).toMatchObject({ result: 'Succeeded' });
  });
});

describe('the Secret', () => {
  test('of a VM that was adopted is made, and nothing else that cloud-init has is touched', async () => {
    await using operator = await simulatedOperator();
    aStranger(operator, { sshkeys: 'ssh-ed25519%20AAAA%20admin', searchdomain: 'example.org' });
    declarePaused(operator);
    await asked(operator, { mode: 'Observe' });
    expect((await asked(operator, { mode: 'TakeOver' }))?.message).toContain(
      'operation of type ResetPassword makes one',
    );
    unpause(operator);
    await operator.passes();
    const before = operator.sim.world.vms.get(STRANGER)?.options;
    const name = await request(operator, 'ResetPassword');
    await operator.passes();
    expect(endOf(operator, name)).toMatchObject({ result: 'Succeeded' });
    expect(operator.vm()?.status).toMatchObject({ credentialsSecret: SECRET, osUser: 'admin' });
    const { username = '' } = secretOf(operator)?.data ?? {};
    expect(Buffer.from(username, 'base64').toString()).toBe('admin');
    expect(told(operator)).toEqual([{ path: `/nodes/pve1/qemu/${STRANGER}/config`, password: passwordOf(operator) }]);
    const { cipassword: _set, digest: _digest, ...after } = operator.sim.world.vms.get(STRANGER)?.options ?? {};
    expect(before).toMatchObject(after);
  });

  test('that was deleted is made again', async () => {
    await using operator = await deployed();
    const before = passwordOf(operator);
    await operator.fake.kube.client.delete(resources.secret, SECRET, NAMESPACE);
    await request(operator, 'ResetPassword');
    await operator.passes();
    expect(secretOf(operator)).toMatchObject({ type: 'kubernetes.io/basic-auth', metadata: { namespace: NAMESPACE } });
    expect(passwordOf(operator)).not.toBe(before);
  });

  test('of somebody else is left alone, and the operation fails for it', async () => {
    await using operator = await deployed();
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'other', uid: 'other' };
    const theirs = { ...secretOf(operator)!, data: { password: 'dGhlaXJz' } };
    operator.fake.kube.seed(resources.secret, {
      ...theirs,
      metadata: { ...theirs.metadata, ownerReferences: [owner] },
    });
    const name = await request(operator, 'ResetPassword');
    await operator.passes();
    expect(passwordOf(operator)).toBe('theirs');
    expect(endOf(operator, name)).toMatchObject({ result: 'Failed', reason: 'NameTaken' });
    expect(operator.vm()?.status?.passwordGeneration).toBeUndefined();
  });

  test('that cannot be written for a moment is written later: nothing counts as done before', async () => {
    await using operator = await deployed();
    const before = passwordOf(operator);
    const name = await request(operator, 'ResetPassword');
    operator.fake.kube.onWrite(({ verb, type, phase }) => {
      if (verb !== 'patch' || type !== 'secrets' || phase !== 'before') return;
      throw new KubeError({ status: 500, reason: 'InternalError', message: 'etcd is busy' });
    });
    await operator.pass();
    operator.fake.kube.onWrite(undefined);
    await operator.passes();
    expect(passwordOf(operator)).not.toBe(before);
    expect(told(operator).at(-1)?.password).toBe(passwordOf(operator));
    expect(endOf(operator, name)).toMatchObject({ result: 'Succeeded' });
  });
});

test('no password is in any object but the Secret, in an event, or in the log', async () => {
  await using operator = await simulatedOperator();
  operator.sim.world.guestBootMs.set(2000, 0);
  const lines: string[] = [];
  const note = (fields: object, message: string) => void lines.push(`${JSON.stringify(fields)} ${message}`);
  operator.parts.context = { ...operator.parts.context, log: { debug: note, info: note, warn: note, error: note } };
  operator.declare('web-1');
  await operator.passes();
  const passwords = [passwordOf(operator)];
  for (const type of ['ResetPassword', 'Reinstall', 'ResetPassword'] as const) {
    await request(operator, type, type === 'Reinstall' ? { reinstall: { confirmation: 'REINSTALL' } } : {});
    await operator.passes();
    passwords.push(passwordOf(operator));
  }
  expect(new Set(passwords).size).toBe(4);
  expect(lines.length).toBeGreaterThan(20);
  const kinds: ResourceType<KubeObject>[] = Object.values(resources).filter((type) => type !== resources.secret);
  const stored = kinds.map((type) => JSON.stringify(operator.fake.kube.objects(type)));
  const seen = [...stored, ...lines, ...operator.fake.logged, JSON.stringify(operator.fake.events)].join('\n');
  const forms = passwords.flatMap((password) => [password, Buffer.from(password).toString('base64')]);
  expect(forms.filter((form) => seen.includes(form))).toEqual([]);
});
