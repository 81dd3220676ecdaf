// Tests of writing the cluster's files without quorum: the call hangs ten seconds and names the lock.
import { describe, expect, it } from 'vitest';
import { ask, labWith } from './call-table.ts';
import type { ApiCall, Given } from './call-table.ts';

const set = 'qemu/100/firewall/ipset/ipfilter-net0';
const given: Given = [
  ['POST qemu/100/firewall/rules', { type: 'in', action: 'ACCEPT' }],
  ['POST qemu/100/firewall/ipset', { name: 'ipfilter-net0' }],
  [`POST ${set}`, { cidr: '10.0.0.5' }],
  ['POST qemu/100/firewall/aliases', { name: 'office', cidr: '10.0.0.0/24' }],
  ['POST /pools', { poolid: 'team' }],
  ['POST /cluster/backup', { id: 'j1', schedule: 'sun 02:00', vmid: '100', storage: 'shared' }],
];

describe('without quorum', () => {
  const firewall = "cfs-lock 'firewall-vm-100' error: no quorum!";
  const users = "cfs-lock 'file-user_cfg' error: no quorum!";
  const jobs = "cfs-lock 'file-jobs_cfg' error: no quorum!";
  // cluster-no-quorum-more-writes has the first and the first of pools; the others lock their files in the same way.
  const rows: { call: ApiCall; want: string }[] = [
    { call: ['PUT qemu/100/firewall/options', { enable: 1 }], want: firewall },
    { call: ['POST qemu/100/firewall/rules', { type: 'in', action: 'DROP' }], want: firewall },
    { call: ['PUT qemu/100/firewall/rules/0', { enable: 1 }], want: firewall },
    { call: ['DELETE qemu/100/firewall/rules/0'], want: firewall },
    { call: ['POST qemu/100/firewall/ipset', { name: 'other' }], want: firewall },
    { call: [`POST ${set}`, { cidr: '10.0.0.6' }], want: firewall },
    { call: [`PUT ${set}/10.0.0.5`, { comment: 'x' }], want: firewall },
    { call: [`DELETE ${set}/10.0.0.5`], want: firewall },
    { call: [`DELETE ${set}`, { force: 1 }], want: firewall },
    { call: ['POST qemu/100/firewall/aliases', { name: 'home', cidr: '10.0.0.1' }], want: firewall },
    { call: ['PUT qemu/100/firewall/aliases/office', { cidr: '10.0.0.1' }], want: firewall },
    { call: ['DELETE qemu/100/firewall/aliases/office'], want: firewall },
    { call: ['PUT /cluster/firewall/options', { enable: 1 }], want: "cfs-lock 'firewall-cluster' error: no quorum!" },
    { call: ['PUT /cluster/options', { keyboard: 'de' }], want: "cfs-lock 'file-datacenter_cfg' error: no quorum!" },
    { call: ['POST /pools', { poolid: 'p1' }], want: `create pool failed: ${users}` },
    { call: ['PUT /pools', { poolid: 'team', comment: 'x' }], want: `update pools failed: ${users}` },
    { call: ['DELETE /pools', { poolid: 'team' }], want: `delete pool failed: ${users}` },
    { call: ['DELETE /pools/team'], want: `delete pool failed: ${users}` },
    { call: ['POST /cluster/backup', { id: 'j2', schedule: 'sun 02:00', vmid: '100', storage: 'shared' }], want: jobs },
    { call: ['PUT /cluster/backup/j1', { enabled: 0 }], want: jobs },
    { call: ['DELETE /cluster/backup/j1'], want: jobs },
  ];
  it.each(rows)('$call.0', async ({ call, want }) => {
    const lab = await labWith(
      ...given,
      (at) => at.simulator.nodeDown('pve2'),
      (at) => at.simulator.nodeDown('pve3'),
    );
    const { world } = lab.simulator;
    const before = [
      world.firewallOf(100).digest,
      world.clusterFirewall.digest,
      [...world.pools.keys()],
      [...world.backupJobs.values()],
    ];
    const began = lab.clock.now();
    expect(await ask(lab, call)).toMatchObject({ status: 500, reason: want });
    expect(lab.clock.now() - began).toBe(10_000);
    expect([
      world.firewallOf(100).digest,
      world.clusterFirewall.digest,
      [...world.pools.keys()],
      [...world.backupJobs.values()],
    ]).toEqual(before);
  });

  const reads: ApiCall[] = [
    ['GET qemu/100/firewall/rules'],
    [`GET ${set}`],
    ['GET qemu/100/firewall/aliases'],
    ['GET /pools'],
    ['GET /cluster/backup'],
    ['GET /cluster/options'],
    ['GET qemu/100/config'],
    ['GET /cluster/resources'],
  ];
  it.each(reads.map((call) => ({ call })))('$call.0 works (observed 4)', async ({ call }) => {
    const lab = await labWith(
      ...given,
      (at) => at.simulator.nodeDown('pve2'),
      (at) => at.simulator.nodeDown('pve3'),
    );
    expect(await ask(lab, call)).toMatchObject({ status: 200 });
  });
});
