/**
 * The sender's half of message franking: a commitment to what a message says, outside the ciphertext, and inside it the
 * key that opens the commitment. AES-GCM alone commits to nothing: one ciphertext can be made to open to two texts.
 */
import { equalBytes, fromBase64Url, lengthPrefixed, toBase64Url } from '../bytes.ts';
import { FRANKING_BYTES } from '../franking.ts';

/** Whose content it is. */
export interface Committed {
  readonly channelId: string;
  readonly messageId: string;
}

/** Content with the key that opens its commitment in front: what is encrypted. */
export async function commit(
  content: Uint8Array,
  committed: Committed,
): Promise<{ readonly plaintext: Uint8Array; readonly commitment: string }> {
  const opening = crypto.getRandomValues(new Uint8Array(FRANKING_BYTES));
  const plaintext = new Uint8Array(FRANKING_BYTES + content.length);
  plaintext.set(opening);
  plaintext.set(content, FRANKING_BYTES);
  return { plaintext, commitment: await commitmentOf(content, opening, committed) };
}

/** What was in front and what follows; undefined when the commitment does not open to it. */
export async function openCommitment(
  plaintext: Uint8Array,
  commitment: string,
  committed: Committed,
): Promise<{ readonly content: Uint8Array; readonly opening: string } | undefined> {
  // Exactly 32 bytes: HMAC fills shorter keys with zeros, so that several would open the same commitment.
  if (plaintext.length < FRANKING_BYTES) return undefined;
  const opening = Uint8Array.from(plaintext.subarray(0, FRANKING_BYTES));
  const content = plaintext.subarray(FRANKING_BYTES);
  const made = await commitmentOf(content, opening, committed);
  if (!equalBytes(fromBase64Url(made), fromBase64Url(commitment))) return undefined;
  return { content, opening: toBase64Url(opening) };
}

async function commitmentOf(
  content: Uint8Array,
  opening: Uint8Array<ArrayBuffer>,
  { channelId, messageId }: Committed,
): Promise<string> {
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', opening, hmac, false, ['sign']);
  const prefix = lengthPrefixed(['commitment', channelId, messageId]);
  const input = new Uint8Array(prefix.length + content.length);
  input.set(prefix);
  input.set(content, prefix.length);
  return toBase64Url(new Uint8Array(await crypto.subtle.sign('HMAC', key, input)));
}
