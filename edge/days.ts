import type { Tag } from '../shared/frame.ts';
import type { Day } from '../shared/internal/records.ts';

const HOUR_MS = 3_600_000;
/** A day has 86,400 s here: UTC days, leap seconds smeared. */
export const DAY_MS = 24 * HOUR_MS;

/** The UTC day that holds `ms`; the finest time an account, device or session is ever stored with. */
export function dayOf(ms: number): Day {
  return new Date(ms).toISOString().slice(0, 10);
}

/** Milliseconds since 1970 at which the day begins. */
export function startOf(day: Day): number {
  return Date.parse(`${day}T00:00:00Z`);
}

export function addDays(day: Day, days: number): Day {
  return dayOf(startOf(day) + days * DAY_MS);
}

/**
 * An expiry that tells only the day: the given number of whole days from the beginning of the day of `ms`, plus 0 to
 * 23 hours that depend on the tag alone. The hours spread expiries, so that midnight does not make every copy cold.
 */
export function expiryAfter(ms: number, { days, tag }: { days: number; tag: Tag }): number {
  const hours = (tag.charCodeAt(0) * 31 + tag.charCodeAt(1)) % 24;
  return startOf(dayOf(ms)) + days * DAY_MS + hours * HOUR_MS;
}
