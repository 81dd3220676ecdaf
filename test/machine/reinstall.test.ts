// Reinstallation over a simulated Proxmox VE: what stays, what goes, in which order, and what it waits for.
import { describe, expect, test } from 'vitest';
import { resources } from '../../src/api/resources.ts';
import type { DnsChange } from '../../src/dns/provider.ts';
import { aSecret, aZone, DNS_SECRET } from '../builders/objects.ts';
import { endOf, lastRun, request, stepsOf } from '../builders/requests.ts';
import { type SimulatedOperator, simulatedOperator } from '../builders/simulated-operator.ts';

const REINSTALL = { reinstall: { confirmation: 'REINSTALL' } } as const;
const VM = '/nodes/pve1/qemu/2000';

async function deployed(plan: Parameters<typeof simulatedOperator>[0] = {}): Promise<SimulatedOperator> {
  const operator = await simulatedOperator(plan);
  operator.declare('web-1', { options: { ipv4Addresses: 2 } });
  await operator.passes();
  return operator;
}

function optionsOf({ sim }: SimulatedOperator): Record<string, string> {
  return sim.world.vms.get(2000)?.options ?? {};
}

function passwordOf({ fake }: SimulatedOperator): string | undefined {
  const found = fake.kube.objects(resources.secret).find(({ metadata }) => metadata.name === 'web-1-credentials');
  return found?.data?.['password'];
}

/** What the VM is known by outside. */
function identityOf(operator: SimulatedOperator) {
  const { vmid, addresses, network, fqdn } = operator.vm()?.status ?? {};
  return {
    vmid,
    addresses,
    network,
    fqdn,
    net0: optionsOf(operator)['net0'],
    ipconfig0: optionsOf(operator)['ipconfig0'],
  };
}

async function call(operator: SimulatedOperator, path: string, params: Record<string, unknown>): Promise<void> {
  const { sim, authorization, fake } = operator;
  await sim.handle({ method: 'POST', path, params, authorization });
  while (optionsOf(operator)['lock'] !== undefined) await fake.clock.advance(100);
}

describe('a reinstallation', () => {
  test('keeps VMID, addresses, MAC address and VLAN, and makes everything else anew', async () => {
    await using operator = await deployed();
    const before = identityOf(operator);
    const machine = optionsOf(operator)['vmgenid'];
    const name = await request(operator, 'Reinstall', REINSTALL);
    await operator.passes();
    expect(identityOf(operator)).toEqual(before);
    expect(before.net0).toMatch(/=BC:24:11/i);
    expect(optionsOf(operator)['vmgenid']).not.toBe(machine);
    expect(operator.vm()?.status).toMatchObject({ state: 'ready', powerState: 'Running' });
    expect(endOf(operator, name)).toMatchObject({ result: 'Succeeded', runName: lastRun(operator)?.metadata.name });
  });

  test('changes the password in the Secret before there is a machine that has it', async () => {
    await using operator = await deployed();
    const before = passwordOf(operator);
    const seen: string[] = [];
    operator.fake.kube.onWrite(({ verb, type, phase }) => {
      if (verb !== 'patch' || type !== 'secrets' || phase !== 'before') return;
      seen.push(operator.sim.world.vms.has(2000) ? 'beside the old machine' : 'without a machine');
    });
    await request(operator, 'Reinstall', REINSTALL);
    await operator.passes();
    expect(seen).toEqual(['without a machine']);
    const password = Buffer.from(passwordOf(operator) ?? '', 'base64').toString();
    expect(passwordOf(operator)).not.toBe(before);
    const told = operator.sim.requests.flatMap(({ params }) => params['cipassword'] ?? []);
    expect(told.at(-1)).toBe(password);
  });

  test('makes the Secret anew that was deleted meanwhile', async () => {
    await using operator = await deployed();
    await operator.fake.kube.client.delete(resources.secret, 'web-1-credentials', 'customer-1');
    await request(operator, 'Reinstall', REINSTALL);
    await operator.passes();
    expect(passwordOf(operator)).toBeDefined();
    expect(operator.vm()?.status?.state).toBe('ready');
  });

  test('lets snapshots go and backups stay', async () => {
    await using operator = await deployed();
    await call(operator, `${VM}/snapshot`, { snapname: 'weekly' });
    await call(operator, '/nodes/pve1/vzdump', { vmid: '2000', storage: 'shared', mode: 'stop' });
    const backups = () => [...operator.sim.world.volumes.all()].filter(({ content }) => content === 'backup').length;
    expect([operator.sim.world.vms.get(2000)?.snapshots.size, backups()]).toEqual([1, 1]);
    await request(operator, 'Reinstall', REINSTALL);
    await operator.passes();
    expect([operator.sim.world.vms.get(2000)?.snapshots.size, backups()]).toEqual([0, 1]);
  });

  test('installs the template that is named, if the plan allows it', async () => {
    await using operator = await deployed({ allowedTemplates: [{ vmid: 9001 }] });
    await request(operator, 'Reinstall', { reinstall: { ...REINSTALL.reinstall, template: 9001 } });
    await operator.passes();
    expect(operator.vm()?.status?.effective?.operatingSystem).toBe(9001);
    expect(operator.writes().findLast((write) => write.endsWith('/clone'))).toContain('/qemu/9001/clone');
  });

  test('says in its run what was undone before', async () => {
    await using operator = await deployed();
    await request(operator, 'Reinstall', REINSTALL);
    await operator.passes();
    expect(stepsOf(operator).slice(0, 6)).toEqual([
      'reinstall: Succeeded',
      'reinstall: Skipped (No DNS zone matches any more.)',
      'reinstall: Succeeded',
      'reinstall: Succeeded',
      'set_ip: Succeeded',
      'clone: Succeeded',
    ]);
  });
});

test('records are deleted and set again', async () => {
  const applied: string[] = [];
  const records = new Map<string, { name: string; type: 'A'; ttlSeconds: number; values: string[] }>();
  const text = (change: DnsChange) =>
    change.kind === 'set' ? `set ${change.record.name} ${change.record.type}` : `delete ${change.name} ${change.type}`;
  await using operator = await simulatedOperator(
    {},
    {
      openDnsZone: () => ({
        read: async () => [...records.values()],
        apply: async (changes) => {
          applied.push(...changes.map(text));
          for (const change of changes) {
            if (change.kind === 'set')
              records.set(change.record.name, { ...change.record, type: 'A', values: [...change.record.values] });
            else records.delete(change.name);
          }
        },
        test: async () => undefined,
      }),
    },
  );
  const secret = aSecret(DNS_SECRET, { apiKey: 'key' });
  operator.fake.kube.seed(resources.secret, { ...secret, data: { apiKey: Buffer.from('key').toString('base64') } });
  operator.fake.kube.seed(resources.dnsZone, aZone('example.com', 'https://dns.example.com'));
  operator.declare('web-1');
  await operator.passes();
  expect(applied).toEqual(['set customer-1-web-1.example.com A']);
  await request(operator, 'Reinstall', REINSTALL);
  await operator.passes();
  expect(applied.slice(1)).toEqual(['delete customer-1-web-1.example.com A', 'set customer-1-web-1.example.com A']);
});

describe('a lock that Proxmox VE holds', () => {
  test('is waited for and named, and nothing is touched until it is gone', async () => {
    await using operator = await deployed();
    operator.sim.setLock(2000, 'backup');
    const before = operator.writes().length;
    const name = await request(operator, 'Reinstall', REINSTALL);
    await operator.pass();
    await operator.fake.clock.advance(5_000);
    await operator.pass();
    const locked = operator.vm()?.status?.conditions?.find(({ type }) => type === 'Locked');
    expect(locked).toMatchObject({ status: 'True', reason: 'WaitingForLock' });
    expect(locked?.message).toContain('"backup"');
    expect(operator.vm()?.status?.state).toBe('reinstall');
    expect(operator.writes().length).toBe(before);
    operator.sim.setLock(2000, null);
    await operator.passes();
    expect(endOf(operator, name)).toMatchObject({ result: 'Succeeded' });
    expect(operator.vm()?.status?.conditions?.map(({ type }) => type)).not.toContain('Locked');
  });
});
