import { fromBase64Url } from '../shared/bytes.ts';
import {
  dayKeyInput,
  dayOfHour,
  hourOf,
  type Relayed,
  readStamp,
  STAMP_DAYS,
  type Stamp,
  stampInput,
} from '../shared/franking.ts';

/** Tells what origins really relayed from what somebody made up. */
export interface Franking {
  /** The hour since 1970 in which it was relayed; undefined when no node of ours says so, or too long ago. */
  relayedIn(relayed: Relayed, stamp: Stamp, nowMs: number): Promise<number | undefined>;
}

/** How much faster than ours a node's clock may go. */
const HOURS_AHEAD_MAX = 1;
const HMAC = { name: 'HMAC', hash: 'SHA-256' } as const;

/** Franking over secrets that nodes hold or held, a few at most. */
export async function createFranking(secrets: readonly Uint8Array<ArrayBuffer>[]): Promise<Franking> {
  const keys = await Promise.all(secrets.map(importKey));
  return {
    relayedIn: async (relayed, stamp, nowMs) => {
      const read = readStamp(stamp);
      if (read === undefined || !isInTime(read.hour, nowMs)) return undefined;
      const said = { mac: fromBase64Url(read.mac), input: stampInput(relayed, read.hour) };
      const verdicts = keys.map((key) => isOf(key, dayOfHour(read.hour), said));
      return (await Promise.all(verdicts)).includes(true) ? read.hour : undefined;
    },
  };
}

function isInTime(hour: number, nowMs: number): boolean {
  const now = hourOf(nowMs);
  return hour <= now + HOURS_AHEAD_MAX && dayOfHour(hour) > dayOfHour(now) - STAMP_DAYS;
}

async function isOf(
  secret: CryptoKey,
  day: number,
  { mac, input }: { mac: Uint8Array<ArrayBuffer>; input: Uint8Array<ArrayBuffer> },
): Promise<boolean> {
  const dayKey = await importKey(new Uint8Array(await crypto.subtle.sign(HMAC, secret, dayKeyInput(day))));
  return crypto.subtle.verify(HMAC, dayKey, mac, input);
}

function importKey(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', bytes, HMAC, false, ['sign', 'verify']);
}
