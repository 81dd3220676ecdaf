// Prints lines that overwrite the ones before on a terminal, and only what is new where there is none.
import { newLines, tableLines, type VmProgress } from './progress.ts';

const redrawMs = 100;

/** Where the view prints; process.stdout, or a fake. */
export interface Screen {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
  write(text: string): unknown;
}

/** Shows how far machines are until it is closed. */
export class LiveView {
  readonly #screen: Screen;
  readonly #now: () => number;
  readonly #machines = new Map<string, VmProgress>();
  #drawnLines = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `now` in milliseconds since 1970. */
  constructor(screen: Screen, now: () => number) {
    this.#screen = screen;
    this.#now = now;
  }

  /** Shows the new progress of a machine. */
  update(progress: VmProgress): void {
    const before = this.#machines.get(progress.name);
    this.#machines.set(progress.name, progress);
    if (this.#screen.isTTY !== true) {
      for (const line of newLines(before, progress)) this.#screen.write(`${line}\n`);
      return;
    }
    this.#draw();
    // Durations of running steps grow between the changes too.
    this.#timer ??= setInterval(() => this.#draw(), redrawMs);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#drawnLines > 0) this.#draw();
    this.#drawnLines = 0;
  }

  #draw(): void {
    const { columns = 80, rows = 24 } = this.#screen;
    // The cursor cannot go up over lines that wrapped or scrolled away.
    const lines = tableLines([...this.#machines.values()], this.#now())
      .slice(0, rows - 1)
      .map((line) => line.slice(0, columns - 1));
    this.#screen.write(redrawText(lines, this.#drawnLines));
    this.#drawnLines = lines.length;
  }
}

/** The text that overwrites the `drawn` lines above the cursor with `lines`. */
export function redrawText(lines: readonly string[], drawn: number): string {
  const up = drawn > 0 ? `\u001B[${drawn}A` : '';
  const clearLine = '\u001B[K';
  const clearBelow = '\u001B[J';
  return `${up}${lines.map((line) => `${line}${clearLine}\n`).join('')}${clearBelow}`;
}
