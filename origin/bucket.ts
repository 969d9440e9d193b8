/**
 * A token bucket without a timer: it refills by the clock when it is asked. `take` answers 0 when the tokens were
 * there, else how many milliseconds until they will be; nothing is taken then. It counts in thousandths of a token, so
 * that whole milliseconds and whole rates give whole numbers and nothing drifts.
 */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #thousandths: number;
  #atMs: number;

  constructor({ perSecond, burst }: Rate, nowMs: number) {
    this.#perSecond = perSecond;
    this.#burst = burst * 1000;
    this.#thousandths = this.#burst;
    this.#atMs = nowMs;
  }

  take(tokens: number, nowMs: number): number {
    const wanted = tokens * 1000;
    // A clock that was set back must not freeze the bucket.
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    this.#thousandths = Math.min(this.#burst, this.#thousandths + elapsedMs * this.#perSecond);
    this.#atMs = nowMs;
    if (this.#thousandths < wanted)
      return Math.ceil((Math.min(wanted, this.#burst) - this.#thousandths) / this.#perSecond) || 1;
    this.#thousandths -= wanted;
    return 0;
  }
}

/** How many tokens come back in a second, and how many may be saved up; whole numbers. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}
