/** What a checker counts. Only `gapsTold` may be other than 0 in a run that went well. */
export const FAULT_COUNTS = [
  'lost',
  'duplicated',
  'reordered',
  'gapsUnneeded',
  'untold',
  'doubleWinners',
] as const;
export type FaultCount = (typeof FAULT_COUNTS)[number];

/** Sentences kept; the first ones matter, the rest follows from them. */
const SENTENCES_MAX = 20;

/** Counts, and the first sentences about what was counted. */
export class Findings {
  readonly counts: Record<FaultCount, number> = {
    lost: 0,
    duplicated: 0,
    reordered: 0,
    gapsUnneeded: 0,
    untold: 0,
    doubleWinners: 0,
  };
  readonly sentences: string[] = [];

  add(count: FaultCount, sentence: string, times = 1): void {
    this.counts[count] += times;
    if (this.sentences.length < SENTENCES_MAX) this.sentences.push(`${count}: ${sentence}`);
  }

  get isClean(): boolean {
    return FAULT_COUNTS.every((count) => this.counts[count] === 0);
  }
}
