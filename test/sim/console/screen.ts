// The picture on a VM's display: a few lines of text, drawn with the bitmap font.
import type { Vm } from '../state/vm.ts';
import { glyphHeight, glyphWidth, hasDot } from './font.ts';

/** Size of the picture in dots. */
export const screenWidth = 640;
export const screenHeight = 400;
/** A dot of the font is that many dots of the picture wide and high. */
export const scale = 2;
/** From one sign to the next, with the gap between them. */
export const cellWidth = (glyphWidth + 1) * scale;
export const cellHeight = (glyphHeight + 3) * scale;
/** Free space to the left and on top. */
export const margin = 20;

const signsPerLine = Math.floor((screenWidth - 2 * margin) / cellWidth);

/** What the display says now. */
export function screenLines(vm: Vm, guestUp: boolean): string[] {
  const guest = guestUp ? `${vm.name} login:` : 'Booting...';
  return [
    'Simulated Proxmox VE',
    '',
    `VM ${vm.vmid}  ${vm.name}`,
    `Node ${vm.node}`,
    `State ${vm.running?.qmpStatus ?? 'stopped'}`,
    '',
    vm.running?.qmpStatus === 'paused' ? '' : guest,
  ];
}

/** One byte per dot: 1 where something is drawn. */
export function drawLines(lines: readonly string[]): Uint8Array {
  const dots = new Uint8Array(screenWidth * screenHeight);
  for (const [row, line] of lines.entries()) {
    for (const [column, sign] of line.slice(0, signsPerLine).split('').entries()) {
      drawSign(dots, sign, { left: margin + column * cellWidth, top: margin + row * cellHeight });
    }
  }
  return dots;
}

function drawSign(dots: Uint8Array, sign: string, { left, top }: { left: number; top: number }): void {
  for (let y = 0; y < glyphHeight * scale; y += 1) {
    for (let x = 0; x < glyphWidth * scale; x += 1) {
      if (hasDot(sign, Math.floor(x / scale), Math.floor(y / scale))) dots[(top + y) * screenWidth + left + x] = 1;
    }
  }
}
