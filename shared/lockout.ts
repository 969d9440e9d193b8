/**
 * How failed attempts at a second factor lock a device. Both sides follow it: the origin counts durably, without times;
 * the edge remembers in the state Redis until when a device is locked. A success begins anew at 0.
 */
export const LOCKOUT = Object.freeze({
  /** So many failures in a row lock; a person who mistypes needs two or three. */
  failuresPerLock: 5,
  firstLockMs: 15 * 60_000,
  /** Locks double up to this. Together they leave a thief of the device key a handful of guesses a day. */
  longestLockMs: 24 * 3_600_000,
  /** Then no attempt of the device counts any more: 100 guesses at two codes each hit with a chance of 1 in 5,000. */
  failuresMax: 100,
});

/** How many locks so many failures in a row have led to. */
export function locksOf(failures: number): number {
  return Math.floor(failures / LOCKOUT.failuresPerLock);
}

/** Length of the newest lock in milliseconds; 0 when there was none yet. */
export function lockMs(failures: number): number {
  const locks = locksOf(failures);
  if (locks === 0) return 0;
  return Math.min(LOCKOUT.firstLockMs * 2 ** (locks - 1), LOCKOUT.longestLockMs);
}
