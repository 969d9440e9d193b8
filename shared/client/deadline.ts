import { Failure } from '../failure.ts';
import type { Clock } from './clock.ts';

/** A limit on the work of machines: it stands still while a person is asked. */
export interface Deadline {
  /** Aborted with `unavailable` when the time is up, or with the reason of the given signal. */
  readonly signal: AbortSignal;
  /** Runs what may take a person's time; the limit begins anew after it. */
  pause<T>(run: () => Promise<T>): Promise<T>;
  /** Lets go of the timer. */
  clear(): void;
}

/** A deadline of `limitMs` from now. */
export function createDeadline(clock: Clock, limitMs: number, given?: AbortSignal): Deadline {
  const limit = new AbortController();
  const start = () =>
    clock.after(limitMs, () => limit.abort(new Failure('unavailable', { detail: 'No connection in time' })));
  let cancel = start();
  let isCleared = false;
  return {
    signal: given === undefined ? limit.signal : AbortSignal.any([given, limit.signal]),
    pause: async (run) => {
      cancel();
      try {
        return await run();
      } finally {
        cancel();
        if (!isCleared) cancel = start();
      }
    },
    clear: () => {
      isCleared = true;
      cancel();
    },
  };
}
