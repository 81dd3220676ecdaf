// Tests for backups: whose they are, and how they go.
import { describe, expect, it } from 'vitest';
import { fakeApi, ok, upid } from './testing/fake-api.ts';

describe('backups', () => {
  const entry = (change: object): object => ({ volid: 'b:backup/x', ctime: 1, vmid: 401, ...change });

  it('are those of this VM only', async () => {
    const { api } = fakeApi(
      ok([entry({}), entry({ volid: 'b:backup/y', vmid: 402 }), entry({ volid: 'b:backup/z', subtype: 'lxc' })]),
    );
    await expect(api.backups('pve1', 'b', 401)).resolves.toEqual([{ volid: 'b:backup/x', ctime: 1, vmid: 401 }]);
  });

  it('are deleted at once or by a task', async () => {
    const { api } = fakeApi(ok(null), ok(upid));
    await expect(api.deleteVolume('pve1', 'b', 'b:backup/x')).resolves.toBeNull();
    await expect(api.deleteVolume('pve1', 'b', 'b:backup/x')).resolves.toBe(upid);
  });
});
