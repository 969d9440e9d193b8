import * as assert from 'uvu/assert';
import { rejectsWith } from '../testing/expect.ts';
import { describe } from '../testing/suite.ts';
import { readVectors } from '../testing/vectors.ts';
import type { JWK } from '../token.ts';
import { createRecoveryKey, openRecoveryKey } from './recovery-key.ts';

interface Vectors {
  readonly recoveryKeys: readonly { readonly text: string; readonly publicKey: JWK }[];
}

describe('recovery key', ({ test }) => {
  for (const { text, publicKey } of readVectors<Vectors>('key-logs').recoveryKeys)
    test(`vector ${text}`, async () => {
      assert.equal((await openRecoveryKey(text)).publicKey, publicKey);
    });

  test('is another one each time, and the same however it is typed', async () => {
    const text = createRecoveryKey();
    assert.match(text, /^([A-Z2-7]{4}-){7}[A-Z2-7]{4}$/);
    assert.is.not(createRecoveryKey(), text);
    const { id } = await openRecoveryKey(text);
    const typed = await openRecoveryKey(` ${text.toLowerCase().replaceAll('-', ' ')} `);
    assert.is(typed.id, id);
  });

  test('signs, and cannot be read by a script', async () => {
    const { privateKey } = await openRecoveryKey(createRecoveryKey());
    assert.is(privateKey.extractable, false);
    assert.equal(privateKey.usages, ['sign']);
  });

  test('refuses what is none', async () => {
    const text = createRecoveryKey();
    for (const wrong of ['', text.slice(1), `${text}A`, `1${text.slice(1)}`, 'x'.repeat(100_000)])
      await rejectsWith(openRecoveryKey(wrong), 'bad_request');
  });
});
