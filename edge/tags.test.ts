import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { lengthPrefixed, toBase64Url } from '../shared/bytes.ts';
import { describe } from '../shared/testing/suite.ts';
import { createTags } from './tags.ts';

const KEY = new Uint8Array(32).fill(7);

describe('Tags', ({ test }) => {
  test('are 22 base64url characters and the same every time', async () => {
    const [first, second] = await Promise.all([createTags(KEY), createTags(KEY)]);
    const tag = await first.channel('channel-id');
    assert.match(tag, /^[A-Za-z0-9_-]{22}$/);
    assert.is(await second.channel('channel-id'), tag);
  });

  test('are HMAC-SHA-256 over length-prefixed label and fields, cut to 128 bits', async () => {
    const key = await crypto.subtle.importKey('raw', KEY, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    const digest = await crypto.subtle.sign('HMAC', key, lengthPrefixed(['member', 'c', 'u']));
    assert.is(
      await (await createTags(KEY)).member('c', 'u'),
      toBase64Url(new Uint8Array(digest).subarray(0, 16)),
    );
  });

  test('differ by key', async () => {
    const other = await createTags(new Uint8Array(32).fill(8));
    assert.is.not(await (await createTags(KEY)).account('u'), await other.account('u'));
  });

  test('differ by kind for the same fields', async () => {
    const tags = await createTags(KEY);
    const one = await Promise.all([
      tags.account('x'),
      tags.session('x'),
      tags.channel('x'),
      tags.once('x'),
      tags.userId('x'),
    ]);
    const two = await Promise.all([tags.device('x', 'y'), tags.mailbox('x', 'y'), tags.member('x', 'y')]);
    assert.is(new Set([...one, ...two]).size, 8);
  });

  test('never meet for different fields, however these are cut', async () => {
    const tags = await createTags(KEY);
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), fc.string(), fc.string(), async (a, b, c, d) => {
        fc.pre(a !== c || b !== d);
        assert.is.not(await tags.member(a, b), await tags.member(c, d));
      }),
      { numRuns: 200 },
    );
    assert.is.not(await tags.member('ab', 'c'), await tags.member('a', 'bc'));
  });
});
