/**
 * How long a session lives. A renewal on a new day makes the next version of its record, at the origin and, with the same
 * answer, in the copy in the state Redis. A renewal that the origin did not hear of counts in the copy alone, so losing
 * that may end the session early, never late; the next day's renewal mends it.
 */
import { Failure } from '../shared/failure.ts';
import type { Day } from '../shared/internal/records.ts';
import { TOKEN_KINDS } from '../shared/token.ts';
import { DAY_MS, dayOf, startOf } from './days.ts';
import type { SessionRecord } from './records.ts';
import type { Finds, Found } from './wants.ts';

/** Days without a renewal after which a session ends; a phone in a drawer for a month. */
export const IDLE_DAYS = 30;
/** Days after which a session ends whatever happens, so that every device proves its key anew now and then. */
export const ABSOLUTE_DAYS = 90;

/** The last day of the session's life. */
export function lastDayOf({ createdOn, renewedOn }: Pick<SessionRecord, 'createdOn' | 'renewedOn'>): Day {
  const idleMs = startOf(renewedOn) + IDLE_DAYS * DAY_MS;
  const absoluteMs = startOf(createdOn) + ABSOLUTE_DAYS * DAY_MS;
  return dayOf(Math.min(idleMs, absoluteMs));
}

/** Gives back a session that lives; throws `session_ended` for one that does not, or that is not there. */
export function requireSession<T extends { readonly record: SessionRecord }>(
  found: T | undefined,
  nowMs: number,
): T {
  if (found === undefined || dayOf(nowMs) > lastDayOf(found.record)) throw new Failure('session_ended');
  return found;
}

/** Throws `session_ended` unless the calling device is one of the account still, and its session lives. */
export function requireLive(
  { device, session }: Pick<Finds, 'device' | 'session'>,
  nowMs: number,
): Found<SessionRecord> {
  if (device === undefined) throw new Failure('session_ended');
  return requireSession(session, nowMs);
}

/** Milliseconds until the end of the session's last day. */
export function remainingMs(record: SessionRecord, nowMs: number): number {
  return startOf(lastDayOf(record)) + DAY_MS - nowMs;
}

/** Life of an access token in milliseconds. */
export const ACCESS_LIFE_MS = TOKEN_KINDS.access.lifeSeconds * 1_000;
