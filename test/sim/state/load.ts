// What guests do all day: processor, memory and network figures that follow from the seed, the VM and the time.

const daySeconds = 86_400;
const minuteSeconds = 60;

/** A time span in seconds since the epoch. */
export interface Span {
  from: number;
  to: number;
}

/** A day's curve: a mean, how far the day swings around it (0 to 1), and when it peaks. */
interface Curve {
  mean: number;
  swing: number;
  phase: number;
}

/** The same seed gives every VM the same load at the same moment, whoever asks and however often. */
export class LoadModel {
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Fraction of the VM's cores in use, 0.01 to 0.99. */
  cpu(vmid: number, time: number): number {
    const curve = this.#curve(vmid, 1, 0.05, 0.5);
    const noise = this.#draw(vmid, 2, Math.floor(time / minuteSeconds)) - 0.5;
    return Math.min(0.99, Math.max(0.01, at(curve, time) + noise * 0.08));
  }

  /** Fraction of the VM's memory in use; it hardly moves. */
  memory(vmid: number, time: number): number {
    return at({ ...this.#curve(vmid, 3, 0.25, 0.75), swing: 0.1 }, time);
  }

  /** Bytes over the network in that span. */
  traffic(vmid: number, direction: 'in' | 'out', span: Span): number {
    return area(this.#curve(vmid, direction === 'in' ? 4 : 5, 200, 40_000), span);
  }

  /** Bytes read from or written to disks in that span. */
  disk(vmid: number, direction: 'read' | 'write', span: Span): number {
    return area(this.#curve(vmid, direction === 'read' ? 6 : 7, 500, 200_000), span);
  }

  #curve(vmid: number, kind: number, least: number, most: number): Curve {
    return {
      mean: least + (most - least) * this.#draw(vmid, kind, 0) ** 2,
      swing: 0.2 + 0.6 * this.#draw(vmid, kind, 1),
      phase: this.#draw(vmid, kind, 2) * 2 * Math.PI,
    };
  }

  /** A number in [0, 1) from the seed and three others (an integer hash, so that no order of calls matters). */
  #draw(...keys: [number, number, number]): number {
    let hash = this.#seed | 0;
    for (const key of keys) {
      hash = Math.imul(hash ^ (key + 0x9e3779b9), 0x85ebca6b);
      hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
      hash ^= hash >>> 16;
    }
    return (hash >>> 0) / 4294967296;
  }
}

const speed = (2 * Math.PI) / daySeconds;

function at({ mean, swing, phase }: Curve, time: number): number {
  return mean * (1 + swing * Math.sin(time * speed + phase));
}

/** The curve's integral, so that counters and averages agree to the byte however they are cut. */
function area({ mean, swing, phase }: Curve, { from, to }: Span): number {
  const wave = Math.cos(from * speed + phase) - Math.cos(to * speed + phase);
  return mean * (to - from + (swing / speed) * wave);
}

/** The part of a span in which one of the periods ran, as spans. */
export function overlaps(periods: readonly Partial<Span>[], span: Span): Span[] {
  return periods.flatMap(({ from = -Infinity, to = Infinity }) => {
    const cut = { from: Math.max(from, span.from), to: Math.min(to, span.to) };
    return cut.from < cut.to ? [cut] : [];
  });
}
