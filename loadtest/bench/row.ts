/** What every row of the comparison is made of. */
import type { Fleet } from './fleet.ts';
import type { Running, StartOptions, TargetName } from './target.ts';

/** One measured figure set of one target in one repeat. */
export interface Sample {
  readonly row: string;
  /** What was varied within the row: `6,000/s`, `logged`; with `bytes` it names the case. */
  readonly setting: string;
  /** Characters of data in each message; 0 where the row sends none. */
  readonly bytes: number;
  readonly target: TargetName;
  readonly figures: Readonly<Record<string, number>>;
  /** Why this figure must not be used, if so; never a reason to blame the server. */
  readonly invalid?: string;
}

/** What a row has to work with; everything it starts through here is ended for it. */
export interface Bench {
  readonly target: TargetName;
  readonly sizes: readonly number[];
  /** Small numbers and short windows. */
  readonly isQuick: boolean;
  /** Length of one measured window. */
  readonly seconds: number;
  start(options: StartOptions): Promise<Running>;
  generators(count: number): Fleet;
}

export interface Row {
  readonly name: string;
  readonly title: string;
  /** What is sent to whom, and what the figures are. */
  readonly about: string;
  /** Figures in the order they are shown, with their units; the first one is what ratios are made of. */
  readonly figures: Readonly<Record<string, string>>;
  /** Targets that can run it. */
  readonly targets: readonly TargetName[];
  run(bench: Bench): Promise<readonly Omit<Sample, 'row' | 'target'>[]>;
}
