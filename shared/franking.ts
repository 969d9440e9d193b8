/**
 * Message franking: what a stamp says, as bytes. A sender commits to a message, the node that relays it stamps the
 * commitment with the key of the day, and the edge, which holds the same secret, can tell a stamp from a forgery later on.
 * Nobody stores anything. The computations themselves are in origin/adapters/stamper.ts (at once, on the hot path) and
 * edge/franking.ts; `vectors/stamps.json` holds both to the same bytes.
 */
import { lengthPrefixed } from './bytes.ts';
import type { Tag } from './frame.ts';

/** What a node saw when it relayed a message that commits to its content. */
export interface Relayed {
  readonly channel: Tag;
  /** Member tag of the sender, from the sender's grant. */
  readonly from: Tag;
  readonly id: string;
  readonly commitment: string;
}

/** A node's word for what it relayed, and in which hour since 1970 (UTC): `<hour>.<MAC as base64url>`. */
export type Stamp = string;

/** Bytes of a franking secret, of a day's key, of a commitment and of a MAC. */
export const FRANKING_BYTES = 32;
/** Days for which a stamp is good; what is older can no longer be reported. */
export const STAMP_DAYS = 14;

const HOUR_MS = 3_600_000;
const HOURS_A_DAY = 24;
/** 32 bytes as base64url; the spare bits are zero, so that each value has one text. */
const MAC = '[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]';
/** The form of a commitment. */
export const COMMITMENT = new RegExp(`^${MAC}$`);
/** The form of a stamp. */
export const STAMP = new RegExp(`^([1-9]\\d{0,6})\\.(${MAC})$`);

/** True for 32 bytes as base64url. */
export function isCommitment(value: unknown): value is string {
  return typeof value === 'string' && COMMITMENT.test(value);
}

/** True for the form of a stamp; whether it is one, only its key tells. */
export function isStamp(value: unknown): value is Stamp {
  return typeof value === 'string' && STAMP.test(value);
}

/** Hour and MAC of a stamp; undefined for another form. */
export function readStamp(stamp: Stamp): { readonly hour: number; readonly mac: string } | undefined {
  const [, hour, mac] = STAMP.exec(stamp) ?? [];
  return mac === undefined ? undefined : { hour: Number(hour), mac };
}

/** The stamp of an hour. */
export function writeStamp(hour: number, mac: string): Stamp {
  return `${hour}.${mac}`;
}

/** The hour since 1970 of a time. */
export function hourOf(nowMs: number): number {
  return Math.floor(nowMs / HOUR_MS);
}

/** The day since 1970 of an hour; each has a key of its own. */
export function dayOfHour(hour: number): number {
  return Math.floor(hour / HOURS_A_DAY);
}

/** What the secret is asked with for the key of a day: HMAC-SHA-256 of this. */
export function dayKeyInput(day: number): Uint8Array<ArrayBuffer> {
  return lengthPrefixed(['franking-day', String(day)]);
}

/** What the key of the day is asked with for a MAC: HMAC-SHA-256 of this. */
export function stampInput(
  { channel, from, id, commitment }: Relayed,
  hour: number,
): Uint8Array<ArrayBuffer> {
  return lengthPrefixed(['franking-stamp', channel, from, id, commitment, String(hour)]);
}
