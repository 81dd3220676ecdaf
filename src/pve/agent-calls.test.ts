// Tests for the agent: when it counts as there, and that no password comes back in an error.
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { fakeApi, ok, refusal, vm, type Reply } from './testing/fake-api.ts';

describe('the agent', () => {
  const silent = [
    'No QEMU guest agent configured',
    'QEMU guest agent is not running',
    'VM 401 is not running',
    "VM 401 qmp command 'guest-ping' failed - got timeout",
    "VM 401 qga command 'guest-ping' failed - unable to connect to VM 401 qga socket - timeout after 31 retries",
  ];
  it.each(silent)('does not answer: %s', async (reason) => {
    const { api, requests } = fakeApi(refusal(500, reason), ok({ result: {} }));
    await expect(api.agentPing(vm)).resolves.toBe(false);
    expect(requests).toHaveLength(1);
  });

  it('answers', async () => {
    const { api } = fakeApi(ok({ result: {} }));
    await expect(api.agentPing(vm)).resolves.toBe(true);
  });

  it('does not count when it refuses its own ping', async () => {
    const { api } = fakeApi(ok({ result: { error: { class: 'CommandNotFound', desc: 'disabled' } } }));
    await expect(api.agentPing(vm)).resolves.toBe(false);
  });

  const others: { name: string; reply: Reply; want: object }[] = [
    {
      name: 'a VM that is not there',
      reply: refusal(500, "Configuration file 'nodes/pve1/qemu-server/401.conf' does not exist"),
      want: { kind: 'not-found' },
    },
    { name: 'a missing privilege', reply: refusal(403, 'Permission check failed'), want: { kind: 'forbidden' } },
    {
      name: 'a node that is away, and nothing can have happened',
      reply: refusal(595, 'No route to host'),
      want: { kind: 'unreachable', maybeApplied: false },
    },
    {
      name: 'a cut call that says the words of an agent',
      reply: refusal(596, 'QEMU guest agent is not running'),
      want: { kind: 'timeout', maybeApplied: false },
    },
    { name: 'an answer of another shape', reply: ok('OK'), want: { kind: 'unreadable', maybeApplied: false } },
  ];
  it.each(others)('is not what fails for $name', async ({ reply, want }) => {
    const { api, requests } = fakeApi(reply, ok({ result: {} }));
    await expect(api.agentPing(vm)).rejects.toMatchObject(want);
    expect(requests).toHaveLength(1);
  });

  const password = 'correct horse';
  const setPassword = async (reply: Reply): Promise<unknown> => {
    const { api } = fakeApi(reply);
    return api.setUserPassword(vm, { username: 'root', password }).catch((error: unknown) => error);
  };

  const refusals: { name: string; reply: Reply; want: object }[] = [
    {
      name: 'without an agent',
      reply: refusal(500, 'QEMU guest agent is not running'),
      want: { kind: 'conflict', maybeApplied: false },
    },
    {
      name: 'without one in the config',
      reply: refusal(500, 'No QEMU guest agent configured'),
      want: { kind: 'conflict' },
    },
    {
      name: 'that hangs in the guest',
      reply: refusal(500, "VM 401 qmp command 'guest-set-user-password' failed - got timeout"),
      want: { kind: 'timeout' },
    },
    {
      name: 'of an account that is not there',
      reply: refusal(
        500,
        "Agent error: child process has failed to set user password: chpasswd: user 'x' does not exist",
      ),
      want: { kind: 'refused', detail: expect.stringContaining("user 'x' does not exist") },
    },
    {
      name: 'in an answer of 200',
      reply: ok({ result: { error: { class: 'GenericError', desc: 'no such account' } } }),
      want: { kind: 'refused', detail: 'Agent error: no such account', maybeApplied: false },
    },
    {
      name: 'in an answer of 200 without a reason',
      reply: ok({ result: { error: {} } }),
      want: { kind: 'refused', detail: 'Agent error: unknown error' },
    },
    {
      name: 'whose answer was lost',
      reply: refusal(596, 'Broken pipe'),
      want: { kind: 'timeout', maybeApplied: true },
    },
  ];
  it.each(refusals)('takes no password $name', async ({ reply, want }) => {
    expect(await setPassword(reply)).toMatchObject(want);
  });

  const fieldError = {
    ...refusal(400, 'Parameter verification failed.'),
    body: JSON.stringify({
      data: null,
      message: 'Parameter verification failed.',
      errors: { password: `bad: ${password}` },
    }),
  };
  const repeating: { name: string; reply: Reply; kind: string }[] = [
    {
      name: 'in its words',
      reply: refusal(500, `Agent error: chpasswd: BAD: ${password} is too simple`),
      kind: 'refused',
    },
    { name: 'with other blanks', reply: refusal(500, 'Agent error: "correct  horse"'), kind: 'refused' },
    { name: 'at a parameter', reply: fieldError, kind: 'schema-rejected' },
    { name: 'in an answer of 200', reply: ok({ result: { error: { desc: `not ${password}` } } }), kind: 'refused' },
    { name: 'in a fault of the connection', reply: new TypeError(`cannot send ${password}`), kind: 'unreachable' },
  ];
  it.each(repeating)('never repeats a password $name', async ({ reply, kind }) => {
    const error = await setPassword(reply);
    expect(error).toMatchObject({ kind });
    expect(JSON.stringify(error) + String(error) + inspect(error, { depth: 9 })).not.toMatch(/correct\s*horse/);
  });
});
