// Tests of the cluster's own endpoints: version, permissions, free numbers, status, options, nodes, indexes.
import { describe, expect, it } from 'vitest';
import { answers, ask, bring, checkRow, demoLab, fails, forbids, labWith, read, refuses } from './call-table.ts';
import type { CallRow, Given } from './call-table.ts';
import { operatorToken } from '../testing.ts';

const options = (params: Record<string, unknown>): readonly ['PUT /cluster/options', Record<string, unknown>] => [
  'PUT /cluster/options',
  params,
];

describe('a free number', () => {
  const rows: CallRow[] = [
    { name: 'is the lowest, as text (endpoints.md)', call: ['GET /cluster/nextid'], want: answers('101') },
    {
      name: 'is not kept for anybody (observed 9)',
      given: [['GET /cluster/nextid']],
      call: ['GET /cluster/nextid'],
      want: answers('101'),
    },
    {
      name: 'fills a gap',
      given: [(lab) => lab.simulator.stealVmid(102)],
      call: ['GET /cluster/nextid'],
      want: answers('101'),
    },
    { name: 'is the one asked for', call: ['GET /cluster/nextid', { vmid: 12_345 }], want: answers('12345') },
    {
      name: 'is not one that is taken',
      call: ['GET /cluster/nextid', { vmid: 100 }],
      want: refuses({ vmid: 'VM 100 already exists' }),
    },
    {
      name: 'is not one that is taken on another node',
      call: ['GET /cluster/nextid', { vmid: 9001 }],
      want: refuses({ vmid: 'VM 9001 already exists' }),
    },
    {
      name: 'is in the range of the options',
      given: [options({ 'next-id': 'lower=5000,upper=5002' })],
      call: ['GET /cluster/nextid'],
      want: answers('5000'),
    },
    {
      name: 'is below the upper end (behaviours.md 13)',
      given: [options({ 'next-id': 'lower=5000,upper=5001' }), (lab) => lab.simulator.stealVmid(5000)],
      call: ['GET /cluster/nextid'],
      want: fails('unable to get any free VMID in range [5000, 5001]'),
    },
    {
      name: 'is no number below 100',
      call: ['GET /cluster/nextid', { vmid: 50 }],
      want: refuses({ vmid: 'invalid format - value does not look like a valid VM ID\n' }),
    },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(await labWith(...(row.given ?? [])), row);
  });
});

describe('options of the datacenter', () => {
  it('come back as they were set, property strings taken apart (endpoints.md)', async () => {
    const lab = await labWith(options({ keyboard: 'de', 'next-id': 'lower=200,upper=300' }));
    expect(await read(lab, 'GET /cluster/options')).toEqual({
      'allowed-tags': [],
      description: '',
      keyboard: 'de',
      mac_prefix: 'BC:24:11',
      'next-id': { lower: '200', upper: '300' },
    });
    await bring(lab, [options({ delete: 'next-id,keyboard' })]);
    expect(await read(lab, 'GET /cluster/options')).toEqual({
      'allowed-tags': [],
      description: '',
      mac_prefix: 'BC:24:11',
    });
  });

  it('are hidden from who may not audit', async () => {
    const lab = demoLab();
    lab.simulator.revokePrivilege('PveOperator', 'Sys.Audit');
    expect(await ask(lab, ['GET /cluster/options'], operatorToken)).toMatchObject(answers({ 'allowed-tags': [] }));
  });

  it('need Sys.Modify to be set', async () => {
    expect(await ask(demoLab(), options({ keyboard: 'de' }), operatorToken)).toMatchObject(forbids('/, Sys.Modify'));
  });
});

describe('permissions', () => {
  const rows: { name: string; params: Record<string, unknown>; want: object }[] = [
    {
      name: 'of oneself',
      params: {},
      want: {
        status: 200,
        data: expect.objectContaining({ '/': expect.objectContaining({ 'VM.Audit': 1 }), '/vms': expect.any(Object) }),
      },
    },
    {
      name: 'on a path',
      params: { path: '/vms/100' },
      want: { status: 200, data: { '/vms/100': expect.objectContaining({ 'VM.Clone': 1 }) } },
    },
    {
      name: 'of somebody else',
      params: { userid: 'root@pam' },
      want: { status: 200, data: expect.objectContaining({ '/': expect.any(Object) }) },
    },
    { name: 'of nobody', params: { userid: 'nobody@pve' }, want: fails("no such user ('nobody@pve')") },
  ];
  it.each(rows)('$name', async ({ params, want }) => {
    expect(await ask(demoLab(), ['GET /access/permissions', params], operatorToken)).toMatchObject(want);
  });

  it('of somebody else need Sys.Audit on /access (cluster: permissions-other)', async () => {
    const lab = demoLab();
    lab.simulator.revokePrivilege('PveOperator', 'Sys.Audit');
    expect(await ask(lab, ['GET /access/permissions', { userid: 'root@pam' }], operatorToken)).toMatchObject(
      forbids('/access, Sys.Audit'),
    );
  });

  it('on a path without any are an empty list', async () => {
    const lab = demoLab();
    lab.simulator.setRole('PveOperator', []);
    expect(await ask(lab, ['GET /access/permissions', { path: '/vms/100' }], operatorToken)).toMatchObject(
      answers({ '/vms/100': {} }),
    );
    expect(await ask(lab, ['GET /access/permissions'], operatorToken)).toMatchObject(answers({}));
  });
});

describe('the status of the cluster', () => {
  type Item = { type: string; name?: string; online?: number; local?: number; quorate?: number; nodes?: number };
  const status = async (given: Given): Promise<{ quorate: number | undefined; online: (number | undefined)[] }> => {
    const lab = demoLab();
    await bring(lab, given);
    const [cluster, ...nodes] = (await read(lab, 'GET /cluster/status')) as Item[];
    return { quorate: cluster?.quorate, online: nodes.map(({ online }) => online) };
  };
  const rows: { name: string; given: Given; want: object }[] = [
    { name: 'is well', given: [], want: { quorate: 1, online: [1, 1, 1] } },
    {
      name: 'notices a lost node only after some seconds (surprise 60a)',
      given: [(lab) => lab.simulator.nodeDown('pve2')],
      want: { quorate: 1, online: [1, 1, 1] },
    },
    {
      name: 'has quorum without one of three',
      given: [(lab) => lab.simulator.nodeDown('pve2'), (lab) => lab.clock.advance(12_000)],
      want: { quorate: 1, online: [1, 0, 1] },
    },
    {
      name: 'has none without two of three',
      given: [
        (lab) => lab.simulator.nodeDown('pve2'),
        (lab) => lab.simulator.nodeDown('pve3'),
        (lab) => lab.clock.advance(12_000),
      ],
      want: { quorate: 0, online: [1, 0, 0] },
    },
    {
      name: 'is well again when they are back',
      given: [
        (lab) => lab.simulator.nodeDown('pve2'),
        (lab) => lab.clock.advance(12_000),
        (lab) => lab.simulator.nodeUp('pve2'),
      ],
      want: { quorate: 1, online: [1, 1, 1] },
    },
    {
      name: 'counts a node whose API is stuck',
      given: [(lab) => lab.simulator.pauseNode('pve2'), (lab) => lab.clock.advance(12_000)],
      want: { quorate: 1, online: [1, 1, 1] },
    },
  ];
  it.each(rows)('$name', async ({ given, want }) => {
    expect(await status(given)).toEqual(want);
  });

  it('names each node and the one that answers', async () => {
    const items = (await read(demoLab(), 'GET /cluster/status')) as Item[];
    expect(items.map(({ type, name, local }) => [type, name, local])).toEqual([
      ['cluster', 'demo', undefined],
      ['node', 'pve1', 1],
      ['node', 'pve2', 0],
      ['node', 'pve3', 0],
    ]);
  });
});

describe('a node', () => {
  it('shows its figures to who may audit, and name and state to everybody (surprise 6)', async () => {
    const lab = demoLab();
    const [full] = (await ask(lab, ['GET /nodes'], operatorToken)).data as object[];
    expect(full).toMatchObject({
      node: 'pve1',
      status: 'online',
      maxcpu: 16,
      maxmem: 64 * 1024 ** 3,
      uptime: expect.any(Number),
      ssl_fingerprint: expect.any(String),
    });
    lab.simulator.revokePrivilege('PveOperator', 'Sys.Audit');
    const [bare] = (await ask(lab, ['GET /nodes'], operatorToken)).data as object[];
    expect(bare).toEqual({
      id: 'node/pve1',
      node: 'pve1',
      status: 'online',
      type: 'node',
      level: '',
      ssl_fingerprint: expect.any(String),
    });
  });

  it('that is lost is offline without figures of now (surprise 60)', async () => {
    const lab = demoLab();
    lab.simulator.nodeDown('pve2');
    await lab.clock.advance(12_000);
    const two = ((await read(lab, 'GET /nodes')) as { node: string }[]).find(({ node }) => node === 'pve2');
    expect(two).toMatchObject({ status: 'offline', maxcpu: 16 });
    for (const figure of ['cpu', 'mem', 'uptime']) expect(two).not.toHaveProperty(figure);
  });

  it('counts the memory of its running VMs', async () => {
    const used = async (given: Given): Promise<number> => {
      const lab = await labWith(...given, (at) => at.clock.advance(11_000));
      return ((await read(lab, 'GET status')) as { memory: { used: number } }).memory.used;
    };
    expect((await used([['POST qemu/100/status/start']])) - (await used([]))).toBe(1024 ** 3);
  });

  const rows: CallRow[] = [
    {
      name: 'tells its status',
      call: ['GET status'],
      want: {
        status: 200,
        data: expect.objectContaining({
          loadavg: expect.arrayContaining([expect.any(String)]),
          pveversion: expect.stringContaining('9.2.11'),
        }),
      },
    },
    {
      name: 'tells its version',
      call: ['GET version'],
      want: { status: 200, data: expect.objectContaining({ version: '9.2.11' }) },
    },
    {
      name: 'tells its networks',
      call: ['GET network', { type: 'any_bridge' }],
      want: {
        status: 200,
        data: expect.arrayContaining([expect.objectContaining({ iface: 'vmbr0', type: 'bridge' })]),
      },
    },
    {
      name: 'tells its VMs',
      call: ['GET qemu'],
      want: { status: 200, data: [expect.objectContaining({ vmid: 9000, template: 1 })] },
    },
    {
      name: 'tells more of its VMs',
      call: ['GET qemu', { full: 1 }],
      want: { status: 200, data: [expect.objectContaining({ qmpstatus: 'stopped' })] },
    },
    { name: 'that is not there', call: ['GET /nodes/nope/status'], want: { status: 500 } },
    { name: 'under the name localhost', call: ['GET /nodes/localhost/qemu'], want: { status: 200 } },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(demoLab(), row);
  });

  it('hides VMs that one may not see', async () => {
    const lab = demoLab();
    lab.simulator.revokePrivilege('PveOperator', 'VM.Audit');
    expect(await ask(lab, ['GET qemu'], operatorToken)).toMatchObject(answers([]));
  });
});

describe('an index answers', () => {
  const rows: CallRow[] = [
    { name: 'of the API', call: ['GET /'], want: { status: 200, data: expect.arrayContaining([{ subdir: 'nodes' }]) } },
    {
      name: 'of a VM that is not there (surprise 58)',
      call: ['GET qemu/999'],
      want: { status: 200, data: expect.arrayContaining([{ subdir: 'config' }]) },
    },
    {
      name: 'of its status',
      call: ['GET qemu/999/status'],
      want: { status: 200, data: expect.arrayContaining([{ subdir: 'current' }]) },
    },
    {
      name: 'of a storage that is not there',
      call: ['GET storage/nope'],
      want: { status: 200, data: expect.arrayContaining([{ subdir: 'content' }]) },
    },
    { name: 'of migrations', call: ['GET capabilities/qemu/migration'], want: answers({ 'has-dbus-vmstate': false }) },
    {
      name: 'of machines, with a failure (nodes-capabilities)',
      call: ['GET capabilities/qemu/machines'],
      want: { status: 500 },
    },
    {
      name: 'of the version',
      call: ['GET /version'],
      want: answers({ release: '9.2', version: '9.2.11', repoid: expect.any(String) }),
    },
  ];
  it.each(rows)('$name', async (row) => {
    await checkRow(demoLab(), row);
  });
});

describe('a login', () => {
  it('fails after three seconds with a body (observed 1)', async () => {
    const lab = demoLab();
    const before = lab.clock.now();
    const params = { username: 'root@pam', password: 'wrong' };
    const response = await lab.clock.runUntil(lab.simulator.handle({ method: 'POST', path: '/access/ticket', params }));
    expect(response).toMatchObject({
      status: 401,
      reason: 'authentication failure',
      body: expect.stringContaining('"data":null'),
    });
    expect(lab.clock.now() - before).toBe(3000);
  });

  it('is not for tokens (endpoints.md)', async () => {
    const reply = await ask(demoLab(), ['POST /access/ticket', { username: 'root@pam', password: 'x' }]);
    expect(reply).toMatchObject({ status: 403, reason: expect.stringContaining('not available with API token') });
  });
});
