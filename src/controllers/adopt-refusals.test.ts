// What cannot be adopted: each is refused with a reason, and nothing is written to Proxmox VE.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { asked, aStranger, declarePaused, STRANGER } from '../../test/builders/adoption.ts';
import { type SimulatedOperator, simulatedOperator } from '../../test/builders/simulated-operator.ts';
import type { VirtualMachine } from '../api/virtual-machine.ts';
import type { Adoption } from '../domain/adoption.ts';
import { printStamp } from '../pve/stamp.ts';

const OLD_UID = '0d1e2f3a-0000-4000-8000-00000000000a';

let operator: SimulatedOperator;
beforeEach(async () => {
  operator = await simulatedOperator({ cpuCores: 2, memoryGiB: 2 });
});
afterEach(() => operator[Symbol.asyncDispose]());

const isReady = (vm: VirtualMachine | undefined) => vm?.status?.state === 'ready' && vm.status.operation === undefined;
const writesSince = (count: number) => operator.writes().slice(count);

describe('what is refused', () => {
  const stamped = (uid: string) => printStamp({ uid, vmid: STRANGER });
  const rows: { name: string; options?: Record<string, string>; adopt?: Partial<Adoption>; want: string }[] = [
    { name: 'a VM that is not there', adopt: { vmid: 4711 }, want: 'VirtualMachineMissing' },
    { name: 'a template', adopt: { vmid: 9000 }, want: 'NotAdoptable' },
    { name: 'the stamp of another object', options: { description: stamped(OLD_UID) }, want: 'IdentityMismatch' },
    {
      name: 'the stamp of an object that previousUID does not name',
      options: { description: stamped(OLD_UID) },
      adopt: { previousUID: '0d1e2f3a-0000-4000-8000-00000000000b' },
      want: 'IdentityMismatch',
    },
    {
      name: 'two stamps that differ',
      options: { description: `${stamped(OLD_UID)}\n${stamped('0d1e2f3a-0000-4000-8000-00000000000b')}` },
      adopt: { previousUID: OLD_UID },
      want: 'IdentityMismatch',
    },
    { name: 'no stamp where one is expected', adopt: { previousUID: OLD_UID }, want: 'IdentityMismatch' },
    { name: 'a VM without a disk to boot from', options: { scsi0: 'none,media=cdrom' }, want: 'NotAdoptable' },
  ];
  test.each(rows)('$name', async ({ options, adopt, want }) => {
    aStranger(operator, options);
    declarePaused(operator);
    const before = operator.writes().length;
    expect(await asked(operator, { mode: 'Observe', ...adopt })).toMatchObject({ result: 'Failed', reason: want });
    expect(writesSince(before)).toEqual([]);
  });

  test('a VM whose address is reserved for another', async () => {
    operator.declare('web-2');
    await operator.passes('web-2', isReady);
    aStranger(operator, { ipconfig0: 'ip=192.0.2.10/24' });
    declarePaused(operator);
    const entry = await asked(operator, { mode: 'Observe' });
    expect(entry).toMatchObject({ result: 'Failed', reason: 'IdentityMismatch' });
    expect(entry?.message).toContain('192.0.2.10');
  });

  test('a second VM for an object that has one', async () => {
    aStranger(operator);
    operator.declare('web-1');
    await operator.passes('web-1', isReady);
    expect(await asked(operator, { mode: 'Observe' })).toMatchObject({ result: 'Failed', reason: 'NotAdoptable' });
  });

  test('a plan that does not exist', async () => {
    aStranger(operator);
    declarePaused(operator, 'web-1', { planRef: { name: 'nothing' } });
    expect(await asked(operator, { mode: 'Observe' })).toMatchObject({ result: 'Failed', reason: 'PlanNotFound' });
  });

  test('a token that may not see the VM', async () => {
    aStranger(operator);
    declarePaused(operator);
    operator.sim.faults.add({
      match: { method: 'GET', path: /\/300\/config$/ },
      when: 'before',
      effect: { status: 403, reason: 'Permission check failed (/vms/300, VM.Audit)' },
      times: 5,
    });
    expect(await asked(operator, { mode: 'Observe' })).toMatchObject({ result: 'Failed', reason: 'Forbidden' });
  });
});
