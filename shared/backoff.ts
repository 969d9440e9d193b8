export interface BackoffOptions {
  /** First ceiling in milliseconds. */
  readonly baseMs?: number;
  /** Highest ceiling in milliseconds. */
  readonly capMs?: number;
  /** Uniform in [0, 1); injected so that tests are repeatable. */
  readonly random?: () => number;
}

/**
 * Full jitter: a uniform wait below `min(cap, base · 2^attempt)`, so that clients that lost the same node at the same
 * moment do not return at the same moment (AWS Architecture Blog, "Exponential Backoff And Jitter").
 * `attempt` counts from 0. Result in milliseconds.
 */
export function backoffMs(attempt: number, options: BackoffOptions = {}): number {
  const { baseMs = 500, capMs = 20_000, random = Math.random } = options;
  const ceiling = Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30));
  return Math.floor(random() * ceiling);
}
