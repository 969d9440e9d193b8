/** One row of the comparison as an SVG: for each case a group of bars, one for each target, with its median and spread. */
import { type Case, mainFigure } from './report.ts';
import type { Row } from './row.ts';
import { show } from './table.ts';
import { TARGET_TITLES, type TargetName } from './target.ts';

const COLOURS: Readonly<Record<TargetName, string>> = {
  hushwire: '#0b6e4f',
  'sio-classic': '#c8553d',
  'sio-streams': '#8d3b72',
  'sio-uws': '#e0a458',
  bare: '#7a8a99',
};
const WIDTH = 860;
const LEFT = 330;
const BAR = 16;
const STEP = 21;
const HEAD = 44;
const GROUP_GAP = 34;
/** For the figure behind the longest bar. */
const RIGHT = 90;

/** Text only, no scripts, no fonts from elsewhere; on a white ground, so that it reads on dark pages too. */
export function plotOf(row: Row, cases: readonly Case[]): string {
  const figure = mainFigure(row);
  const own = cases.filter((one) => one.row === row.name);
  const longest = Math.max(
    1e-9,
    ...own.flatMap(({ entries }) => entries.map((e) => e.figures[figure]?.max ?? 0)),
  );
  const scale = (WIDTH - LEFT - RIGHT) / longest;
  const parts: string[] = [];
  let y = HEAD;
  for (const one of own) {
    const title = [one.setting, one.bytes === 0 ? '' : `${one.bytes} B`]
      .filter((text) => text !== '')
      .join(', ');
    parts.push(text(12, y + 12, title, 'font-weight="600"'));
    y += STEP;
    for (const { target, figures, invalid } of one.entries) {
      parts.push(barOf({ target, y, scale, ...(figures[figure] ?? { median: 0, min: 0, max: 0 }), invalid }));
      y += STEP;
    }
    y += GROUP_GAP - STEP;
  }
  const heading = text(
    12,
    24,
    `${row.title}: ${row.figures[figure] ?? ''} (shorter is better)`,
    'font-size="15"',
  );
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" ` +
    'font-family="system-ui, sans-serif" font-size="12" role="img">' +
    `<title>${escapeXml(row.title)}</title><rect width="100%" height="100%" fill="#fff"/>${heading}${parts.join('')}</svg>\n`
  );
}

interface Bar {
  readonly target: TargetName;
  readonly y: number;
  readonly scale: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly invalid: string | undefined;
}

function barOf({ target, y, scale, median, min, max, invalid }: Bar): string {
  const label = text(LEFT - 8, y + 12, TARGET_TITLES[target], 'text-anchor="end"');
  if (invalid !== undefined) return label + text(LEFT, y + 12, `invalid: ${invalid}`, 'fill="#888"');
  const middle = y + BAR / 2;
  const width = (value: number) => (Math.max(0, value) * scale).toFixed(1);
  return (
    label +
    `<rect x="${LEFT}" y="${y}" width="${width(median)}" height="${BAR}" fill="${COLOURS[target]}"/>` +
    `<path d="M${LEFT + Number(width(min))} ${middle}H${LEFT + Number(width(max))}" stroke="#222"/>` +
    text(LEFT + Number(width(max)) + 6, y + 12, show(median), '')
  );
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x}" y="${y}" ${attributes}>${escapeXml(content)}</text>`;
}

function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
