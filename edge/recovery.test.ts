import * as assert from 'uvu/assert';
import { randomId } from '../shared/bytes.ts';
import { describe } from '../shared/testing/suite.ts';
import { createRecoveryCodes, recoveryTag } from './recovery.ts';
import { createTags } from './tags.ts';

describe('recovery codes', ({ test }) => {
  test('are ten, each of 25 characters of five bits, and never the same', () => {
    const codes = [...createRecoveryCodes(), ...createRecoveryCodes()];
    assert.is(codes.length, 20);
    for (const code of codes) assert.match(code, /^[A-Z2-7]{5}(-[A-Z2-7]{5}){4}$/);
    assert.is(new Set(codes).size, 20);
  });

  test('use all of their alphabet', () => {
    const chars = Array.from({ length: 20 }, () => createRecoveryCodes().join('')).join('');
    assert.is(new Set(chars.replaceAll('-', '')).size, 32);
  });

  test('are stored alike however they are typed, and differently for another person', async () => {
    const tags = await createTags(crypto.getRandomValues(new Uint8Array(32)));
    const [code = ''] = createRecoveryCodes();
    const userId = randomId();
    const tag = await recoveryTag(tags, userId, code);
    for (const typed of [code.toLowerCase(), code.replaceAll('-', ''), code.replace('-', '')])
      assert.is(await recoveryTag(tags, userId, typed), tag);
    assert.is.not(await recoveryTag(tags, randomId(), code), tag);
  });
});
