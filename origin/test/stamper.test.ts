import * as assert from 'uvu/assert';
import { fromBase64Url } from '../../shared/bytes.ts';
import type { Relayed } from '../../shared/franking.ts';
import { describe } from '../../shared/testing/suite.ts';
import { readVectors } from '../../shared/testing/vectors.ts';
import { createStamper } from '../adapters/stamper.ts';

interface StampVector extends Relayed {
  readonly secret: string;
  readonly hour: number;
  readonly stamp: string;
}

describe('stamper', ({ test }) => {
  test('makes the stamps of the vectors, from the first to the last moment of their hours', () => {
    for (const { secret, hour, stamp, ...relayed } of readVectors<{ stamps: StampVector[] }>('franking')
      .stamps) {
      const stamper = createStamper(fromBase64Url(secret));
      assert.is(stamper(relayed, hour * 3_600_000), stamp);
      assert.not(stamper(relayed, (hour + 24) * 3_600_000) === stamp);
      assert.is(stamper(relayed, (hour + 1) * 3_600_000 - 1), stamp);
    }
  });
});
