import { toBase64Url, utf8 } from '../bytes.ts';
import type { JWK } from '../token.ts';

/** One part of a compact JWT. */
export function encode(value: object | string): string {
  return toBase64Url(utf8(typeof value === 'string' ? value : JSON.stringify(value)));
}

/** A JWT of exactly this header and payload, signed by hand: for forgeries that no library would make. */
export async function signRaw(header: object, payload: object, key: CryptoKey): Promise<string> {
  const signed = `${encode(header)}.${encode(payload)}`;
  const algorithm = { ...key.algorithm, hash: 'SHA-256' };
  return `${signed}.${toBase64Url(new Uint8Array(await crypto.subtle.sign(algorithm, key, utf8(signed))))}`;
}

/** The same as HS256 under `secret`, whatever the header says. */
export async function signHmac(header: object, payload: object, secret: string): Promise<string> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  return signRaw(
    header,
    payload,
    await crypto.subtle.importKey('raw', utf8(secret), algorithm, false, ['sign']),
  );
}

/** A private P-256 or Ed25519 key, fit to sign. */
export function importPrivate(key: JWK): Promise<CryptoKey> {
  const { kty, crv, x, y, d } = key as JsonWebKey;
  const algorithm = kty === 'EC' ? { name: 'ECDSA', namedCurve: 'P-256' } : { name: 'Ed25519' };
  const jwk = kty === 'EC' ? { kty, crv, x, y, d } : { kty, crv, x, d };
  return crypto.subtle.importKey('jwk', jwk as JsonWebKey, algorithm, false, ['sign']);
}

/** A fresh private Ed25519 key as an edge may have it. */
export async function createPrivateKey(): Promise<JWK> {
  const pair = await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify']);
  return (await crypto.subtle.exportKey('jwk', (pair as CryptoKeyPair).privateKey)) as JWK;
}
