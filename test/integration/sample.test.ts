// The manifests of config/samples/ on a real API server: a person applies them and gets running machines, told step by step.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fitSamples, zoneNames } from '../../hack/demo/samples.ts';
import { STEP_CONDITIONS } from '../../src/api/conditions.ts';
import { resources } from '../../src/api/resources.ts';
import type { Plan } from '../../src/api/plan.ts';
import type { VirtualMachine } from '../../src/api/virtual-machine.ts';
import { deploy } from '../../src/machines.ts';
import { OPERATOR_NAMESPACE, SSH_KEY } from '../builders/objects.ts';
import { powerDnsUnavailable } from '../contract/powerdns-server.ts';
import { until } from '../kube/until.ts';
import { manifestsIn, startTestBed, type TestBed, typeOf } from './harness.ts';
import { condition, startWorld, type World } from './harness-world.ts';

const hasPowerDns = powerDnsUnavailable() === undefined;
let bed: TestBed;
let world: World;
let web: VirtualMachine;
let billed: VirtualMachine;

beforeAll(async () => {
  bed = await startTestBed();
  world = await startWorld(bed, { cluster: null, powerDns: hasPowerDns });
  const servers = {
    proxmox: { ...world.access, caPem: world.listening.caPem, tokenID: world.token.id, secret: world.token.secret },
    ...(hasPowerDns ? { dns: world.powerDns } : {}),
  };
  const manifests = fitSamples(await manifestsIn('config/samples'), servers);
  if (hasPowerDns) for (const zone of zoneNames(manifests)) await world.powerDns.createZone(zone);
  // The operator is already there and the objects come in any order, machines first.
  for (const manifest of manifests.toReversed()) {
    if (manifest.kind === 'Namespace') continue;
    const placed = manifest.metadata.namespace === 'customer-142' ? world.namespace : manifest.metadata.namespace;
    await bed.client.create(typeOf(manifest), { ...manifest, metadata: { ...manifest.metadata, namespace: placed } });
  }
  [web, billed] = await Promise.all([world.untilReady('web-1'), world.untilReady('service-5546')]);
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await bed?.[Symbol.asyncDispose]();
});

describe('what the status says', () => {
  test('where the machine is and how to reach it', () => {
    expect(web.status).toMatchObject({
      state: 'ready',
      clusterName: 'lab',
      // Two machines are placed in the same moment: which of them gets the template's own node is not told.
      node: web.status?.placement?.targetNode,
      name: 'web-1.example.com',
      fqdn: 'web-1.example.com',
      osUser: 'debian',
      powerState: 'Running',
      planRevision: 'kvm-small-1',
      credentialsSecret: 'web-1-credentials',
      effective: { cpuCores: 2, memoryGiB: 2, systemDiskGiB: 20, operatingSystem: 9000 },
      network: { bridge: 'vmbr0', vlan: 0 },
      disks: { system: 'scsi0' },
    });
    expect(web.status?.addresses).toEqual([
      {
        address: expect.stringMatching(/^192\.0\.2\.1[01]$/),
        prefixLength: 24,
        gateway: '192.0.2.1',
        nameservers: ['192.0.2.2', '192.0.2.3'],
        pool: 'lab-ipv4',
        primary: true,
      },
    ]);
    expect(new Set([web.status?.vmid, billed.status?.vmid])).toEqual(new Set([2000, 2001]));
    // Each counts on the memory that the other was promised.
    expect(web.status?.node).not.toBe(billed.status?.node);
  });

  test('every step condition is true, in the generation that was asked for', () => {
    for (const type of ['PackageUpToDate', ...Object.keys(STEP_CONDITIONS)]) {
      expect(condition(web, type), type).toMatchObject({ status: 'True', observedGeneration: 1 });
    }
  });

  test('kstatus tools see a finished object: ready, neither reconciling nor stalled', () => {
    expect(condition(web, 'Ready')).toMatchObject({ status: 'True', reason: 'Ready' });
    expect(condition(web, 'Reconciling')).toBeUndefined();
    expect(condition(web, 'Stalled')).toBeUndefined();
    expect(web.status?.observedGeneration).toBe(web.metadata.generation);
    expect(web.status?.operation).toBeUndefined();
  });

  test('platform objects are ready and count what uses them', async () => {
    const [cluster] = await world.list(resources.proxmoxCluster);
    expect(cluster?.status).toMatchObject({ version: '9.2.11', quorate: true, nodesOnline: 3, nodesTotal: 3 });
    const wanted = (plan: Plan): boolean => plan.status?.virtualMachines === 2;
    const plan = await world.untilObject(resources.plan, 'kvm-small', 'counts both machines', { wanted });
    expect(condition(plan, 'Ready')?.status).toBe('True');
    await world.untilObject(resources.ipPool, 'lab-ipv4', 'counts both addresses', {
      wanted: (pool) => pool.status?.allocated === 2 && pool.status.total === '41',
    });
  });
});

describe('what Proxmox VE got', () => {
  test('the machine of a person', () => {
    const address = web.status?.addresses?.[0]?.address;
    expect(world.config(web.status?.vmid)).toMatchObject({
      name: 'web-1.example.com',
      cores: '2',
      memory: '2048',
      scsi0: expect.stringMatching(
        /^shared:9000\/base-9000-disk-0\.qcow2\/.*,iops_rd=2000,iops_wr=1000,mbps_rd=200,mbps_wr=100,size=20G$/,
      ),
      net0: expect.stringMatching(/^virtio=BC:24:11:[0-9A-F:]+,bridge=vmbr0,firewall=1,rate=100$/),
      ipconfig0: `ip=${address}/24,gw=192.0.2.1`,
      nameserver: '192.0.2.2 192.0.2.3',
      searchdomain: 'example.com',
      ciuser: 'debian',
      cipassword: expect.stringMatching(/^\$5\$/),
      sshkeys: encodeURIComponent(SSH_KEY),
      description: `pve-operator.io/owner uid=${web.metadata.uid} vmid=${web.status?.vmid}`,
    });
    expect(world.config(web.status?.vmid)).not.toHaveProperty('scsi1');
    expect(world.sim.world.vms.get(web.status?.vmid ?? 0)?.running).toBeDefined();
  });

  test('the machine of a billing panel, with its options and its name', () => {
    const [v4, v6] = billed.status?.addresses ?? [];
    expect(world.config(billed.status?.vmid)).toMatchObject({
      name: '142-5546',
      cores: '2',
      memory: '2048',
      scsi0: expect.stringMatching(/size=20G$/),
      scsi1: expect.stringMatching(/\.qcow2,size=10G$/),
      ipconfig0: `ip=${v4?.address}/24,gw=192.0.2.1,ip6=${v6?.address}/64,gw6=2001:db8::1`,
    });
  });

  test('the firewall of both: options, policies and exactly their own addresses', () => {
    for (const vm of [web, billed]) {
      const firewall = world.sim.world.firewallOf(vm.status?.vmid ?? 0);
      expect(firewall.options).toMatchObject({ enable: 1, macfilter: 1, policy_in: 'ACCEPT', policy_out: 'ACCEPT' });
      expect([...firewall.ipsets.keys()]).toEqual(['ipfilter-net0']);
      const cidrs = firewall.ipsets.get('ipfilter-net0')?.entries.map(({ cidr }) => cidr);
      expect(cidrs?.sort()).toEqual(vm.status?.addresses?.map(({ address }) => address).sort());
    }
  });

  test('every request was valid', () => {
    expect(world.sim.requests.filter(({ status }) => status === 400)).toEqual([]);
  });
});

test('the run of the deploy has all 15 steps, one state after the other', async () => {
  await world.untilRunSucceeded('web-1');
  const run = (await world.runs('web-1'))[0]!;
  // The samples ask for a start as well.
  expect((await world.runs('web-1')).filter(({ spec }) => spec.machine === 'deploy')).toHaveLength(1);
  expect(run.spec).toMatchObject({ machine: 'deploy', number: 1, from: 'creation' });
  expect(run.metadata.ownerReferences).toMatchObject([{ kind: 'VirtualMachine', uid: web.metadata.uid }]);
  expect(run.status).toMatchObject({ result: 'Succeeded', to: 'ready' });
  const steps = run.status?.steps ?? [];
  expect(steps.map(({ number }) => number)).toEqual(deploy.entries.map((_, index) => index + 1));
  expect(steps.map(({ to }) => to)).toEqual(deploy.entries.map(({ state }) => state));
  expect(steps.map(({ from }) => from)).toEqual(['creation', ...deploy.entries.slice(0, -1).map(({ state }) => state)]);
  const skipped = steps.filter(({ result }) => result === 'Skipped').map(({ to }) => to);
  const moved = web.status?.placement?.targetNode !== web.status?.placement?.templateNode;
  expect(skipped).toEqual([
    ...(moved ? [] : ['migrated']),
    'set_created_additional_disk',
    'set_additional_disk_size',
    'set_additional_disk_bandwidth',
  ]);
});

test('the machine says with an event that it is ready, and where', async () => {
  const note = `Virtual machine ${web.status?.vmid} is ready on node ${web.status?.node} with address ${web.status?.addresses?.[0]?.address}.`;
  await until('the event', async () =>
    (await world.events('web-1')).some((event) => event.reason === 'Ready' && event.note === note),
  );
});

test('the password is in the Secret and nowhere else', async () => {
  const { password = '', username } = await world.credentials(web);
  expect(username).toBe('debian');
  expect(password).toMatch(/^[A-Za-z0-9]{20}$/);
  expect((await world.credentials(billed))['password']).not.toBe(password);
  // Proxmox VE was given exactly this one.
  const given = world.sim.requests.filter(({ params }) => params['cipassword'] === password);
  expect(given).toHaveLength(1);
  const said = {
    vm: await world.vm('web-1'),
    runs: await world.runs('web-1'),
    events: await world.events('web-1'),
    reservations: [
      ...(await world.list(resources.vmidReservation)),
      ...(await world.list(resources.ipAddressReservation)),
    ],
    log: world.operator?.log,
  };
  for (const [where, what] of Object.entries(said)) expect(JSON.stringify(what), where).not.toContain(password);
  const operatorSecrets = await bed.client.list(resources.secret, { namespace: OPERATOR_NAMESPACE });
  expect(JSON.stringify(operatorSecrets)).not.toContain(Buffer.from(password).toString('base64'));
});

test.skipIf(!hasPowerDns)('names and addresses lead to each other', async () => {
  const address = web.status?.addresses?.[0]?.address ?? '';
  expect(await world.resolve('web-1.example.com', 'A')).toEqual([address]);
  expect(await world.resolve(`${address.split('.').toReversed().join('.')}.in-addr.arpa`, 'PTR')).toEqual([
    'web-1.example.com',
  ]);
  expect(await world.resolve('142-5546.example.com', 'AAAA')).toEqual([billed.status?.addresses?.[1]?.address]);
});

test('what was tried before everything was there is over: nothing is stalled, the cluster was asked little', () => {
  const writes = world.sim.requests.filter(({ method }) => method !== 'GET');
  // Two machines: clone, configuration, growth, firewall, address set with its members, start.
  expect(writes.length).toBeLessThanOrEqual(2 * 8);
});

test('deleting them leaves nothing', async () => {
  await world.stop();
  expect(world.madeVmids).toEqual([]);
});
