// Taking away: what is asked for, in which order, and what stays when something in the way says no.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aFacts, anOwner, anOwnVm, aStatus, VMID } from '../../test/builders/facts.ts';
import { type RecordedHands, recordedHands, UPID } from '../../test/builders/recorded-hands.ts';
import { createFakeContext, type FakeContext } from '../../test/fakes/context.ts';
import { aSecret, aZone, DNS_SECRET } from '../../test/builders/objects.ts';
import { resources } from '../api/resources.ts';
import type { DnsChange } from '../dns/provider.ts';
import { DnsError } from '../dns/provider.ts';
import type { AddressChoice } from '../machine/vocabulary.ts';
import { perform } from './perform.ts';

const OURS = { node: 'pve1', vmid: VMID };

let fake: FakeContext;
let hands: RecordedHands;
let applied: string[];
let dnsFails: boolean;

beforeEach(() => {
  applied = [];
  dnsFails = false;
  fake = createFakeContext({
    openDnsZone: () => ({
      read: async (keys) =>
        keys.map(({ name, type }) => ({ name, type, ttlSeconds: 300, values: ['192.0.2.10', '192.0.2.11'] })),
      apply: async (changes) => {
        if (dnsFails) throw new DnsError('unreachable', 'It does not answer.');
        applied.push(...changes.map(text));
      },
      test: async () => undefined,
    }),
  });
  hands = recordedHands(fake);
});
afterEach(() => fake[Symbol.asyncDispose]());

function text(change: DnsChange): string {
  return change.kind === 'set' ? `set ${change.record.values.join()}` : `delete ${change.type}`;
}

describe('calls to Proxmox VE', () => {
  const facts = () => aFacts({ observed: anOwnVm({}, { digest: 'seen' }) });

  test('a disk is destroyed under the digest in which its volume was seen', async () => {
    const action = { kind: 'destroyDisk', disk: 'scsi1', volume: 'local:2000/d.raw' } as const;
    expect(await perform(hands, action, facts())).toEqual({ kind: 'task', upid: UPID });
    expect(hands.calls).toEqual([
      ['updateConfig', OURS, { set: {}, delete: ['scsi1'], destroyVolumes: true, digest: 'seen' }],
    ]);
  });

  test('a disk that went at once has no task', async () => {
    hands.answer = () => null;
    const action = { kind: 'destroyDisk', disk: 'scsi1', volume: 'local:2000/d.raw' } as const;
    expect(await perform(hands, action, facts())).toEqual({ kind: 'done' });
  });

  test.each([
    { action: { kind: 'deleteSnapshot', name: 'weekly' } as const, want: ['deleteSnapshot', OURS, 'weekly'] },
    { action: { kind: 'destroy' } as const, want: ['destroy', OURS, { purge: true }] },
  ])('$action.kind', async ({ action, want }) => {
    expect(await perform(hands, action, facts())).toEqual({ kind: 'task', upid: UPID });
    expect(hands.calls).toEqual([want]);
    await expect(perform(hands, action, aFacts({ observed: { kind: 'absent' } }))).rejects.toThrow('stamp');
  });
});

describe('addresses that are given back', () => {
  const choice = (address: string, order: number): AddressChoice => ({
    poolName: 'ipv4',
    bridge: 'vmbr0',
    vlan: 0,
    address,
    family: 'IPv4',
    prefixLength: 24,
    order,
  });
  const shown = (address: string, primary: boolean) => ({ address, prefixLength: 24, primary });
  const held = () => fake.kube.objects(resources.ipAddressReservation).map(({ spec }) => spec.address);
  const release = () =>
    perform(
      hands,
      { kind: 'releaseAddresses', addresses: ['192.0.2.11'] },
      aFacts({ status: aStatus({ addresses: [shown('192.0.2.10', true), shown('192.0.2.11', false)] }) }),
    );

  beforeEach(async () => {
    await hands.allocations.reserveAddresses(anOwner(), 'lab', [choice('192.0.2.10', 0), choice('192.0.2.11', 1)]);
  });

  test('leave the status and the pool; the others stay', async () => {
    expect(await release()).toMatchObject({ kind: 'done', status: { addresses: [shown('192.0.2.10', true)] } });
    expect(held()).toEqual(['192.0.2.10']);
  });

  test('have left the records before they can be given to another VM', async () => {
    zone();
    const order: string[] = [];
    fake.kube.onWrite(({ verb, type, phase }) => {
      if (verb === 'delete' && type === 'ipaddressreservations' && phase === 'before')
        order.push(...applied, 'released');
    });
    await release();
    expect(order).toEqual(['set 192.0.2.10', 'released']);
  });

  test('are given back although the records cannot be changed', async () => {
    zone();
    dnsFails = true;
    const result = await release();
    expect(held()).toEqual(['192.0.2.10']);
    expect(result).toMatchObject({ status: { dns: { zones: [{ ok: false }] } } });
  });

  test('that are gone already are no trouble', async () => {
    await release();
    expect(await release()).toMatchObject({ kind: 'done' });
  });
});

describe('records', () => {
  const withdraw = () =>
    perform(
      hands,
      { kind: 'withdrawDns' },
      aFacts({ status: aStatus({ addresses: [{ address: '192.0.2.10', prefixLength: 24, primary: true }] }) }),
    );

  test('are withdrawn, and that is remembered', async () => {
    zone();
    expect(await withdraw()).toMatchObject({ kind: 'done', status: { dns: { withdrawn: true, zones: [] } } });
    expect(applied).not.toEqual([]);
    expect(fake.events).toEqual([]);
  });

  test('that cannot be withdrawn hold nothing up, and are told', async () => {
    zone();
    dnsFails = true;
    expect(await withdraw()).toMatchObject({ kind: 'done', status: { dns: { withdrawn: true } } });
    expect(fake.events).toMatchObject([
      { type: 'Warning', reason: 'LeftBehind', message: expect.stringContaining('example.com') },
    ]);
  });
});

function zone(): void {
  const { metadata } = aSecret(DNS_SECRET, {});
  fake.kube.seed(resources.secret, { metadata, data: { apiKey: Buffer.from('key').toString('base64') } });
  fake.kube.seed(resources.dnsZone, aZone('example.com', 'https://dns.example.com'));
}
