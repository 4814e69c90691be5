import { stripVTControlCharacters } from 'node:util';

const isColoured =
  process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb';

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Style = keyof typeof CODES;

/** Styled where a terminal shows it; plain in a file, a pipe, or with NO_COLOR. */
export function styled(style: Style, text: string): string {
  return isColoured ? `\u001B[${CODES[style]}m${text}\u001B[0m` : text;
}

/** Pads to a width that does not count styles. */
export function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - stripVTControlCharacters(text).length));
}

export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** One line about what is being set up. */
export function printStep(line: string): void {
  print(`${styled('cyan', '▸')} ${line}`);
}

export function printFailure(line: string): void {
  process.stderr.write(`${styled('red', '✗')} ${line}\n`);
}

/** A bar of a budget: how much of the maximum is spent, with a mark where the soft limit lies. */
export function budgetBar(of: {
  readonly spent: number;
  readonly soft: number | null;
  readonly max: number;
  readonly style: Style;
}): string {
  const width = 24;
  const filled = Math.min(width, Math.round((of.spent / of.max) * width));
  const cells: string[] = Array.from({ length: width }, (_cell, index) => (index < filled ? '█' : '░'));
  if (of.soft !== null) cells.splice(Math.min(width, Math.round((of.soft / of.max) * width)), 0, '|');
  return styled(of.style, cells.join(''));
}
