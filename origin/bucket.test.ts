import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { describe } from '../shared/testing/suite.ts';
import { TokenBucket } from './bucket.ts';

describe('token bucket', ({ test }) => {
  test('gives its burst at once, then its rate', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 3 }, 0);
    assert.equal(
      [1, 2, 3, 4].map(() => bucket.take(1, 0)),
      [0, 0, 0, 100],
    );
    assert.is(bucket.take(1, 99), 1);
    assert.is(bucket.take(1, 100), 0);
  });

  test('never saves more than its burst', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 3 }, 0);
    assert.is(bucket.take(3, 1_000_000), 0);
    assert.ok(bucket.take(1, 1_000_000) > 0);
  });

  test('a clock set back does not freeze it', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 1 }, 10_000);
    assert.is(bucket.take(1, 10_000), 0);
    assert.is(bucket.take(1, 0), 100);
    assert.is(bucket.take(1, 100), 0);
  });

  test('waiting as long as it says is always enough', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 1, max: 1_000 }),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 500 })), {
          maxLength: 50,
        }),
        (perSecond, burst, takes) => {
          const bucket = new TokenBucket({ perSecond, burst }, 0);
          let nowMs = 0;
          for (const [wanted, pauseMs] of takes) {
            const tokens = Math.min(wanted, burst);
            nowMs += pauseMs;
            const waitMs = bucket.take(tokens, nowMs);
            if (waitMs === 0) continue;
            nowMs += waitMs;
            assert.is(bucket.take(tokens, nowMs), 0);
          }
        },
      ),
    );
  });
});
