// Tests of the simulator as a client meets it: deploys, locks, faults, rights, administrator, TLS.
import { request } from 'node:https';
import { describe, expect, it } from 'vitest';
import { Lab, operatorToken } from './testing.ts';

describe('a deploy', () => {
  it('goes from clone to a running VM and leaves nothing when destroyed', async () => {
    const lab = new Lab();
    expect(await lab.clone(100, { description: 'uid:1' })).toBe('OK');
    const config = await lab.config(100);
    expect(config).toMatchObject({
      name: 'vm100',
      description: 'uid:1',
      scsi0: 'shared:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2,size=2G',
    });
    const change = {
      cores: 4,
      memory: 4096,
      ipconfig0: 'ip=10.0.0.5/24,gw=10.0.0.1',
      ciuser: 'debian',
      background_delay: 5,
      digest: config['digest'],
    };
    expect(await lab.call('POST', '/nodes/pve1/qemu/100/config', change)).toMatchObject({ status: 200, data: null });
    expect(await lab.task('PUT', '/nodes/pve1/qemu/100/resize', { disk: 'scsi0', size: '10G' })).toBe('OK');
    await lab.call('PUT', '/nodes/pve1/qemu/100/firewall/options', { enable: 1 });
    await lab.call('POST', '/nodes/pve1/qemu/100/firewall/ipset', { name: 'ipfilter-net0' });
    expect(await lab.task('POST', '/nodes/pve1/qemu/100/status/start')).toBe('OK');
    await lab.clock.advance(10_000);
    expect(await lab.call('POST', '/nodes/pve1/qemu/100/agent/ping')).toMatchObject({ status: 200 });
    expect(await lab.config(100)).toMatchObject({
      cores: 4,
      memory: '4096',
      scsi0: expect.stringContaining('size=10G'),
    });
    expect(await lab.task('POST', '/nodes/pve1/qemu/100/status/stop')).toBe('OK');
    expect(await lab.task('DELETE', '/nodes/pve1/qemu/100?purge=1')).toBe('OK');
    expect(lab.simulator.leaks()).toEqual({
      orphanVolumes: [],
      lockedVms: [],
      halfClones: [],
      firewallFiles: [],
      ipsets: [],
    });
  });

  it('shows only a locked placeholder while the clone runs', async () => {
    const lab = new Lab();
    const reply = await lab.call('POST', '/nodes/pve1/qemu/9000/clone', { newid: 100, full: 1 });
    expect(await lab.config(100)).toEqual({
      lock: 'clone',
      description: ' qmclone temporary file',
      digest: expect.any(String),
    });
    expect(await lab.call('PUT', '/nodes/pve1/qemu/100/config', { cores: 2 })).toMatchObject({ status: 500 });
    await lab.clock.runUntil(lab.taskOf(reply).done);
    expect(await lab.config(100)).toMatchObject({ name: 'Copy-of-VM-debian-12' });
  });

  it('destroys the target right after the clone when told to meanwhile', async () => {
    const lab = new Lab();
    await lab.call('POST', '/nodes/pve1/qemu/9000/clone', { newid: 100, full: 1 });
    expect(await lab.task('DELETE', '/nodes/pve1/qemu/100')).toBe('OK');
    expect(await lab.call('GET', '/nodes/pve1/qemu/100/config')).toMatchObject({ status: 500 });
  });

  it('moves a VM and is unknown to its old node afterwards', async () => {
    const lab = new Lab();
    await lab.clone(100);
    expect(await lab.task('POST', '/nodes/pve1/qemu/100/migrate', { target: 'pve2' })).toBe('OK');
    expect(await lab.call('GET', '/nodes/pve1/qemu/100/config')).toMatchObject({
      status: 500,
      reason: "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist",
    });
    expect(await lab.config(100, 'pve2')).toMatchObject({ name: 'vm100' });
  });

  it('cleans up a clone that is stopped', async () => {
    const lab = new Lab();
    const reply = await lab.call('POST', '/nodes/pve1/qemu/9000/clone', { newid: 100, full: 1, bwlimit: 1024 });
    await lab.call('DELETE', `/nodes/pve1/tasks/${String(reply.data)}`);
    expect(lab.taskOf(reply).status).toMatch(/^clone failed: /);
    expect(lab.simulator.leaks().orphanVolumes).toEqual([]);
    expect(await lab.call('GET', '/cluster/nextid', { vmid: 100 })).toMatchObject({ data: '100' });
  });
});

describe('refusals', () => {
  const rows: {
    name: string;
    method: string;
    path: string;
    params?: Record<string, unknown>;
    status: number;
    reason: string;
  }[] = [
    {
      name: 'a missing VM',
      method: 'GET',
      path: '/nodes/pve1/qemu/999/config',
      status: 500,
      reason: "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist",
    },
    {
      name: 'a taken id',
      method: 'POST',
      path: '/nodes/pve1/qemu/9000/clone',
      params: { newid: 9000 },
      status: 500,
      reason: 'unable to create VM 9000: config file already exists',
    },
    {
      name: 'a storage for a linked clone',
      method: 'POST',
      path: '/nodes/pve1/qemu/9000/clone',
      params: { newid: 100, full: 0, storage: 'shared' },
      status: 500,
      reason: "parameter 'storage' not allowed for linked clones",
    },
    {
      name: 'a local template on another node',
      method: 'POST',
      path: '/nodes/pve2/qemu/9001/clone',
      params: { newid: 100, target: 'pve1' },
      status: 500,
      reason: "can't clone VM to node 'pve1' (VM uses local storage)",
    },
    {
      name: 'an unknown path',
      method: 'GET',
      path: '/nope',
      status: 501,
      reason: "Method 'GET /nope' not implemented",
    },
    { name: 'an unknown verb', method: 'PATCH', path: '/version', status: 501, reason: "method 'PATCH' not available" },
    {
      name: 'an unknown node',
      method: 'GET',
      path: '/nodes/nope/status',
      status: 500,
      reason: "hostname lookup 'nope' failed - failed to get address info for: nope: Name or service not known",
    },
    {
      name: 'an unknown parameter',
      method: 'GET',
      path: '/version',
      params: { x: 1 },
      status: 400,
      reason: 'Parameter verification failed.',
    },
    {
      name: 'an empty change',
      method: 'PUT',
      path: '/nodes/pve1/qemu/9000/config',
      status: 500,
      reason: 'no options specified',
    },
    {
      name: 'an old digest',
      method: 'PUT',
      path: '/nodes/pve1/qemu/9000/config',
      params: { cores: 2, digest: '0'.repeat(40) },
      status: 500,
      reason: 'checksum mismatch (file change by other user?)',
    },
    {
      name: 'rights it does not have',
      method: 'POST',
      path: '/pools',
      params: { poolid: 'a1' },
      status: 403,
      reason: 'Permission check failed (/pool/a1, Pool.Allocate)',
    },
    {
      name: 'a missing pool',
      method: 'GET',
      path: '/pools?poolid=no-pool',
      status: 500,
      reason: "pool 'no-pool' does not exist",
    },
  ];
  it.each(rows)('$name', async ({ method, path, params, status, reason }) => {
    expect(await new Lab().call(method, path, params)).toMatchObject({ status, reason });
  });

  const credentials: { name: string; authorization: string; reason: string }[] = [
    { name: 'a bearer token', authorization: 'Bearer x', reason: 'No ticket' },
    { name: 'a wrong secret', authorization: 'PVEAPIToken=operator@pve!k8s=wrong', reason: 'Authentication failed!' },
  ];
  it.each(credentials)('$name after three seconds with an empty body', async ({ authorization, reason }) => {
    const lab = new Lab();
    const before = lab.clock.now();
    const response = await lab.clock.runUntil(lab.simulator.handle({ method: 'GET', path: '/version', authorization }));
    expect(response).toMatchObject({ status: 401, reason, body: '' });
    expect(lab.clock.now() - before).toBe(3000);
  });
});

describe('time', () => {
  it('shows a new VM in the cluster view only after the next pass', async () => {
    const lab = new Lab();
    await lab.clone(100);
    const entry = async (): Promise<unknown> =>
      ((await lab.call('GET', '/cluster/resources?type=vm')).data as { vmid: number }[]).find(
        (item) => item.vmid === 100,
      );
    expect(await entry()).toEqual({ id: 'qemu/100', node: 'pve1', type: 'qemu', vmid: 100, status: 'unknown' });
    await lab.clock.advance(10_000);
    expect(await entry()).toMatchObject({ name: 'vm100', status: 'stopped' });
  });

  it('starts the VM again a second after the reboot task ended', async () => {
    const lab = new Lab();
    await lab.clone(100);
    await lab.task('POST', '/nodes/pve1/qemu/100/status/start');
    await lab.clock.advance(10_000);
    expect(await lab.task('POST', '/nodes/pve1/qemu/100/status/reboot')).toBe('OK');
    expect(await lab.call('GET', '/nodes/pve1/qemu/100/status/current')).toMatchObject({ data: { status: 'stopped' } });
    await lab.clock.advance(3000);
    expect(await lab.call('GET', '/nodes/pve1/qemu/100/status/current')).toMatchObject({ data: { status: 'running' } });
  });

  it('keeps a config call waiting ten seconds for the lock of a shutdown', async () => {
    const lab = new Lab();
    lab.simulator.world.guestBootMs.set(100, null);
    await lab.clone(100);
    lab.simulator.world.guestBootMs.set(100, null);
    await lab.task('POST', '/nodes/pve1/qemu/100/status/start');
    await lab.call('POST', '/nodes/pve1/qemu/100/status/shutdown');
    expect(await lab.call('PUT', '/nodes/pve1/qemu/100/config', { cores: 2 })).toMatchObject({
      status: 500,
      reason: "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout",
    });
    expect(await lab.task('POST', '/nodes/pve1/qemu/100/status/stop', { 'overrule-shutdown': 1 })).toBe('OK');
  });

  it('is the same again with the same seed', async () => {
    const nets = await Promise.all(
      [7, 7, 8].map(async (seed) => {
        const lab = new Lab(seed);
        await lab.clone(100);
        return (await lab.config(100))['net0'];
      }),
    );
    expect(nets[0]).toBe(nets[1]);
    expect(nets[0]).not.toBe(nets[2]);
  });
});

describe('faults', () => {
  it('lose the answer after the request took effect', async () => {
    const lab = new Lab();
    lab.simulator.faults.add({ match: { method: 'POST', path: /\/clone$/ }, when: 'after', effect: 'reset' });
    await expect(
      lab.simulator.handle({
        method: 'POST',
        path: '/nodes/pve1/qemu/9000/clone',
        params: { newid: 100 },
        authorization: operatorToken,
      }),
    ).rejects.toThrow('broken on purpose');
    await lab.clock.advance(5000);
    expect(await lab.config(100)).toMatchObject({ name: 'Copy-of-VM-debian-12' });
    expect(lab.simulator.requests[0]).toMatchObject({ method: 'POST', status: 0, caller: 'operator@pve!k8s' });
  });

  it('answer the n-th request otherwise, before it took effect', async () => {
    const lab = new Lab();
    lab.simulator.faults.add({
      match: { path: /^\/version$/, nth: 2 },
      when: 'before',
      effect: { status: 596, reason: 'Broken pipe' },
    });
    const statuses = [
      await lab.call('GET', '/version'),
      await lab.call('GET', '/version'),
      await lab.call('GET', '/version'),
    ].map((reply) => reply.status);
    expect(statuses).toEqual([200, 596, 200]);
  });
});

describe('the administrator', () => {
  it('steals a VMID, sets locks and edits by hand', async () => {
    const lab = new Lab();
    lab.simulator.stealVmid(100);
    expect(await lab.call('GET', '/cluster/nextid')).toMatchObject({ data: '101' });
    lab.simulator.setLock(100, 'backup');
    expect(await lab.call('PUT', '/nodes/pve1/qemu/100/config', { cores: 2 })).toMatchObject({
      reason: 'VM is locked (backup)',
    });
    lab.simulator.changeByHand(100, (options) => {
      delete options['lock'];
      options['cores'] = '3';
    });
    expect(await lab.config(100)).toMatchObject({ cores: 3 });
  });

  it('revokes a privilege and a token', async () => {
    const lab = new Lab();
    lab.simulator.revokePrivilege('PveOperator', 'VM.Clone');
    expect(await lab.call('POST', '/nodes/pve1/qemu/9000/clone', { newid: 100 })).toMatchObject({
      status: 403,
      reason: 'Permission check failed (/vms/9000, VM.Clone)',
    });
    lab.simulator.revokeToken('operator@pve!k8s');
    expect(await lab.call('GET', '/version')).toMatchObject({ status: 401 });
  });

  it('takes a node down: its calls are cut, without quorum nothing is written', async () => {
    const lab = new Lab();
    lab.simulator.nodeDown('pve2');
    lab.simulator.nodeDown('pve3');
    expect(await lab.call('GET', '/nodes/pve2/status')).toMatchObject({ status: 596 });
    expect(await lab.call('POST', '/nodes/pve1/qemu/9000/clone', { newid: 100 })).toMatchObject({
      status: 500,
      reason: 'cluster not ready - no quorum?',
    });
    lab.simulator.nodeUp('pve2');
    expect(await lab.clone(100)).toBe('OK');
  });

  it('fills a storage, and new disks do not fit', async () => {
    const lab = new Lab();
    await lab.clone(100);
    lab.simulator.fillStorage('shared');
    expect(await lab.call('PUT', '/nodes/pve1/qemu/100/config', { scsi1: 'shared:1' })).toMatchObject({ status: 500 });
  });
});

describe('over TLS', () => {
  it('answers on every node with a certificate of its own authority', async () => {
    const lab = new Lab();
    const listening = await lab.simulator.listen();
    try {
      const get = (url: string): Promise<{ status: number | undefined; body: string; fingerprint: string }> =>
        new Promise((resolve, reject) => {
          const outgoing = request(
            `${url}/api2/json/version`,
            { ca: listening.caPem, headers: { authorization: operatorToken }, agent: false },
            (response) => {
              const fingerprint = (response.socket as import('node:tls').TLSSocket).getPeerCertificate().fingerprint256;
              let body = '';
              response.on('data', (chunk: Buffer) => (body += chunk.toString()));
              response.on('end', () => resolve({ status: response.statusCode, body, fingerprint }));
            },
          );
          outgoing.on('error', reject);
          outgoing.end();
        });
      for (const url of Object.values(listening.nodeUrls)) {
        expect(await get(url)).toEqual({
          status: 200,
          body: expect.stringContaining('"version":"9.2.11"'),
          fingerprint: listening.fingerprint,
        });
      }
      expect(Object.keys(listening.nodeUrls)).toEqual(['pve1', 'pve2', 'pve3']);
    } finally {
      await lab.simulator.close();
    }
  });
});
