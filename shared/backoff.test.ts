import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { backoffMs } from './backoff.ts';
import { describe } from './testing/suite.ts';

/** The highest value `Math.random` can give. */
const ALMOST_ONE = 1 - 2 ** -53;
const ceiling = (attempt: number) => backoffMs(attempt, { random: () => ALMOST_ONE });

describe('backoff', ({ test }) => {
  test('the ceiling doubles from 500 ms up to 20 s and stays there', () => {
    assert.equal([0, 1, 2, 5, 6, 7].map(ceiling), [499, 999, 1_999, 15_999, 19_999, 19_999]);
    assert.is(ceiling(1_000_000), 19_999);
  });

  test('jitter is full: the wait may be nothing at all', () => {
    for (const attempt of [0, 3, 50]) assert.is(backoffMs(attempt, { random: () => 0 }), 0);
  });

  test('base and cap can be chosen', () => {
    const random = () => 0.5;
    assert.is(backoffMs(1, { baseMs: 100, capMs: 2_000, random }), 100);
    assert.is(backoffMs(9, { baseMs: 100, capMs: 2_000, random }), 1_000);
    assert.is(backoffMs(0, { baseMs: 100, capMs: 10, random }), 5);
  });

  test('property: a whole number of milliseconds below the cap', () => {
    const random = fc.double({ min: 0, max: ALMOST_ONE, noNaN: true });
    fc.assert(
      fc.property(fc.nat(), random, (attempt, drawn) => {
        const ms = backoffMs(attempt, { random: () => drawn });
        assert.ok(Number.isSafeInteger(ms) && ms >= 0 && ms < 20_000);
      }),
    );
  });
});
