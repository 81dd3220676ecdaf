// Tests for the parameters of calls, against the official API schema where it is at hand.
import { describe, expect, it } from 'vitest';
import {
  INDEXED_OPTIONS,
  isConfigKey,
  isDrive,
  isIndexedOption,
  PARAMETERS,
  printConfigSet,
  printParameters,
  PveParameterError,
  type Call,
  type ParametersOf,
} from './parameters.ts';
import { readShared, recordingsMissing } from './testing/recorded.ts';

const clone = 'POST /nodes/{node}/qemu/{vmid}/clone';

describe('printParameters', () => {
  it('writes booleans as 1 and 0 and leaves out what is undefined', () => {
    expect(printParameters(clone, { newid: 401, full: true, name: 'web-1', storage: undefined })).toEqual({
      newid: '401',
      full: '1',
      name: 'web-1',
    });
    expect(printParameters(clone, { newid: 401, full: false })).toMatchObject({ full: '0' });
  });

  const bad: { name: string; values: Record<string, unknown>; parameter: string }[] = [
    { name: 'an unknown parameter', values: { newid: 401, tags: 'a' }, parameter: 'tags' },
    { name: 'a name from the prototype', values: { newid: 401, toString: 'a' }, parameter: 'toString' },
    { name: 'a missing one', values: { name: 'a' }, parameter: 'newid' },
    { name: 'a VMID too small', values: { newid: 99 }, parameter: 'newid' },
    { name: 'a VMID too large', values: { newid: 1_000_000_000 }, parameter: 'newid' },
    { name: 'a fraction', values: { newid: 400.5 }, parameter: 'newid' },
    { name: 'no number', values: { newid: 'x' }, parameter: 'newid' },
    { name: 'no boolean', values: { newid: 401, full: 'yes' }, parameter: 'full' },
    { name: 'a word that is no choice', values: { newid: 401, format: 'iso' }, parameter: 'format' },
    { name: 'a line break', values: { newid: 401, name: 'a\nargs: -x' }, parameter: 'name' },
    { name: 'nothing', values: { newid: 401, name: '' }, parameter: 'name' },
    { name: 'half a character', values: { newid: 401, name: '\ud800' }, parameter: 'name' },
  ];
  it.each(bad)('refuses $name', ({ values, parameter }) => {
    const print = (): unknown => printParameters(clone, values as ParametersOf<typeof clone>);
    expect(print).toThrow(PveParameterError);
    expect(print).toThrow(expect.objectContaining({ parameter, code: 'PVE_PARAMETER' }));
  });

  it('takes line breaks in a description only', () => {
    expect(printParameters(clone, { newid: 401, description: 'a\r\n\tb' }).description).toBe('a\r\n\tb');
    expect(() => printParameters(clone, { newid: 401, description: 'a\0b' })).toThrow(PveParameterError);
  });

  it.each([
    { name: 'the shortest', password: 'x'.repeat(5), fits: true },
    { name: 'too short a one', password: 'x'.repeat(4), fits: false },
    { name: 'the longest', password: 'x'.repeat(1024), fits: true },
    { name: 'too long a one', password: 'x'.repeat(1025), fits: false },
    { name: 'the longest, of characters with two halves', password: '\u{1f511}'.repeat(1024), fits: true },
    { name: 'too short a one of them', password: '\u{1f511}'.repeat(4), fits: false },
  ])('counts the characters of a password: $name', ({ password, fits }) => {
    const print = (): unknown =>
      printParameters('POST /nodes/{node}/qemu/{vmid}/agent/set-user-password', { username: 'root', password });
    if (fits) expect(print()).toMatchObject({ password });
    else expect(print).toThrow(PveParameterError);
  });

  it('does not repeat the password that it refuses', () => {
    const print = (): unknown =>
      printParameters('POST /nodes/{node}/qemu/{vmid}/agent/set-user-password', {
        username: 'root',
        password: 'a\tb-c',
      });
    expect(print).toThrow(/^(?!.*b-c)/s);
    expect(print).toThrow(PveParameterError);
  });

  it.each(['1', '+1G', '10G', '1.5T'])('takes the size %s', (size) => {
    expect(printParameters('PUT /nodes/{node}/qemu/{vmid}/resize', { disk: 'scsi0', size }).size).toBe(size);
  });

  it.each(['G', '10GB', '-1G'])('refuses the size %s', (size) => {
    expect(() => printParameters('PUT /nodes/{node}/qemu/{vmid}/resize', { disk: 'scsi0', size })).toThrow(
      PveParameterError,
    );
  });

  it('does not compile with a wrong parameter', () => {
    // @ts-expect-error a clone has no tags
    expect(() => printParameters(clone, { newid: 401, tags: 'a' })).toThrow();
    // @ts-expect-error newid is needed
    expect(() => printParameters(clone, { name: 'a' })).toThrow();
  });
});

describe('printConfigSet', () => {
  it('takes numbered options as text and the others by their kind', () => {
    expect(
      printConfigSet({ cores: 2, memory: '512', onboot: true, scsi1: 'l:1', net31: 'virtio', cpulimit: 0.5 }),
    ).toEqual({
      cores: '2',
      memory: '512',
      onboot: '1',
      scsi1: 'l:1',
      net31: 'virtio',
      cpulimit: '0.5',
    });
  });

  const bad: Record<string, string | number>[] = [
    { scsi31: 'x' },
    { net32: 'x' },
    { net01: 'x' },
    { ide4: 'x' },
    { 'cpu cores': 1 },
    { Cores: 1 },
    { args: '-x' },
    { lock: 'backup' },
    { skiplock: 1 },
    { cores: 0 },
    { memory: 15 },
    { cpulimit: 129 },
    { bios: 'efi' },
    { scsi0: 'a\nargs: b' },
    { description: 'x'.repeat(8193) },
  ];
  it.each(bad)('refuses %j', (set) => {
    expect(() => printConfigSet(set)).toThrow(PveParameterError);
  });

  it('does not compile with an unknown option', () => {
    // @ts-expect-error the option is called cores
    expect(() => printConfigSet({ core: 2 })).toThrow(PveParameterError);
  });

  it('knows the drives among them', () => {
    expect(['scsi0', 'virtio15', 'ide3', 'sata5', 'unused255'].every(isDrive)).toBe(true);
    expect(['net0', 'scsi31', 'scsi', 'ipconfig0', 'cores', 'scsi0,scsi1', ''].some(isDrive)).toBe(false);
  });

  it('knows its options by name', () => {
    expect(['cores', 'net0', 'scsi30', 'unused255', 'ipconfig31'].every(isConfigKey)).toBe(true);
    expect(['args', 'net32', 'unused256', 'hasOwnProperty'].some(isConfigKey)).toBe(false);
    expect(isIndexedOption('cores')).toBe(false);
  });
});

interface SchemaProperty {
  readonly type?: string;
  readonly optional?: number;
  readonly minimum?: number | string;
  readonly maximum?: number | string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly enum?: readonly string[];
}

type Schema = Readonly<
  Record<string, { readonly parameters?: { readonly properties?: Readonly<Record<string, SchemaProperty>> } }>
>;

interface OwnSpec {
  readonly kind: string;
  readonly min?: number;
  readonly max?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly values?: readonly string[];
  readonly required?: true;
}

describe.skipIf(recordingsMissing).each(['9.2', '9.1', '8.4'])(
  `official schema %s (${recordingsMissing ?? 'present'})`,
  (version) => {
    const schema = (recordingsMissing === undefined ? readShared(`schema-${version}.json`) : {}) as Schema;
    const rows = (Object.keys(PARAMETERS) as Call[]).map((call) => ({ call }));

    it.each(rows)('$call', ({ call }) => {
      expect(Object.keys(schema), 'the call exists').toContain(call);
      const official = schema[call]?.parameters?.properties ?? {};
      const own: Readonly<Record<string, OwnSpec>> = PARAMETERS[call];
      for (const [name, spec] of Object.entries(own)) {
        expect(Object.keys(official), `${name} exists`).toContain(name);
        checkBounds(name, spec, official[name] as SchemaProperty);
      }
      const inPath = new Set([...call.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      const required = Object.keys(official).filter((name) => official[name]?.optional !== 1 && !inPath.has(name));
      const ownRequired = Object.keys(own).filter((name) => own[name]?.required);
      expect(ownRequired.sort()).toEqual(required.sort());
    });

    it('has every numbered option', () => {
      const official = schema['POST /nodes/{node}/qemu/{vmid}/config']?.parameters?.properties ?? {};
      for (const name of Object.keys(INDEXED_OPTIONS)) expect(Object.keys(official)).toContain(`${name}[n]`);
    });
  },
);

// Ours may be narrower than the official bounds, never wider.
function checkBounds(name: string, own: OwnSpec, official: SchemaProperty): void {
  const bound = (value: number | string | undefined): number | undefined =>
    value === undefined ? undefined : Number(value);
  if (own.kind === 'flag') expect(official.type, name).toBe('boolean');
  if (official.minimum !== undefined)
    expect(own.min, `${name} minimum`).toBeGreaterThanOrEqual(bound(official.minimum) ?? 0);
  if (official.maximum !== undefined)
    expect(own.max, `${name} maximum`).toBeLessThanOrEqual(bound(official.maximum) ?? 0);
  if (official.minLength !== undefined)
    expect(own.minLength, `${name} least length`).toBeGreaterThanOrEqual(official.minLength);
  if (official.maxLength !== undefined) expect(own.maxLength, `${name} length`).toBeLessThanOrEqual(official.maxLength);
  if (own.kind === 'choice')
    expect(official.enum, `${name} choices`).toEqual(expect.arrayContaining([...(own.values ?? [])]));
}
