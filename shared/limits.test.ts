import * as assert from 'uvu/assert';
import { randomId, toBase64Url } from './bytes.ts';
import { encodePublication, encodePublicationBody } from './codec.ts';
import { LIMITS } from './limits.ts';
import { describe } from './testing/suite.ts';
import { createSigner, type Grant, type JWK } from './token.ts';

describe('limits', ({ test }) => {
  test('are frozen whole numbers', () => {
    assert.ok(Object.isFrozen(LIMITS));
    for (const [name, value] of Object.entries(LIMITS)) assert.ok(Number.isSafeInteger(value), name);
  });

  test('the largest ciphertext is exactly the longest data', () => {
    assert.is(toBase64Url(new Uint8Array(LIMITS.dataBytes)).length, LIMITS.dataChars);
    assert.ok(toBase64Url(new Uint8Array(LIMITS.dataBytes + 1)).length > LIMITS.dataChars);
  });

  test('the largest publication fits the frame limit', () => {
    const id = 'A'.repeat(LIMITS.messageIdMaxChars);
    const tag = 'A'.repeat(22);
    const body = encodePublicationBody(tag, id, tag, 'A'.repeat(LIMITS.dataChars));
    const position = { epoch: 'A'.repeat(22), offset: Number.MAX_SAFE_INTEGER };
    assert.ok(encodePublication(position, body).length <= LIMITS.frameBytes);
  });

  test('a UUID is a message id', () => {
    assert.is(crypto.randomUUID().length, LIMITS.messageIdMaxChars);
  });

  test('a bundle of grants for as many channels as one call takes fits the token limit', async () => {
    const pair = await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify']);
    const { privateKey } = pair as CryptoKeyPair; // The types do not know that Ed25519 makes pairs.
    const key: JWK = { ...(await crypto.subtle.exportKey('jwk', privateKey)), kid: randomId(32) } as JWK;
    const grant = (): Grant => ({
      channel: randomId(),
      member: randomId(),
      verbs: ['subscribe', 'publish'],
      generation: Number.MAX_SAFE_INTEGER,
    });
    const grants = Array.from({ length: LIMITS.channelsPerCall }, grant);
    const signer = await createSigner('https://a-rather-long-name.edge.example', [key]);
    const bundle = await signer.sign('grants', { session: randomId(), grants }, 0);
    assert.ok(bundle.length <= LIMITS.tokenChars, String(bundle.length));
  });
});
