import { lengthPrefixed } from './bytes.ts';

/** What stands for an account: its id, and the hash of the first entry of its key log. */
export interface SafetyIdentity {
  readonly userId: string;
  readonly genesis: string;
}

const GROUPS_PER_ACCOUNT = 6;
const BYTES_PER_GROUP = 5;

/**
 * Sixty digits that two people compare over a way they trust: equal on both sides exactly when both see the same two key
 * logs from their first entries on. Adding or removing devices does not change it. Thirty digits stand for each account
 * (99.6 bits of SHA-512), the smaller thirty first, in groups of five.
 */
export async function safetyNumber(own: SafetyIdentity, peer: SafetyIdentity): Promise<string> {
  const halves = await Promise.all([digitsOf(own), digitsOf(peer)]);
  return halves.sort().join(' ');
}

async function digitsOf({ userId, genesis }: SafetyIdentity): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-512', lengthPrefixed(['safety-number', userId, genesis]));
  const groups = Array.from({ length: GROUPS_PER_ACCOUNT }, (_, i) => {
    const bytes = new Uint8Array(digest, i * BYTES_PER_GROUP, BYTES_PER_GROUP);
    // 40 bits fit a double exactly; 10^5 divides 2^40 but for a part in ten million.
    const value = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    return String(value % 100_000).padStart(5, '0');
  });
  return groups.join(' ');
}
