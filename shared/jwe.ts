/**
 * Encryption to one public key as compact JWE (RFC 7516), with one pair of algorithms and no other: ECDH-ES on P-256
 * (RFC 7518 §4.6) and A256GCM. With token.ts, key-log.ts and jws.ts the only file that imports jose.
 */
import { CompactEncrypt, compactDecrypt, importJWK } from 'jose';
import { Failure } from './failure.ts';
import type { JWK } from './token.ts';

const KEY_MANAGEMENT = 'ECDH-ES';
const CONTENT_ENCRYPTION = 'A256GCM';
/** Longest JWE read by default: what we wrap is a key and an id, some hundred characters. */
const JWE_MAX_CHARS = 8 * 1024;

/** Encrypts to a peer's public P-256 key. Throws `bad_request` when that key is not usable. */
export async function encryptTo(publicKey: JWK, plaintext: Uint8Array): Promise<string> {
  const { kty, crv, x, y } = publicKey;
  if (kty !== 'EC' || crv !== 'P-256' || x === undefined || y === undefined)
    throw new Failure('bad_request', { detail: 'The peer key is not a P-256 key' });
  try {
    const key = await importJWK({ kty, crv, x, y }, KEY_MANAGEMENT);
    return await new CompactEncrypt(plaintext)
      .setProtectedHeader({ alg: KEY_MANAGEMENT, enc: CONTENT_ENCRYPTION })
      .encrypt(key);
  } catch (cause) {
    throw new Failure('bad_request', { detail: 'The peer key is unusable', cause });
  }
}

/** Decrypts with a private P-256 key what is not over `maxChars`. Throws `bad_request` for every fault alike. */
export async function decryptWith(
  privateKey: CryptoKey,
  jwe: string,
  maxChars = JWE_MAX_CHARS,
): Promise<Uint8Array> {
  try {
    if (jwe.length > maxChars) throw new TypeError('Too long');
    const { plaintext } = await compactDecrypt(jwe, privateKey, {
      keyManagementAlgorithms: [KEY_MANAGEMENT],
      contentEncryptionAlgorithms: [CONTENT_ENCRYPTION],
    });
    return plaintext;
  } catch (cause) {
    throw new Failure('bad_request', { detail: 'The JWE is not meant for this key', cause });
  }
}
