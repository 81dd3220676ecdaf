// Many kinds of machines on one cluster: disks on every bus and storage, placement, networks, packages; what was asked for against what Proxmox VE has.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PlanSpec } from '../../src/api/plan.ts';
import { resources } from '../../src/api/resources.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../../src/api/virtual-machine.ts';
import { anIPv6Pool, aPlan, aPool, aVirtualMachine } from '../builders/objects.ts';
import { aTopology } from '../builders/topology.ts';
import { startTestBed, type TestBed } from './harness.ts';
import { condition, startWorld, type World } from './harness-world.ts';

const LIMITS = { readMBps: 50, writeMBps: 40, readIOPS: 500, writeIOPS: 400 };
const ON_DIRECTORY = 9020;
const ON_THIN_POOL = 9021;
const ON_SHARED = 9022;

const TEMPLATES = [
  { vmid: 9010, disk: 'virtio0' },
  { vmid: 9011, disk: 'scsi0' },
  { vmid: 9012, disk: 'sata0' },
  { vmid: 9013, disk: 'ide0' },
  { vmid: ON_DIRECTORY, storage: 'local', node: 'pve2' },
  { vmid: ON_THIN_POOL, storage: 'local-lvm', node: 'pve2' },
  { vmid: ON_SHARED, storage: 'shared', node: 'pve2' },
];

interface Product {
  plan?: Partial<PlanSpec>;
  spec?: Partial<VirtualMachineSpec>;
}

const onBus = (vmid: number): Product => ({
  plan: {
    template: { vmid },
    systemDisk: { sizeGiB: 7, ...LIMITS },
    additionalDisk: { sizeGiB: 3, readMBps: 20 },
  },
});

const withDisk = (vmid: number, storage?: string): Product => ({
  plan: { template: { vmid }, additionalDisk: { sizeGiB: 3, ...(storage === undefined ? {} : { storage }) } },
});

/** One plan and one machine of it each, both of that name. */
const PRODUCTS = {
  virtio0: onBus(9010),
  scsi0: onBus(9011),
  sata0: onBus(9012),
  ide0: onBus(9013),
  unlimited: { plan: { systemDisk: { sizeGiB: 0 } } },
  smaller: { plan: { systemDisk: { sizeGiB: 1 } } },
  directory: withDisk(ON_DIRECTORY),
  'thin-pool': withDisk(ON_THIN_POOL),
  'thin-beside-shared': withDisk(9000, 'local-lvm'),
  'directory-beside-thin': withDisk(ON_THIN_POOL, 'local'),
  moving: { plan: { template: { vmid: ON_SHARED }, targetNode: 'pve3' } },
  'moving-full': {
    plan: {
      template: { vmid: ON_DIRECTORY },
      cloneType: 'Full',
      targetNode: 'pve1',
      systemDisk: { storage: 'local-lvm', sizeGiB: 4 },
    },
  },
  staying: { plan: { template: { vmid: ON_DIRECTORY }, targetNode: 'pve1' } },
  dhcp: { plan: { network: { dhcpIPv4: true } } },
  'dual-stack': { plan: { network: { ipv4Addresses: 3, ipv6Addresses: 2 } } },
  tagged: {
    plan: {
      network: { model: 'e1000', rateMBps: 12, ipv4Addresses: 0, ipv6Addresses: 1 },
      firewall: {
        inputPolicy: 'DROP',
        outputPolicy: 'REJECT',
        inputLogLevel: 'info',
        macFilter: false,
        antiSpoofing: false,
      },
    },
  },
  'no-firewall': { plan: { firewall: { enabled: false } } },
  billing: {
    plan: { systemDisk: { sizeGiB: 5, ...LIMITS }, allowedTemplates: [{ vmid: 9011 }] },
    spec: {
      billing: { clientID: '7', serviceID: '8' },
      configurableOptions: {
        'CPU|vCPU': '3|3 cores',
        RAM: '2|2 GB',
        'ipv4|Addresses': '2',
        'OS|System': '9011|Debian',
        'B|Backup': '4|4 backups',
        'System Disk Read Bandwidth': '0|unlimited',
        'System Disk Write Bandwidth': '0',
        'System Disk Read IOPS': '0',
        'System Disk Write IOPS': '0',
      },
    },
  },
  edited: { plan: { cpuCores: 1 } },
} as const satisfies Record<string, Product>;

type Name = keyof typeof PRODUCTS;
const PRODUCT_LIST: readonly (readonly [string, Product])[] = Object.entries(PRODUCTS);

let bed: TestBed;
let world: World;
let machines: Map<string, VirtualMachine>;

beforeAll(async () => {
  bed = await startTestBed();
  world = await startWorld(bed, { topology: aTopology(TEMPLATES) });
  // Pools are taken by name: a machine with IPv6 only gets the first, one with both families stays on the IPv4 network.
  await world.create(aPool(), anIPv6Pool(), anIPv6Pool({ bridge: 'vmbr1', vlan: 42 }, 'a-tagged'));
  await world.create(...PRODUCT_LIST.map(([name, { plan }]) => aPlan(plan, name)));
  await world.create(...PRODUCT_LIST.map(([name, { spec }]) => aVirtualMachine(name, { planRef: { name }, ...spec })));
  const ready = await Promise.all(PRODUCT_LIST.map(([name]) => world.untilReady(name, 60_000)));
  machines = new Map(ready.map((vm) => [vm.metadata.name, vm]));
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await bed?.[Symbol.asyncDispose]();
});

function machine(name: Name): { vm: VirtualMachine; vmid: number; config: Record<string, string> } {
  const vm = machines.get(name);
  const vmid = vm?.status?.vmid;
  if (vm === undefined || vmid === undefined) throw new Error(`${name} was not made.`);
  return { vm, vmid, config: world.config(vmid) };
}

function requestsOf(vmid: number, what: string) {
  return world.requests({ path: new RegExp(`/qemu/${vmid}/${what}$`) });
}

async function step(name: Name, title: string) {
  const run = await world.untilRunSucceeded(name);
  return run.status?.steps?.find((record) => record.name === title);
}

describe('disks', () => {
  test.each(['virtio0', 'scsi0', 'sata0', 'ide0'] as const)(
    'the system disk is found on %s, grown and limited; the additional one goes beside it',
    (disk) => {
      const { vm, vmid, config } = machine(disk);
      const beside = disk.replace('0', '1');
      const additionalVolume = /^shared:\d+\/[^,]+/.exec(config[beside] ?? '')?.[0];
      const observed = { systemBytes: 7 * 2 ** 30, additionalBytes: 3 * 2 ** 30, additionalVolume };
      expect(vm.status?.disks).toEqual({ system: disk, additional: beside, observed });
      expect(config[disk]).toMatch(/,iops_rd=500,iops_wr=400,mbps_rd=50,mbps_wr=40,size=7G$/);
      expect(config[beside]).toMatch(new RegExp(`^shared:${vmid}/vm-${vmid}-disk-\\d\\.qcow2,mbps_rd=20,size=3G$`));
    },
  );

  test('with nothing to limit and nothing to grow no call is made and no word is written', () => {
    const { vm, vmid, config } = machine('unlimited');
    expect(config['scsi0']).toBe(`shared:9000/base-9000-disk-0.qcow2/${vmid}/vm-${vmid}-disk-0.qcow2,size=2G`);
    expect(config['net0']).not.toContain('rate=');
    expect(config).not.toHaveProperty('scsi1');
    expect(requestsOf(vmid, 'resize')).toEqual([]);
    const sent = requestsOf(vmid, 'config').filter(({ method }) => method !== 'GET');
    for (const { params } of sent) expect(Object.keys(params)).not.toContain('scsi0');
    expect(condition(vm, 'SystemDiskLimited')).toMatchObject({ status: 'True', reason: 'Skipped' });
    expect(condition(vm, 'SystemDiskSized')).toMatchObject({ status: 'True', reason: 'Skipped' });
  });

  test('a template that is larger than the package is not shrunk, and the record says why', async () => {
    const { vmid, config } = machine('smaller');
    expect(config['scsi0']).toMatch(/size=2G$/);
    expect(requestsOf(vmid, 'resize')).toEqual([]);
    const message = expect.stringContaining('shrink not allowed by Proxmox');
    expect(await step('smaller', 'Resize system disk')).toMatchObject({ result: 'Skipped', message });
  });

  test.each<{ name: Name; disk: RegExp }>([
    { name: 'directory', disk: /^local:(\d+)\/vm-\1-disk-\d\.qcow2,size=3G$/ },
    { name: 'thin-pool', disk: /^local-lvm:vm-\d+-disk-\d,size=3G$/ },
    { name: 'thin-beside-shared', disk: /^local-lvm:vm-\d+-disk-\d,size=3G$/ },
    { name: 'directory-beside-thin', disk: /^local:(\d+)\/vm-\1-disk-\d\.raw,size=3G$/ },
  ])('the additional disk has the format that its storage can have: $name', ({ name, disk }) => {
    expect(machine(name).config['scsi1']).toMatch(disk);
  });
});

describe('placement', () => {
  test('a machine moves from its template to the node of the plan', () => {
    const { vm, vmid, config } = machine('moving');
    const placement = { templateNode: 'pve2', targetNode: 'pve3', targetStorage: 'shared' };
    expect(vm.status).toMatchObject({ node: 'pve3', placement });
    expect(world.sim.world.vms.get(vmid)?.node).toBe('pve3');
    expect(config['scsi0']).toMatch(/^shared:/);
    expect(condition(vm, 'Placed')).toMatchObject({ status: 'True', reason: 'Succeeded' });
    expect(requestsOf(vmid, 'migrate').filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  test('a full clone moves with its disks from one local storage to another', () => {
    const { vm, vmid, config } = machine('moving-full');
    const placement = { templateNode: 'pve2', targetNode: 'pve1', targetStorage: 'local-lvm' };
    expect(vm.status).toMatchObject({ node: 'pve1', placement });
    expect(config['scsi0']).toMatch(/^local-lvm:vm-\d+-disk-\d,size=4G$/);
    const images = [...world.sim.world.volumes.all()].filter((volume) => volume.vmid === vmid);
    expect(images.map(({ storage }) => storage)).toEqual(images.map(() => 'local-lvm'));
  });

  test('a linked clone on a local directory cannot move: it stays, and that is said', () => {
    const { vm, vmid } = machine('staying');
    expect(vm.status?.node).toBe('pve2');
    expect(vm.status?.placement?.message).toMatch(/stays on pve2, not pve1.*full clone or shared storage/);
    const message = vm.status?.placement?.message;
    expect(condition(vm, 'Placed')).toMatchObject({ status: 'True', reason: 'Skipped', message });
    expect(requestsOf(vmid, 'migrate')).toEqual([]);
  });
});

describe('networks', () => {
  test('with DHCP there is no reservation, no rule and no address set, and a condition says so', async () => {
    const { vm, vmid, config } = machine('dhcp');
    expect(config['ipconfig0']).toBe('ip=dhcp');
    const reservations = await world.list(resources.ipAddressReservation);
    expect(reservations.filter(({ spec }) => spec.virtualMachine.name === 'dhcp')).toEqual([]);
    const firewall = world.sim.world.firewallOf(vmid);
    expect(firewall.ipsets.size).toBe(0);
    expect(firewall.rules).toEqual([]);
    expect(Number(firewall.options['enable'] ?? 0)).toBe(0);
    expect(condition(vm, 'FirewallInactive')).toMatchObject({ status: 'True', reason: 'DHCP' });
    expect(condition(vm, 'FirewallConfigured')).toMatchObject({ status: 'True', reason: 'Skipped' });
  });

  test('several addresses of both families: the main ones on the card, all in the status and in the set', () => {
    const { vm, vmid, config } = machine('dual-stack');
    const addresses = vm.status?.addresses ?? [];
    expect(addresses.map(({ pool, primary }) => [pool, primary])).toEqual([
      ['ipv4', true],
      ['ipv4', false],
      ['ipv4', false],
      ['ipv6', true],
      ['ipv6', false],
    ]);
    const [v4, , , v6] = addresses;
    expect(config['ipconfig0']).toBe(`ip=${v4?.address}/24,gw=192.0.2.1,ip6=${v6?.address}/64,gw6=2001:db8::1`);
    const set = world.sim.world.firewallOf(vmid).ipsets.get('ipfilter-net0');
    expect(set?.entries.map(({ cidr }) => cidr).sort()).toEqual(addresses.map(({ address }) => address).sort());
    expect(condition(vm, 'FirewallInactive')).toBeUndefined();
  });

  test('the pool decides about bridge and VLAN; the plan about model, rate and firewall', () => {
    const { vm, vmid, config } = machine('tagged');
    expect(vm.status?.network).toMatchObject({ bridge: 'vmbr1', vlan: 42 });
    expect(config['net0']).toMatch(/^e1000=BC:24:11:[0-9A-F:]+,bridge=vmbr1,firewall=1,rate=12,tag=42$/);
    expect(config['ipconfig0']).toMatch(/^ip6=2001:db8::1\w+\/64,gw6=2001:db8::1$/);
    expect(config['nameserver']).toBe('2001:db8::2');
    const { options, ipsets } = world.sim.world.firewallOf(vmid);
    const policies = { policy_in: 'DROP', policy_out: 'REJECT', log_level_in: 'info' };
    expect(options).toMatchObject({ enable: 1, macfilter: 0, ...policies });
    expect(ipsets.size).toBe(0);
  });

  test('without a firewall the card has none either', () => {
    const { vmid, config } = machine('no-firewall');
    expect(config['net0']).not.toContain('firewall=1');
    expect(Number(world.sim.world.firewallOf(vmid).options['enable'] ?? 0)).toBe(0);
  });

  test('no address is given out twice', async () => {
    const reservations = await world.list(resources.ipAddressReservation);
    const places = reservations.map(({ spec }) => `${spec.bridge}/${spec.vlan}/${spec.address}`);
    expect(new Set(places).size).toBe(places.length);
    const held = [...machines.values()].flatMap(({ status }) => status?.addresses ?? []);
    expect(held.length).toBe(places.length);
  });
});

describe('packages', () => {
  test('a billing panel may use the old names; 0 is a value', () => {
    const { vm, config } = machine('billing');
    const effective = { cpuCores: 3, memoryGiB: 2, ipv4Addresses: 2, backups: 4, operatingSystem: 9011 };
    expect(vm.status?.effective).toMatchObject(effective);
    expect(config).toMatchObject({ name: '7-8', cores: '3', memory: '2048' });
    expect(config['scsi0']).toMatch(/^shared:9011\/.*,size=5G$/);
    expect(config['scsi0']).not.toMatch(/mbps|iops/);
  });

  test('an edited plan does not move a machine; it says that it is not up to date', async () => {
    const { vmid, config } = machine('edited');
    const before = { ...config };
    const sent = () => world.sim.requests.filter(({ method }) => method !== 'GET').length;
    const sentBefore = sent();
    await world.patch(resources.plan, 'edited', { spec: { cpuCores: 4, memoryGiB: 8 } });
    const vm = await world.untilVm(
      'edited',
      'PackageUpToDate is False',
      (seen) => condition(seen, 'PackageUpToDate')?.status === 'False',
    );
    const message = expect.stringMatching(/cpuCores 1 → 4.*memoryGiB 1 → 8/);
    expect(condition(vm, 'PackageUpToDate')).toMatchObject({ reason: 'ChangePending', message });
    expect(condition(vm, 'Ready')?.status).toBe('True');
    expect(vm.status).toMatchObject({ planRevision: 'edited-1', effective: { cpuCores: 1 }, state: 'ready' });
    expect(world.config(vmid)).toEqual(before);
    expect(sent()).toBe(sentBefore);
    await world.patch(resources.plan, 'edited', { spec: { cpuCores: 1, memoryGiB: 1 } });
    const isUpToDate = (seen: VirtualMachine): boolean => condition(seen, 'PackageUpToDate')?.status === 'True';
    await world.untilVm('edited', 'PackageUpToDate again', isUpToDate);
  });
});

test('no request was wrong, and deleting everything leaves nothing', async () => {
  expect(world.sim.requests.filter(({ status }) => status === 400 || status === 0)).toEqual([]);
  await world.stop();
});
