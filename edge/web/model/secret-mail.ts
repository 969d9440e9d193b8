/** Mail under a key that both sides have from elsewhere: who has it not can neither read nor make any. */
import { fromBase64Url, fromUtf8, toBase64Url, utf8 } from '../../../shared/bytes.ts';
import { pad, unpad } from '../../../shared/client/padding.ts';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
/** Of the key's hash: names it without giving it away. */
const KEY_ID_BYTES = 16;

export function createKey(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(KEY_BYTES)));
}

/** The name of a key, which stands in front of what is under it. */
export async function keyId(key: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', fromBase64Url(key));
  return toBase64Url(new Uint8Array(hash).subarray(0, KEY_ID_BYTES));
}

/** `magic` tells one kind of mail from another. */
export async function sealMail(
  key: string,
  magic: Uint8Array,
  value: unknown,
): Promise<Uint8Array<ArrayBuffer>> {
  const id = fromBase64Url(await keyId(key));
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const plaintext = pad(utf8(JSON.stringify(value)), 0);
  const sealed = new Uint8Array(
    await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce }, await importKey(key), plaintext),
  );
  return Uint8Array.from([...magic, ...id, ...nonce, ...sealed]);
}

/** Which key a piece of mail is under; undefined when it is of another kind. */
export function keyIdOf(magic: Uint8Array, mail: Uint8Array): string | undefined {
  const isOfKind = magic.every((byte, i) => mail[i] === byte);
  const id = mail.subarray(magic.length, magic.length + KEY_ID_BYTES);
  return isOfKind && id.length === KEY_ID_BYTES ? toBase64Url(id) : undefined;
}

/** What the mail holds, yet to be checked; undefined when it was not made with this key. */
export async function openMail(key: string, magic: Uint8Array, mail: Uint8Array): Promise<unknown> {
  const nonceAt = magic.length + KEY_ID_BYTES;
  const iv = Uint8Array.from(mail.subarray(nonceAt, nonceAt + NONCE_BYTES));
  const sealed = Uint8Array.from(mail.subarray(nonceAt + NONCE_BYTES));
  try {
    const plaintext = await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, await importKey(key), sealed);
    return JSON.parse(fromUtf8(unpad(new Uint8Array(plaintext)) ?? new Uint8Array()));
  } catch {
    return undefined; // Anybody may send mail; what does not open or parse says nothing.
  }
}

function importKey(key: string): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', fromBase64Url(key), 'AES-GCM', false, ['encrypt', 'decrypt']);
}
