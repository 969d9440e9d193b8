import { backoffMs } from '../backoff.ts';
import { Failure } from '../failure.ts';
import { type Clock, wait } from './clock.ts';

/** Pauses of the SDK: the ceiling grows from `baseMs` to `capMs`, the pause is uniform below it. */
export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
}
export const DEFAULT_BACKOFF: Backoff = Object.freeze({ baseMs: 500, capMs: 20_000 });

/** Milliseconds before try `attempt` (from 0): full jitter, on top of the least the server asked for. */
export function pauseMs(attempt: number, { failure, backoff, clock }: PauseOptions): number {
  return (failure.retryAfterMs ?? 0) + backoffMs(attempt, { ...backoff, random: clock.random });
}

export interface PauseOptions {
  readonly failure: Failure;
  readonly backoff: Backoff;
  readonly clock: Clock;
}

export interface RetryOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly backoff?: Backoff;
  readonly tries?: number;
}

/** Four tries span up to 500 + 1,000 + 2,000 ms of pauses: longer than a failover, shorter than a person's patience. */
const DEFAULT_TRIES = 4;

/** A longer wait is told to whoever asked: a person who waits for a lock to end wants to know. */
const PATIENCE_MS = 20_000;

/**
 * Runs `attempt` until it succeeds, fails with advice `never`, with a wait of more than 20 s or with something that is no
 * Failure, or has had its tries; then throws what it threw last. Every try must be complete in itself: an assertion works
 * only once.
 */
export async function retrying<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, signal, backoff = DEFAULT_BACKOFF, tries = DEFAULT_TRIES } = options;
  for (let tried = 0; ; tried += 1) {
    try {
      return await attempt();
    } catch (error) {
      const isFinal = !(error instanceof Failure) || error.retry === 'never' || tried + 1 >= tries;
      if (isFinal || (error.retryAfterMs ?? 0) > PATIENCE_MS) throw error;
      await wait(clock, pauseMs(tried, { failure: error, backoff, clock }), signal);
    }
  }
}
