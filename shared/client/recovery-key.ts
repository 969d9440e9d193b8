/**
 * The offline key of an account, as a person keeps it: 160 random bits, written as eight groups of four letters and digits.
 * An Ed25519 key pair follows from them by HKDF-SHA256 (RFC 5869); the public half stands in the key log.
 */
import { utf8 } from '../bytes.ts';
import { Failure } from '../failure.ts';
import { type JWK, thumbprint } from '../token.ts';

export interface RecoveryKeyPair {
  /** Thumbprint of the public key. */
  readonly id: string;
  readonly publicKey: JWK;
  readonly privateKey: CryptoKey;
}

const SECRET_BYTES = 20;
/** RFC 4648 §6: no digit looks like one of the letters. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const GROUPS = /.{4}/g;
const INFO = utf8('hushwire-recovery-key');
/** What stands before the 32 bytes of an Ed25519 private key in PKCS #8 (RFC 8410 §7). */
const PKCS8_HEAD = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/** A fresh one as text, `ABCD-EFGH-…`. */
export function createRecoveryKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  let text = '';
  for (let i = (SECRET_BYTES * 8) / 5 - 1; i >= 0; i -= 1)
    text += ALPHABET[Number((bits >> BigInt(i * 5)) & 31n)];
  return (text.match(GROUPS) ?? []).join('-');
}

/** Shows a person the recovery key, this once; resolves when it is noted. */
export type ShowRecoveryKey = (text: string) => Promise<void>;

/** Makes a fresh one, shows it, and gives back its public half. */
export async function showNewKey(show: ShowRecoveryKey): Promise<JWK> {
  const text = createRecoveryKey();
  const { publicKey } = await openRecoveryKey(text);
  await show(text);
  return publicKey;
}

/** The key pair of a text, however it was typed. Throws `bad_request` when it is none. */
export async function openRecoveryKey(text: string): Promise<RecoveryKeyPair> {
  const secret = secretOf(text);
  const source = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits']);
  const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info: INFO };
  const seed = new Uint8Array(await crypto.subtle.deriveBits(hkdf, source, 256));
  const pkcs8 = Uint8Array.from([...PKCS8_HEAD, ...seed]);
  const algorithm = { name: 'Ed25519' };
  const whole = await crypto.subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign']);
  const { kty, crv, x } = await crypto.subtle.exportKey('jwk', whole);
  const publicKey = { kty, crv, x } as JWK; // An exported Ed25519 key has all three (RFC 8037 §2).
  const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']);
  return { id: await thumbprint(publicKey), publicKey, privateKey };
}

function secretOf(text: string): Uint8Array<ArrayBuffer> {
  const letters = text.replace(/[\s-]/g, '').toUpperCase();
  if (!/^[A-Z2-7]{32}$/.test(letters))
    throw new Failure('bad_request', { detail: 'This is no recovery key' });
  let bits = 0n;
  for (const letter of letters) bits = (bits << 5n) | BigInt(ALPHABET.indexOf(letter));
  const shift = (i: number) => BigInt((SECRET_BYTES - 1 - i) * 8);
  return Uint8Array.from({ length: SECRET_BYTES }, (_, i) => Number((bits >> shift(i)) & 255n));
}
