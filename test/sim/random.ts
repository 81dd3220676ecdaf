// Seeded randomness, so that a run can be repeated exactly from its seed.

/** A small generator of pseudo-random numbers (mulberry32) with the shapes Proxmox draws. */
export class Random {
  /** Where in its sequence the generator is; setting it goes on from there. */
  state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** A number in [0, 1). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  /** That many characters of the alphabet. */
  text(length: number, alphabet: string): string {
    let text = '';
    for (let index = 0; index < length; index += 1) text += alphabet[this.below(alphabet.length)];
    return text;
  }

  hex(length: number): string {
    return this.text(length, '0123456789abcdef');
  }

  uuid(): string {
    return `${this.hex(8)}-${this.hex(4)}-4${this.hex(3)}-${this.text(1, '89ab')}${this.hex(3)}-${this.hex(12)}`;
  }

  /** A MAC address with the cluster's prefix (default of Proxmox VE: BC:24:11). */
  mac(prefix = 'BC:24:11'): string {
    const octet = (): string => this.text(2, '0123456789ABCDEF');
    return `${prefix}:${octet()}:${octet()}:${octet()}`;
  }
}
