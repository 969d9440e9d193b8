/**
 * Times finer than an hour tell who was there when. Stores may keep them only where the exceptions say, for things that are
 * gone within minutes.
 */
import { Redis } from 'ioredis';
import type { Haystack } from '../try/search.ts';

/** A time that is finer than it may be. */
export interface FineTime {
  readonly where: string;
  readonly time: string;
}

/** What lives for minutes, and needs to know how long: each with the reason that SECURITY.md gives. */
const EXCEPTIONS: readonly { readonly where: RegExp; readonly finestMs: number }[] = [
  // Who is present, until they are not.
  { where: /^Redis hw1:pres:/, finestMs: 1 },
  // One-time marks of calls between edge and origin, purged within minutes.
  { where: /^Postgres hushwire\.calls/, finestMs: 60_000 },
];
/** Budgets of calls: their windows end by themselves, within two hours. */
const BUDGETS = /^hw1:rl:/;
const HOUR_MS = 3_600_000;
/** Times of the run lie around now; expiries up to this much later. */
const BEFORE_MS = HOUR_MS;
const AFTER_MS = 400 * 24 * HOUR_MS;
/** An expiry nearer than this belongs to a mark that is about to go. */
const SHORT_LIVED_MS = 30 * 60_000;

/** Every number and text among these that is a time, and finer than an hour without being an exception. */
export async function fineTimes(haystacks: AsyncIterable<Haystack>, nowMs = Date.now()): Promise<FineTime[]> {
  const found: FineTime[] = [];
  for await (const { where, bytes } of haystacks) {
    const finestMs = EXCEPTIONS.find((exception) => exception.where.test(where))?.finestMs ?? HOUR_MS;
    for (const { text, atMs } of timesIn(Buffer.from(bytes).toString('latin1')))
      if (atMs > nowMs - BEFORE_MS && atMs < nowMs + AFTER_MS && atMs % finestMs !== 0)
        found.push({ where, time: text });
  }
  return found;
}

function* timesIn(text: string): Generator<{ readonly text: string; readonly atMs: number }> {
  // Seconds or milliseconds since 1970, as they will be written until 2286.
  for (const [digits] of text.matchAll(/(?<!\d)\d{10}(?:\d{3})?(?!\d)/g))
    yield { text: digits, atMs: Number(digits) * (digits.length === 10 ? 1_000 : 1) };
  for (const [found, day, time] of text.matchAll(/(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)/g))
    yield { text: found, atMs: Date.parse(`${day}T${time}Z`) };
}

/** Expiries of keys that live longer than a mark does, unless they are at a full hour. */
export async function fineExpiries(url: string): Promise<FineTime[]> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 });
  redis.on('error', () => undefined);
  try {
    const found: FineTime[] = [];
    for (const key of await redis.keys('*')) {
      const atMs = Number(await redis.call('PEXPIRETIME', key));
      const allowedMs = BUDGETS.test(key) ? 2 * HOUR_MS : SHORT_LIVED_MS;
      if (atMs - Date.now() > allowedMs && atMs % HOUR_MS !== 0)
        found.push({ where: `Redis ${key} (expiry)`, time: new Date(atMs).toISOString() });
    }
    return found;
  } finally {
    redis.disconnect();
  }
}
