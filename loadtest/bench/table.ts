/** Cases as a Markdown table, which is readable on a terminal too. */
import { type Case, type Entry, type Figure, mainFigure, nameOf, ratiosOf } from './report.ts';
import type { Row } from './row.ts';
import { TARGET_TITLES } from './target.ts';

/** One table for each case of a row. */
export function tablesOf(row: Row, cases: readonly Case[]): string {
  return cases
    .filter((one) => one.row === row.name)
    .map((one) => tableOf(row, one))
    .join('\n\n');
}

function tableOf(row: Row, one: Case): string {
  const names = Object.keys(row.figures);
  const ratios = ratiosOf(one, mainFigure(row));
  const lines = one.entries.map((entry) => [
    TARGET_TITLES[entry.target],
    ...names.map((name) => cellOf(entry, name)),
    entry.invalid === undefined ? (ratios[entry.target]?.toFixed(2) ?? '') : `invalid: ${entry.invalid}`,
  ]);
  const title = nameOf({ ...one, row: '' });
  const head = [title, ...Object.values(row.figures), 'Hushwire ÷ this'];
  return alignTable([head, ...lines]);
}

/** Median and, where there is one, the spread. */
function cellOf({ figures, samples }: Entry, name: string): string {
  const figure = figures[name];
  if (figure === undefined || Number.isNaN(figure.median)) return '–';
  return samples > 1 ? `${show(figure.median)} (${spreadOf(figure)})` : show(figure.median);
}

function spreadOf({ min, max }: Figure): string {
  return `${show(min)}–${show(max)}`;
}

/** Three significant digits, or whole numbers with separators. */
export function show(value: number): string {
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en');
  return value === 0 ? '0' : String(Number(value.toPrecision(3)));
}

/** Markdown, padded so that it can be read as it is; the first line is the head. */
export function alignTable(lines: readonly (readonly string[])[]): string {
  const [head = []] = lines;
  const widths = head.map((_, i) => Math.max(3, ...lines.map((line) => (line[i] ?? '').length)));
  const lineOf = (cells: readonly string[]) =>
    `| ${widths.map((width, i) => (i === 0 ? (cells[i] ?? '').padEnd(width) : (cells[i] ?? '').padStart(width))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [lineOf(head), rule, ...lines.slice(1).map(lineOf)].join('\n');
}
