import * as assert from 'uvu/assert';
import { Failure } from '../failure.ts';
import type { FailureCode } from '../failures.ts';

/** Asserts that `promise` rejects with a Failure of this code, and gives that Failure back. */
export async function rejectsWith(promise: PromiseLike<unknown>, code: FailureCode): Promise<Failure> {
  try {
    await promise;
  } catch (error) {
    return asFailure(error, code);
  }
  throw new Error(`Expected a rejection with ${code}, but it resolved`);
}

/** Asserts that `body` throws a Failure of this code at once, and gives that Failure back. */
export function throwsWith(body: () => unknown, code: FailureCode): Failure {
  try {
    body();
  } catch (error) {
    return asFailure(error, code);
  }
  throw new Error(`Expected a throw with ${code}, but it returned`);
}

export interface UntilOptions {
  /** What is awaited, for the message of the timeout: `Timed out after 4000 ms waiting for <what>`. */
  readonly what: string;
  /** Default 4,000 ms: below the limit of a test, so that the message tells what was missing. */
  readonly timeoutMs?: number;
}

const POLL_STEP_MS = 5;
const UNTIL_TIMEOUT_MS = 4_000;

/**
 * Awaits an event with a bound: a promise, or a predicate that is asked every 5 ms until it answers something truthy.
 * Gives back the value. Throws when the time is up; whatever the predicate throws goes up at once.
 */
export async function until<T>(
  source: PromiseLike<T> | (() => T | PromiseLike<T>),
  { what, timeoutMs = UNTIL_TIMEOUT_MS }: UntilOptions,
): Promise<T> {
  const expiry = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Timed out after ${timeoutMs} ms waiting for ${what}`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([typeof source === 'function' ? poll(source, expiry.signal) : source, limit]);
  } finally {
    expiry.abort();
    clearTimeout(timer);
  }
}

async function poll<T>(predicate: () => T | PromiseLike<T>, expiry: AbortSignal): Promise<T> {
  for (;;) {
    const value = await predicate();
    if (value || expiry.aborted) return value;
    await new Promise((resolve) => setTimeout(resolve, POLL_STEP_MS));
  }
}

function asFailure(thrown: unknown, code: FailureCode): Failure {
  if (!(thrown instanceof Failure)) throw new Error(`Expected a Failure with ${code}`, { cause: thrown });
  assert.is(thrown.code, code);
  return thrown;
}
