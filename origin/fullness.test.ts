import * as assert from 'uvu/assert';
import { describe } from '../shared/testing/suite.ts';
import { fullness } from './fullness.ts';

const LIMITS = { eventLoopLagMs: 500, residentBytes: 1_000, connections: 100 };
const IDLE = { eventLoopLagMs: 0, residentBytes: 0 };

describe('fullness', ({ test }) => {
  test('is the largest share of any limit', () => {
    assert.is(fullness(0, IDLE, LIMITS), 0);
    assert.is(fullness(50, IDLE, LIMITS), 0.5);
    assert.is(fullness(50, { eventLoopLagMs: 400, residentBytes: 0 }, LIMITS), 0.8);
    assert.is(fullness(50, { eventLoopLagMs: 0, residentBytes: 900 }, LIMITS), 0.9);
  });

  test('never exceeds one', () => {
    assert.is(fullness(1_000, IDLE, LIMITS), 1);
  });

  test('is told in twentieths, so that small changes move nobody', () => {
    assert.is(fullness(51, IDLE, LIMITS), 0.5);
    assert.is(fullness(54, IDLE, LIMITS), 0.55);
  });
});
