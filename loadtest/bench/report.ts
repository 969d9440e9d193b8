/** From samples to what is told: medians, spreads, ratios. Pure arithmetic, no I/O. */
import type { Row, Sample } from './row.ts';
import type { TargetName } from './target.ts';

/** Median, smallest and largest of the valid samples of one figure. */
export interface Figure {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** One target in one case. */
export interface Entry {
  readonly target: TargetName;
  readonly samples: number;
  readonly figures: Readonly<Record<string, Figure>>;
  /** Only when no sample was valid: why. */
  readonly invalid?: string;
}

/** One case of a row: everything that is compared with each other. */
export interface Case {
  readonly row: string;
  readonly setting: string;
  readonly bytes: number;
  readonly entries: readonly Entry[];
}

/** Groups samples into cases, in the order in which they first came; targets in the order of `order`. */
export function casesOf(samples: readonly Sample[], order: readonly TargetName[]): Case[] {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = [sample.row, sample.setting, sample.bytes].join('|');
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  return [...groups.values()].map((group) => ({
    row: group[0]?.row ?? '',
    setting: group[0]?.setting ?? '',
    bytes: group[0]?.bytes ?? 0,
    entries: order.flatMap((target) => entryOf(target, group)),
  }));
}

function entryOf(target: TargetName, group: readonly Sample[]): Entry[] {
  const own = group.filter((sample) => sample.target === target);
  if (own.length === 0) return [];
  const valid = own.filter(({ invalid }) => invalid === undefined);
  const invalid = valid.length === 0 ? own[0]?.invalid : undefined;
  const used = valid.length === 0 ? own : valid;
  const names = Object.keys(used[0]?.figures ?? {});
  const figures = Object.fromEntries(
    names.map((name) => [name, figureOf(used.map((sample) => sample.figures[name] ?? Number.NaN))]),
  );
  return [{ target, samples: valid.length, figures, ...(invalid === undefined ? {} : { invalid }) }];
}

/** Median, min and max; the median of an even number is the mean of the middle two. */
export function figureOf(values: readonly number[]): Figure {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const low = sorted[Math.floor(middle)] ?? Number.NaN;
  const high = sorted[Math.ceil(middle)] ?? Number.NaN;
  return { median: (low + high) / 2, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** Hushwire's figure over that of each other target; below 1 is better. Only of valid figures. */
export function ratiosOf({ entries }: Case, figure: string): Partial<Record<TargetName, number>> {
  const valid = entries.filter(({ invalid }) => invalid === undefined);
  const own = valid.find(({ target }) => target === 'hushwire')?.figures[figure]?.median;
  if (own === undefined) return {};
  const others = valid.filter(({ target }) => target !== 'hushwire');
  return Object.fromEntries(
    others.map(({ target, figures }) => [target, own / (figures[figure]?.median ?? Number.NaN)]),
  );
}

/** The figure of a row that ratios are made of. */
export function mainFigure({ figures }: Row): string {
  return Object.keys(figures)[0] ?? '';
}

/** Every ratio of the main figures, by case and target: the last line of a run. */
export function allRatios(
  cases: readonly Case[],
  rows: readonly Row[],
): Record<string, Record<string, number>> {
  return Object.fromEntries(
    cases.map((one) => {
      const row = rows.find(({ name }) => name === one.row);
      const ratios = row === undefined ? {} : ratiosOf(one, mainFigure(row));
      const rounded = Object.entries(ratios).map(([target, ratio]) => [target, round(ratio, 3)]);
      return [nameOf(one), Object.fromEntries(rounded)];
    }),
  );
}

/** `unicast 6,000/s 200 B`. */
export function nameOf({ row, setting, bytes }: Pick<Case, 'row' | 'setting' | 'bytes'>): string {
  return [row, setting, bytes === 0 ? '' : `${bytes} B`].filter((part) => part !== '').join(' ');
}

/** Rounds to so many significant digits. */
export function round(value: number, digits: number): number {
  return Number(value.toPrecision(digits));
}
