import { CompactEncrypt } from 'jose';
import * as assert from 'uvu/assert';
import { fromUtf8, utf8 } from './bytes.ts';
import { decryptWith, encryptTo } from './jwe.ts';
import { rejectsWith } from './testing/expect.ts';
import { describe } from './testing/suite.ts';
import type { JWK } from './token.ts';

const CURVE = { name: 'ECDH', namedCurve: 'P-256' } as const;

async function keyPair() {
  const pair = await crypto.subtle.generateKey(CURVE, false, ['deriveBits']);
  return { ...pair, jwk: (await crypto.subtle.exportKey('jwk', pair.publicKey)) as JWK };
}

describe('encryption to a key', ({ test }) => {
  test('opens only with the private key it was made for', async () => {
    const [own, other] = [await keyPair(), await keyPair()];
    const jwe = await encryptTo(own.jwk, utf8('secret'));
    assert.is(fromUtf8(await decryptWith(own.privateKey, jwe)), 'secret');
    await rejectsWith(decryptWith(other.privateKey, jwe), 'bad_request');
  });

  test('gives another text each time', async () => {
    const { jwk } = await keyPair();
    assert.is.not(await encryptTo(jwk, utf8('secret')), await encryptTo(jwk, utf8('secret')));
  });

  test('refuses a change in any part', async () => {
    const { jwk, privateKey } = await keyPair();
    const parts = (await encryptTo(jwk, utf8('secret'))).split('.');
    for (const [at, part] of parts.entries()) {
      const changed = part === '' ? 'AAAA' : `${part.startsWith('A') ? 'B' : 'A'}${part.slice(1)}`;
      await rejectsWith(decryptWith(privateKey, parts.with(at, changed).join('.')), 'bad_request');
    }
  });

  test('refuses other algorithms, although the key would fit', async () => {
    const { publicKey, privateKey } = await keyPair();
    for (const header of [
      { alg: 'ECDH-ES+A128KW', enc: 'A256GCM' },
      { alg: 'ECDH-ES', enc: 'A128CBC-HS256' },
    ]) {
      const jwe = await new CompactEncrypt(utf8('secret')).setProtectedHeader(header).encrypt(publicKey);
      await rejectsWith(decryptWith(privateKey, jwe), 'bad_request');
    }
  });

  test('refuses what is no JWE, and one that is too long', async () => {
    const { jwk, privateKey } = await keyPair();
    await rejectsWith(decryptWith(privateKey, 'a.b.c'), 'bad_request');
    await rejectsWith(decryptWith(privateKey, await encryptTo(jwk, new Uint8Array(9_000))), 'bad_request');
  });

  test('refuses a peer key that is not a point of P-256', async () => {
    const { jwk } = await keyPair();
    for (const bad of [
      { kty: 'OKP', crv: 'X25519', x: jwk.x },
      { ...jwk, crv: 'P-384' },
      { ...jwk, y: jwk.x },
    ])
      await rejectsWith(encryptTo(bad as JWK, utf8('secret')), 'bad_request');
  });
});
