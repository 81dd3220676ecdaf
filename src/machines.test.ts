// The lists as the manual has them: every word of it is reached, in its order, and everything that can be asked for is carried out.
import { describe, expect, test } from 'vitest';
import { OPERATION_STATES, STATES, TERMINATE_STATES } from './api/states.ts';
import { OPERATION_TYPES } from './api/virtual-machine-operation.ts';
import {
  changePackage,
  deploy,
  machineNamed,
  MACHINES,
  OPERATION_MACHINES,
  redeploy,
  reinstall,
  setDnsRecords,
  terminate,
} from './machines.ts';
import type { Machine } from './machine/vocabulary.ts';

const words = ({ initial, entries }: Machine): string[] => [initial, ...entries.map(({ state }) => state)];
const steps = ({ entries }: Machine): string[] => entries.map(({ step }) => step.id);

describe('the words of the manual', () => {
  test('deploy', () => {
    expect(words(deploy).join(' → ')).toBe(
      'creation → set_ip → clone → set_dns → migrated → set_cpu_ram → set_system_disk_size → set_system_disk_bandwidth → ' +
        'set_created_additional_disk → set_additional_disk_size → set_additional_disk_bandwidth → set_network → ' +
        'set_firewall → set_cloudinit → starting → ready',
    );
  });

  test('change package', () => {
    expect(words(changePackage).join(' → ')).toBe(
      'change_package → cp_update_ip → cp_stop → cp_cpu_ram → cp_system_disk_size → cp_system_disk_bandwidth → ' +
        'cp_additional_disk → cp_additional_disk_size → cp_additional_disk_bandwidth → cp_network → cp_firewall → ' +
        'cp_start → ready',
    );
  });

  test('terminate, and where its failure leaves the VM', () => {
    expect([...new Set(words(terminate)), terminate.failedState]).toEqual([...TERMINATE_STATES]);
  });

  test.each([
    { machine: reinstall, prefix: 'reinstall', after: words(deploy).slice(1) },
    { machine: redeploy, prefix: 'creation', after: words(deploy).slice(1) },
    { machine: setDnsRecords, prefix: 'set_dns_records', after: ['ready'] },
  ])('$machine.name begins with its own word and ends in ready', ({ machine, prefix, after }) => {
    const reached = words(machine);
    expect(reached.slice(reached.lastIndexOf(prefix) + 1)).toEqual(after);
    expect(new Set(reached.slice(0, reached.lastIndexOf(prefix) + 1))).toEqual(new Set([prefix]));
  });

  test('every word is reached by a machine, and no other is', () => {
    const reached = new Set(MACHINES.flatMap((machine) => [...words(machine), machine.failedState ?? machine.initial]));
    expect([...reached].sort()).toEqual([...STATES].sort());
    expect(OPERATION_STATES.every((word) => reached.has(word))).toBe(true);
  });
});

describe('operations', () => {
  /** They change what the object says of itself, or are looked after elsewhere. */
  const WITHOUT_MACHINE = ['ResetStatus', 'RetryTerminate', 'Adopt'];

  test('every type has its machine, unless it changes the object alone', () => {
    expect([...Object.keys(OPERATION_MACHINES), ...WITHOUT_MACHINE].sort()).toEqual([...OPERATION_TYPES].sort());
  });

  test.each(
    Object.entries(OPERATION_MACHINES).map(([type, machine]) => ({
      type,
      machine,
      rests: machine.abandonable === true,
    })),
  )('$type leaves the state alone or ends in ready', ({ machine }) => {
    expect(machine.entries.length).toBeGreaterThan(0);
    expect(machine.entries.at(-1)?.state).toBe('ready');
  });

  test('only machines that leave nothing half made are given up', () => {
    const given = MACHINES.filter(({ abandonable }) => abandonable).flatMap((machine) => machine.entries);
    expect(given.filter(({ step }) => step.undoes === true)).toEqual([]);
    expect([deploy, changePackage, terminate, reinstall, redeploy].some(({ abandonable }) => abandonable)).toBe(false);
  });
});

describe('what each machine is made of', () => {
  test.each(MACHINES)('$name has each step once, and is found by its name', (machine) => {
    expect(new Set(steps(machine)).size).toBe(machine.entries.length);
    expect(machineNamed(machine.name)).toBe(machine);
  });

  test('no two have one name, which is what the status keeps', () => {
    expect(new Set(MACHINES.map(({ name }) => name)).size).toBe(MACHINES.length);
    expect(machineNamed('unheard_of')).toBeUndefined();
    expect(machineNamed(undefined)).toBeUndefined();
  });

  test('a stop only if needed comes before everything that may need it', () => {
    const order = steps(changePackage);
    const stop = order.indexOf('stop-if-needed');
    expect(order.slice(0, stop)).toEqual(['recount-addresses']);
    expect(order.indexOf('start-vm')).toBeGreaterThan(order.indexOf('set-firewall'));
  });

  test('records and backups go before the machine, reservations after it is proven gone', () => {
    expect(steps(terminate)).toEqual([
      'stop-for-deletion',
      'remove-backups',
      'withdraw-dns',
      'destroy-vm',
      'release-reservations',
    ]);
  });

  test('a reinstallation keeps reservations and backups; a deployment anew gives the reservations back', () => {
    expect(steps(reinstall)).not.toContain('release-reservations');
    expect(steps(reinstall)).not.toContain('remove-backups');
    expect(steps(redeploy)).toContain('release-reservations');
  });

  test('a new password is in the Secret before the clone, and in cloud-init before the guest is told', () => {
    expect(steps(reinstall).indexOf('renew-password')).toBe(steps(reinstall).indexOf('destroy-vm') + 1);
    expect(steps(OPERATION_MACHINES.ResetPassword)).toEqual([
      'renew-password',
      'set-password-line',
      'set-guest-password',
    ]);
  });
});
