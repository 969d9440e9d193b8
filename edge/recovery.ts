import type { Tags } from './tags.ts';

/** Enough to lose one in each place a person keeps papers. */
const CODES = 10;
/** Five bits each (RFC 4648 §6); no digit looks like one of the letters. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const GROUPS = 5;
const GROUP_CHARS = 5;

/** Ten fresh recovery codes of 125 bit each, as a person reads them: `ABCDE-FGHIJ-KLMNO-PQRST-UVWXY`. */
export function createRecoveryCodes(): string[] {
  return Array.from({ length: CODES }, createCode);
}

/** What is stored of a code, however it was typed. 125 bits need no slow hash, and the key is not in the database. */
export function recoveryTag(tags: Tags, userId: string, code: string) {
  return tags.recovery(userId, code.replaceAll('-', '').toUpperCase());
}

function createCode(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(GROUPS * GROUP_CHARS));
  const chars = Array.from(bytes, (byte) => ALPHABET[byte % ALPHABET.length]);
  const groups = Array.from({ length: GROUPS }, (_, i) =>
    chars.slice(i * GROUP_CHARS, (i + 1) * GROUP_CHARS).join(''),
  );
  return groups.join('-');
}
