// Tests of the view: lines without a terminal, redrawing with one.
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LiveView, redrawText, type Screen } from './live-view.ts';
import type { VmProgress } from './progress.ts';

class FakeScreen implements Screen {
  readonly isTTY: boolean;
  readonly columns = 60;
  readonly rows = 24;
  text = '';

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.text += text;
  }

  take(): string {
    const { text } = this;
    this.text = '';
    return text;
  }
}

const idle: VmProgress = { name: 'web-1', steps: new Map(), message: '', ready: false };
const running: VmProgress = { ...idle, current: { state: 'set_ip', startedAtMs: 0 } };

describe('redrawText', () => {
  test('the first time nothing is overwritten', () => {
    expect(redrawText(['a', 'b'], 0)).toBe('a\u001B[K\nb\u001B[K\n\u001B[J');
  });
  test('afterwards the cursor goes up over what was drawn', () => {
    expect(redrawText(['a'], 2)).toBe('\u001B[2Aa\u001B[K\n\u001B[J');
  });
});

describe('LiveView', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('without a terminal it prints only what is new', () => {
    const screen = new FakeScreen(false);
    const view = new LiveView(screen, () => 0);
    view.update(idle);
    view.update({ ...idle, ready: true });
    view.update({ ...idle, ready: true });
    view.close();
    expect(screen.text).toBe('web-1  is ready\n');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('on a terminal running times grow between changes, until it is closed', () => {
    const screen = new FakeScreen(true);
    let now = 100;
    const view = new LiveView(screen, () => now);
    view.update(running);
    expect(screen.take()).toContain('… 100 ms');
    now = 300;
    vi.advanceTimersByTime(100);
    expect(screen.take()).toContain('… 300 ms');
    view.close();
    screen.take();
    vi.advanceTimersByTime(1000);
    expect(screen.text).toBe('');
  });

  test('no more lines than the terminal has', () => {
    const screen = new FakeScreen(true);
    const view = new LiveView(screen, () => 0);
    for (let number = 0; number < 30; number += 1) view.update({ ...idle, name: `vm-${number}`, message: 'waits' });
    screen.take();
    view.close();
    expect(screen.text.startsWith('\u001B[23A')).toBe(true);
    expect(screen.text.split('\n')).toHaveLength(24);
  });

  test('no line is as wide as the terminal', () => {
    const screen = new FakeScreen(true);
    const view = new LiveView(screen, () => 0);
    view.update({ ...idle, message: 'x'.repeat(200) });
    view.close();
    const lines = stripVTControlCharacters(screen.text).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBe(59);
  });
});
