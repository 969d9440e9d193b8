import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { throwsWith } from '../testing/expect.ts';
import { describe } from '../testing/suite.ts';
import { CIPHERTEXT_BUCKETS, pad, unpad } from './padding.ts';

/** Nonce and tag of AES-GCM. */
const OVERHEAD = 28;
const LENGTH = 4;

describe('padding', ({ test }) => {
  test('fills the smallest bucket at every border', () => {
    const vectors = [
      [0, 1024],
      [1024 - OVERHEAD - LENGTH - 1, 1024],
      [1024 - OVERHEAD - LENGTH, 1024],
      [1024 - OVERHEAD - LENGTH + 1, 4096],
      [4096 - OVERHEAD - LENGTH, 4096],
      [4096 - OVERHEAD - LENGTH + 1, 16_384],
      [16_384 - OVERHEAD - LENGTH, 16_384],
      [16_384 - OVERHEAD - LENGTH + 1, 65_536],
      [65_536 - OVERHEAD - LENGTH, 65_536],
    ] as const;
    for (const [length, bucket] of vectors)
      assert.is(pad(new Uint8Array(length), OVERHEAD).length + OVERHEAD, bucket, String(length));
  });

  test('refuses what does not fit the largest bucket with payload_too_large', () => {
    throwsWith(() => pad(new Uint8Array(65_536 - OVERHEAD - LENGTH + 1), OVERHEAD), 'payload_too_large');
  });

  test('writes length, plaintext and zeros', () => {
    const padded = pad(new Uint8Array([7, 8]), OVERHEAD);
    assert.equal([...padded.subarray(0, 8)], [0, 0, 0, 2, 7, 8, 0, 0]);
  });

  test('gives back any plaintext', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 5_000 }), (plaintext) => {
      const padded = pad(plaintext, OVERHEAD);
      assert.ok(CIPHERTEXT_BUCKETS.includes(padded.length + OVERHEAD));
      assert.equal([...(unpad(padded) ?? [])], [...plaintext]);
    });
    fc.assert(property, { numRuns: 50 });
  });

  test('refuses bytes that pad did not make', () => {
    assert.is(unpad(new Uint8Array(3)), undefined);
    assert.is(unpad(new Uint8Array([0, 0, 0, 2, 1])), undefined);
    assert.is(unpad(new Uint8Array([255, 255, 255, 255, 1])), undefined);
    assert.is(unpad(new Uint8Array([0, 0, 0, 1, 1, 9])), undefined);
  });
});
