/**
 * A token bucket without a timer: it refills by the clock when it is asked. It counts in thousandths of a token, so that
 * whole milliseconds and whole rates give whole numbers and nothing drifts.
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

  /** 0 when the tokens are there, else in how many milliseconds they will be. Takes nothing. */
  waitMs(tokens: number, nowMs: number): number {
    this.#refill(nowMs);
    const wanted = tokens * 1000;
    if (this.#thousandths >= wanted) return 0;
    return Math.ceil((Math.min(wanted, this.#burst) - this.#thousandths) / this.#perSecond) || 1;
  }

  /** Takes the tokens and answers 0, or takes none and answers as `waitMs`. */
  take(tokens: number, nowMs: number): number {
    const waitMs = this.waitMs(tokens, nowMs);
    if (waitMs === 0) this.#thousandths -= tokens * 1000;
    return waitMs;
  }

  /** Whether it is as a new one would be. */
  isFull(nowMs: number): boolean {
    this.#refill(nowMs);
    return this.#thousandths === this.#burst;
  }

  /** A clock that was set back must not freeze the bucket. */
  #refill(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    this.#thousandths = Math.min(this.#burst, this.#thousandths + elapsedMs * this.#perSecond);
    this.#atMs = nowMs;
  }
}

/** How many tokens come back in a second, and how many may be saved up; whole numbers. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}
