/** Signed text as compact JWS (RFC 7515) by device keys; with token.ts, jwe.ts and key-log.ts alone in importing jose. */
import { CompactSign, compactVerify, decodeProtectedHeader, importJWK } from 'jose';
import { fromUtf8, utf8 } from './bytes.ts';
import type { JWK } from './token.ts';

/** Signs with a device's private key, ES256 or Ed25519. */
export function signedText(
  text: string,
  { key, kid, typ }: { readonly key: CryptoKey; readonly kid: string; readonly typ: string },
): Promise<string> {
  const alg = key.algorithm.name === 'ECDSA' ? 'ES256' : 'Ed25519';
  return new CompactSign(utf8(text)).setProtectedHeader({ alg, typ, kid }).sign(key);
}

/** The text, when the key that `keyOf` knows by the `kid` has signed it as `typ`; throws whatever is wrong with it. */
export async function verifiedText(
  jws: string,
  { typ, keyOf }: { readonly typ: string; readonly keyOf: (kid: string) => JWK | undefined },
): Promise<string> {
  const header = decodeProtectedHeader(jws);
  const publicKey = header.kid === undefined ? undefined : keyOf(header.kid);
  if (publicKey === undefined || header.typ !== typ) throw new TypeError('Signed by nobody who may');
  const alg = publicKey.kty === 'EC' ? 'ES256' : 'Ed25519';
  const { payload } = await compactVerify(jws, await importJWK(publicKey, alg), { algorithms: [alg] });
  return fromUtf8(payload);
}
