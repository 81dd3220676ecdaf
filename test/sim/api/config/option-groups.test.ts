// Tests of what each VM option asks for and when it takes effect.
import { describe, expect, it } from 'vitest';
import { Vm } from '../../state/vm.ts';
import {
  isCloudInitOption,
  isFastOption,
  optionExists,
  requireDigest,
  requireUnlocked,
  shownValue,
} from './option-groups.ts';

describe('isFastOption', () => {
  // behaviours.md 5, "running VM": what is applied at once whatever else fails; the rest is hot-plugged or pending.
  const atOnce = [
    'name',
    'description',
    'onboot',
    'tags',
    'protection',
    'startup',
    'ciuser',
    'cipassword',
    'sshkeys',
    'nameserver',
    'searchdomain',
    'ciupgrade',
    'cicustom',
    'ipconfig0',
    'ipconfig31',
    'vmstatestorage',
  ];
  const later = ['cores', 'sockets', 'memory', 'cpu', 'ostype', 'boot', 'scsihw', 'agent', 'net0', 'scsi0', 'ide2'];
  it.each(atOnce)('%s', (option) => {
    expect(isFastOption(option)).toBe(true);
  });
  it.each([...later, 'ipconfig', 'cpulimit'])('not %s', (option) => {
    expect(isFastOption(option)).toBe(false);
  });
});

describe('isCloudInitOption', () => {
  it.each([
    'ciuser',
    'cipassword',
    'sshkeys',
    'nameserver',
    'searchdomain',
    'cicustom',
    'citype',
    'ciupgrade',
    'ipconfig3',
  ])('%s', (option) => {
    expect(isCloudInitOption(option)).toBe(true);
  });
  it.each(['name', 'net0', 'ide2', 'description'])('not %s', (option) => {
    expect(isCloudInitOption(option)).toBe(false);
  });
});

describe('optionExists', () => {
  it.each(['cores', 'scsi30', 'virtio15', 'sata5', 'ide3', 'net31', 'unused255', 'ipconfig31', 'hookscript', 'lock'])(
    '%s',
    (option) => {
      expect(optionExists(option)).toBe(true);
    },
  );
  // config-unknown-property; `cdrom` is only another name.
  it.each(['scsi31', 'net32', 'unused256', 'bogus', 'digest', 'cdrom', ''])('not %s', (option) => {
    expect(optionExists(option)).toBe(false);
  });
});

describe('shownValue', () => {
  // Observed 16: numbers where the schema has integers and booleans, text elsewhere.
  const rows: { option: string; value: string; want: string | number }[] = [
    { option: 'cores', value: '4', want: 4 },
    { option: 'onboot', value: '1', want: 1 },
    { option: 'balloon', value: '0', want: 0 },
    { option: 'memory', value: '4096', want: '4096' },
    { option: 'agent', value: '1', want: '1' },
    { option: 'cpulimit', value: '1.5', want: '1.5' },
    { option: 'cpuunits', value: '200', want: 200 },
    { option: 'snaptime', value: '1795326675', want: 1795326675 },
    { option: 'cipassword', value: '$5$secret', want: '**********' },
    { option: 'name', value: '42', want: '42' },
    { option: 'runningmachine', value: 'pc-i440fx-11.1', want: 'pc-i440fx-11.1' },
  ];
  it.each(rows)('$option', ({ option, value, want }) => {
    expect(shownValue(option, value)).toBe(want);
  });
});

describe('requireUnlocked', () => {
  const locks = [
    'backup',
    'clone',
    'create',
    'migrate',
    'rollback',
    'snapshot',
    'snapshot-delete',
    'suspending',
    'suspended',
  ];
  it.each(locks)('refuses a VM with the lock %s (behaviours.md 4)', (lock) => {
    expect(() => requireUnlocked(new Vm(100, 'pve1', { lock }))).toThrow(`VM is locked (${lock})`);
  });

  it('takes one without', () => {
    expect(() => requireUnlocked(new Vm(100, 'pve1', {}))).not.toThrow();
  });
});

describe('requireDigest', () => {
  const vm = new Vm(100, 'pve1', { name: 'a' });
  const rows: { name: string; digest: unknown; ok: boolean }[] = [
    { name: 'its own', digest: vm.digest, ok: true },
    { name: 'none', digest: undefined, ok: true },
    { name: 'an empty one', digest: '', ok: true },
    { name: 'another', digest: '0'.repeat(40), ok: false },
    { name: 'a short one (config-digest-mismatch)', digest: 'abc', ok: false },
  ];
  it.each(rows)('$name: $ok', ({ digest, ok }) => {
    const check = (): void => requireDigest(vm, digest);
    if (ok) expect(check).not.toThrow();
    else expect(check).toThrow('checksum mismatch (file change by other user?)');
  });
});
