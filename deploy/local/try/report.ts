/** Prints what happened, a line at a time, and keeps count of what was not as it must be. */
export class Report {
  readonly #write: (line: string) => void;
  readonly #startedMs = performance.now();
  #failed = 0;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /** Number of checks that failed. */
  get failed(): number {
    return this.#failed;
  }

  /** A step begins. */
  step(sentence: string): void {
    const seconds = ((performance.now() - this.#startedMs) / 1_000).toFixed(1);
    this.#write(`${seconds.padStart(6)} s  ${sentence}`);
  }

  /** Something to know. */
  note(sentence: string): void {
    this.#write(`          ${sentence}`);
  }

  /** Something that must hold; `detail` is shown when it does not. */
  check(holds: boolean, sentence: string, detail = ''): void {
    if (!holds) this.#failed += 1;
    this.#write(
      `  ${holds ? '  ok  ' : 'FAILED'}  ${sentence}${holds || detail === '' ? '' : `: ${detail}`}`,
    );
  }
}

/** Value at a share of the sorted list (nearest rank); NaN for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
