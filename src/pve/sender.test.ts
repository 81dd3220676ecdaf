// Tests for sending: what is repeated, and what errors say.
import { describe, expect, it } from 'vitest';
import { PveError } from './errors.ts';
import { fakeApi, ok, refusal, unreachable, upid, vm, type Reply } from './testing/fake-api.ts';

describe('repeating', () => {
  const broken: { name: string; reply: Reply }[] = [
    { name: 'an unreachable server', reply: unreachable() },
    { name: 'a node that is away', reply: refusal(595, 'No route to host') },
    { name: 'a cut call', reply: refusal(596, 'Connection timed out') },
    { name: 'a proxy without a backend', reply: refusal(503, 'Service Unavailable') },
  ];
  it.each(broken)('repeats a read after $name', async ({ reply }) => {
    const { api, clock, requests } = fakeApi(reply, reply, ok({ digest: 'd' }));
    const config = api.config(vm);
    await clock.advance(1_000);
    await expect(config).resolves.toMatchObject({ digest: 'd' });
    expect(requests).toHaveLength(3);
  });

  it('gives up after two repetitions', async () => {
    const { api, clock, requests } = fakeApi(unreachable(), unreachable(), unreachable(), ok([]));
    const found = expect(api.resources()).rejects.toMatchObject({ kind: 'unreachable' });
    await clock.advance(10_000);
    await found;
    expect(requests).toHaveLength(3);
  });

  it('waits longer each time', async () => {
    const { api, clock, requests } = fakeApi(unreachable(), unreachable(), ok([]));
    const found = api.resources();
    await clock.advance(199);
    expect(requests).toHaveLength(1);
    await clock.advance(1);
    expect(requests).toHaveLength(2);
    await clock.advance(399);
    expect(requests).toHaveLength(2);
    await clock.advance(1);
    await found;
  });

  const lasting: Reply[] = [
    refusal(401, 'Authentication failed!'),
    refusal(403, 'Permission check failed'),
    refusal(500, "Configuration file 'x' does not exist"),
    refusal(500, 'VM is locked (backup)'),
  ];
  it.each(lasting)('does not repeat a read after $reason', async (reply) => {
    const { api, requests } = fakeApi(reply, ok({ digest: 'd' }));
    await expect(api.config(vm)).rejects.toThrow(PveError);
    expect(requests).toHaveLength(1);
  });

  it.each(broken)('never repeats a write after $name', async ({ reply }) => {
    const { api, clock, requests } = fakeApi(reply, ok(upid));
    const started = expect(api.start(vm)).rejects.toThrow(PveError);
    await clock.advance(10_000);
    await started;
    expect(requests).toHaveLength(1);
  });
});

describe('errors', () => {
  it('name the call, not the path', async () => {
    const { api } = fakeApi(refusal(500, 'VM is locked (backup)'));
    await expect(api.start(vm)).rejects.toMatchObject({
      kind: 'locked',
      call: 'POST /nodes/{node}/qemu/{vmid}/status/start',
    });
  });

  it('take a transport that breaks for a write that may have happened', async () => {
    const { api } = fakeApi(new TypeError('broken'));
    await expect(api.start(vm)).rejects.toMatchObject({ kind: 'unreachable', maybeApplied: true, detail: 'broken' });
  });

  it('take a wrong answer to a write for one that has happened', async () => {
    const { api } = fakeApi(ok('OK'));
    await expect(api.start(vm)).rejects.toMatchObject({ kind: 'unreadable', maybeApplied: true });
  });
});
