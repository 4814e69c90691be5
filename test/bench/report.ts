import { meetsLimit } from './figure.ts';
import type { Figure } from './figure.ts';

/** The table for people, with each figure's notes below its row. */
export function formatTable(figures: readonly Figure[]): string {
  const header = ['figure', 'value', 'unit', 'floor', 'ratio', 'limit', 'met'];
  const rows = figures.map((of) => [
    of.figure,
    formatNumber(of.value),
    of.unit,
    formatNumber(of.floor),
    formatNumber(of.ratio),
    of.limit === null ? '' : `${of.limit.of} ≤ ${of.limit.atMost}`,
    formatMet(meetsLimit(of)),
  ]);
  const widths = header.map((_, column) =>
    Math.max(...[header, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const body = rows.flatMap((row, index) => [
    line(row),
    ...(figures[index]?.notes ?? []).map((note) => `    ${note}`),
  ]);
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...body].join('\n');
}

/** One line per figure for machines; numbers keep four significant digits. */
export function formatJsonLine(of: Figure): string {
  return JSON.stringify({
    figure: of.figure,
    value: round(of.value),
    unit: of.unit,
    floor: round(of.floor),
    ratio: round(of.ratio),
    limit: of.limit,
    met: meetsLimit(of),
  });
}

function round(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(4));
}

function formatNumber(value: number | null): string {
  if (value === null) return '';
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en') : String(round(value));
}

function formatMet(met: boolean | null): string {
  if (met === null) return '';
  return met ? 'yes' : 'NO';
}
