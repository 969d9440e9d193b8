import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { describe } from '../shared/testing/suite.ts';
import type { VersionedKey } from './config.ts';
import { createSealer, type Place } from './seal.ts';
import { Secret } from './secret.ts';

const PLACE: Place = { table: 'member', tags: ['channel-tag', 'member-tag'], version: 3 };

describe('Sealer', ({ test }) => {
  test('opens what it sealed, for the same place', async () => {
    const sealer = await createSealer([key(1)]);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme' }), async (text) => {
        assert.is(await sealer.open(PLACE, await sealer.seal(PLACE, text)), text);
      }),
      { numRuns: 100 },
    );
  });

  const others: readonly [string, Place][] = [
    ['table', { ...PLACE, table: 'device' }],
    ['tag', { ...PLACE, tags: ['channel-tag', 'other-tag'] }],
    ['order of tags', { ...PLACE, tags: ['member-tag', 'channel-tag'] }],
    ['number of tags', { ...PLACE, tags: ['channel-tag'] }],
    ['cut between tags', { ...PLACE, tags: ['channel-tagm', 'ember-tag'] }],
    ['version', { ...PLACE, version: 2 }],
  ];
  for (const [what, place] of others)
    test(`refuses another ${what}`, async () => {
      const sealer = await createSealer([key(1)]);
      assert.is(await sealer.open(place, await sealer.seal(PLACE, 'x')), undefined);
    });

  test('refuses every single flipped bit', async () => {
    const sealer = await createSealer([key(1)]);
    const sealed = await sealer.seal(PLACE, 'owner');
    const [version = '', encoded = ''] = sealed.split('.');
    const bytes = Buffer.from(encoded, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.is(await sealer.open(PLACE, `${version}.${flipped.toString('base64url')}`), undefined);
    }
  });

  for (const text of [
    '',
    '1',
    '1.',
    '.AAAA',
    '1.AAAA',
    '1.AA=A',
    '01.AAAAAAAAAAAAAAAAAAAA',
    '2.AAAAAAAAAAAAAAAAAAAAAAAA',
  ])
    test(`refuses "${text}"`, async () => {
      assert.is(await (await createSealer([key(1)])).open(PLACE, text), undefined);
    });

  test('never gives the same text twice', async () => {
    const sealer = await createSealer([key(1)]);
    const texts = await Promise.all(Array.from({ length: 50 }, () => sealer.seal(PLACE, 'same')));
    assert.is(new Set(texts).size, 50);
  });

  test('seals with the first key of the ring and opens with all', async () => {
    const [one, two] = [key(1), key(2)];
    const old = await (await createSealer([one])).seal(PLACE, 'old');
    const ring = await createSealer([two, one]);
    assert.is(await ring.open(PLACE, old), 'old');
    const fresh = await ring.seal(PLACE, 'fresh');
    assert.ok(fresh.startsWith('2.'));
    assert.is(await (await createSealer([one])).open(PLACE, fresh), undefined);
  });

  test('refuses a key of another ring under the same version', async () => {
    const sealed = await (await createSealer([key(1)])).seal(PLACE, 'x');
    assert.is(await (await createSealer([key(1)])).open(PLACE, sealed), undefined);
  });
});

function key(version: number): VersionedKey {
  return { version, bytes: new Secret(crypto.getRandomValues(new Uint8Array(32))) };
}
