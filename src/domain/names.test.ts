// Names, host names, users and passwords.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fqdn, fqdnProblems, type NameFacts, randomPassword, randomUser, vmName } from './names.ts';

const FACTS: NameFacts = {
  billing: { clientID: '142', serviceID: '5546' },
  namespace: 'customer-142',
  name: 'web-1',
  uid: '7e1f4a9c-1111-4222-8333-944455556666',
  createdAt: new Date('2026-04-09T04:05:07.900Z'),
};

// Proxmox VE's `dns-name` with the bounds of DNS.
const DNS_NAME =
  /^(?=.{1,128}$)[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/;

describe('vmName', () => {
  it.each([
    { rule: undefined, want: '142-5546' },
    { rule: '{client_id}-{service_id}', want: '142-5546' },
    { rule: 'vm{service_id}.kvm', want: 'vm5546.kvm' },
    { rule: 'n-{unixtime}', want: 'n-1775707507' },
    { rule: '{year}{month}{day}-{hour}{minute}{second}', want: '20260409-040507' },
    { rule: 'fixed', want: 'fixed' },
  ])('expands $rule to $want', ({ rule, want }) => {
    expect(vmName({ ...FACTS, ...(rule === undefined ? {} : { rule }) })).toEqual({ name: want, problems: [] });
  });

  it.each([
    { rule: 'r{random_digit_4}', want: /^r\d{4}$/ },
    { rule: 'r{random_letter_3}', want: /^r[a-z]{3}$/ },
    { rule: '{random_letter_12}-{random_digit_12}', want: /^[a-z]{12}-\d{12}$/ },
    { rule: '{random_letter_63}', want: /^[a-z]{63}$/ },
    { rule: 'r{random_digit_1}', want: /^r\d$/ },
    { rule: '{random_digit_04}', want: /^\d{4}$/ },
  ])('expands $rule to something like $want', ({ rule, want }) => {
    expect(vmName({ ...FACTS, rule }).name).toMatch(want);
  });

  it('gives one VM the same random name each time, another VM another, each macro its own', () => {
    const rule = '{random_letter_12}-{random_letter_12}';
    const { name = '' } = vmName({ ...FACTS, rule });
    expect(vmName({ ...FACTS, rule }).name).toBe(name);
    expect(vmName({ ...FACTS, rule, uid: 'another' }).name).not.toBe(name);
    const [first, second] = name.split('-');
    expect(first).not.toBe(second);
  });

  it('gives the names that it has always given: a release makes no VM another', () => {
    expect(vmName({ ...FACTS, rule: '{random_letter_6}-{random_digit_6}' }).name).toBe('oxkkcx-975907');
    expect(vmName({ ...FACTS, rule: '{random_letter_63}' }).name).toBe(
      'oxkkcxjwrhijqvgszqrslsvcsauvwyfscuekphrilsbklhgualdlriukfbvvokx',
    );
  });

  it('draws digits evenly', () => {
    const counts = new Map<string, number>();
    for (let index = 0; index < 200; index += 1) {
      const digits = vmName({ ...FACTS, rule: '{random_digit_50}', uid: `uid-${index}` }).name ?? '';
      for (const digit of digits.split('')) counts.set(digit, (counts.get(digit) ?? 0) + 1);
    }
    expect(counts.size).toBe(10);
    // 10,000 draws: 1,000 each, give or take five standard deviations of 30.
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  it.each([
    { name: 'a short name', namespace: 'team', object: 'web', want: 'team-web' },
    { name: 'a name with dots', namespace: 'team', object: 'web.blue', want: 'team-web.blue' },
    {
      name: 'a name of exactly one label',
      namespace: 'n'.repeat(31),
      object: 'o'.repeat(31),
      want: `${'n'.repeat(31)}-${'o'.repeat(31)}`,
    },
  ])('names a VM without billing ids after its object: $name', ({ namespace, object, want }) => {
    const facts = { ...FACTS, billing: undefined, namespace, name: object };
    expect(vmName(facts)).toEqual({ name: want, problems: [] });
    expect(vmName({ ...facts, rule: '{client_id}-{service_id}' }).name).toBe(want);
  });

  it('shortens a long one and keeps it apart from others', () => {
    const names = ['a', 'b'].map((end) => {
      return (
        vmName({ ...FACTS, billing: undefined, namespace: 'n'.repeat(63), name: 'o'.repeat(200) + end }).name ?? ''
      );
    });
    expect(names[0]).toMatch(/^n{54}-[0-9a-f]{8}$/);
    expect(new Set(names).size).toBe(2);
  });

  it('always finds a name for an object', () => {
    const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,80}[a-z0-9])?$/);
    const object = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/), object, (namespace, name) => {
        const named = vmName({ ...FACTS, billing: undefined, namespace, name });
        expect(named.problems).toEqual([]);
        expect(named.name).toMatch(DNS_NAME);
      }),
    );
  });

  it.each([
    { length: 128, problems: 0 },
    { length: 129, problems: 1 },
  ])('has $problems problems with a name of $length characters', ({ length, problems }) => {
    const rule = `${'a'.repeat(42)}.${'b'.repeat(42)}.${'c'.repeat(length - 86)}`;
    expect(vmName({ ...FACTS, rule }).problems).toHaveLength(problems);
  });

  it.each([
    { name: 'an unknown macro', rule: 'vm-{client}', path: 'spec.nameRule', text: '"{client}", which does not exist' },
    { name: 'a macro with capitals', rule: '{Client_ID}', path: 'spec.nameRule', text: '"{Client_ID}"' },
    { name: 'a random macro without a count', rule: '{random_digit}', path: 'spec.nameRule', text: '{random_digit_N}' },
    { name: 'a random macro of none', rule: 'a{random_digit_0}', path: 'spec.nameRule', text: 'N from 1 to 63' },
    { name: 'a random macro of too many', rule: '{random_letter_64}', path: 'spec.nameRule', text: 'N from 1 to 63' },
    { name: 'an empty macro', rule: 'a{}', path: 'spec.nameRule', text: '"{}"' },
    { name: 'an underscore', rule: 'vm_{service_id}', path: 'spec.nameRule', text: '"vm_5546", which has the part' },
    { name: 'a leading hyphen', rule: '-{service_id}', path: 'spec.nameRule', text: 'inner hyphens' },
    { name: 'an empty label', rule: 'vm..{service_id}', path: 'spec.nameRule', text: 'empty part' },
    { name: 'nothing', rule: '', path: 'spec.nameRule', text: 'is empty' },
    { name: 'a long label', rule: 'v{random_letter_63}', path: 'spec.nameRule', text: 'more than 63 characters' },
    {
      name: 'a long name',
      rule: '{random_letter_60}.{random_letter_60}.{random_letter_60}',
      path: 'spec.nameRule',
      text: 'longer than 128',
    },
  ])('refuses a rule with $name', ({ rule, path, text }) => {
    const named = vmName({ ...FACTS, rule });
    expect(named.name).toBeUndefined();
    expect(named.problems.map((problem) => problem.path)).toEqual([path]);
    expect(named.problems[0]?.message).toContain(text);
    expect(named.problems[0]?.message.length).toBeLessThanOrEqual(300);
  });

  it('refuses a rule of the plan’s own that needs billing ids when there are none', () => {
    const { problems } = vmName({ ...FACTS, billing: undefined, rule: 'kvm-{service_id}' });
    expect(problems.map(({ path }) => path)).toEqual(['spec.billing']);
    expect(problems[0]?.message).toContain('{service_id}');
  });

  it('gives a name that Proxmox VE takes, or a problem', () => {
    const part = fc.oneof(
      fc.constantFrom('{client_id}', '{service_id}', '{random_digit_4}', '{random_letter_20}', '{year}', '{unixtime}'),
      fc.stringMatching(/^[a-zA-Z0-9.-]{1,30}$/),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), fc.uuid(), (parts, uid) => {
        const { name, problems } = vmName({ ...FACTS, rule: parts.join(''), uid });
        expect(name === undefined).toBe(problems.length > 0);
        if (name !== undefined) expect(name).toMatch(DNS_NAME);
      }),
    );
  });
});

describe('fqdn', () => {
  it.each([
    { facts: { name: '142-5546' }, want: '142-5546' },
    { facts: { name: '142-5546', domain: 'example.com' }, want: '142-5546.example.com' },
    { facts: { name: 'VM-1', domain: 'Example.com' }, want: 'vm-1.example.com' },
    { facts: { name: '142-5546', domain: 'example.com', hostname: 'web.example.org' }, want: 'web.example.org' },
  ])('$facts → $want', ({ facts, want }) => {
    expect(fqdn(facts)).toBe(want);
  });

  it.each([
    { length: 253, count: 0 },
    { length: 254, count: 1 },
  ])('a host name of $length characters has $count problems', ({ length, count }) => {
    const problems = fqdnProblems('a'.repeat(length));
    expect(problems).toHaveLength(count);
    for (const { message } of problems) expect(message).toContain(`${length} characters`);
  });
});

/** A source that repeats the given bytes, whatever is asked for. */
function bytes(...values: number[]): (count: number) => Uint8Array {
  let next = 0;
  return (count) =>
    Uint8Array.from({ length: count }, () => {
      next += 1;
      return values[(next - 1) % values.length] ?? 0;
    });
}

const anyBytes = fc.array(fc.nat({ max: 255 }), { minLength: 50, maxLength: 200 });

describe('randomUser', () => {
  it('is a user name that useradd takes, without characters that look alike', () => {
    fc.assert(
      fc.property(anyBytes, (values) => {
        expect(randomUser(bytes(...values, 0))).toMatch(/^u[bcdfghjkmnpqrstvwxz2-9]{7}$/);
      }),
    );
  });

  it('takes the last byte of a whole multiple of its alphabet, and throws the next away', () => {
    // 27 characters: 243 is the ninth multiple.
    expect(randomUser(bytes(242))).toBe('u9999999');
    expect(randomUser(bytes(243, 1))).toBe('uccccccc');
  });

  it('draws one byte for one character', () => {
    expect(randomUser(bytes(0))).toBe('ubbbbbbb');
    expect(randomUser(bytes(1, 2, 3, 4, 5, 6, 7))).toBe('ucdfghjk');
  });
});

describe('randomPassword', () => {
  it('has 20 characters of three classes and none that a shell, YAML or a person mistakes', () => {
    fc.assert(
      fc.property(anyBytes, (values) => {
        const password = randomPassword(bytes(...values, 0));
        expect(password).toMatch(/^[A-HJ-NP-Za-km-z2-9]{20}$/);
        expect(password).toMatch(/[A-Z]/);
        expect(password).toMatch(/[a-z]/);
        expect(password).toMatch(/\d/);
      }),
    );
  });

  it('throws bytes away that would make some characters likelier', () => {
    // 224 to 255 lie beyond the last whole multiple of 56; taking them modulo 56 would prefer the first 32 characters.
    const seen = new Map<string, number>();
    let state = 1;
    const random = (count: number): Uint8Array =>
      Uint8Array.from({ length: count }, () => {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
        return Math.floor(state / 65_536) % 256;
      });
    for (let index = 0; index < 500; index += 1) {
      for (const character of randomPassword(random).split('')) {
        if (/[a-z]/.test(character)) seen.set(character, (seen.get(character) ?? 0) + 1);
      }
    }
    const counts = [...seen.values()];
    expect(counts).toHaveLength(24);
    expect(Math.max(...counts) / Math.min(...counts)).toBeLessThan(1.5);
  });

  it('does not put the classes in fixed places', () => {
    const places = new Set<number>();
    for (let seed = 0; seed < 60; seed += 1) {
      const values = Array.from({ length: 64 }, (_, index) => (seed * 37 + index * 101) % 200);
      places.add(randomPassword(bytes(...values)).search(/\d/));
    }
    expect(places.size).toBeGreaterThan(5);
  });

  it('puts the characters in an order that the bytes decide', () => {
    expect(randomPassword(bytes(0))).toBe('a2AAAAAAAAAAAAAAAAAA');
    expect(randomPassword(bytes(3, 1, 4, 15, 92, 65, 35, 89, 79))).toBe('KRnDjBHZKEjdmmnDE3RB');
  });

  it('draws 20 characters and 19 places, and gives up after a thousand bytes that it cannot use', () => {
    const drawn = (byte: number) => {
      let count = 0;
      const random = (length: number) => {
        count += 1;
        return new Uint8Array(length).fill(byte);
      };
      try {
        randomPassword(random);
      } catch {
        // What it has drawn until then is asked for.
      }
      return count;
    };
    expect([drawn(0), drawn(255)]).toEqual([39, 1000]);
  });

  it.each([
    { name: 'always the same unusable byte', random: bytes(255) },
    { name: 'nothing', random: () => new Uint8Array(0) },
  ])('throws when the source gives $name', ({ random }) => {
    expect(() => randomPassword(random)).toThrow(RangeError);
  });
});
