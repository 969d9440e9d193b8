import * as assert from 'uvu/assert';
import { fromBase64Url } from '../shared/bytes.ts';
import type { Relayed } from '../shared/franking.ts';
import { describe } from '../shared/testing/suite.ts';
import { readVectors } from '../shared/testing/vectors.ts';
import { createFranking } from './franking.ts';

interface StampVector extends Relayed {
  readonly secret: string;
  readonly hour: number;
  readonly stamp: string;
}
const HOUR_MS = 3_600_000;
const { stamps } = readVectors<{ stamps: StampVector[] }>('franking');
const [first] = stamps;

describe('franking', ({ test }) => {
  for (const { secret, hour, stamp, ...relayed } of stamps)
    test(`knows the stamp of hour ${hour}, and refuses it with any field changed`, async () => {
      const franking = await createFranking([new Uint8Array(32).fill(9), fromBase64Url(secret)]);
      const verdict = (changed: Partial<Relayed>) =>
        franking.relayedIn({ ...relayed, ...changed }, stamp, hour * HOUR_MS);
      assert.is(await verdict({}), hour);
      for (const field of ['channel', 'from', 'id', 'commitment'] as const)
        assert.is(await verdict({ [field]: 'B'.repeat(relayed[field].length) }), undefined, field);
    });

  test('is over on the fourteenth day after, and not before; a little ahead it may be', async () => {
    if (first === undefined) throw new TypeError('No vector');
    const { secret, hour, stamp, ...relayed } = first;
    const franking = await createFranking([fromBase64Url(secret)]);
    const dayMs = Math.floor(hour / 24) * 24 * HOUR_MS;
    const at = (nowMs: number) => franking.relayedIn(relayed, stamp, nowMs);
    assert.is(await at(dayMs + 14 * 24 * HOUR_MS - 1), hour);
    assert.is(await at(dayMs + 14 * 24 * HOUR_MS), undefined);
    assert.is(await at((hour - 1) * HOUR_MS), hour);
    assert.is(await at((hour - 1) * HOUR_MS - 1), undefined);
  });

  test('without a secret knows nothing', async () => {
    if (first === undefined) throw new TypeError('No vector');
    const { hour, stamp, ...relayed } = first;
    assert.is(await (await createFranking([])).relayedIn(relayed, stamp, hour * HOUR_MS), undefined);
  });
});
