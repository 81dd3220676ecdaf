// Good and bad values of a parameter, made from its official description: input of the generated tests.
import type { OfficialParameter } from './official.ts';

/** A value that must be refused, and the text when the description tells it. */
interface BadValue {
  value: string;
  complaint?: string;
}

/** Values to try. */
export interface Samples {
  good: readonly string[];
  bad: readonly BadValue[];
}

const unknownKey = 'property is not defined in schema and the schema does not allow additional properties';
const missing = 'property is missing and it is not optional';

/** Values by named format; what the schema does not spell out is known from Proxmox's behaviour. */
const formatSamples: Readonly<Record<string, readonly [good: readonly string[], bad: readonly string[]]>> = {
  CIDR: [
    ['10.0.0.0/8', '2001:db8::/32'],
    ['10.0.0.0', '10.0.0.0/33', 'x/24'],
  ],
  IPorCIDR: [
    ['10.0.0.1', '10.0.0.0/24', '2001:db8::1'],
    ['10.0.0.300', '10.0.0.1/33', 'an alias'],
  ],
  IPorCIDRorAlias: [
    ['10.0.0.1', '10.0.0.0/24', 'guest/office'],
    ['10.0.0.300', '10.0.0.1/33'],
  ],
  'address-list': [['1.1.1.1', '2001:db8::1', 'dns.example', '1.1.1.1 9.9.9.9'], ['a_b']],
  'backup-fleecing': [
    ['1', 'enabled=1,storage=local'],
    ['enabled=maybe', 'enabled=1,nope=1'],
  ],
  'backup-performance': [['max-workers=16'], ['max-workers=257', 'max-workers=0', 'nope=1']],
  'disk-size': [
    ['5', '5K', '32G', '1.5T'],
    ['abc', '5g', '-1'],
  ],
  'dns-name': [
    ['a', 'web-1.example'],
    ['a_b', 'a..b', '-a', 'a.'],
  ],
  'email-opt': [['', 'a@example.com'], ['not an address']],
  'email-or-username-list': [['root', 'a@example.com,root'], ['not@an@address']],
  'mac-addr': [['BC:24:11:00:00:01'], ['01:00:00:00:00:01', 'BC:24:11', 'x']],
  'mac-prefix': [
    ['BC:24:11', 'BC'],
    ['01:00:00', 'x'],
  ],
  'prune-backups': [
    ['keep-last=3', 'keep-all=1', 'keep-daily=7,keep-weekly=4'],
    ['keep-all=1,keep-last=2', 'keep-foo=1', 'bad', 'keep-last=x'],
  ],
  'pve-bridge-id': [['vmbr0', 'lan.1'], ['a/b']],
  'pve-calendar-event': [
    ['daily', '21:00', 'mon..fri 02:30', '*/15', 'sat,sun 1:00'],
    ['nonsense', ''],
  ],
  'pve-configid': [
    ['ab', 'a-b_1'],
    ['1bad', 'a', 'a b', 'a.b'],
  ],
  'pve-configid-list': [['ab', 'ab,cd'], ['ab,1cd']],
  'pve-cpuset': [
    ['0', '0,2-3'],
    ['x', '3-1'],
  ],
  'pve-day-of-week-list': [['mon', 'mon,tue'], ['monday']],
  'pve-fw-addr-spec': [
    ['10.0.0.1', '10.0.0.0/24,10.1.0.0/24', '+management', 'office', '10.0.0.1-10.0.0.9'],
    ['10.0.0.300', '10.0.0.0/24,2001:db8::/32'],
  ],
  'pve-fw-dport-spec': [['22', '80:90', 'ssh,443'], ['99999']],
  'pve-fw-icmp-type-spec': [['echo-request', '8'], ['bad']],
  'pve-fw-protocol-spec': [['tcp', 'udp', '6'], ['nope']],
  'pve-fw-sport-spec': [['22', '80:90'], ['99999']],
  'pve-ha-node-list': [['pve1', 'pve1:2,pve2'], ['a b:x']],
  'pve-ha-resource-id-list': [['vm:100', 'vm:100,vm:101'], ['100']],
  'pve-ha-resource-or-vm-id': [['vm:100', '100'], ['web']],
  'pve-hotplug-features': [['0', '1', 'network,disk', 'cloudinit'], ['foo']],
  'pve-iface': [['net0', 'eth0.5'], ['0net']],
  'pve-node': [
    ['pve1', 'node-7'],
    ['a_b', 'pve.1'],
  ],
  'pve-poolid': [
    ['customers', 'customers/a'],
    ['no such', 'a/b/c/d'],
  ],
  'pve-priv-list': [['VM.Audit', 'VM.Audit,Sys.Audit'], ['everything']],
  'pve-qemu-sev-fmt': [
    ['std', 'type=snp,no-debug=1'],
    ['nope', 'no-debug=1'],
  ],
  'pve-qemu-tdx-fmt': [['tdx'], ['nope']],
  'pve-qm-boot': [
    ['order=scsi0;net0', 'order=scsi0', 'cdn', 'legacy=c'],
    ['order=', 'order=scsi0,net0', 'order=foo', 'xyz'],
  ],
  'pve-qm-bootdisk': [
    ['scsi0', 'ide2'],
    ['foo', 'ide4'],
  ],
  'pve-qm-cicustom': [
    ['user=local:snippets/a.yaml', 'meta=local:snippets/m'],
    ['user=/etc/passwd', 'nope=1'],
  ],
  'pve-qm-hostpci': [
    ['0000:01:00.0', '01:00', 'mapping=gpu,pcie=1'],
    ['zz', '01:00,pcie=maybe'],
  ],
  'pve-qm-ide': [
    ['none', 'local:iso/a.iso,media=cdrom'],
    ['nodisk', 'none,nope=1'],
  ],
  'pve-qm-ipconfig': [
    ['ip=dhcp', 'ip=10.0.0.5/24,gw=10.0.0.1', 'ip6=auto', 'ip6=2001:db8::5/64,gw6=2001:db8::1'],
    ['ip=10.0.0.5', 'ip=10.0.0.5/33', 'ip=10.0.0.5/7', 'gw=10.0.0.1', 'ip=10.0.0.5/24,gw=bad', 'ip6=2001:db8::5'],
  ],
  'pve-qm-rng': [
    ['/dev/urandom', 'source=/dev/hwrng,max_bytes=1024'],
    ['/dev/null', 'max_bytes=1'],
  ],
  'pve-qm-smbios1': [
    ['uuid=00000000-0000-0000-0000-000000000001', 'product=QUJD,base64=1'],
    ['uuid=1', 'nope=1'],
  ],
  'pve-qm-watchdog': [
    ['i6300esb', 'model=ib700,action=reset'],
    ['nope', 'ib700,action=nope'],
  ],
  'pve-realm': [['pam', 'pve'], ['1']],
  'pve-startup-order': [
    ['1', 'order=1,up=30,down=60', 'up=5'],
    ['foo', 'order=x'],
  ],
  'pve-storage-content': [['images', 'backup'], ['bad']],
  'pve-storage-content-list': [['images', 'images,iso'], ['images,bad']],
  'pve-storage-id': [
    ['local', 'local-zfs'],
    ['x', 'a b', '1a'],
  ],
  'pve-storage-id-list': [['local', 'local,shared'], ['local,x']],
  'pve-tag-list': [
    ['a', 'a;b', 'a,b', ''],
    ['a b!', '-a'],
  ],
  'pve-task-status-type-list': [['ok', 'ok,error'], ['nope']],
  'pve-vm-cpu-conf': [
    ['host', 'x86-64-v2-AES,flags=+aes', 'custom-own', 'cputype=kvm64'],
    ['nosuchcpu', 'host,nope=1', 'host,hidden=maybe'],
  ],
  'pve-vmid': [
    ['100', '999999999'],
    ['99', '1000000000', 'abc', '0100'],
  ],
  'pve-vmid-list': [['100', '100,101'], ['100,x']],
  'pve-volume-id': [['local:snippets/a.yaml'], ['nocolon', '/etc/passwd']],
  'pve-volume-id-or-absolute-path': [['local:100/vm-100-disk-0.qcow2', '/var/lib/image.raw'], ['nodisk']],
  'pve-volume-id-or-qm-path': [['local:8', 'none', 'cdrom', '/dev/sda'], ['nodisk']],
  'storage-pair-list': [
    ['local', '1', 'local:shared', 'local:shared,lvm:shared'],
    ['a:b', 'x'],
  ],
  urlencoded: [['ssh-ed25519%20AAAA'], ['ssh-ed25519 AAAA', 'a+b']],
};

/** Values by pattern, as far as no shorter one would do. */
const patternSamples: readonly [fits: RegExp, good: readonly string[], bad: readonly string[]][] = [
  [/^\(\?\^:\^\(\?\^:\[\^\\s/, ['root@pam', 'op@pve!k8s'], ['root', 'a b@pam']],
  [/^http:/, ['http://proxy:3128'], ['proxy:3128']],
  [/0-9a-fA-F\]\{6\}/, ['tag:00ff00', 'a:000000:ffffff;b:111111'], ['tag:00ff']],
  [/^\(\?\^i:\[a-z0-9_\]/, ['a', 'A;b'], ['-a', 'a b']],
  [/^\(\?:\(\?\^i:/, ['a', 'A;b'], ['-a', 'a b']],
  [/second\|minute/, ['1/second', '60/hour'], ['0/second', '1/week', '1']],
  [/^\\d\{1,2\}:/, ['21:00', '7:5'], ['21', '121:00']],
  [/^\\S\+$/, ['job-1'], ['a b']],
  [/^\\d\+\[MG\]\?$/, ['512', '512M', '4G'], ['5g', '5GB', '-1']],
  [/^\\\+\?\\d/, ['5G', '+1G', '1.5T', '1024'], ['5g', '5GB', '-1G', '', '1 G']],
  [/\(0x\)\[0-9a-fA-F\]\{16\}/, ['0x500a0b8000000001'], ['500a0b8000000001', '0x5', '0x500a0b80000000011']],
  [/^\[a-zA-Z0-9\\-\]\+$/, ['share-1'], ['a b']],
  [/^\(pc\|/, ['q35', 'pc-i440fx-9.0', 'pc-q35-9.2+pve1'], ['q36', 'pc-q35']],
  [/^\(\?\^:\\d\+/, ['1', '1-4', '1-4;7'], ['x', '1-', '1;;2']],
  [/parport/, ['/dev/parport0', '/dev/usb/lp1'], ['/dev/tty', 'x/dev/parport0']],
  [/\\s\]\{,(?:8|16)\}$/, ['QEMU', 'a-b_c 1'], ['waytoolongforanything', 'a!']],
  [/^\(\/dev\/.*socket\)$/, ['socket', '/dev/ttyS0'], ['ttyS0', 'sockets']],
  [/^\(now\|/, ['now', '2026-01-31', '2026-01-31T12:00:00'], ['later', '2026-01']],
  [/Ss\]\[Pp/, ['046d:c52b', '1-2.3', 'spice'], ['046d', 'usb']],
  [/^\(\?:\[a-fA-F0-9\]\{8\}/, ['0', '1', '00000000-0000-0000-0000-000000000001'], ['2', 'x']],
  [/^net\\d/, ['net0=1500', 'net0=1500,net1=9000'], ['net0', 'eth0=1500']],
  [/^\[A-Za-z\]\[A-Za-z0-9\\-\\_\]\+$/, ['office', 'web-1'], ['1a', 'a b', 'a']],
];

/** What to try with a parameter of that name (as it is sent: `net0`, not `net[n]`). */
export function samplesOf(parameter: OfficialParameter, name: string): Samples {
  const { format } = parameter;
  if (typeof format === 'object') return propertyStrings(format, name);
  const chosen = knownSamples(parameter);
  const good = chosen.good.filter((value) => fitsLength(parameter, value));
  return { good, bad: [...chosen.bad, ...lengthSamples(parameter)] };
}

function fitsLength({ minLength = 0, maxLength = Infinity }: OfficialParameter, value: string): boolean {
  return value.length >= minLength && value.length <= maxLength;
}

function knownSamples(parameter: OfficialParameter): Samples {
  const { type, enum: values, pattern, format } = parameter;
  if (pattern !== undefined && format === undefined) return patterned(pattern);
  if (typeof format === 'string') return formatted(format);
  if (values !== undefined) return enumerated(values);
  if (type === 'boolean') return booleans;
  return type === 'integer' || type === 'number' ? numbers(parameter, type) : plain(type);
}

function plain(type: string | undefined): Samples {
  return { good: type === 'array' ? ['one'] : ['some text', '-', 'ümläut'], bad: [] };
}

const booleans: Samples = {
  good: ['0', '1'],
  bad: ['2', 'maybe', '-1'].map((value) => ({ value, complaint: typeText('boolean', value) })),
};

function typeText(type: string, value: string): string {
  return `type check ('${type}') failed - got '${value}'`;
}

function enumerated(values: readonly string[]): Samples {
  const text = `does not have a value in the enumeration '${values.join(', ')}'`;
  return { good: values, bad: ['nosuch', 'x1'].map((value) => ({ value, complaint: `value '${value}' ${text}` })) };
}

function formatted(format: string): Samples {
  const known = formatSamples[format];
  if (known === undefined) throw new Error(`no sample values for the format '${format}'`);
  return { good: known[0], bad: known[1].map((value) => ({ value })) };
}

function patterned(pattern: string): Samples {
  const known = patternSamples.find(([fits]) => fits.test(pattern));
  if (known === undefined) throw new Error(`no sample values for the pattern '${pattern}'`);
  const complaint = 'value does not match the regex pattern';
  return { good: known[1], bad: known[2].map((value) => ({ value, complaint })) };
}

function numbers(parameter: OfficialParameter, type: 'integer' | 'number'): Samples {
  const [min, max] = [parameter.minimum, parameter.maximum].map((bound) =>
    bound === undefined ? undefined : Number(bound),
  );
  const words = type === 'integer' ? ['x', '1.5', '1 2'] : ['x', '1,5x', '--1'];
  const low = min ?? Math.min(1, max ?? 1);
  const good = [low, max ?? low + 7].map(String);
  return {
    good: type === 'number' ? [...good, `${low + 0.5}`] : good,
    bad: [...words.map((value) => ({ value, complaint: typeText(type, value) })), ...beyond(min, max)],
  };
}

function beyond(min: number | undefined, max: number | undefined): BadValue[] {
  const bad: BadValue[] = [];
  if (min !== undefined) bad.push({ value: `${min - 1}`, complaint: `value must have a minimum value of ${min}` });
  if (max !== undefined) bad.push({ value: `${max + 1}`, complaint: `value must have a maximum value of ${max}` });
  return bad;
}

function lengthSamples({ minLength, maxLength, format, pattern, enum: values }: OfficialParameter): BadValue[] {
  const isFree = format === undefined && pattern === undefined && values === undefined;
  const bad: { value: string; complaint: string }[] = [];
  if (maxLength !== undefined)
    bad.push({ value: 'a'.repeat(maxLength + 1), complaint: `value may only be ${maxLength} characters long` });
  if (minLength !== undefined && minLength > 1)
    bad.push({ value: 'a'.repeat(minLength - 1), complaint: `value must be at least ${minLength} characters long` });
  return bad.map(({ value, complaint }) => (isFree ? { value, complaint } : { value }));
}

type Keys = Record<string, OfficialParameter>;

/** Every key once well, once badly; aliases, keys that need others, unknown, repeated and missing keys. */
function propertyStrings(keys: Keys, name: string): Samples {
  const names = Object.keys(keys);
  const good = names.flatMap((key) => goodStrings(keys, key));
  const bad = names.flatMap((key) => badStrings(keys, key, name));
  const base = printed(required(keys));
  const unknown = [base, 'no-such-key=1'].filter((part) => part !== '').join(',');
  return { good, bad: [...bad, { value: unknown, complaint: inside(name, 'no-such-key', unknownKey) }] };
}

function inside(name: string, key: string, complaint: string): string {
  return `invalid format - format error\n${name}.${key}: ${complaint}\n`;
}

/** The keys without which the string is refused. */
function required(keys: Keys, besides: readonly string[] = []): Record<string, string> {
  const needed = Object.entries(keys).filter(
    ([key, { optional, alias }]) => optional !== 1 && alias === undefined && !besides.includes(key),
  );
  return Object.fromEntries(needed.map(([key, definition]) => [key, firstGood(definition, key)]));
}

function firstGood(definition: OfficialParameter, key: string): string {
  return samplesOf(definition, key).good.find((value) => value !== '' && !value.includes(',')) ?? '';
}

function printed(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

/** What a key needs beside it. */
function company(keys: Keys, key: string): Record<string, string> {
  const { alias, keyAlias, requires } = keys[key] ?? {};
  const besides = [key, alias, keyAlias].filter((one) => one !== undefined);
  const needed = requires === undefined ? {} : { [requires]: firstGood(keys[requires] ?? {}, requires) };
  return { ...required(keys, besides), ...needed };
}

function goodStrings(keys: Keys, key: string): string[] {
  const definition = keys[key] ?? {};
  const meant = definition.alias === undefined ? definition : (keys[definition.alias] ?? {});
  const values = samplesOf(meant, key).good.filter((value) => value !== '' && !value.includes(','));
  const words = meant.type === 'boolean' ? ['on', 'no', 'TRUE'] : [];
  const others = company(keys, key);
  const strings = [...values, ...words].map((value) => printed({ ...others, [key]: value }));
  if (definition.default_key !== 1) return strings;
  return [...strings, [firstGood(definition, key), printed(others)].filter((part) => part !== '').join(',')];
}

function badStrings(keys: Keys, key: string, name: string): BadValue[] {
  const definition = keys[key] ?? {};
  if (definition.alias !== undefined) return [];
  const others = company(keys, key);
  const bad: BadValue[] = samplesOf(definition, key)
    .bad.filter(({ value }) => value !== '' && !/[,=]/.test(value))
    .map(({ value, complaint }) => ({
      value: printed({ ...others, [key]: value }),
      ...(complaint === undefined ? {} : { complaint: inside(name, key, complaint) }),
    }));
  const good = `${key}=${firstGood(definition, key)}`;
  bad.push({
    value: [printed(others), good, good].filter((part) => part !== '').join(','),
    complaint: `invalid format - duplicate key in comma-separated list property: ${key}\n`,
  });
  if (definition.optional !== 1) bad.push(...withoutKey(keys, key, name));
  if (definition.requires !== undefined)
    bad.push({
      value: printed({ ...required(keys), [key]: firstGood(definition, key) }),
      complaint: inside(name, definition.requires, `missing property required by '${name}.${key}'`),
    });
  return bad;
}

function withoutKey(keys: Keys, key: string, name: string): BadValue[] {
  const other = Object.keys(keys).find((one) => one !== key && keys[one]?.optional === 1);
  const rest = {
    ...required(keys, [key]),
    ...(other === undefined ? {} : { [other]: firstGood(keys[other] ?? {}, other) }),
  };
  const value = printed(rest);
  return value === '' ? [] : [{ value, complaint: inside(name, key, missing) }];
}
