/** Lines over time as SVG that carries its own legend and is read by screen readers. */
export interface Series {
  readonly name: string;
  /** One for each time; undefined: nothing known then. */
  readonly values: readonly (number | undefined)[];
}
export interface Chart {
  /** Seconds. */
  readonly at: readonly number[];
  readonly series: readonly Series[];
  readonly unit?: string;
}

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [560, 180, 46, 22, 8];

/** Empty when there is nothing to draw. */
export function chart(title: string, { at, series, unit = '' }: Chart): string {
  const shown = series.filter(({ values }) => values.some((value) => value !== undefined));
  const endS = at.at(-1);
  if (shown.length === 0 || endS === undefined || endS === 0) return '';
  const top = niceAbove(Math.max(...shown.flatMap(({ values }) => values.map((value) => value ?? 0))));
  const x = (s: number) => LEFT + (s / endS) * (WIDTH - LEFT - 4);
  const y = (value: number) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  const rules = [0, 0.5, 1].map((share) => {
    const at = y(top * share).toFixed(1);
    return `<line x1="${LEFT}" x2="${WIDTH - 4}" y1="${at}" y2="${at}"/><text x="${LEFT - 6}" y="${at}" text-anchor="end" dy="0.35em">${label(top * share)}</text>`;
  });
  const times = [0, 0.5, 1].map(
    (share) =>
      `<text x="${x(endS * share).toFixed(1)}" y="${HEIGHT - 5}" text-anchor="${['start', 'middle', 'end'][share * 2]}">${label(endS * share)} s</text>`,
  );
  const lines = shown.map(({ values }, i) => `<path class="line-${i}" d="${pathOf(values, at, { x, y })}"/>`);
  const legend = shown.map(({ name }, i) => `<span class="key-${i}">${name}</span>`).join('');
  return `<figure><figcaption><b>${title}</b>${unit === '' ? '' : ` <i>${unit}</i>`}${legend}</figcaption><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}, up to ${label(top)} ${unit}"><g class="rules">${rules.join('')}${times.join('')}</g>${lines.join('')}</svg></figure>`;
}

/** A line, broken where nothing is known. */
function pathOf(
  values: readonly (number | undefined)[],
  at: readonly number[],
  { x, y }: { x: (s: number) => number; y: (value: number) => number },
): string {
  let isDown = false;
  return values
    .map((value, i) => {
      if (value === undefined) {
        isDown = false;
        return '';
      }
      const command = `${isDown ? 'L' : 'M'}${x(at[i] ?? 0).toFixed(1)} ${y(value).toFixed(1)}`;
      isDown = true;
      return command;
    })
    .join('');
}

/** The next of 1, 2, 5, 10, … that is not less. */
export function niceAbove(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}

function label(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 });
}
